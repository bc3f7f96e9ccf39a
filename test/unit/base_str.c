/* base/str and base/ct: comparing, cutting, numbers, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ct.h"
#include "base/str.h"

static void compare(void **state)
{
    (void)state;
    assert_true(str_eq(STR("a"), STR("a")));
    assert_true(str_eq(str_make(NULL, 0), STR("")));
    assert_false(str_eq(STR("a"), STR("A")));
    assert_true(str_eq_nocase(STR("Content-Length"), STR("content-LENGTH")));
    assert_false(str_eq_nocase(STR("a["), STR("a{"))); /* only letters have a case */
    assert_false(str_eq_nocase(STR("a@"), STR("a`")));
    assert_true(str_cmp(STR("a"), STR("b")) < 0);
    assert_true(str_cmp(STR("ab"), STR("a")) > 0);
    assert_true(str_cmp(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_cmp(str_make(NULL, 0), STR("")), 0);
    assert_true(str_starts(STR("abc"), STR("ab")));
    assert_false(str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")));
    assert_false(str_ends(STR("c"), STR("bc")));
    assert_int_equal(str_find(STR("abcabc"), 'b', 2), 4);
    assert_int_equal(str_find(STR("abc"), 'x', 0), 3);
    assert_int_equal(str_find(STR("abc"), 'a', 9), 3);
}

static void cut_and_words(void **state)
{
    (void)state;
    str head, tail;
    assert_true(str_cut(STR("id:a:b"), ':', &head, &tail));
    assert_true(str_eq(head, STR("id")) && str_eq(tail, STR("a:b")));
    assert_false(str_cut(STR("id"), ':', &head, &tail));
    assert_true(str_eq(head, STR("id")) && tail.n == 0);
    assert_true(str_cut(STR("id:"), ':', &head, &tail));
    assert_true(str_eq(head, STR("id")) && tail.n == 0);

    str rest = STR("  read  write "), word;
    assert_true(str_next(&rest, ' ', &word) && str_eq(word, STR("read")));
    assert_true(str_next(&rest, ' ', &word) && str_eq(word, STR("write")));
    assert_false(str_next(&rest, ' ', &word));
    assert_false(str_next(&rest, ' ', &word));
    assert_true(str_eq(str_trim(STR(" \t a b\t ")), STR("a b")));
    assert_int_equal(str_trim(STR(" \t ")).n, 0);
    assert_true(str_eq(str_sub(STR("abc"), 1, 9), STR("bc")));
    assert_int_equal(str_sub(STR("abc"), 3, 1).n, 0);
}

static void numbers(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t value;
    } T[] = {
        {"0", true, 0},
        {"007", true, 7},
        {"-5", true, -5},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"99999999999999999999999", false, 0},
        {"", false, 0},
        {"-", false, 0},
        {"+5", false, 0},
        {" 5", false, 0},
        {"5 ", false, 0},
        {"0x5", false, 0},
        {"1.0", false, 0},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        int64_t v = 42;
        bool ok = str_i64(str_from(T[i].text), INT64_MIN, INT64_MAX, &v);
        if (ok != T[i].ok || v != (ok ? T[i].value : 42))
            fail_msg("\"%s\" -> %d, %lld", T[i].text, ok, (long long)v);
    }
    int64_t v;
    assert_false(str_i64(STR("11"), 0, 10, &v));
    assert_false(str_i64(STR("-1"), 0, 10, &v));
}

static void hex_digits_are_bytes(void **state)
{
    uint8_t out[3] = {0};

    (void)state;
    assert_true(str_hex(STR("00fFA9"), out, 3));
    assert_memory_equal(out, "\x00\xff\xa9", 3);
    assert_false(str_hex(STR("00ff"), out, 3));
    assert_false(str_hex(STR("00ff0"), out, 3));
    assert_false(str_hex(STR("00ff0g"), out, 3));
    assert_false(str_hex(STR("00ff:0"), out, 3));
    assert_false(str_hex(STR("00ff0 "), out, 3));
    assert_true(str_hex(STR(""), out, 0));
}

static void utf8(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        uint32_t code;
    } T[] = {
        {"a", 1, 'a'},
        {"\xc3\xa4", 2, 0xe4},
        {"\xe2\x82\xac", 3, 0x20ac},
        {"\xf0\x9f\x98\x80", 4, 0x1f600},
        {"\xf4\x8f\xbf\xbf", 4, 0x10ffff},
        {"\xed\x9f\xbf", 3, 0xd7ff},
        {"\xc0\xaf", 0, 0},         /* overlong */
        {"\xc1\xbf", 0, 0},         /* overlong */
        {"\xe0\x80\xaf", 0, 0},     /* overlong */
        {"\xf0\x80\x80\xaf", 0, 0}, /* overlong */
        {"\xed\xa0\x80", 0, 0},     /* surrogate */
        {"\xf4\x90\x80\x80", 0, 0}, /* above U+10FFFF */
        {"\xf5\x80\x80\x80", 0, 0},
        {"\x80", 0, 0},
        {"\xc3", 0, 0}, /* ends early */
        {"\xe2\x82", 0, 0},
        {"\xc3(", 0, 0},
        {"\xff", 0, 0},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        uint32_t code = 0;
        size_t n = str_utf8(str_from(T[i].bytes), &code);
        if (n != T[i].n || (n > 0 && code != T[i].code))
            fail_msg("row %zu: length %zu, code %x", i, n, (unsigned)code);
    }
}

static void secrets(void **state)
{
    (void)state;
    struct digest a = {{1, 2, 3}}, b = a;
    assert_true(ct_digest_eq(&a, &b));
    for (size_t i = 0; i < sizeof(b.b); i++) {
        b = a;
        b.b[i] ^= 0x80;
        assert_false(ct_digest_eq(&a, &b));
    }
    assert_true(ct_eq("", "", 0));
    struct secret s;
    ct_secret_set(&s, "0123456789", 10);
    assert_int_equal(s.n, 10);
    assert_memory_equal(s.b, "0123456789", 10);
    ct_secret_set(&s, "ab", 2);
    assert_int_equal(s.b[2], 0); /* nothing of the longer one is left */
    ct_secret_wipe(&s);
    static const struct secret ZERO;
    assert_memory_equal(&s, &ZERO, sizeof(s));
}

static void marks_that_mislead(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t n;
    } cases[] = {{"\x1b", 1},         {"\x7f", 1},         {"\n", 1},           {"\xc2\x85", 2},
                 {"\xc2\xa0", 0},     {"\xe2\x80\x8d", 0}, {"\xe2\x80\x8e", 3}, {"\xe2\x80\x8f", 3},
                 {"\xe2\x80\x90", 0}, {"\xe2\x80\xa9", 0}, {"\xe2\x80\xaa", 3}, {"\xe2\x80\xae", 3},
                 {"\xe2\x80\xaf", 0}, {"\xe2\x81\xa5", 0}, {"\xe2\x81\xa6", 3}, {"\xe2\x81\xa9", 3},
                 {"\xe2\x81\xaa", 0}, {"\xe2\x80", 0},     {"\xc2", 0},         {"a", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(str_mark(str_from(cases[i].text), 0), cases[i].n);
        assert_int_equal(str_has_marks(str_from(cases[i].text), ""), cases[i].n > 0);
    }
    assert_true(str_has_marks(STR("a\0"), "\n"));
    assert_false(str_has_marks(STR("a\nb"), "\n\t"));
    assert_true(str_has_marks(STR("a\nb\xe2\x80\xae"), "\n\t"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_digits_are_bytes),
        cmocka_unit_test(marks_that_mislead),
        cmocka_unit_test(compare),
        cmocka_unit_test(cut_and_words),
        cmocka_unit_test(numbers),
        cmocka_unit_test(utf8),
        cmocka_unit_test(secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
