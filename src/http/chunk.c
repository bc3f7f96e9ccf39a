/* chunk: the chunked transfer coding, strictly.
 *
 * Accepted: 1 to 16 hex digits, extensions of the RFC's grammar without white space and up to
 * LIMIT_CHUNK_EXTENSION bytes (checked, then ignored), CRLF, the data, CRLF; at the end a chunk
 * of size 0 and an empty line. Refused: trailers, bare LF or CR, signs, 0x, spaces.
 * A chunk header is read again from its beginning until it is complete; it is short. Data moves
 * once, when its chunk is complete. What is framing and not data is bounded as well, or a client
 * could make us hold hundreds of bytes for each byte of body.
 */
#include "http/chunk.h"

#include "codec/url.h"
#include "http/token.h"

/* A chunk header under inspection. */
struct header {
    str in;      /* what has arrived, from the header's first byte on */
    size_t at;   /* behind what was understood */
    size_t size; /* of the data */
};

/* Whether byte `at` is there and is c. MORE: not there yet. LAST stands for "yes". */
static enum chunk_result expect(const struct header *h, size_t at, char c)
{
    if (at >= h->in.n)
        return CHUNK_MORE;
    return h->in.p[at] == c ? CHUNK_LAST : CHUNK_BAD;
}

static enum chunk_result expect_crlf(const struct header *h, size_t at)
{
    enum chunk_result r = expect(h, at, '\r');
    return r == CHUNK_LAST ? expect(h, at + 1, '\n') : r;
}

static enum chunk_result read_size(struct header *h)
{
    uint64_t size = 0;
    int digit = -1;
    while (h->at < h->in.n && (digit = url_hex_digit(h->in.p[h->at])) >= 0) {
        if (h->at == 16)
            return CHUNK_BAD;
        size = size << 4 | (uint64_t)digit;
        h->at++;
    }
    if (h->at == h->in.n)
        return CHUNK_MORE;
    h->size = size;
    return h->at > 0 ? CHUNK_LAST : CHUNK_BAD;
}

/* Moves over a token; MORE when it may go on. */
static enum chunk_result read_token(struct header *h)
{
    size_t from = h->at;
    while (h->at < h->in.n && http_is_token_char(h->in.p[h->at]))
        h->at++;
    if (h->at == h->in.n)
        return CHUNK_MORE;
    return h->at > from ? CHUNK_LAST : CHUNK_BAD;
}

/* Moves over a quoted-string (RFC 9110 5.6.4). */
static enum chunk_result read_quoted(struct header *h)
{
    for (h->at++; h->at < h->in.n; h->at++) {
        char c = h->in.p[h->at];
        if (c == '"') {
            h->at++;
            return CHUNK_LAST;
        }
        if (c == '\\' && ++h->at == h->in.n)
            return CHUNK_MORE;
        if (!http_is_text_char(h->in.p[h->at]))
            return CHUNK_BAD;
    }
    return CHUNK_MORE;
}

/* *( ";" token [ "=" ( token / quoted-string ) ] ) */
static enum chunk_result read_extensions(struct header *h)
{
    enum chunk_result r = CHUNK_LAST;
    while (r == CHUNK_LAST && h->at < h->in.n && h->in.p[h->at] == ';') {
        h->at++;
        r = read_token(h);
        if (r == CHUNK_LAST && h->in.p[h->at] == '=') {
            h->at++;
            bool quoted = h->at < h->in.n && h->in.p[h->at] == '"';
            r = quoted ? read_quoted(h) : read_token(h);
        }
    }
    return r;
}

/* The line with the size; h->at is behind it at LAST. */
static enum chunk_result read_header(struct header *h)
{
    enum chunk_result r = read_size(h);
    size_t digits = h->at;
    if (r == CHUNK_LAST)
        r = read_extensions(h);
    if (h->at - digits > LIMIT_CHUNK_EXTENSION)
        return CHUNK_BAD;
    if (r == CHUNK_LAST) {
        r = expect_crlf(h, h->at);
        h->at += 2;
    }
    return r;
}

/* One chunk. LAST: the one of size 0 and the empty line behind it. */
static enum chunk_result join_one(struct http_parser *p, char *bytes, size_t n, bool *moved)
{
    struct header h = {.in = str_make(bytes + p->chunk_at, n - p->chunk_at)};
    enum chunk_result r = read_header(&h);
    if (r != CHUNK_LAST)
        return r;
    if (h.size > p->body_max - p->body_n)
        return CHUNK_TOO_LARGE;
    if ((r = expect_crlf(&h, h.at + h.size)) != CHUNK_LAST)
        return r;
    memmove(bytes + p->head_n + p->body_n, bytes + p->chunk_at + h.at, h.size);
    p->body_n += h.size;
    p->chunk_at += h.at + h.size + 2;
    *moved = true;
    return h.size == 0 ? CHUNK_LAST : CHUNK_MORE;
}

enum chunk_result chunk_join(struct http_parser *p, char *bytes, size_t n)
{
    enum chunk_result r;
    bool moved;
    do {
        moved = false;
        r = join_one(p, bytes, n, &moved);
    } while (r == CHUNK_MORE && moved);
    if (r != CHUNK_BAD && p->chunk_at - p->head_n - p->body_n > LIMIT_CHUNK_FRAMING)
        return CHUNK_TOO_LARGE;
    return r;
}
