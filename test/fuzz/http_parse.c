/* Fuzz target: the HTTP reader. The first byte says where the input is split; whole and split
 * reading must agree, slices must lie inside the input, and a request that was understood must be
 * understood again from the bytes that it took. */
#include <stdlib.h>

#include "http/parse.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void check_inside(str s, const char *bytes, size_t n)
{
    check(s.n == 0 || (s.p >= bytes && s.p + s.n <= bytes + n) || str_eq(s, STR("/")));
}

static void check_slices(const struct http_req *req, const char *bytes, size_t n)
{
    check_inside(req->method_text, bytes, n);
    check_inside(req->target, bytes, n);
    check_inside(req->path, bytes, n);
    check_inside(req->query, bytes, n);
    check_inside(req->host, bytes, n);
    check_inside(req->body, bytes, n);
    check(req->headers_n <= LIMIT_HEADER_FIELDS);
    for (size_t i = 0; i < req->headers_n; i++) {
        check_inside(req->headers[i].name, bytes, n);
        check_inside(req->headers[i].value, bytes, n);
    }
}

static char *copy(const uint8_t *data, size_t size)
{
    char *bytes = malloc(size ? size : 1);
    check(bytes != NULL);
    memcpy(bytes, data, size);
    return bytes;
}

static char *grown(char *old, size_t had, const uint8_t *data, size_t size)
{
    char *bytes = copy(data, size);
    memcpy(bytes, old, had);
    free(old);
    return bytes;
}

/* The bytes that the request took, and another one behind them: the same request. */
static void check_alone(const struct http_parser *whole, const struct http_req *req,
                        const uint8_t *data)
{
    static const char next[] = "GET / HTTP/1.1\r\nHost: b\r\n\r\n";
    static struct http_req alone;
    struct http_parser p;
    char *bytes = malloc(whole->consumed + sizeof next);
    check(bytes != NULL);
    memcpy(bytes, data, whole->consumed);
    memcpy(bytes + whole->consumed, next, sizeof next - 1);
    http_parse_init(&p);
    http_parse(&p, bytes, whole->consumed + sizeof next - 1, &alone, NULL);
    check(p.state == HTTP_PARSE_DONE && p.consumed == whole->consumed);
    check(str_eq(req->body, alone.body) && str_eq(req->path, alone.path) &&
          str_eq(req->query, alone.query) && str_eq(req->host, alone.host) &&
          req->headers_n == alone.headers_n && req->keep_alive == alone.keep_alive);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct http_req req, again;
    struct http_parser whole, split;
    if (size < 1)
        return 0;
    size_t cut = data[0] * (size - 1) / 255;
    data++;
    size--;
    char *a = copy(data, size);
    http_parse_init(&whole);
    http_parse(&whole, a, size, &req, NULL);
    if (whole.state == HTTP_PARSE_DONE || whole.state == HTTP_PARSE_ERROR)
        check_slices(&req, a, size);

    char *b = copy(data, cut);
    http_parse_init(&split);
    http_parse(&split, b, cut, &again, NULL);
    if (split.state == HTTP_PARSE_HEAD || split.state == HTTP_PARSE_BODY) {
        b = grown(b, cut, data, size);
        http_parse(&split, b, size, &again, NULL);
        check(split.state == whole.state);
        if (whole.state == HTTP_PARSE_DONE) {
            check_slices(&again, b, size);
            check(split.consumed == whole.consumed);
            check(str_eq(req.body, again.body));
            check(str_eq(req.path, again.path));
            check(req.headers_n == again.headers_n);
        }
    } else {
        /* What was decided early stays decided. */
        check(split.state == whole.state);
    }
    if (whole.state == HTTP_PARSE_DONE)
        check_alone(&whole, &req, data);
    free(a);
    free(b);
    return 0;
}
