/* codec/unicode: UAX #15, and one account over all spellings (security.md 64, 67). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "codec/unicode.h"

static struct arena arena;

static int wipe(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

/* security.md 64: two keyboards, one password. */
static void passwords_are_normalized(void **state)
{
    (void)state;
    static const struct {
        str in;
        const char *out; /* NULL: refused */
    } T[] = {
        {STR_INIT(""), ""},
        {STR_INIT("Correct Horse"), "Correct Horse"},
        {STR_INIT(" two  spaces "), " two  spaces "},
        {STR_INIT("u\xcc\x88"), "\xc3\xbc"},                     /* u, diaeresis: composed */
        {STR_INIT("\xef\xac\x81"), "fi"},                        /* ligature */
        {STR_INIT("\xef\xbc\xa1"), "A"},                         /* full width; case stays */
        {STR_INIT("\xe1\x84\x80\xe1\x85\xa1"), "\xea\xb0\x80"},  /* Hangul */
        {STR_INIT("\xe2\x84\xab"), "\xc3\x85"},                  /* Angstrom sign */
        {STR_INIT("a\xc2\xa0z"), "a z"},                         /* no-break space */
        {STR_INIT("\xf0\x9f\x94\x91"), "\xf0\x9f\x94\x91"},      /* key emoji */
        {STR_INIT("x\xe2\x80\x8by"), "x\xe2\x80\x8by"},          /* nothing is dropped */
        {STR_INIT("a\xcc\xa3\xcc\x87"), "\xe1\xba\xa1\xcc\x87"}, /* marks in their order */
        {STR_INIT("a\xcc\x87\xcc\xa3"), "\xe1\xba\xa1\xcc\x87"}, /* ... whatever was typed */
        {STR_INIT("\xc0\xaf"), NULL},                            /* overlong */
        {STR_INIT("\xed\xa0\x80"), NULL},                        /* surrogate */
        {STR_INIT("\xf4\x90\x80\x80"), NULL},                    /* above U+10FFFF */
        {STR_INIT("abc\xff"), NULL},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
        str out = {0};
        bool ok = unicode_nfkc(&arena, T[i].in, &out);
        if (ok != (T[i].out != NULL) || (ok && !str_eq(out, str_from(T[i].out))))
            fail_msg("row %zu: %d \"%.*s\"", i, ok, STR_ARG(out));
    }
}

static void spellings_of_a_name_are_one(void **state)
{
    (void)state;
    static const struct {
        str in;
        const char *out;
    } T[] = {
        {STR_INIT("alice"), "alice"},
        {STR_INIT("ALICE"), "alice"},
        {STR_INIT("  Alice "), "alice"},
        {STR_INIT("\xe3\x80\x80"
                  "Alice\xc2\xa0"),
         "alice"}, /* spaces of other widths */
        {STR_INIT("\xef\xbc\xa1lice"), "alice"},
        {STR_INIT("a\xe2\x80\x8blice"), "alice"}, /* zero width space */
        {STR_INIT("a\xe2\x80\xae"
                  "lice"),
         "alice"},                            /* right-to-left override */
        {STR_INIT("a\xc2\xadlice"), "alice"}, /* soft hyphen */
        {STR_INIT("al\xc3\x84rm"), "al\xc3\xa4rm"},
        {STR_INIT("alA\xcc\x88rm"), "al\xc3\xa4rm"},
        {STR_INIT("STRASSE"), "strasse"},
        {STR_INIT("stra\xc3\x9f"
                  "e"),
         "strasse"}, /* sharp s folds */
        {STR_INIT("\xce\xa3\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x82"),
         "\xcf\x83\xce\xaf\xcf\x83\xcf\x85\xcf\x86\xce\xbf\xcf\x83"}, /* final sigma */
        {STR_INIT("Ann Lee@Example.COM"), "ann lee@example.com"},
        {STR_INIT(""), NULL},
        {STR_INIT("   "), NULL},
        {STR_INIT("\xe2\x80\x8b"), NULL}, /* nothing is left */
        {STR_INIT("a\0b"), NULL},
        {STR_INIT("a\nb"), NULL},
        {STR_INIT("a\x7f"), NULL},
        {STR_INIT("a\xc2\x85"), NULL},      /* C1 */
        {STR_INIT("a\xe2\x80\xa8z"), NULL}, /* line separator */
        {STR_INIT("a\xef\xbf\xbe"), NULL},  /* no character */
        {STR_INIT("a\xff"), NULL},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
        str out = {0};
        bool ok = unicode_login(&arena, T[i].in, &out);
        if (ok != (T[i].out != NULL) || (ok && !str_eq(out, str_from(T[i].out))))
            fail_msg("row %zu: %d \"%.*s\"", i, ok, STR_ARG(out));
    }
}

static str utf8(uint32_t c, char b[4])
{
    if (c < 0x80) {
        b[0] = (char)c;
        return str_make(b, 1);
    }
    size_t n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n; i-- > 1; c >>= 6)
        b[i] = (char)(0x80 | (c & 0x3f));
    b[0] = (char)((0xf0 << (4 - n)) | c);
    return str_make(b, n);
}

/* security.md 67: a canonical spelling of a canonical spelling is itself, for every character. */
static void folding_ends(void **state)
{
    (void)state;
    size_t folded = 0;
    for (uint32_t c = 0x20; c <= 0x10ffff; c++) {
        char b[8] = "x", seven[8];
        str one = utf8(c, seven);
        if (c >= 0xd800 && c < 0xe000)
            continue;
        memcpy(b + 1, one.p, one.n);
        str once = {0}, twice = {0}, in = str_make(b, one.n + 1);
        if (!unicode_login(&arena, in, &once))
            continue;
        if (!unicode_login(&arena, once, &twice) || !str_eq(once, twice))
            fail_msg("U+%04X is not stable", c);
        folded += !str_eq(in, once);
        if (c % 256 == 0)
            arena_reset(&arena);
    }
    assert_in_range(folded, 5000, 20000);
}

static void floods_are_refused_or_fast(void **state)
{
    (void)state;
    char *many = arena_alloc(&arena, 65536);
    str out;
    for (size_t i = 0; i < 65536; i += 2)
        memcpy(many + i, i % 4 ? "\xcc\x87" : "\xcc\xa3", 2);
    assert_false(unicode_login(&arena, str_make(many, 65536), &out));
    assert_true(unicode_login(&arena, str_make(many, 1024), &out));
    assert_int_equal(unicode_length(str_make(many, 65536)), 32768);
}

static void lengths_are_of_code_points(void **state)
{
    (void)state;
    assert_int_equal(unicode_length(STR("")), 0);
    assert_int_equal(unicode_length(STR("abc")), 3);
    assert_int_equal(unicode_length(STR("\xc3\xbc\xe2\x82\xac\xf0\x9f\x94\x91")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(passwords_are_normalized, wipe),
        cmocka_unit_test_teardown(spellings_of_a_name_are_one, wipe),
        cmocka_unit_test_teardown(folding_ends, wipe),
        cmocka_unit_test_teardown(floods_are_refused_or_fast, wipe),
        cmocka_unit_test_teardown(lengths_are_of_code_points, wipe),
    };
    arena_init(&arena, 16 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
