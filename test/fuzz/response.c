/* Fuzz target: the writer of answers. Its output is read again by a reader that knows only RFC
 * 9112: as many headers as were written, with their values, and the body of the length that is
 * said.
 *
 * The input is lines: the status, "name:value" headers until an empty line, then the body, in which
 * the byte 0x01 is a hole that gets the text "filled". */
#include <stdio.h>
#include <stdlib.h>

#include "http/response.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* A handler's own values have none of these; with one, http_res_header ends the process. */
static bool may_stand(str value)
{
    for (size_t i = 0; i < value.n; i++)
        if (value.p[i] == '\r' || value.p[i] == '\n' || value.p[i] == 0)
            return false;
    return true;
}

static bool is_name(str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] != '-' && !(name.p[i] >= 'A' && name.p[i] <= 'Z') &&
            !(name.p[i] >= 'a' && name.p[i] <= 'z'))
            return false;
    return name.n > 0;
}

static size_t put_headers(struct http_res *res, str *text)
{
    size_t n = 0;
    str line, name, value;
    while (str_cut(*text, '\n', &line, text) && line.n > 0 && n < 32) {
        str_cut(line, ':', &name, &value);
        if (!is_name(name) || !may_stand(value))
            continue;
        http_res_header(res, name, value);
        n++;
    }
    return n;
}

static void put_body(struct http_res *res, str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (text.p[i] != 1)
            buf_char(&res->body, text.p[i]);
        else if (res->holes_n < HTTP_HOLES)
            res->holes[res->holes_n++] = (struct http_hole){res->body.n, STR("filled")};
}

static str take_line(str *rest)
{
    const char *end = memmem(rest->p, rest->n, "\r\n", 2);
    check(end != NULL);
    str line = str_make(rest->p, (size_t)(end - rest->p));
    *rest = str_sub(*rest, line.n + 2, rest->n);
    return line;
}

/* The answer as its receiver sees it. */
static void read_back(str bytes, const struct http_res *res, size_t headers_n, bool head_only)
{
    size_t n = 0;
    int64_t length = -1;
    str line = take_line(&bytes), name, value, sent = buf_str(&res->headers);
    check(str_starts(line, STR("HTTP/1.1 ")) && line.n >= 13);
    while ((line = take_line(&bytes)).n > 0) {
        check(str_cut(line, ':', &name, &value) && memchr(line.p, '\r', line.n) == NULL &&
              memchr(line.p, '\n', line.n) == NULL);
        if (str_eq(name, STR("Content-Length")) && length < 0 && n == headers_n + 1)
            check(str_i64(str_trim(value), 0, 1 << 20, &length));
        n++;
    }
    bool bodiless = res->status == 204 || res->status == 304 || res->status < 200;
    check(n == headers_n + (bodiless ? 2 : 3)); /* Date, Content-Length, Connection */
    check(bodiless || (size_t)length == http_res_length(res));
    check(bytes.n == (head_only || bodiless ? 0 : (size_t)length));
    check(sent.n == 0 || sent.p[sent.n - 1] == '\n');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[] = {200, 201, 204, 302, 303, 304, 400, 401, 404, 500, 503};
    struct http_res res;
    struct arena a;
    struct buf out;
    if (size < 2)
        return 0;
    str text = str_make((const char *)data + 2, size - 2);
    bool head_only = data[1] & 1;
    arena_init(&a, 64 << 20);
    http_res_init(&res, &a);
    res.status = statuses[data[0] % (sizeof statuses / sizeof *statuses)];
    res.close = data[1] & 2;
    size_t n = put_headers(&res, &text);
    if (res.status != 204 && res.status != 304)
        put_body(&res, text);
    buf_init(&out, &a, 4096, 1 << 20);
    http_res_write(&out, &res, head_only, data[1] & 4, "Sun, 06 Nov 1994 08:49:37 GMT");
    if (!res.headers.overflow && !res.body.overflow && !out.overflow)
        read_back(buf_str(&out), &res, n, head_only);
    arena_free(&a);
    return 0;
}
