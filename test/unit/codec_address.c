/* Addresses and ranges: what is read, what is refused, what lies in what. */
/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */

#include "codec/address.h"

static void spelling(void **state)
{
    static const struct {
        const char *in, *out;
    } good[] = {{"192.0.2.1", "192.0.2.1"},
                {"0.0.0.0", "0.0.0.0"},
                {"::ffff:192.0.2.1", "192.0.2.1"},
                {"2001:DB8:0::1", "2001:db8::1"},
                {"::", "::"}};
    static const char *const bad[] = {"",           "1.2.3",    "1.2.3.04",  "256.1.1.1",
                                      " 1.2.3.4",   "1.2.3.4 ", "[::1]",     "::1%lo",
                                      "fe80::1::2", "x",        "1.2.3.4:80"};
    struct address a;
    char text[ADDRESS_TEXT];
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(address_parse(str_from(good[i].in), &a));
        assert_int_equal(address_write(&a, text), strlen(good[i].out));
        assert_string_equal(text, good[i].out);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(address_parse(str_from(bad[i]), &a));
    assert_false(address_parse(str_make("1.2.3.4\0", 8), &a));
}

static bool lies_in(const char *range, const char *text)
{
    struct address_range r;
    struct address a;
    assert_true(address_range_parse(str_from(range), &r));
    assert_true(address_parse(str_from(text), &a));
    return address_in(&a, &r, 1);
}

static void ranges(void **state)
{
    static const char *const bad[] = {
        "10.0.0.1/8",     "10.0.0.0/33", "10.0.0.0/",    "10.0.0.0/-1", "10.0.0.0/08",
        "2001:db8::/129", "/8",          "10.0.0.0/8/8", "unix",        "",
        "0.0.0.0/x"};
    struct address_range r;
    (void)state;
    assert_true(lies_in("192.0.2.1", "192.0.2.1"));
    assert_false(lies_in("192.0.2.1", "192.0.2.2"));
    assert_true(lies_in("10.0.0.0/8", "10.255.0.1"));
    assert_false(lies_in("10.0.0.0/8", "11.0.0.0"));
    assert_true(lies_in("10.0.0.0/9", "10.127.255.255"));
    assert_false(lies_in("10.0.0.0/9", "10.128.0.0"));
    assert_true(lies_in("0.0.0.0/0", "8.8.8.8"));
    assert_false(lies_in("0.0.0.0/0", "2001:db8::1"));
    assert_true(lies_in("::/0", "8.8.8.8"));
    assert_true(lies_in("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(lies_in("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(lies_in("192.0.2.0/24", "::ffff:192.0.2.77"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(address_range_parse(str_from(bad[i]), &r));
}

static void prefixes(void **state)
{
    struct address a, p;
    char text[ADDRESS_TEXT];
    (void)state;
    assert_true(address_parse(STR("2001:db8:1:2:3:4:5:6"), &a));
    p = address_prefix(&a, 64);
    address_write(&p, text);
    assert_string_equal(text, "2001:db8:1:2::");
    p = address_prefix(&a, 128);
    assert_true(address_eq(&p, &a));
    p = address_prefix(&a, 0);
    address_write(&p, text);
    assert_string_equal(text, "::");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(spelling),
        cmocka_unit_test(ranges),
        cmocka_unit_test(prefixes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
