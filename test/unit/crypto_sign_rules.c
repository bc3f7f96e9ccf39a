/* What may be signed: the table of profiles, and the scanner before hostile claims. */
#include "crypto_vectors.h"

#include "crypto/sign_rules.h"

#define NOW 1700000000
#define ISS "https://id.example"

static const struct sign_rules rules = {.issuer = STR_INIT(ISS)};

static enum err check(enum sign_profile p, const char *claims)
{
    return sign_rules_check(&rules, p, str_from(claims), false, NOW);
}

static void may(enum sign_profile p, const char *claims)
{
    if (check(p, claims) != OK)
        fail_msg("refused: %s", claims);
}

static void may_not(enum sign_profile p, const char *claims)
{
    if (check(p, claims) != ERR_FORBIDDEN)
        fail_msg("allowed: %s", claims);
}

/* iss, and what comes behind it. */
#define C(rest) "{\"iss\":\"" ISS "\"" rest "}"
#define IAT     ",\"iat\":1700000000"
#define EXP     ",\"exp\":1700003600"

static void every_profile_has_its_typ_and_life(void **state)
{
    static const struct {
        enum sign_profile p;
        const char *typ;
        int64_t life_s;
    } want[SIGN_PROFILES] = {
        {SIGN_ACCESS, "at+jwt", 2592000},
        {SIGN_ACCESS_TWILIO, "JWT", 2592000},
        {SIGN_ID_TOKEN, "JWT", 3600},
        {SIGN_USERINFO, "JWT", 0},
        {SIGN_CHECKPOINT, "audit-checkpoint+jwt", 0},
    };
    char text[128];

    (void)state;
    for (size_t i = 0; i < SIGN_PROFILES; i++) {
        assert_str(sign_rules_typ(want[i].p), str_from(want[i].typ));
        for (int over = 0; over < 2; over++) {
            snprintf(text, sizeof text, C(IAT ",\"exp\":%ld"), NOW + want[i].life_s + over);
            (want[i].life_s > 0 && !over ? may : may_not)(want[i].p, text);
        }
        (want[i].life_s == 0 ? may : may_not)(want[i].p, C(IAT));
    }
    assert_null(sign_rules_typ(SIGN_PROFILES).p);
    assert_null(sign_rules_typ((enum sign_profile) - 1).p);
    may_not(SIGN_PROFILES, C(IAT EXP));
    may_not((enum sign_profile) - 1, C(IAT EXP));
    may_not((enum sign_profile)1000000, C(IAT EXP));
}

static void the_issuer_is_ours_and_there_once(void **state)
{
    static const char *const bad[] = {
        "{\"iat\":1700000000,\"exp\":1700003600}",
        "{\"iss\":\"https://id.exampl\"" IAT EXP "}",
        "{\"iss\":\"https://id.example/\"" IAT EXP "}",
        "{\"iss\":\"https://ID.example\"" IAT EXP "}",
        "{\"iss\":\"\"" IAT EXP "}",
        "{\"iss\":[\"" ISS "\"]" IAT EXP "}",
        "{\"iss\":{\"iss\":\"" ISS "\"}" IAT EXP "}",
        "{\"iss\":null" IAT EXP "}",
        "{\"iss\":1" IAT EXP "}",
        "{\"Iss\":\"" ISS "\"" IAT EXP "}",
        "{\"x\":{\"iss\":\"" ISS "\"}" IAT EXP "}",
        "{\"iss\":\"https:\\/\\/id.example\"" IAT EXP "}",
        "{\"iss\":\"\\u0068ttps://id.example\"" IAT EXP "}",
        C(IAT EXP ",\"iss\":\"" ISS "\""),
        C(IAT EXP ",\"iss\":\"https://other.example\""),
        C(IAT EXP ",\"\\u0069ss\":\"https://other.example\""),
        C(IAT EXP ",\"i\\u0073s\":1"),
        C(IAT EXP ",\"other\\u0020name\":1"),
    };

    (void)state;
    may(SIGN_ACCESS, C(IAT EXP));
    may(SIGN_ACCESS, C(IAT EXP ",\"x\":{\"iss\":\"https://other.example\",\"iss\":2}"));
    may(SIGN_ACCESS, C(IAT EXP ",\"x\":[{\"exp\":1e99},\"\\\"iss\\\":\"]"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        may_not(SIGN_ACCESS, bad[i]);
    /* A server without an issuer signs nothing. */
    const struct sign_rules none = {{0}, NULL}, empty = {STR_INIT(""), NULL};
    assert_int_equal(
        sign_rules_check(&none, SIGN_ACCESS, STR("{\"iss\":\"\"" IAT EXP "}"), false, NOW),
        ERR_FORBIDDEN);
    assert_int_equal(
        sign_rules_check(&empty, SIGN_ACCESS, STR("{\"iss\":\"\"" IAT EXP "}"), false, NOW),
        ERR_FORBIDDEN);
}

/* security.md 47 */
static void times_are_integers_about_now(void **state)
{
    static const char *const bad[] = {
        C(EXP),
        C(IAT EXP IAT),
        C(IAT EXP EXP),
        C(",\"iat\":1699999399" EXP),
        C(",\"iat\":1700000061" EXP),
        C(",\"iat\":\"1700000000\"" EXP),
        C(",\"iat\":1700000000.0" EXP),
        C(",\"iat\":17e8" EXP),
        C(",\"iat\":01700000000" EXP),
        C(",\"iat\":+1700000000" EXP),
        C(",\"iat\":-1700000000" EXP),
        C(",\"iat\":null" EXP),
        C(",\"iat\":18446744075409551616" EXP),
        C(IAT ",\"exp\":1700003600.5"),
        C(IAT ",\"exp\":\"1700003600\""),
        C(IAT ",\"exp\":9007199254740993"),
        C(IAT ",\"exp\":18446744075409555216"),
        C(IAT ",\"exp\":1e9"),
        C(IAT ",\"exp\":null"),
        C(IAT ",\"exp\":[1700003600]"),
        C(IAT ",\"exp\":-1"),
        C(IAT ",\"e\\u0078p\":1700003600"),
        C(IAT EXP ",\"nbf\":1700000061"),
        C(IAT EXP ",\"nbf\":1699999399"),
        C(IAT EXP ",\"nbf\":\"0\""),
        C(IAT EXP ",\"nbf\":1700000000,\"nbf\":1700000000"),
    };

    (void)state;
    may(SIGN_ACCESS, C(",\"iat\":1699999400" EXP));
    may(SIGN_ACCESS, C(",\"iat\":1700000060" EXP));
    may(SIGN_ACCESS, C(IAT EXP ",\"nbf\":1700000000"));
    may(SIGN_ACCESS, C(IAT ",\"exp\":0")); /* dead from birth harms nobody */
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        may_not(SIGN_ACCESS, bad[i]);
}

static const char *const no_values[] = {
    "",
    "\"",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12g4\"",
    "\"\\u000\"",
    "\"\\u0000\"",
    "\"\x01\"",
    "\"\n\"",
    "\"\x7f\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\\ud800\"",
    "\"\\ud800x\"",
    "\"\\ud800\\u0041\"",
    "\"\\udc00\"",
    "\"\\udc00\\ud800\"",
    "\"\xf5\x80\x80\x80\"",
    "01",
    "-",
    "+1",
    ".5",
    "1.",
    "1e",
    "1e+",
    "0x10",
    "1 2",
    "--1",
    "NaN",
    "Infinity",
    "True",
    "nul",
    "nulll",
    "tru",
    "'a'",
    "a",
    "[",
    "]",
    "[}",
    "{]",
    "{",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\":1,}",
    "{,}",
    "{a:1}",
    "{\"a\" 1}",
    "{1:1}",
    "{\"a\":1 \"b\":2}",
    "[\"a\":1]",
    "/**/1",
    "1//",
    "\xef\xbb\xbf"
    "1",
    "[[[[1]]]",
    "{\"a\":[}]",
    "[{\"a\":1]}",
    "1}",
    "1,",
    "\x0b"
    "1",
};
static const char *const values[] = {
    "0",
    "-0",
    "-0.5e+10",
    "1E5",
    "123456789012345678901234567890",
    "1e999",
    "\"\"",
    "\"\\u00e9\"",
    "\"\\ud83d\\ude00\"",
    "\"\xf0\x9f\x98\x80\"",
    "\"\x7f\"",
    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
    "true",
    "false",
    "null",
    "[]",
    "{}",
    "[{}]",
    "{\"\":{}}",
    "[[],[[]],{\"a\":[1,{\"b\":2}]}]",
    " [ 1 , \t{ \"a\" : null } ]\r\n",
    "{\"a\":1,\"a\":2}",
};

/* One inside an object that is right in all else. */
static void what_is_not_json_is_refused(void **state)
{
    char text[512];

    (void)state;
    for (size_t i = 0; i < sizeof no_values / sizeof *no_values; i++) {
        snprintf(text, sizeof text, C(IAT EXP ",\"x\":%s"), no_values[i]);
        may_not(SIGN_ACCESS, text);
    }
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        snprintf(text, sizeof text, C(IAT EXP ",\"x\":%s"), values[i]);
        may(SIGN_ACCESS, text);
    }
}

static void the_object_stands_alone(void **state)
{
    static const char whole[] = C(IAT EXP ",\"x\":[1,\"\\u0041\",{}]");
    static const char *const bad[] = {
        "",
        "{}",
        "[]",
        "null",
        " " C(IAT EXP),
        C(IAT EXP) " ",
        C(IAT EXP) "}",
        C(IAT EXP) C(IAT EXP),
        "{,\"iss\":\"" ISS "\"" IAT EXP "}",
        C(IAT EXP ","),
        C(IAT EXP ",\"x\""),
        C(IAT EXP ",\"x\":"),
        C(IAT EXP ",:1"),
        C(IAT EXP ",,\"x\":1"),
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        may_not(SIGN_ACCESS, bad[i]);
    may(SIGN_ACCESS, whole);
    for (size_t n = 0; n < sizeof whole - 1; n++) { /* no prefix, and no byte behind it is read */
        char *piece = malloc(n ? n : 1);            /* ASan watches the end */
        memcpy(piece, whole, n);
        assert_int_equal(sign_rules_check(&rules, SIGN_ACCESS, str_make(piece, n), false, NOW),
                         ERR_FORBIDDEN);
        sign_rules_check(&rules, SIGN_ACCESS, str_make(piece, n), true, NOW);
        free(piece);
    }
    assert_int_equal(
        sign_rules_check(&rules, SIGN_ACCESS, str_make(whole, sizeof whole), false, NOW),
        ERR_FORBIDDEN); /* with its NUL */
}

static void deep_nesting_ends(void **state)
{
    char text[512];

    (void)state;
    for (int n = 31; n <= 33; n++) { /* the object itself is the first level */
        size_t at = (size_t)snprintf(text, sizeof text, "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":");
        for (int i = 0; i < n; i++)
            text[at++] = '[';
        for (int i = 0; i < n; i++)
            text[at++] = ']';
        text[at++] = '}';
        text[at] = 0;
        (n == 31 ? may : may_not)(SIGN_ACCESS, text);
    }
}

/* An object that waits for one more member is judged as it will be. */
static void an_open_object_takes_one_more_member(void **state)
{
    static const char *const good[] = {
        "{\"iss\":\"" ISS "\"" IAT EXP,
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":{\"at_hash\":1}",
        "{\"iss\":\"" ISS "\"" IAT EXP " ",
    };
    static const char *const bad[] = {
        C(IAT EXP),
        "{\"iss\":\"" ISS "\"" IAT EXP ",",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"at_hash\":\"mine\"",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":{\"y\":1",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":[1",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":\"",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\":",
        "{\"iss\":\"" ISS "\"" IAT EXP ",\"x\"",
        "{",
        "",
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (sign_rules_check(&rules, SIGN_ID_TOKEN, str_from(good[i]), true, NOW) != OK)
            fail_msg("refused: %s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sign_rules_check(&rules, SIGN_ID_TOKEN, str_from(bad[i]), true, NOW) != ERR_FORBIDDEN)
            fail_msg("allowed: %s", bad[i]);
    may_not(SIGN_ID_TOKEN, "{\"iss\":\"" ISS "\"" IAT EXP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_has_its_typ_and_life),
        cmocka_unit_test(the_issuer_is_ours_and_there_once),
        cmocka_unit_test(times_are_integers_about_now),
        cmocka_unit_test(what_is_not_json_is_refused),
        cmocka_unit_test(the_object_stands_alone),
        cmocka_unit_test(deep_nesting_ends),
        cmocka_unit_test(an_open_object_takes_one_more_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
