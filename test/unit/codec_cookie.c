/* codec/cookie: RFC 6265 4.1, 4.2; security.md 60, A27. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/cookie.h"

/* security.md A27: a neighbour's cookie of our name, twice the name, junk. */
static void cookies_are_found_once_or_not_at_all(void **state)
{
    (void)state;
    static const struct {
        str header;
        const char *value; /* NULL: none */
    } T[] = {
        {STR_INIT("postern=abc"), "abc"},
        {STR_INIT("a=1; postern=abc; b=2"), "abc"},
        {STR_INIT("a=1;postern=abc"), "abc"},
        {STR_INIT("postern=a=b"), "a=b"},
        {STR_INIT("postern="), ""},
        {STR_INIT("bad\"one; =; ;; x; postern=abc"), "abc"},
        {STR_INIT(""), NULL},
        {STR_INIT("postern"), NULL},
        {STR_INIT("Postern=abc"), NULL},
        {STR_INIT("xpostern=abc"), NULL},
        {STR_INIT("postern2=abc"), NULL},
        {STR_INIT("postern-flow=abc"), NULL},
        {STR_INIT("postern =abc"), NULL},
        {STR_INIT("postern=abc; postern=abc"), NULL},
        {STR_INIT("postern=; postern=abc"), NULL},
        {STR_INIT("postern=evil; a=1; postern=abc"), NULL},
        {STR_INIT("postern=\"abc\""), NULL},
        {STR_INIT("postern=a b"), NULL},
        {STR_INIT("postern=a,b"), NULL},
        {STR_INIT("postern=a\\b"), NULL},
        {STR_INIT("postern=a\tb"), NULL},
        {STR_INIT("postern=a\x7f"), NULL},
        {STR_INIT("postern=a\xc3\xbc"), NULL},
        {STR_INIT("postern=a\0b"), NULL},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
        str got = cookie_get(T[i].header, STR("postern"));
        if ((got.p != NULL) != (T[i].value != NULL) || !str_eq(got, str_from(T[i].value)))
            fail_msg("row %zu: \"%.*s\"", i, STR_ARG(got));
    }
}

static void great_cookies_are_none(void **state)
{
    (void)state;
    static char header[8192];
    memset(header, 'x', sizeof header);
    memcpy(header, "p=", 2);
    assert_int_equal(cookie_get(str_make(header, 4098), STR("p")).n, 4096);
    assert_null(cookie_get(str_make(header, 4099), STR("p")).p);
}

static str written(str value, int64_t max_age_s, bool secure)
{
    static char storage[256];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    cookie_write(&b, STR("postern"), value, max_age_s, secure);
    return buf_str(&b);
}

/* security.md 60: HttpOnly, SameSite=Lax, Path=/, no Domain. */
static void cookies_are_written(void **state)
{
    (void)state;
    assert_true(str_eq(written(STR("abc"), -1, true),
                       STR("postern=abc; Path=/; HttpOnly; SameSite=Lax; Secure")));
    assert_true(str_eq(written(STR("abc"), 3600, false),
                       STR("postern=abc; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600")));
    assert_true(str_eq(written(STR(""), 0, true),
                       STR("postern=; Path=/; HttpOnly; SameSite=Lax; Secure; Max-Age=0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cookies_are_found_once_or_not_at_all),
        cmocka_unit_test(great_cookies_are_none),
        cmocka_unit_test(cookies_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
