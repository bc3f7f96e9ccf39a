/* config/settings, duration, suggest: one value at a time, from every source but the file. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "config/duration.h"
#include "config/settings.h"
#include "config/suggest.h"

static char why[1024];

static int begin(void **state)
{
    static struct settings s;
    settings_init(&s);
    *state = &s;
    why[0] = 0;
    return 0;
}

static int end(void **state)
{
    struct settings *s = *state;
    arena_free(&s->arena);
    return 0;
}

static enum err set(struct settings *s, const char *name, const char *value)
{
    return settings_set(s, str_from(name), str_from(value), "command line", why, sizeof why);
}

static void defaults(void **state)
{
    struct settings *s = *state;
    assert_int_equal(setting_int(s, drain_s), 30);
    assert_int_equal(setting_int(s, dialect_twine), 1);
    assert_int_equal(setting_int(s, log_level), 1);
    assert_int_equal(s->v[SETTING_listen].list_n, 1);
    assert_true(str_eq(s->v[SETTING_listen].list[0], STR("127.0.0.1:8080")));
    assert_int_equal(setting_text(s, issuer).n, 0);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        assert_string_equal(s->v[i].source, "default");
}

/* Each refusal names the setting, what it takes and what was given; the old value stays. */
static void refusals(void **state)
{
    static const struct {
        const char *name, *value, *message;
    } cases[] = {
        {"drain", "3x", "`drain` takes 0 to 3600 seconds (or 30s, 15m, 24h, 90d), not `3x`"},
        {"drain", "-1", "`drain` takes 0 to 3600 seconds (or 30s, 15m, 24h, 90d), not `-1`"},
        {"drain", "2h", "`drain` takes 0 to 3600 seconds (or 30s, 15m, 24h, 90d), not `2h`"},
        {"workers", "4k", "`workers` takes 0 to 256 threads, not `4k`"},
        {"workers", "", "`workers` takes 0 to 256 threads, not ``"},
        {"workers", "257", "`workers` takes 0 to 256 threads, not `257`"},
        {"workers", " 4", "`workers` takes 0 to 256 threads, not ` 4`"},
        {"workers", "99999999999999999999",
         "`workers` takes 0 to 256 threads, not `99999999999999999999`"},
        {"dialect.twine", "yes", "`dialect.twine` takes true or false, not `yes`"},
        {"log.level", "loud", "`log.level` takes debug|info|warn|error, not `loud`"},
        {"db", "", "`db` takes a URL of 1 to 4096 characters, not ``"},
        {"listen", "", "`listen` takes 1 to 8 values (A:P, [A]:P, unix:PATH or fd:N), not ``"},
        {"issuer", "a\nb", "`issuer` holds control characters or is not UTF-8"},
        {"issuer", "\xff", "`issuer` holds control characters or is not UTF-8"},
        {"listen", "8080",
         "`listen` takes 127.0.0.1:8080, [::1]:8080, :8080, unix:/run/postern.sock or fd:3, "
         "not `8080`"},
        {"drian", "1", "unknown setting `drian`; did you mean `drain`?"},
        {"twine.token-shape", "uuid",
         "unknown setting `twine.token-shape`; did you mean `twine.token_shape`?"},
        {"colour", "red", "unknown setting `colour`; `postern list settings` shows all"},
        {"", "red", "unknown setting ``; `postern list settings` shows all"},
    };
    struct settings *s = *state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_not_equal(set(s, cases[i].name, cases[i].value), OK);
        assert_string_equal(why, cases[i].message);
    }
    defaults(state);
}

static void accepted(void **state)
{
    struct settings *s = *state;
    assert_int_equal(set(s, "drain", "15m"), OK);
    assert_int_equal(setting_int(s, drain_s), 900);
    assert_string_equal(s->v[SETTING_drain_s].source, "command line");
    assert_int_equal(set(s, "twine.token_shape", "uuid"), OK);
    assert_int_equal(setting_int(s, twine_token_shape), 1);
    assert_int_equal(set(s, "dialect.twine", "false"), OK);
    assert_int_equal(setting_int(s, dialect_twine), 0);
    assert_int_equal(set(s, "listen", "127.0.0.1:1, [::1]:2"), OK);
    assert_int_equal(s->v[SETTING_listen].list_n, 2);
    assert_true(str_eq(s->v[SETTING_listen].list[1], STR("[::1]:2")));
    assert_int_equal(set(s, "hosts", "a-b.example, 192.0.2.1,[2001:db8::1]"), OK);
    assert_int_equal(set(s, "hosts", ""), OK);
    assert_int_equal(s->v[SETTING_hosts].list_n, 0);
}

static void environment(void **state)
{
    struct settings *s = *state;
    char *good[] = {"HOME=/", "POSTERN=x", "POSTERN_CONFIG=f", "POSTERN_REFRESH_GRACE=3s", NULL};
    assert_int_equal(settings_environment(s, good, why, sizeof why), OK);
    assert_int_equal(setting_int(s, refresh_grace_s), 3);
    assert_string_equal(s->v[SETTING_refresh_grace_s].source, "environment");

    char *unknown[] = {"POSTERN_REFRESH_GARCE=3", NULL};
    assert_int_not_equal(settings_environment(s, unknown, why, sizeof why), OK);
    assert_string_equal(why, "environment: unknown setting `POSTERN_REFRESH_GARCE`; did you mean "
                             "`POSTERN_REFRESH_GRACE`?");
    char *bad[] = {"POSTERN_WORKERS=many", NULL};
    assert_int_not_equal(settings_environment(s, bad, why, sizeof why), OK);
    assert_string_equal(
        why, "environment: POSTERN_WORKERS: `workers` takes 0 to 256 threads, not `many`");
}

static void durations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds; /* -1: none */
    } cases[] = {{"0", 0},    {"90s", 90}, {"15m", 900}, {"24h", 86400},  {"30d", 2592000},
                 {"", -1},    {"s", -1},   {"1.5h", -1}, {"1h30m", -1},   {"-1s", -1},
                 {"1 h", -1}, {"+1", -1},  {"1H", -1},   {"999999d", -1}, {"36525d", 3155760000},
                 {"1w", -1},  {"0x10", -1}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t got = -1;
        assert_int_equal(duration_parse(str_from(cases[i].text), &got), cases[i].seconds >= 0);
        assert_int_equal(got, cases[i].seconds);
    }
    char text[32];
    struct buf b;
    buf_fixed(&b, text, sizeof text);
    duration_write(&b, 90);
    buf_char(&b, ' ');
    duration_write(&b, 3600);
    buf_char(&b, ' ');
    duration_write(&b, 0);
    buf_char(&b, ' ');
    duration_write(&b, 2592000);
    assert_true(str_eq(buf_str(&b), STR("90s 1h 0s 30d")));
}

static const char *nearest(const char *word)
{
    struct suggest near;
    suggest_init(&near, str_from(word));
    suggest_offer(&near, "token-format");
    suggest_offer(&near, "scope");
    suggest_offer(&near, "name");
    return near.best;
}

static void suggestions(void **state)
{
    (void)state;
    assert_string_equal(nearest("nmae"), "name");
    assert_string_equal(nearest("scop"), "scope");
    assert_string_equal(nearest("tokn-fromat"), "token-format");
    assert_null(nearest("xyzzy"));
    assert_null(nearest(""));
    assert_null(nearest("na"));
    char words[200];
    memset(words, 'n', sizeof words - 1);
    words[sizeof words - 1] = 0;
    assert_null(nearest(words));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(defaults, begin, end),
        cmocka_unit_test_setup_teardown(refusals, begin, end),
        cmocka_unit_test_setup_teardown(accepted, begin, end),
        cmocka_unit_test_setup_teardown(environment, begin, end),
        cmocka_unit_test(durations),
        cmocka_unit_test(suggestions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
