/* oauth/password_rules: NIST SP 800-63B-4 3.1.1.2, security.md 63 to 65. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "oauth/password_rules.h"

static struct arena arena;
static char list[] = "/tmp/postern-common-XXXXXX";

static int wipe(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

static struct password_rules *open_rules(int64_t min)
{
    char why[512] = "";
    struct password_rules *r = password_rules_open(str_from(list), min, why, sizeof why);
    if (!r)
        fail_msg("%s", why);
    return r;
}

static void expect(const struct password_rules *r, str password, const char *want)
{
    const str context[] = {
        STR("ann.lee"), STR("Ann.Lee@example.com"), STR("https://login.acme.example"), {0}};
    const char *reason = "?";
    enum err e = password_rules_check(r, &arena, password, context, 4, &reason);
    if ((e == OK) != (want == NULL) || (e != OK && e != ERR_INVALID_REQUEST) ||
        (reason == NULL) != (want == NULL) || (want && strcmp(reason, want) != 0))
        fail_msg("\"%.*s\": %d %s, want %s", STR_ARG(password), e, reason ? reason : "-",
                 want ? want : "-");
}

/* security.md 63 */
static void lengths_are_counted_in_code_points(void **state)
{
    (void)state;
    struct password_rules *r = open_rules(15);
    char many[1026];
    for (size_t i = 0; i < sizeof many; i++)
        many[i] = (char)('a' + (i * i * 7 + i / 5) % 26);
    expect(r, str_make(many, 14), "password.short");
    expect(r, str_make(many, 15), NULL);
    expect(r, str_make(many, 64), NULL);
    expect(r, str_make(many, 1024), NULL);
    expect(r, str_make(many, 1025), "password.long");
    expect(r, STR(""), "password.short");
    expect(r, STR("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac wxyz"), "password.short"); /* 10 */
    expect(r, STR("\xc3\xa4\xc3\xb6\xc3\xbc\xc3\x9f\xe2\x82\xac tuv wxyz!"), NULL);        /* 15 */
    expect(r,
           STR("abc\xff"
               "defghijklmnopqrst"),
           "password.long"); /* not UTF-8 */
    password_rules_close(r);
    r = open_rules(8);
    expect(r, str_make(many, 7), "password.short");
    expect(r, str_make(many, 8), NULL);
    password_rules_close(r);
}

/* security.md 64: nothing but length, lists and context. */
static void no_composition_is_demanded(void **state)
{
    (void)state;
    struct password_rules *r = open_rules(15);
    expect(r, STR("correct horse battery staple"), NULL);
    expect(r, STR("               x  y   "), NULL); /* spaces count */
    expect(r, STR("482910573829104"), NULL);
    expect(r,
           STR("\xf0\x9f\x90\xb4\xf0\x9f\x94\x8b\xf0\x9f\x93\x8e\xf0\x9f\x90\x84\xf0\x9f\x90\x80"
               "\xf0\x9f\x90\x81\xf0\x9f\x90\x82\xf0\x9f\x90\x83\xf0\x9f\x90\x85\xf0\x9f\x90\x86"
               "\xf0\x9f\x90\x87\xf0\x9f\x90\x88\xf0\x9f\x90\x89\xf0\x9f\x90\x8a\xf0\x9f\x90\x8b"),
           NULL);
    expect(r, STR("tab\there and control"), NULL);
    password_rules_close(r);
}

/* security.md 65 */
static void common_passwords_are_refused(void **state)
{
    (void)state;
    struct password_rules *r = open_rules(8);
    static const char *const bad[] = {
        "password",
        "PassWord",
        "\xef\xbd\x90"
        "assword",
        " password ",
        "trustno1forever",
        "caf\xc3\xa9"
        "caf\xc3\xa9",
        "passwordpassword",
        "aaaaaaaaaaaaaaa",
        "abababababababa",
        "123412341234123",
        "12345678901234567890",
        "98765432109876",
        "abcdefghijklmno",
        "zyxwvutsrqponml",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(r, str_from(bad[i]), "password.common");
    static const char *const good[] = {"password but longer", "trustno1forever!", "#!comment: none",
                                       "passwordpasswords and more"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        expect(r, str_from(good[i]), NULL);
    password_rules_close(r);
}

/* security.md 65 */
static void words_of_the_context_are_refused(void **state)
{
    (void)state;
    struct password_rules *r = open_rules(8);
    static const char *const bad[] = {
        "ann.lee@example.com", "EXAMPLE2026!!!",  "acmeacme-login-1",
        "login.acme.example",  "Acme 4815162342", "examplepassword",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect(r, str_from(bad[i]), "password.context");
    expect(r, STR("an example of a longer one"), NULL);
    expect(r, STR("anna walks to the leeward side"), NULL); /* "ann", "lee": too short to count */
    expect(r, STR("20262026!!??2345"), NULL);               /* few letters, none struck out */
    password_rules_close(r);
}

static void normal_form_is_what_is_hashed(void **state)
{
    (void)state;
    str out;
    assert_true(password_rules_normalize(&arena,
                                         STR("u\xcc\x88"
                                             " X"),
                                         &out));
    assert_true(str_eq(out, STR("\xc3\xbc X")));
    assert_false(password_rules_normalize(&arena, STR("\xff"), &out));
    char *many = arena_alloc(&arena, 1025);
    memset(many, 'x', 1025);
    assert_true(password_rules_normalize(&arena, str_make(many, 1024), &out));
    assert_false(password_rules_normalize(&arena, str_make(many, 1025), &out));
    for (int i = 0; i < 100; i++) /* one character that becomes 18: it grows beyond the bound */
        memcpy(many + 3 * i, "\xef\xb7\xba", 3);
    assert_false(password_rules_normalize(&arena, str_make(many, 300), &out));
}

static void a_list_that_is_not_there_is_told(void **state)
{
    (void)state;
    char why[512] = "";
    assert_null(password_rules_open(STR("/nowhere/list"), 15, why, sizeof why));
    assert_non_null(strstr(why, "/nowhere/list cannot be read"));
    assert_non_null(strstr(why, "john-data"));
    assert_null(password_rules_open(STR("/dev/null"), 15, why, sizeof why));
    assert_non_null(strstr(why, "has no password"));
    assert_null(password_rules_open(STR("/tmp"), 15, why, sizeof why));
    struct password_rules *r = password_rules_open(STR(""), 8, why, sizeof why);
    assert_non_null(r); /* no list is wanted */
    expect(r, STR("password"), NULL);
    expect(r, STR("aaaaaaaa"), "password.common");
    password_rules_close(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(lengths_are_counted_in_code_points, wipe),
        cmocka_unit_test_teardown(no_composition_is_demanded, wipe),
        cmocka_unit_test_teardown(common_passwords_are_refused, wipe),
        cmocka_unit_test_teardown(words_of_the_context_are_refused, wipe),
        cmocka_unit_test_teardown(normal_form_is_what_is_hashed, wipe),
        cmocka_unit_test_teardown(a_list_that_is_not_there_is_told, wipe),
    };
    int fd = mkstemp(list);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");
    if (!f)
        return 1;
    fputs("#!comment: none\n\npassword\nTrustNo1Forever\r\ncaf\xc3\xa9\n\xff\xff\nlast", f);
    fclose(f);
    arena_init(&arena, 16 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    unlink(list);
    return failed;
}
