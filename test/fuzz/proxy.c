/* Fuzz target: what proxies say. The first byte chooses the reader: the PROXY protocol, the
 * forwarding fields of a request (whose right end is no listed proxy's unless nothing is left), or
 * a list of ranges. */
#include <stdlib.h>

#include "http/forwarded.h"
#include "http/parse.h"
#include "http/preamble.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_preamble(const char *p, size_t n)
{
    struct preamble whole, part;
    enum preamble_state state = preamble_read(p, n, &whole);
    if (state != PREAMBLE_DONE)
        return;
    if (whole.n > n || whole.n > LIMIT_PREAMBLE)
        abort();
    for (size_t i = 0; i < whole.n; i++) /* never done before, never bad on the way */
        if (preamble_read(p, i, &part) != PREAMBLE_MORE)
            abort();
}

static void read_ranges(str s)
{
    struct address_range r;
    struct address a;
    char text[ADDRESS_TEXT];
    if (address_range_parse(s, &r) && !address_in(&r.first, &r, 1))
        abort();
    if (!address_parse(s, &a))
        return;
    size_t n = address_write(&a, text);
    struct address again;
    if (!address_parse(str_make(text, n), &again) || !address_eq(&a, &again))
        abort();
}

static void check_client(const struct http_req *req, enum forwarded_kind kind)
{
    struct address_range ten;
    struct forwarded f = {.known = true};
    address_range_parse(STR("10.0.0.0/8"), &ten);
    address_parse(STR("10.0.0.1"), &f.client);
    forwarded_find(req, kind, &ten, 1, &f);
    if (!f.known)
        abort();
}

static void read_request(const char *p, size_t n)
{
    struct http_parser parser;
    struct http_req req;
    struct arena a;
    char *copy = malloc(n + 1);
    memcpy(copy, p, n);
    arena_init(&a, 1 << 20);
    http_parse_init(&parser);
    if (http_parse(&parser, copy, n, &req, NULL) == HTTP_PARSE_DONE) {
        check_client(&req, FORWARDED_X);
        check_client(&req, FORWARDED_RFC7239);
        if (!forwarded_cert(&req, &a) && req.client_cert.n + req.client_chain_n > 0)
            abort();
        forwarded_strip(&req);
        for (size_t i = 0; i < req.headers_n; i++)
            if (forwarded_is_field(req.headers[i].name))
                abort();
    }
    arena_free(&a);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *p = (const char *)data;
    if (size == 0)
        return 0;
    if (data[0] == 'P' || data[0] == '\r')
        read_preamble(p, size);
    else if (data[0] == 'G')
        read_request(p, size);
    else
        read_ranges(str_make(p, size));
    return 0;
}
