/* http/parse: security.md A1-A8, each input a row. Every row is fed whole, split at every place,
 * byte by byte, and with the buffer moved in between; all must agree. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "http/parse.h"

/* What a request comes to: 200 = understood, else the status of the refusal. */
struct outcome {
    int status;
    size_t consumed;
    char body[64];
    size_t body_n;
};

static size_t small_limit(str path)
{
    return str_eq(path, STR("/small")) ? 10 : LIMIT_BODY;
}

/* Feeds the bytes in two pieces (cut), or singly (cut == 0), each call at a new address. */
static struct outcome feed(str bytes, size_t cut)
{
    static struct http_req req;
    struct http_parser p;
    struct outcome out = {.status = 100};
    char *held = NULL;
    http_parse_init(&p);
    for (size_t n = cut ? cut : 1; out.status == 100; n = cut ? bytes.n : n + 1) {
        char *moved = malloc(n);
        size_t before = held ? (cut ? cut : n - 1) : 0;
        memcpy(moved, bytes.p, n);
        if (held)
            memcpy(moved, held, before); /* chunks are joined in place: keep what was done */
        free(held);
        held = moved;
        enum http_parse_state s = http_parse(&p, held, n, &req, small_limit);
        if (s == HTTP_PARSE_ERROR) {
            assert_non_null(p.reason);
            out.status = err_info(p.error)->status;
        } else if (s == HTTP_PARSE_DONE) {
            out.status = 200;
            out.consumed = p.consumed;
            out.body_n = req.body.n;
            assert_true(req.body.n < sizeof(out.body));
            memcpy(out.body, req.body.p, req.body.n);
            /* The slices have followed the buffer. */
            assert_in_range((uintptr_t)req.target.p, (uintptr_t)held, (uintptr_t)(held + n));
            assert_in_range((uintptr_t)req.body.p, (uintptr_t)held, (uintptr_t)(held + n));
            for (size_t i = 0; i < req.headers_n; i++) {
                assert_in_range((uintptr_t)req.headers[i].name.p, (uintptr_t)held,
                                (uintptr_t)(held + n));
            }
        } else if (n == bytes.n) {
            break; /* more is needed */
        }
    }
    free(held);
    return out;
}

static struct outcome feed_all_ways(str bytes, const char *name)
{
    struct outcome whole = feed(bytes, bytes.n);
    size_t step = bytes.n > 2000 ? 97 : 1;
    for (size_t cut = 0; cut < bytes.n; cut += step) {
        struct outcome o = cut == 0 && bytes.n > 2000 ? whole : feed(bytes, cut);
        if (o.status != whole.status || o.consumed != whole.consumed || o.body_n != whole.body_n ||
            memcmp(o.body, whole.body, o.body_n) != 0)
            fail_msg("%s: cut at %zu gives %d, whole %d", name, cut, o.status, whole.status);
    }
    return whole;
}

struct row {
    str in;
    int status;
    const char *body; /* NULL: not looked at */
};

#define POST   "POST /oauth2/token HTTP/1.1\r\nHost: a.example\r\n"
#define GET    "GET / HTTP/1.1\r\nHost: a.example\r\n"
#define CHUNKS POST "Transfer-Encoding: chunked\r\n\r\n"

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        char name[64];
        snprintf(name, sizeof(name), "row %zu", i);
        struct outcome o = feed_all_ways(rows[i].in, name);
        if (o.status != rows[i].status) {
            fail_msg("%s: %d instead of %d for\n%.*s", name, o.status, rows[i].status,
                     STR_ARG(rows[i].in));
        }
        if (rows[i].body && !str_eq(str_make(o.body, o.body_n), str_from(rows[i].body)))
            fail_msg("%s: body %.*s", name, (int)o.body_n, o.body);
        if (o.status == 200)
            assert_int_equal(o.consumed, rows[i].in.n);
    }
}
#define RUN(T) run(T, sizeof(T) / sizeof((T)[0]))

static void a1_content_length(void **state)
{
    (void)state;
    static const struct row T[] = {
        {STR_INIT(POST "Content-Length: 3\r\n\r\na=b"), 200, "a=b"},
        {STR_INIT(POST "content-length:3\r\n\r\na=b"), 200, "a=b"},
        {STR_INIT(POST "Content-Length:  5\r\n\r\nabcde"), 400, NULL},
        {STR_INIT(POST "Content-Length:\t5\r\n\r\nabcde"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5 \r\n\r\nabcde"), 400, NULL},
        {STR_INIT(POST "Content-Length: 0\r\n\r\n"), 200, ""},
        {STR_INIT(POST "\r\n"), 200, ""},
        {STR_INIT(POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 3\r\nContent-Length: 3\r\n\r\na=b"), 400, NULL},
        {STR_INIT(POST "Content-Length: 3\r\nContent-Length: 4\r\n\r\na=b"), 400, NULL},
        {STR_INIT(POST "Content-Length: +5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5,5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5, 5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 0x5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5 5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length:\v5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: \xc2\xa0"
                       "5\r\n\r\n"),
         400, NULL},
        {STR_INIT(POST "Content-Length: \r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 18446744073709551616\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 18446744073709551619\r\n\r\na=b"), 400, NULL},
        {STR_INIT(POST "Content-Length: -1\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5;x\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 5.0\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content-Length: 65537\r\n\r\n"), 413, NULL},
        {STR_INIT(POST "Content-Length: 9223372036854775807\r\n\r\n"), 413, NULL},
        {STR_INIT("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\n"), 413, NULL},
        {STR_INIT("POST /small HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n0123456789"), 200,
         "0123456789"},
    };
    RUN(T);
}

static void a2_transfer_encoding(void **state)
{
    (void)state;
    static const struct row T[] = {
        {STR_INIT(CHUNKS "3\r\na=b\r\n0\r\n\r\n"), 200, "a=b"},
        {STR_INIT(POST "transfer-encoding: CHUNKED\r\n\r\n0\r\n\r\n"), 200, ""},
        {STR_INIT(POST "Transfer-Encoding: xchunked\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked, identity\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: identity, chunked\r\n\r\n"), 501, NULL},
        {STR_INIT(POST "Transfer-Encoding: gzip, chunked\r\n\r\n"), 501, NULL},
        {STR_INIT(POST "Transfer-Encoding: gzip\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: identity\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked, chunked\r\n\r\n"), 501, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked;x=1\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: Chunked\x0b\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: \x0b"
                       "chunked\r\n\r\n"),
         400, NULL},
        {STR_INIT(POST "Transfer-Encoding: \"chunked\"\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: ,chunked\r\n\r\n"), 501, NULL},
        {STR_INIT(POST "Transfer-Encoding:\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding:\tchunked\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked \r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n"), 400,
         NULL},
        {STR_INIT(POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"), 400, NULL},
        {STR_INIT("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL},
    };
    RUN(T);
}

static void a3_chunks(void **state)
{
    (void)state;
    static const struct row T[] = {
        {STR_INIT(CHUNKS "1\r\na\r\n2\r\n=b\r\n0\r\n\r\n"), 200, "a=b"},
        {STR_INIT(CHUNKS "0000000000000003\r\na=b\r\n000\r\n\r\n"), 200, "a=b"},
        {STR_INIT(CHUNKS "B\r\nabcdefghijk\r\n0\r\n\r\n"), 200, "abcdefghijk"},
        {STR_INIT(CHUNKS "b;x;y=1;z=\"a b\\\"\"\r\nabcdefghijk\r\n0;last\r\n\r\n"), 200,
         "abcdefghijk"},
        {STR_INIT(CHUNKS "0x5\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5 \r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS " 5\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "+5\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "-5\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\t\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "g\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "00000000000000005\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "10000000000000005\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "ffffffffffffffff\r\nabcde\r\n0\r\n\r\n"), 413, NULL},
        {STR_INIT(CHUNKS "10001\r\n"), 413, NULL},
        {STR_INIT(CHUNKS "5\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\rabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;x\nabcde\r\n0\r\n\r\n"), 400, NULL},     /* TERM.EXT */
        {STR_INIT(CHUNKS "5;x\n\r\nabcde\r\n0\r\n\r\n"), 400, NULL}, /* EXT.TERM */
        {STR_INIT(CHUNKS "5;x\r;y\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;x=\"\n\"\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;x=\"\\\r\"\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;x=\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5;x y\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5 ;x\r\nabcde\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcde\n0\r\n\r\n"), 400, NULL}, /* data ended by LF */
        {STR_INIT(CHUNKS "5\r\nabcdef\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcd\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcde0\r\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcde\r\n0\r\nX: 1\r\n\r\n"), 400, NULL}, /* trailer */
        {STR_INIT(CHUNKS "5\r\nabcde\r\n0\r\n\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcde\r\n0\n\r\n"), 400, NULL},
        {STR_INIT(CHUNKS "5\r\nabcde\r\n0\r\n"), 100, NULL},
        {STR_INIT("POST /small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "6\r\nabcdef\r\n5\r\nabcde\r\n"),
         413, NULL},
    };
    RUN(T);
}

static void a4_fields(void **state)
{
    (void)state;
    static const struct row T[] = {
        {STR_INIT(GET "X: \xc3\xbc\r\n\r\n"), 200, ""},
        {STR_INIT(GET "X:\r\n\r\n"), 200, ""},
        {STR_INIT(GET "X: a\tb\r\n\r\n"), 200, ""},
        {STR_INIT(GET "X : a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X\t: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "Content-Length : 5\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\r\n b\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\r\n\tb\r\n\r\n"), 400, NULL},
        {STR_INIT(GET " X: a\r\n\r\n"), 400, NULL},
        {STR_INIT("GET / HTTP/1.1\r\n Host: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\rb\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\r\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\nY: b\r\n\r\n"), 400, NULL},
        {STR_INIT("GET / HTTP/1.1\nHost: a\n\n"), 400, NULL},
        {STR_INIT("GET / HTTP/1.1\rHost: a\r\r"), 400, NULL},
        {STR_INIT("GET / HTTP/1.1\r\nHost: a\n\r\n"), 400, NULL},
        {STR_INIT(GET "\n"), 400, NULL},
        {STR_INIT(GET "X: a\0b\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X\0: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: a\x01\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: 0123456789abcdef\x1f\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X: 0123456\x7f"
                      "89abcdef\r\n\r\n"),
         400, NULL},
        {STR_INIT(GET "X(: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X\xc3\xbc: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X Y: a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET ": a\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "Content_Length: 5\r\n\r\n"), 400, NULL},
        {STR_INIT(POST "TRANSFER_ENCODING: chunked\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "X_Forwarded_For: 1.2.3.4\r\n\r\n"), 200, ""},
        {STR_INIT("Host: a\r\nGET / HTTP/1.1\r\n\r\n"), 400, NULL},
        {STR_INIT(" GET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, NULL},
        {STR_INIT("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 200, ""},
        {STR_INIT("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, NULL},
        {STR_INIT("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, NULL},
        {STR_INIT("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n"), 400, NULL},
    };
    RUN(T);
}

static void a5_host(void **state)
{
    (void)state;
#define HOST(h) STR_INIT("GET / HTTP/1.1\r\nHost: " h "\r\n\r\n")
    static const struct row T[] = {
        {HOST("a.example:8080"), 200, ""},
        {HOST("127.0.0.1"), 200, ""},
        {HOST("[::1]:80"), 200, ""},
        {HOST("[::1]"), 200, ""},
        {STR_INIT("GET / HTTP/1.0\r\n\r\n"), 200, ""},
        {STR_INIT("GET / HTTP/1.1\r\n\r\n"), 400, NULL},
        {STR_INIT(GET "Host: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET / HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n"), 400, NULL},
        {HOST(""), 400, NULL},
        {HOST("u@a.example"), 400, NULL},
        {HOST("a.example:"), 400, NULL},
        {HOST("a.example:0"), 400, NULL},
        {HOST("a.example:65536"), 400, NULL},
        {HOST("a.example:8o"), 400, NULL},
        {HOST("a.example:-1"), 400, NULL},
        {HOST("a.example:+80"), 400, NULL},
        {HOST("a.example:80:80"), 400, NULL},
        {HOST("a b"), 400, NULL},
        {HOST("a/b"), 400, NULL},
        {HOST("a,b"), 400, NULL},
        {HOST("a%2eb"), 400, NULL},
        {HOST("[::1"), 400, NULL},
        {HOST("::1"), 400, NULL},
        {HOST("[a.example]"), 400, NULL},
        {HOST("[::1]x"), 400, NULL},
        {HOST("\xd0\xb5xample"), 400, NULL},
        {HOST("http://a.example"), 400, NULL},
        {HOST(".."), 400, NULL},
        {HOST(".a"), 400, NULL},
        {HOST("a..b"), 400, NULL},
        {HOST("a.example."), 200, ""},
        {STR_INIT("GET http://a.example/x?y HTTP/1.1\r\nHost: A.example\r\n\r\n"), 200, ""},
        {STR_INIT("GET https://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n"), 200, ""},
        {STR_INIT("GET http://a.example/ HTTP/1.0\r\n\r\n"), 200, ""},
        {STR_INIT("GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET http://a.example:80/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET http://u@a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET http:///x HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET ftp://a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
        {STR_INIT("GET http:/a.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n"), 400, NULL},
    };
    RUN(T);
}

static void a5_request_line(void **state)
{
    (void)state;
#define LINE(l) STR_INIT(l "\r\nHost: a\r\n\r\n")
    static const struct row T[] = {
        {LINE("GET /a%20b?x=%zz HTTP/1.1"), 200, ""},
        {LINE("BREW / HTTP/1.1"), 200, ""},
        {LINE("OPTIONS * HTTP/1.1"), 200, ""},
        {LINE("GET  / HTTP/1.1"), 400, NULL},
        {LINE("GET /  HTTP/1.1"), 400, NULL},
        {LINE("GET\t/ HTTP/1.1"), 400, NULL},
        {LINE("GET /\tHTTP/1.1"), 400, NULL},
        {LINE("GET / HTTP/1.1 "), 400, NULL},
        {LINE("GET / HTTP/1.1 x"), 400, NULL},
        {LINE("GET /"), 400, NULL},
        {LINE("GET"), 400, NULL},
        {LINE(""), 400, NULL},
        {LINE("GET / "), 400, NULL},
        {LINE("GET / HTTP/9.9"), 400, NULL},
        {LINE("GET / HTTP/1.2"), 400, NULL},
        {LINE("GET / HTTP/01.1"), 400, NULL},
        {LINE("GET / http/1.1"), 400, NULL},
        {LINE("GET / HTTP/1.1x"), 400, NULL},
        {LINE("GET / HTTP/1,1"), 400, NULL},
        {LINE("GET / HTTP/2.0"), 505, NULL},
        {LINE("PRI * HTTP/2.0"), 505, NULL},
        {LINE("get / HTTP/1.1"), 400, NULL},
        {LINE("Get / HTTP/1.1"), 400, NULL},
        {LINE("G(T / HTTP/1.1"), 400, NULL},
        {LINE("GET\0 / HTTP/1.1"), 400, NULL},
        {LINE("GET /#f HTTP/1.1"), 400, NULL},
        {LINE("GET /?a#f HTTP/1.1"), 400, NULL},
        {LINE("GET * HTTP/1.1"), 400, NULL},
        {LINE("GET x HTTP/1.1"), 400, NULL},
        {LINE("CONNECT a:443 HTTP/1.1"), 400, NULL},
        {LINE("GET /\xc3\xbc HTTP/1.1"), 400, NULL},
        {LINE("GET /\x7f HTTP/1.1"), 400, NULL},
        {LINE("GET /\0 HTTP/1.1"), 400, NULL},
        {LINE("GET /% HTTP/1.1"), 400, NULL},
        {LINE("GET /%4 HTTP/1.1"), 400, NULL},
        {LINE("GET /%zz HTTP/1.1"), 400, NULL},
        {LINE("GET /%00 HTTP/1.1"), 400, NULL},
    };
    RUN(T);
}

static void a6_bodies_and_expect(void **state)
{
    (void)state;
    static const struct row T[] = {
        {STR_INIT(GET "Content-Length: 0\r\n\r\n"), 200, ""},
        {STR_INIT(GET "Content-Length: 1\r\n\r\nx"), 400, NULL},
        {STR_INIT(GET "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 400, NULL},
        {STR_INIT("HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), 400, NULL},
        {STR_INIT("OPTIONS / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx"), 400, NULL},
        {STR_INIT(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"), 200, "x"},
        {STR_INIT(POST "Expect: 200-ok\r\nContent-Length: 1\r\n\r\nx"), 417, NULL},
        {STR_INIT(POST "Expect: 100-continue, x\r\nContent-Length: 1\r\n\r\nx"), 417, NULL},
        {STR_INIT(POST "Expect: 100-continue\r\nExpect: x\r\nContent-Length: 1\r\n\r\nx"), 417,
         NULL},
        {STR_INIT(GET "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n"), 200, ""},
        {STR_INIT(GET "Connection: authorization, dpop\r\nAuthorization: x\r\n\r\n"), 200, ""},
    };
    RUN(T);
}

/* A request of a size that a table row cannot hold. */
static struct outcome sized(const char *front, size_t fill, const char *back, const char *name)
{
    static char text[200000];
    size_t n = strlen(front);
    memcpy(text, front, n);
    memset(text + n, 'a', fill);
    n += fill;
    memcpy(text + n, back, strlen(back));
    return feed_all_ways(str_make(text, n + strlen(back)), name);
}

static void a8_limits(void **state)
{
    (void)state;
    static const size_t AROUND = sizeof("GET / HTTP/1.1") - 1;
    assert_int_equal(
        sized("GET /", LIMIT_REQUEST_LINE - AROUND, " HTTP/1.1\r\nHost: a\r\n\r\n", "longest line")
            .status,
        200);
    assert_int_equal(sized("GET /", LIMIT_REQUEST_LINE - AROUND + 1, " HTTP/1.1\r\nHost: a\r\n\r\n",
                           "longer line")
                         .status,
                     414);
    assert_int_equal(sized("GET /", 9000, "", "endless line").status, 414);
    size_t other = sizeof("Host: a\r\nX: \r\n\r\n") - 1;
    assert_int_equal(sized("GET / HTTP/1.1\r\nHost: a\r\nX: ", LIMIT_HEADER_BLOCK - other,
                           "\r\n\r\n", "largest block")
                         .status,
                     200);
    assert_int_equal(sized("GET / HTTP/1.1\r\nHost: a\r\nX: ", LIMIT_HEADER_BLOCK - other + 1,
                           "\r\n\r\n", "larger block")
                         .status,
                     431);
    assert_int_equal(sized("GET / HTTP/1.1\r\nHost: a\r\nX: ", 17000, "", "endless block").status,
                     431);
    assert_int_equal(
        sized(CHUNKS "1;", LIMIT_CHUNK_EXTENSION - 1, "\r\nx\r\n0\r\n\r\n", "longest extension")
            .status,
        200);
    assert_int_equal(
        sized(CHUNKS "1;", LIMIT_CHUNK_EXTENSION, "\r\nx\r\n0\r\n\r\n", "longer extension").status,
        400);
    assert_int_equal(sized(CHUNKS "1;", 1000, "", "endless extension").status, 400);
}

static void a8_field_count(void **state)
{
    (void)state;
    for (size_t fields = LIMIT_HEADER_FIELDS; fields <= LIMIT_HEADER_FIELDS + 1; fields++) {
        char text[4096] = "GET / HTTP/1.1\r\nHost: a\r\n";
        size_t n = strlen(text);
        for (size_t i = 1; i < fields; i++) {
            n +=
                (size_t)snprintf(text + n, sizeof(text) - n, "x%s%zu: y\r\n", i % 2 ? "_" : "-", i);
        }
        memcpy(text + n, "\r\n", 2);
        struct outcome o = feed_all_ways(str_make(text, n + 2), "fields");
        assert_int_equal(o.status, fields == LIMIT_HEADER_FIELDS ? 200 : 431);
    }
}

/* Many tiny chunks: what is framing is bounded too, and no request outgrows HTTP_INPUT_MAX. */
static void framing_is_bounded(void **state)
{
    (void)state;
    static char text[HTTP_INPUT_MAX + 10];
    static struct http_req req;
    struct http_parser p;
    size_t n = strlen(CHUNKS);
    memcpy(text, CHUNKS, n);
    while (n + 6 <= sizeof(text)) {
        memcpy(text + n, "1\r\nx\r\n", 6);
        n += 6;
    }
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, text, n, &req, NULL), HTTP_PARSE_ERROR);
    assert_int_equal(p.error, ERR_BODY_TOO_LARGE);
}

static void slices(void **state)
{
    (void)state;
    char text[] = "POST /pub/group?a=b&c HTTP/1.1\r\nhOST: a.example:80\r\nAccept: x\r\n"
                  "Authorization:  Bearer t \r\naccept: y\r\nX_Y: dropped\r\n"
                  "Connection: x, Close\r\nContent-Length: 2\r\n\r\nhiGET /next";
    static struct http_req req;
    struct http_parser p;
    size_t count;
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, text, sizeof(text) - 1, &req, NULL), HTTP_PARSE_DONE);
    assert_int_equal(p.consumed, sizeof(text) - 1 - strlen("GET /next"));
    assert_int_equal(req.method, HTTP_POST);
    assert_true(str_eq(req.method_text, STR("POST")));
    assert_true(str_eq(req.target, STR("/pub/group?a=b&c")));
    assert_true(str_eq(req.path, STR("/pub/group")));
    assert_true(req.has_query && str_eq(req.query, STR("a=b&c")));
    assert_true(str_eq(req.host, STR("a.example:80")));
    assert_true(str_eq(req.body, STR("hi")));
    assert_false(req.keep_alive);
    assert_int_equal(req.minor, 1);
    assert_true(str_eq(http_header_get(&req, STR("authorization"), &count), STR("Bearer t")));
    assert_int_equal(count, 1);
    assert_true(str_eq(http_header_get(&req, STR("Accept"), &count), STR("x")));
    assert_int_equal(count, 2);
    assert_null(http_header_get(&req, STR("X_Y"), &count).p);
    assert_int_equal(count, 0);
    assert_null(http_header_get(&req, STR("Cookie"), NULL).p);
}

static bool kept_alive(const char *text)
{
    static char bytes[512];
    static struct http_req req;
    struct http_parser p;
    memcpy(bytes, text, strlen(text));
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, bytes, strlen(text), &req, NULL), HTTP_PARSE_DONE);
    return req.keep_alive;
}

static void keep_alive(void **state)
{
    (void)state;
    assert_true(kept_alive(GET "\r\n"));
    assert_true(kept_alive(GET "Connection: keep-alive\r\n\r\n"));
    assert_false(kept_alive(GET "Connection: CLOSE\r\n\r\n"));
    assert_false(kept_alive(GET "Connection: x,close , y\r\n\r\n"));
    assert_false(kept_alive(GET "Connection: keep-alive\r\nConnection: close\r\n\r\n"));
    assert_false(kept_alive("GET / HTTP/1.0\r\n\r\n"));
    assert_true(kept_alive("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"));
    assert_false(kept_alive("GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n"));
}

static void expect_continue(void **state)
{
    (void)state;
    char text[] = POST "Expect: 100-continue\r\nContent-Length: 2\r\n\r\nhi";
    static struct http_req req;
    struct http_parser p;
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, text, sizeof(text) - 3, &req, NULL), HTTP_PARSE_BODY);
    assert_true(p.expect_continue);
    assert_int_equal(http_parse(&p, text, sizeof(text) - 1, &req, NULL), HTTP_PARSE_DONE);
    assert_false(p.expect_continue);
    char old[] = "POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n";
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, old, sizeof(old) - 1, &req, NULL), HTTP_PARSE_BODY);
    assert_false(p.expect_continue);
    char bare[] = POST "Expect: 100-continue\r\n\r\n";
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, bare, sizeof(bare) - 1, &req, NULL), HTTP_PARSE_DONE);
    assert_false(p.expect_continue);
}

/* A refusal knows the path, so that it takes the shape of the dialect that owns it. */
static void refusals_know_the_path(void **state)
{
    (void)state;
    static const char *const T[] = {
        "POST /pub/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 5,5\r\n\r\n",
        "POST /pub/x?y HTTP/1.1\r\nHost: a\nX",
        "POST /pub/x?y HTTP/1.1\nHost: a",
        "POST /pub/x HTTP/1.1\r\nHost: a\rX",
        "POST /pub/x HTTP/9.9\r\n\r\n",
        "POST /pub/x\r\n\r\n",
        "\r\nPOST /pub/x HTTP/1.1\r\n\r\n",
        "POST /pub/x HTTP/1.1\r\nHost: a\r\nContent-Length: 70000\r\n\r\n",
        "POST /pub/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5 \r\n",
    };
    static struct http_req req;
    struct http_parser p;
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        char *bytes = strdup(T[i]);
        http_parse_init(&p);
        assert_int_equal(http_parse(&p, bytes, strlen(bytes), &req, NULL), HTTP_PARSE_ERROR);
        if (!str_eq(req.path, STR("/pub/x")) || req.method != HTTP_POST)
            fail_msg("row %zu: path %.*s", i, STR_ARG(req.path));
        assert_int_equal(http_parse(&p, bytes, strlen(bytes), &req, NULL), HTTP_PARSE_ERROR);
        free(bytes);
    }
    static char endless[9000] = "GET /pub/x?";
    memset(endless + 11, 'a', sizeof(endless) - 11);
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, endless, sizeof(endless), &req, NULL), HTTP_PARSE_ERROR);
    assert_int_equal(p.error, ERR_URI_TOO_LONG);
    assert_true(str_eq(req.path, STR("/pub/x")));
    char nonsense[] = "\x16\x03\x01\r\n\r\n";
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, nonsense, 7, &req, NULL), HTTP_PARSE_ERROR);
    assert_int_equal(req.path.n, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a1_content_length),
        cmocka_unit_test(a2_transfer_encoding),
        cmocka_unit_test(a3_chunks),
        cmocka_unit_test(a4_fields),
        cmocka_unit_test(a5_host),
        cmocka_unit_test(a5_request_line),
        cmocka_unit_test(a6_bodies_and_expect),
        cmocka_unit_test(a8_limits),
        cmocka_unit_test(a8_field_count),
        cmocka_unit_test(framing_is_bounded),
        cmocka_unit_test(slices),
        cmocka_unit_test(keep_alive),
        cmocka_unit_test(expect_continue),
        cmocka_unit_test(refusals_know_the_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
