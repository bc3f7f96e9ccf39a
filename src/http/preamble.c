/* preamble: PROXY protocol 1 and 2, as strictly as the specification allows.
 *
 * Version 1 is a line of at most 107 bytes; version 2 a binary header of 16 bytes and what it
 * counts (addresses, then extensions, which are skipped). A connection that the proxy makes for
 * itself (LOCAL) and one whose client has no address of IP (UNKNOWN, AF_UNSPEC, AF_UNIX) are taken
 * without one. Datagram transports are refused.
 *
 * Left out on purpose: extensions (TLS parameters, checksums, unique ids).
 */
#include "http/preamble.h"

enum {
    V1_MAX = 107,
    V2_HEAD = 16,
    V2_VERSION = 0x20,
    V2_LOCAL = 0,
    V2_PROXY = 1,
    AF_NONE = 0,
    AF_FOUR = 1,
    AF_SIX = 2,
    AF_LOCAL_SOCKET = 3,
    STREAM = 1,
};

static const char magic[12] = "\r\n\r\n\0\r\nQUIT\n";

/* ---- version 1 ---- */

static bool is_port(str s)
{
    int64_t port;
    return s.n > 0 && s.n <= 5 && s.p[0] != '-' && (s.n == 1 || s.p[0] != '0') &&
           str_i64(s, 0, 65535, &port);
}

/* "TCP4 192.0.2.1 192.0.2.2 56324 443", without the line end. */
static bool read_words(str line, struct preamble *out)
{
    str word[5];
    struct address to;
    for (size_t i = 0; i < 5; i++) {
        bool more = str_cut(line, ' ', &word[i], &line);
        if (more != (i < 4))
            return false;
    }
    bool six = str_eq(word[0], STR("TCP6"));
    if (!six && !str_eq(word[0], STR("TCP4")))
        return false;
    out->known = address_parse(word[1], &out->source) && address_parse(word[2], &to);
    return out->known && (str_find(word[1], ':', 0) < word[1].n) == six &&
           (str_find(word[2], ':', 0) < word[2].n) == six && is_port(word[3]) && is_port(word[4]);
}

static enum preamble_state read_v1(str bytes, struct preamble *out)
{
    static const str unknown = STR_INIT("UNKNOWN");
    size_t end = str_find(bytes, '\r', 0);
    if (end > V1_MAX - 2)
        return PREAMBLE_BAD;
    if (end + 1 >= bytes.n)
        return PREAMBLE_MORE;
    if (bytes.p[end + 1] != '\n')
        return PREAMBLE_BAD;
    str line = str_sub(bytes, 6, end);
    out->n = end + 2;
    if (str_starts(line, unknown) && (line.n == unknown.n || line.p[unknown.n] == ' '))
        return PREAMBLE_DONE; /* the rest of the line is to be ignored */
    return read_words(line, out) ? PREAMBLE_DONE : PREAMBLE_BAD;
}

/* ---- version 2 ---- */

/* The addresses of family and transport `kind` in the `n` bytes at b. */
static bool read_addresses(unsigned kind, const uint8_t *b, size_t n, struct preamble *out)
{
    static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned family = kind >> 4, transport = kind & 15;
    if (family == AF_NONE)
        return true;
    if (family > AF_LOCAL_SOCKET || transport != STREAM)
        return false;
    if (family == AF_FOUR && n >= 12) {
        memcpy(out->source.b, mapped, sizeof mapped);
        memcpy(out->source.b + sizeof mapped, b, 4);
    } else if (family == AF_SIX && n >= 36) {
        memcpy(out->source.b, b, 16);
    } else {
        return family == AF_LOCAL_SOCKET && n >= 216;
    }
    out->known = true;
    return true;
}

static enum preamble_state read_v2(const uint8_t *b, size_t n, struct preamble *out)
{
    if (n < V2_HEAD)
        return PREAMBLE_MORE;
    size_t more = (size_t)b[14] << 8 | b[15];
    unsigned command = b[12] - (unsigned)V2_VERSION;
    if (command > V2_PROXY || V2_HEAD + more > LIMIT_PREAMBLE)
        return PREAMBLE_BAD;
    if (n < V2_HEAD + more)
        return PREAMBLE_MORE;
    out->n = V2_HEAD + more;
    if (command == V2_LOCAL)
        return PREAMBLE_DONE;
    return read_addresses(b[13], b + V2_HEAD, more, out) ? PREAMBLE_DONE : PREAMBLE_BAD;
}

enum preamble_state preamble_read(const char *bytes, size_t n, struct preamble *out)
{
    static const str v1 = STR_INIT("PROXY ");
    size_t head = n < v1.n ? n : v1.n, mark = n < sizeof magic ? n : sizeof magic;
    *out = (struct preamble){0};
    if (n == 0)
        return PREAMBLE_MORE;
    if (str_eq(str_make(bytes, head), str_sub(v1, 0, head)))
        return n < v1.n ? PREAMBLE_MORE : read_v1(str_make(bytes, n), out);
    if (str_eq(str_make(bytes, mark), str_make(magic, mark)))
        return read_v2((const uint8_t *)bytes, n, out);
    return PREAMBLE_BAD;
}
