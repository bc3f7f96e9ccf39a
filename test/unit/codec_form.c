/* codec/form, codec/url, codec/b64url: security.md A13, A14, A16, A22, 48. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/b64url.h"
#include "codec/form.h"
#include "codec/url.h"

static struct arena arena;

static int wipe(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

/* "name=value;..." of what was parsed, with <> around each, or "error". */
static str shown(str text)
{
    struct form f;
    struct buf b;
    buf_init(&b, &arena, 64, 1 << 20);
    if (form_parse(&arena, text, &f) != OK)
        return STR("error");
    for (size_t i = 0; i < f.n; i++)
        buf_printf(&b, "<%.*s=%.*s>", STR_ARG(f.pairs[i].name), STR_ARG(f.pairs[i].value));
    return buf_str(&b);
}

static void forms(void **state)
{
    (void)state;
    static const struct {
        str in;
        const char *out;
    } T[] = {
        {STR_INIT(""), ""},
        {STR_INIT("a=b"), "<a=b>"},
        {STR_INIT("a=b&c=d"), "<a=b><c=d>"},
        {STR_INIT("&&a=b&&"), "<a=b>"},
        {STR_INIT("a"), "<a=>"},
        {STR_INIT("="), "<=>"},
        {STR_INIT("=v"), "<=v>"},
        {STR_INIT("a=b=c"), "<a=b=c>"},
        {STR_INIT("a=b+c%20d"), "<a=b c d>"},
        {STR_INIT("a=%26%3D%2B"), "<a=&=+>"},
        {STR_INIT("a=b;c=d"), "<a=b;c=d>"},                                    /* A14 */
        {STR_INIT("client%5fid=x&client_id=y"), "<client_id=x><client_id=y>"}, /* A14 */
        {STR_INIT("a[]=1&Client_Id=2&a+=3"), "<a[]=1><Client_Id=2><a =3>"},    /* A14 */
        {STR_INIT("a=%252e"), "<a=%2e>"},                                      /* A13: once */
        {STR_INIT("a=%c3%bc%E2%82%AC"), "<a=\xc3\xbc\xe2\x82\xac>"},
        {STR_INIT("a=%"), "error"},
        {STR_INIT("a=%4"), "error"},
        {STR_INIT("a=%4&b=1"), "error"},
        {STR_INIT("a=%zz"), "error"},
        {STR_INIT("a=%4g"), "error"},
        {STR_INIT("%zz=a"), "error"},
        {STR_INIT("a=%00"), "error"},
        {STR_INIT("a=b\0c"), "error"},
        {STR_INIT("a=%c0%af"), "error"},
        {STR_INIT("a=%ed%a0%80"), "error"},
        {STR_INIT("a=%f4%90%80%80"), "error"},
        {STR_INIT("a=%c3"), "error"},
        {STR_INIT("a=\xc3\xbc"), "error"},
        {STR_INIT("\xff=a"), "error"},
        {STR_INIT("\xef\xbb\xbf"
                  "a=b"),
         "error"},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        str got = shown(T[i].in);
        if (!str_eq(got, str_from(T[i].out)))
            fail_msg("row %zu \"%.*s\" -> %.*s", i, STR_ARG(T[i].in), STR_ARG(got));
    }
}

static void form_limits(void **state)
{
    (void)state;
    struct form f;
    struct buf b;
    buf_init(&b, &arena, 1024, 1 << 20);
    for (int i = 0; i < LIMIT_PARAMS; i++)
        BUF_LIT(&b, "a=1&");
    assert_int_equal(form_parse(&arena, buf_str(&b), &f), OK);
    assert_int_equal(f.n, LIMIT_PARAMS);
    BUF_LIT(&b, "a=1");
    assert_int_equal(form_parse(&arena, buf_str(&b), &f), ERR_INVALID_REQUEST);

    static char text[LIMIT_PARAM_VALUE + 100];
    memset(text, 'n', sizeof(text));
    str name = str_make(text, LIMIT_PARAM_NAME);
    assert_int_equal(form_parse(&arena, name, &f), OK);
    name.n++;
    assert_int_equal(form_parse(&arena, name, &f), ERR_INVALID_REQUEST);
    text[1] = '=';
    str pair = str_make(text, 2 + LIMIT_PARAM_VALUE);
    assert_int_equal(form_parse(&arena, pair, &f), OK);
    pair.n++;
    assert_int_equal(form_parse(&arena, pair, &f), ERR_INVALID_REQUEST);
}

static void form_lookup_borrows(void **state)
{
    (void)state;
    struct form f;
    str text = STR("a=plain&b=x%41&a=second&e=");
    assert_int_equal(form_parse(&arena, text, &f), OK);
    assert_true(str_eq(form_get(&f, STR("a")), STR("plain")));
    assert_ptr_equal(form_get(&f, STR("a")).p, text.p + 2);
    assert_true(str_eq(form_get(&f, STR("b")), STR("xA")));
    assert_non_null(form_get(&f, STR("e")).p);
    assert_null(form_get(&f, STR("c")).p);
    str half;
    assert_int_equal(form_decode(&arena, STR("a%3Ab+c"), &half), OK);
    assert_true(str_eq(half, STR("a:b c")));
    assert_int_equal(form_decode(&arena, STR("%"), &half), ERR_INVALID_REQUEST);
}

static void percent_encoding(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, &arena, 64, 1024);
    url_encode(&b, STR("aZ09-._~ /+%\xc3\xbc"));
    assert_true(str_eq(buf_str(&b), STR("aZ09-._~%20%2F%2B%25%C3%BC")));
    assert_true(url_is_utf8(STR("gr\xc3\xbc\xc3\x9f")));
    assert_false(url_is_utf8(STR("gr\xc3")));
    assert_int_equal(url_hex_digit('f'), 15);
    assert_int_equal(url_hex_digit('A'), 10);
    assert_int_equal(url_hex_digit('g'), -1);
    assert_int_equal(url_hex_digit('@'), -1);
}

static void urls(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out; /* out: scheme|userinfo|host|port|path|query|fragment, NULL: error */
    } T[] = {
        {"https://app.example/cb", "https||app.example||/cb||"},
        {"https://app.example", "https||app.example||||"},
        {"https://app.example?x=1#f", "https||app.example|||?x=1|#f"},
        {"HTTPS://APP.example:443/", "HTTPS||APP.example|:443|/||"},
        {"http://127.0.0.1:1@evil/", "http|127.0.0.1:1@|evil||/||"},
        {"https://[::1]:80/a/../b;c?", "https||[::1]|:80|/a/../b;c|?|"},
        {"https://a.example:/", "https||a.example|:|/||"},
        {"https://a.example/%2e%2E#", "https||a.example||/%2e%2E||#"},
        {"https://evil\\@app.example/cb", NULL},
        {"https:app.example/cb", NULL},
        {"https:/app.example/cb", NULL},
        {"//app.example/cb", NULL},
        {"/cb", NULL},
        {"", NULL},
        {"ftp://a.example/", NULL},
        {"javascript://a.example/%0aalert(1)", NULL},
        {"https://", NULL},
        {"https:///cb", NULL},
        {"https://:80/", NULL},
        {"https://a b/", NULL},
        {"https://a.example/a b", NULL},
        {"https://a.example/%", NULL},
        {"https://a.example/%4", NULL},
        {"https://a.example/%zz", NULL},
        {"https://a.example/?a=[]", NULL},
        {"https://a.example/\"", NULL},
        {"https://a.example/#a#b", NULL},
        {"https://a.example:65536/", NULL},
        {"https://a.example:8o/", NULL},
        {"https://a.example:-1/", NULL},
        {"https://a.example:1:2/", NULL},
        {"https://a@b@c/", NULL},
        {"https://[::1/", NULL},
        {"https://[::1]x/", NULL},
        {"https://[1.2.3.4]/", NULL},
        {"https://[::1%25eth0]/", NULL},
        {"https://\xd0\xb5xample/", NULL},
        {"https://a.example/\xc3\xbc", NULL},
        {"https://a.example/\r\nX: 1", NULL},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        struct url u;
        struct buf b;
        buf_init(&b, &arena, 256, 4096);
        if (url_parse(str_from(T[i].in), &u) == OK) {
            buf_printf(&b, "%.*s|%.*s%s|%.*s|%s%.*s|%.*s|%s%.*s|%s%.*s", STR_ARG(u.scheme),
                       STR_ARG(u.userinfo), u.has_userinfo ? "@" : "", STR_ARG(u.host),
                       u.has_port ? ":" : "", STR_ARG(u.port), STR_ARG(u.path),
                       u.has_query ? "?" : "", STR_ARG(u.query), u.has_fragment ? "#" : "",
                       STR_ARG(u.fragment));
        }
        if (!str_eq(buf_str(&b), str_from(T[i].out)))
            fail_msg("\"%s\" -> %.*s", T[i].in, STR_ARG(buf_str(&b)));
    }
    struct url u;
    assert_int_equal(url_parse(STR("https://a\0b/"), &u), ERR_INVALID_REQUEST);
}

static void loopback(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        bool yes;
    } T[] = {
        {"http://127.0.0.1/cb", true},
        {"http://127.0.0.1:99/", true},
        {"http://[::1]:8080/", true},
        {"http://LocalHost/", true},
        {"https://127.0.0.1/", false},
        {"http://127.0.0.1.evil/", false},
        {"http://127.1/", false},
        {"http://2130706433/", false},
        {"http://[::ffff:127.0.0.1]/", false},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        struct url u;
        assert_int_equal(url_parse(str_from(T[i].in), &u), OK);
        assert_int_equal(url_is_loopback(&u), T[i].yes);
    }
}

/* RFC 4648 10 and the URL alphabet. */
static void base64_vectors(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *plain, *url;
    } T[] = {
        {"", "", ""},
        {"f", "Zg==", "Zg"},
        {"fo", "Zm8=", "Zm8"},
        {"foo", "Zm9v", "Zm9v"},
        {"foob", "Zm9vYg==", "Zm9vYg"},
        {"fooba", "Zm9vYmE=", "Zm9vYmE"},
        {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
        {"\xfb\xff\xbf", "+/+/", "-_-_"},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        str bytes = str_from(T[i].bytes), back;
        struct buf b;
        char exact[8], written[16];
        buf_init(&b, &arena, 64, 64);
        b64url_write(&b, bytes.p, bytes.n);
        assert_true(str_eq(buf_str(&b), str_from(T[i].url)));
        assert_int_equal(b.n, B64URL_CHARS(bytes.n));
        b64url_encode(bytes.p, bytes.n, written);
        assert_memory_equal(written, T[i].url, b.n);
        assert_true(b64url_decode(&arena, buf_str(&b), &back) && str_eq(back, bytes));
        assert_true(b64url_decode_exact(buf_str(&b), exact, bytes.n));
        assert_memory_equal(exact, bytes.p, bytes.n);
        b.n = 0;
        b64url_write_plain(&b, bytes.p, bytes.n);
        assert_true(str_eq(buf_str(&b), str_from(T[i].plain)));
        assert_true(b64url_decode_plain(&arena, buf_str(&b), &back) && str_eq(back, bytes));
    }
}

static void base64_refused(void **state)
{
    (void)state;
    static const char *const URL[] = {"Zg==",
                                      "Zm8=",
                                      "Z",
                                      "Zm9vY",
                                      "Zm9+",
                                      "Zm9/",
                                      "Zm 9",
                                      "Zm9\n",
                                      "Zh",
                                      "Zm9vYh",
                                      "Zm9",
                                      "\xc3\xbc"
                                      "aa",
                                      "Zm9v ",
                                      "Zm.v"};
    static const char *const PLAIN[] = {"Zg",       "Zg=",      "Zg===", "Zm8",     "Zm9v=", "=",
                                        "====",     "Z===",     "Zm9-",  "Zm9_",    "Zh==",  "Zm9=",
                                        "Zg==Zg==", "Zm9v\r\n", " Zm9v", "Zm9vZ=g="};
    str out;
    char exact[3];
    for (size_t i = 0; i < sizeof(URL) / sizeof(URL[0]); i++)
        if (b64url_decode(&arena, str_from(URL[i]), &out))
            fail_msg("accepted %s", URL[i]);
    for (size_t i = 0; i < sizeof(PLAIN) / sizeof(PLAIN[0]); i++)
        if (b64url_decode_plain(&arena, str_from(PLAIN[i]), &out))
            fail_msg("accepted %s", PLAIN[i]);
    assert_false(b64url_decode_exact(STR("Zm9v"), exact, 2));
    assert_false(b64url_decode_exact(STR("Zm8"), exact, 3));
    assert_false(b64url_decode_plain(&arena, str_make("a\0==", 4), &out));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(forms, wipe),
        cmocka_unit_test_teardown(form_limits, wipe),
        cmocka_unit_test_teardown(form_lookup_borrows, wipe),
        cmocka_unit_test_teardown(percent_encoding, wipe),
        cmocka_unit_test_teardown(urls, wipe),
        cmocka_unit_test_teardown(loopback, wipe),
        cmocka_unit_test_teardown(base64_vectors, wipe),
        cmocka_unit_test_teardown(base64_refused, wipe),
    };
    arena_init(&arena, 1 << 22);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
