/* b64url: both alphabets of RFC 4648, by table.
 *
 * One pair of tables per alphabet; a character that is not in it maps to 0x80, so four lookups
 * are checked with one test. Decoding is strict about everything that would give one value two
 * spellings: padding, white space, unused bits. The tables are indexed by secret bytes, which is
 * accepted: what they decode is compared as a digest afterwards.
 */
#include "codec/b64url.h"

static const char URL_CHARS[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char PLAIN_CHARS[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#define XX 0x80 /* not in the alphabet */

static const uint8_t URL_VALUES[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX, XX, 0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, 63,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};

static const uint8_t PLAIN_VALUES[256] = {
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, 62, XX, XX, XX, 63,
    52, 53, 54, 55, 56, 57, 58, 59, 60, 61, XX, XX, XX, XX, XX, XX, XX, 0,  1,  2,  3,  4,  5,  6,
    7,  8,  9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, XX, XX, XX, XX, XX,
    XX, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48,
    49, 50, 51, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
    XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX, XX,
};

#undef XX

struct alphabet {
    const char *chars;
    const uint8_t *values;
};

static const struct alphabet URL = {URL_CHARS, URL_VALUES};
static const struct alphabet PLAIN = {PLAIN_CHARS, PLAIN_VALUES};

static inline unsigned value(const struct alphabet *alphabet, char c)
{
    return alphabet->values[(unsigned char)c];
}

static size_t encode(const struct alphabet *alphabet, const uint8_t *in, size_t n, char *out)
{
    const char *chars = alphabet->chars;
    char *to = out;
    for (; n >= 3; n -= 3, in += 3, to += 4) {
        unsigned v = (unsigned)in[0] << 16 | (unsigned)in[1] << 8 | in[2];
        to[0] = chars[v >> 18];
        to[1] = chars[v >> 12 & 63];
        to[2] = chars[v >> 6 & 63];
        to[3] = chars[v & 63];
    }
    if (n > 0) {
        unsigned v = (unsigned)in[0] << 16 | (n == 2 ? (unsigned)in[1] << 8 : 0);
        *to++ = chars[v >> 18];
        *to++ = chars[v >> 12 & 63];
        if (n == 2)
            *to++ = chars[v >> 6 & 63];
    }
    return (size_t)(to - out);
}

/* The 2 or 3 characters behind the last full group. */
static bool decode_tail(const struct alphabet *alphabet, str s, uint8_t *out)
{
    unsigned a = value(alphabet, s.p[0]);
    unsigned b = value(alphabet, s.p[1]);
    unsigned c = s.n == 3 ? value(alphabet, s.p[2]) : 0;
    if ((a | b | c) & 0x80)
        return false;
    unsigned v = a << 18 | b << 12 | c << 6;
    out[0] = (uint8_t)(v >> 16);
    if (s.n == 3)
        out[1] = (uint8_t)(v >> 8);
    /* RFC 4648 3.5: the unused bits are zero */
    return (v & (s.n == 3 ? 0xffU : 0xffffU)) == 0;
}

/* s without padding; room for s.n * 3 / 4 bytes at out. */
static bool decode(const struct alphabet *alphabet, str s, uint8_t *out)
{
    if (s.n % 4 == 1)
        return false;
    for (; s.n >= 4; s.p += 4, s.n -= 4, out += 3) {
        unsigned a = value(alphabet, s.p[0]);
        unsigned b = value(alphabet, s.p[1]);
        unsigned c = value(alphabet, s.p[2]);
        unsigned d = value(alphabet, s.p[3]);
        if ((a | b | c | d) & 0x80)
            return false;
        unsigned v = a << 18 | b << 12 | c << 6 | d;
        out[0] = (uint8_t)(v >> 16);
        out[1] = (uint8_t)(v >> 8);
        out[2] = (uint8_t)v;
    }
    return s.n == 0 || decode_tail(alphabet, s, out);
}

void b64url_encode(const void *bytes, size_t n, char *out)
{
    encode(&URL, bytes, n, out);
}

void b64url_write(struct buf *out, const void *bytes, size_t n)
{
    char *to = buf_room(out, B64URL_CHARS(n));
    if (to)
        out->n += encode(&URL, bytes, n, to);
}

void b64url_write_plain(struct buf *out, const void *bytes, size_t n)
{
    size_t total = (n + 2) / 3 * 4;
    char *to = buf_room(out, total);
    if (!to)
        return;
    size_t written = encode(&PLAIN, bytes, n, to);
    while (written < total)
        to[written++] = '=';
    out->n += total;
}

bool b64url_decode_exact(str s, void *bytes, size_t n)
{
    return s.n == B64URL_CHARS(n) && decode(&URL, s, bytes);
}

static bool decode_new(struct arena *a, const struct alphabet *alphabet, str s, str *out)
{
    uint8_t *p = arena_alloc(a, s.n / 4 * 3 + 2);
    if (!decode(alphabet, s, p))
        return false;
    *out = str_make((const char *)p, s.n / 4 * 3 + (s.n % 4 > 0 ? s.n % 4 - 1 : 0));
    return true;
}

bool b64url_decode(struct arena *a, str s, str *out)
{
    return decode_new(a, &URL, s, out);
}

bool b64url_decode_plain(struct arena *a, str s, str *out)
{
    if (s.n % 4 != 0)
        return false; /* RFC 4648 3.2: padding is not optional */
    if (str_ends(s, STR("==")))
        s.n -= 2;
    else if (str_ends(s, STR("=")))
        s.n -= 1;
    return decode_new(a, &PLAIN, s, out);
}
