/* What proxies say: the right-most untrusted address, RFC 9440 certificates, the PROXY protocol
 * (security.md 70, A37). */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include <stdio.h>

#include "base/buf.h"
#include "codec/b64url.h"
#include "http/forwarded.h"
#include "http/parse.h"
#include "http/preamble.h"

static struct http_req req;
static char bytes[32768];

/* A request with these field lines. */
static void with(const char *fields)
{
    struct http_parser p;
    int n = snprintf(bytes, sizeof bytes, "GET / HTTP/1.1\r\nHost: x\r\n%s\r\n", fields);
    http_parse_init(&p);
    assert_int_equal(http_parse(&p, bytes, (size_t)n, &req, NULL), HTTP_PARSE_DONE);
}

/* The client that the fields name, when 10.0.0.0/8 and 2001:db8:f::/48 are proxies and the hop is
 * 10.0.0.1; "!" behind it: something was malformed. */
static const char *client(enum forwarded_kind kind, const char *fields)
{
    static char text[ADDRESS_TEXT + 1];
    struct address_range proxies[2];
    struct forwarded f = {.known = true};
    address_range_parse(STR("10.0.0.0/8"), &proxies[0]);
    address_range_parse(STR("2001:db8:f::/48"), &proxies[1]);
    address_parse(STR("10.0.0.1"), &f.client);
    with(fields);
    forwarded_find(&req, kind, proxies, 2, &f);
    size_t n = address_write(&f.client, text);
    if (f.malformed)
        memcpy(text + n, "!", 2);
    return text;
}

struct want {
    const char *fields, *client;
};

static void x_forwarded_for(void **state)
{
    static const struct want wants[] = {
        {"", "10.0.0.1"},
        {"X-Forwarded-For: 192.0.2.7\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 1.1.1.1,192.0.2.7, 10.0.0.2,10.1.0.3\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 1.1.1.1, 192.0.2.7\r\nX-Forwarded-For: 10.0.0.2\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 10.0.0.2\r\nX-Forwarded-For: 1.1.1.1\r\n", "1.1.1.1"},
        {"X-Forwarded-For: 192.0.2.7:4711\r\n", "192.0.2.7"},
        {"X-Forwarded-For: [2001:db8::7]:4711\r\n", "2001:db8::7"},
        {"X-Forwarded-For: 2001:db8::7\r\n", "2001:db8::7"},
        {"X-Forwarded-For: 192.0.2.7, 2001:db8:f::1\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 10.0.0.9\r\n", "10.0.0.9"},
        /* left of what is malformed nothing counts */
        {"X-Forwarded-For: \r\n", "10.0.0.1!"},
        {"X-Forwarded-For: 1.1.1.1,\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: 1.1.1.1, x\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: 1.1.1.1, , 10.0.0.2\r\n", "10.0.0.2!"},
        {"X-Forwarded-For: x, 192.0.2.7\r\n", "192.0.2.7"},
        {"X-Forwarded-For: 192.0.2.7:\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: 192.0.2.7:70000\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: [192.0.2.7]\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: [2001:db8::7\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: for=192.0.2.7\r\n", "10.0.0.1!"},
        /* A7: a twin with an underscore is no such field; nor are others */
        {"X_Forwarded_For: 192.0.2.7\r\n", "10.0.0.1"},
        {"Forwarded: for=192.0.2.7\r\n", "10.0.0.1"},
        {"X-Real-IP: 192.0.2.7\r\n", "10.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        assert_string_equal(client(FORWARDED_X, wants[i].fields), wants[i].client);
}

static void forwarded_rfc7239(void **state)
{
    static const struct want wants[] = {
        {"Forwarded: for=192.0.2.7\r\n", "192.0.2.7"},
        {"Forwarded: For=\"[2001:db8:cafe::17]:4711\"\r\n", "2001:db8:cafe::17"},
        {"Forwarded: for=192.0.2.7;proto=https;by=203.0.113.43\r\n", "192.0.2.7"},
        {"Forwarded: proto=https; for=\"192.0.2.7:80\"\r\n", "192.0.2.7"},
        {"Forwarded: for=1.1.1.1, for=192.0.2.7, for=10.0.0.2\r\n", "192.0.2.7"},
        {"Forwarded: for=1.1.1.1\r\nForwarded: for=192.0.2.7\r\n", "192.0.2.7"},
        {"Forwarded: for=1.1.1.1, for=unknown\r\n", "10.0.0.1"},
        {"Forwarded: for=1.1.1.1, for=_hidden, for=10.0.0.2\r\n", "10.0.0.2"},
        /* a quote that the client left open */
        {"Forwarded: for=\"1.1.1.1, for=192.0.2.7\r\n", "192.0.2.7"},
        {"Forwarded: for=\"1.1.1.1;, for=192.0.2.7\";x=\"\r\n", "10.0.0.1!"},
        {"Forwarded: by=1.1.1.1\r\n", "10.0.0.1!"},
        {"Forwarded: for=1.1.1.1;for=192.0.2.7\r\n", "10.0.0.1!"},
        {"Forwarded: for = 192.0.2.7\r\n", "10.0.0.1!"},
        {"Forwarded: for=[2001:db8::7]\r\n", "10.0.0.1!"},
        {"Forwarded: 192.0.2.7\r\n", "10.0.0.1!"},
        {"X-Forwarded-For: 192.0.2.7\r\n", "10.0.0.1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof wants / sizeof *wants; i++)
        assert_string_equal(client(FORWARDED_RFC7239, wants[i].fields), wants[i].client);
}

static void fields_are_stripped(void **state)
{
    (void)state;
    with("Forwarded: a\r\nX-Forwarded-For: 1\r\nX-FORWARDED-PROTO: https\r\nAccept: *\r\n"
         "X-Real-IP: 1\r\nClient-Cert: :AA==:\r\nClient-Cert-Chain: :AA==:\r\nX-Other: y\r\n"
         "X-Forwarded-Host: evil\r\n");
    assert_true(req.forwarding);
    forwarded_strip(&req);
    assert_int_equal(req.headers_n, 3);
    assert_string_equal(req.headers[2].value.p[0] == 'y' ? "X-Other" : "", "X-Other");
    with("Accept: *\r\nX-Other: y\r\n");
    assert_false(req.forwarding);
}

/* ":base64:" of a SEQUENCE with n bytes in it. */
static const char *item(size_t n)
{
    static char out[16384];
    uint8_t der[LIMIT_CLIENT_CERT + 8] = {0x30, 0x82, (uint8_t)(n >> 8), (uint8_t)n};
    struct buf b;
    buf_fixed(&b, out, sizeof out - 1);
    BUF_LIT(&b, ":");
    b64url_write_plain(&b, der, n + 4);
    BUF_LIT(&b, ":");
    out[b.n] = '\0';
    return out;
}

static bool cert(struct arena *a, const char *format, const char *value)
{
    char fields[16384];
    snprintf(fields, sizeof fields, format, value);
    arena_reset(a);
    with(fields);
    return forwarded_cert(&req, a);
}

static void client_certificates(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a, 1 << 20);
    assert_true(cert(&a, "%s", ""));
    assert_int_equal(req.client_cert.n, 0);
    assert_true(cert(&a, "Client-Cert: %s\r\n", item(500)));
    assert_int_equal(req.client_cert.n, 504);
    assert_true(cert(&a, "Client-Cert: %s\r\nClient-Cert-Chain: :MAEA:,:MAEA:\r\n", item(500)));
    assert_int_equal(req.client_chain_n, 2);
    assert_int_equal(req.client_chain[1].n, 3);
    assert_true(cert(&a, "Client-Cert: %s\r\n", item(LIMIT_CLIENT_CERT - 4)));
    assert_false(cert(&a, "Client-Cert: %s\r\n", item(LIMIT_CLIENT_CERT - 3)));
    assert_int_equal(req.client_cert.n, 0);
    static const char *const bad[] = {
        "Client-Cert: MAEA\r\n",
        "Client-Cert: :MAEA\r\n",
        "Client-Cert: :MAEA:;a=1\r\n",
        "Client-Cert: :MAE:\r\n",
        "Client-Cert: :MAEAAA==:\r\n", /* bytes behind the SEQUENCE */
        "Client-Cert: :MQEA:\r\n",     /* a SET */
        "Client-Cert: ::\r\n",
        "Client-Cert: \r\n",
        "Client-Cert: :MIEBAA==:\r\n", /* a length that DER writes shorter */
        "Client-Cert: :MAEA:, :MAEA:\r\n",
        "Client-Cert: :MAEA:\r\nClient-Cert: :MAEA:\r\n",
        "Client-Cert-Chain: :MAEA:\r\n",
        "Client-Cert: :MAEA:\r\nClient-Cert-Chain: :MAEA:,\r\n",
        "Client-Cert: :MAEA:\r\nClient-Cert-Chain: :MAEA:,:MAEA:,:MAEA:,:MAEA:,:MAEA:\r\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_false(cert(&a, "%s", bad[i]));
        assert_int_equal(req.client_cert.n + req.client_chain_n, 0);
    }
    arena_free(&a);
}

/* ---- PROXY ---- */

static enum preamble_state read_all(const char *p, size_t n, struct preamble *out)
{
    for (size_t i = 0; i < n; i++) /* each byte on its own: never done too early */
        if (preamble_read(p, i, out) == PREAMBLE_BAD)
            return PREAMBLE_BAD;
    return preamble_read(p, n, out);
}

static void version_1(void **state)
{
    struct preamble p;
    char text[ADDRESS_TEXT];
    static const char four[] = "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443\r\nGET /";
    static const char six[] = "PROXY TCP6 2001:db8::7 2001:db8::1 1 65535\r\n";
    static const char *const bad[] = {
        "PROXY TCP4 192.0.2.7 10.0.0.1 56324\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 56324 443 \r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 56324 443\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 70000 443\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 01 443\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 1 443\r\n",
        "PROXY UNKNOWNX\r\n",
        "PROXY\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 1 443\rX",
        "GET / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.7 10.0.0.1 1 443\r\n",
    };
    char line[200] = "PROXY UNKNOWN ";
    (void)state;
    assert_int_equal(read_all(four, sizeof four - 6, &p), PREAMBLE_DONE);
    assert_int_equal(preamble_read(four, sizeof four - 1, &p), PREAMBLE_DONE);
    assert_int_equal(p.n, sizeof four - 6);
    assert_true(p.known);
    address_write(&p.source, text);
    assert_string_equal(text, "192.0.2.7");
    assert_int_equal(read_all(six, sizeof six - 1, &p), PREAMBLE_DONE);
    address_write(&p.source, text);
    assert_string_equal(text, "2001:db8::7");
    assert_int_equal(read_all("PROXY UNKNOWN\r\n", 15, &p), PREAMBLE_DONE);
    assert_false(p.known);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(read_all(bad[i], strlen(bad[i]), &p), PREAMBLE_BAD);
    memset(line + 14, 'x', 91);
    memcpy(line + 105, "\r\n", 2);
    assert_int_equal(preamble_read(line, 107, &p), PREAMBLE_DONE);
    memcpy(line + 105, "x\r\n", 3);
    assert_int_equal(preamble_read(line, 108, &p), PREAMBLE_BAD);
    assert_int_equal(preamble_read(line, 106, &p), PREAMBLE_BAD);
}

/* A header of version 2 with that command, family and counted length; returns its size. */
static size_t v2(char out[5000], int command, int family, size_t n)
{
    memset(out, 0, 5000);
    memcpy(out, "\r\n\r\n\0\r\nQUIT\n", 12);
    out[12] = (char)command;
    out[13] = (char)family;
    out[14] = (char)(n >> 8);
    out[15] = (char)n;
    memcpy(out + 16, "\xc0\0\x02\x07", 4);
    return 16 + n;
}

static void version_2(void **state)
{
    struct preamble p;
    char h[5000], text[ADDRESS_TEXT];
    (void)state;
    assert_int_equal(read_all(h, v2(h, 0x21, 0x11, 12), &p), PREAMBLE_DONE);
    address_write(&p.source, text);
    assert_string_equal(text, "192.0.2.7");
    assert_int_equal(p.n, 28);
    assert_int_equal(read_all(h, v2(h, 0x21, 0x11, 300), &p), PREAMBLE_DONE); /* extensions */
    assert_int_equal(p.n, 316);
    assert_int_equal(read_all(h, v2(h, 0x21, 0x21, 36), &p), PREAMBLE_DONE);
    address_write(&p.source, text);
    assert_string_equal(text, "c000:207::");
    assert_int_equal(read_all(h, v2(h, 0x20, 0x11, 12), &p), PREAMBLE_DONE); /* LOCAL */
    assert_false(p.known);
    assert_int_equal(read_all(h, v2(h, 0x21, 0, 0), &p), PREAMBLE_DONE);
    assert_false(p.known);
    assert_int_equal(read_all(h, v2(h, 0x21, 0x31, 216), &p), PREAMBLE_DONE);
    assert_false(p.known);
    static const int bad[][3] = {{0x22, 0x11, 12},
                                 {0x11, 0x11, 12},
                                 {0x21, 0x12, 12},
                                 {0x21, 0x11, 11},
                                 {0x21, 0x21, 35},
                                 {0x21, 0x41, 216},
                                 {0x21, 0x11, LIMIT_PREAMBLE - 15},
                                 {0x01, 0x11, 12}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        size_t n = v2(h, bad[i][0], bad[i][1], (size_t)bad[i][2]);
        assert_int_equal(read_all(h, n, &p), PREAMBLE_BAD);
    }
    v2(h, 0x21, 0x11, 12);
    h[11] = 'x';
    assert_int_equal(preamble_read(h, 28, &p), PREAMBLE_BAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x_forwarded_for),     cmocka_unit_test(forwarded_rfc7239),
        cmocka_unit_test(fields_are_stripped), cmocka_unit_test(client_certificates),
        cmocka_unit_test(version_1),           cmocka_unit_test(version_2),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
