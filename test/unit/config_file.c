/* config/settings_file: YAML read with true lines and columns; settings_check and _write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/settings.h"

static char path[] = "/tmp/postern-config-XXXXXX";
static char why[1024];
static struct settings s;

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int drop_file(void **state)
{
    (void)state;
    return unlink(path);
}

static enum err read_text(const char *text)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    fclose(file);
    settings_init(&s);
    why[0] = 0;
    return settings_file(&s, path, why, sizeof why);
}

static void good_files(void **state)
{
    (void)state;
    static const char *const same[] = {
        "drain: 5\ntls:\n  key: k.pem\n  listen: [\":1\", \":2\"]\n",
        "drain: \"5s\"\ntls.key: k.pem\ntls.listen: \":1,:2\"\n",
        "# c\n---\ntls: {key: k.pem, listen: [':1', ':2']}\ndrain: 5 # five\n...\n",
    };
    for (size_t i = 0; i < sizeof same / sizeof *same; i++) {
        assert_int_equal(read_text(same[i]), OK);
        assert_int_equal(setting_int(&s, drain_s), 5);
        assert_true(str_eq(setting_text(&s, tls_key), STR("k.pem")));
        assert_int_equal(s.v[SETTING_tls_listen].list_n, 2);
        assert_true(str_eq(s.v[SETTING_tls_listen].list[1], STR(":2")));
        assert_string_equal(s.v[SETTING_tls_key].source, "file");
        assert_string_equal(s.v[SETTING_workers].source, "default");
        arena_free(&s.arena);
    }
    assert_int_equal(read_text(""), OK);
    arena_free(&s.arena);
    assert_int_equal(read_text("# nothing\n"), OK);
    arena_free(&s.arena);
}

static void bad_files(void **state)
{
    (void)state;
    static const struct {
        const char *text, *at, *message;
    } cases[] = {
        {"drain: 5\nwrokers: 4\n", "2:1", "unknown setting `wrokers`; did you mean `workers`?"},
        {"tls:\n  kye: x\n", "2:3", "unknown setting `tls.kye`; did you mean `tls.key`?"},
        {"drain: 5\n\nworkers:   4x\n", "3:12", "`workers` takes 0 to 256 threads, not `4x`"},
        {"workers: [1, 2]\n", "1:10", "`workers` takes 0 to 256 threads, not `1,2`"},
        {"drain: 1\ndrain: 2\n", "2:1", "`drain` is set twice; first in line 1"},
        {"tls:\n  key: a\ntls.key: b\n", "3:1", "`tls.key` is set twice; first in line 2"},
        {"drain: &a 1\n", "1:8", "anchors and tags are not taken here"},
        {"drain: !!int 1\n", "1:8", "anchors and tags are not taken here"},
        {"tls: &a\n  key: x\n", "1:6", "anchors and tags are not taken here"},
        {"tls: !!map {key: x}\n", "1:6", "anchors and tags are not taken here"},
        {"!x\ndrain: 1\n", "1:1", "anchors and tags are not taken here"},
        {"hosts: &a [a]\n", "1:8", "anchors and tags are not taken here"},
        {"hosts: !!seq [a]\n", "1:8", "anchors and tags are not taken here"},
        {"hosts: [a]\ndb: *a\n", "2:5", "aliases (`*name`) are not taken here"},
        {"hosts: [[a]]\n", "1:9", "an item of a list is a text without commas"},
        {"hosts: ['a,b']\n", "1:9", "an item of a list is a text without commas"},
        {"- drain\n", "1:1", "a settings file is a list of `name: value`"},
        {"drain\n", "1:1", "a settings file is a list of `name: value`"},
        {"a:\n  b:\n    c:\n      d:\n        e: 1\n", "4:7", "settings do not nest this deep"},
        {"drain: 1\n---\ndrain: 2\n", "2:1", "a settings file is one document"},
        {"? [a]\n: 1\n", "1:3", "the name of a setting is a plain text"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char expected[1024];
        assert_int_not_equal(read_text(cases[i].text), OK);
        snprintf(expected, sizeof expected, "%s:%s: %s", path, cases[i].at, cases[i].message);
        assert_string_equal(why, expected);
        arena_free(&s.arena);
    }
}

/* A huge value is refused where it stands, and its setting is named. */
static void huge_values(void **state)
{
    static const char *const before[] = {"db: \"", "hosts: [\""}, *const after[] = {"\"\n",
                                                                                    "\"]\n"};
    static const char *const said[] = {":1:5: `db` takes at most 32768 bytes, not 2000000",
                                       ":1:9: `hosts` takes at most 32768 bytes"};
    enum { HUGE = 2000000 };
    char *text = malloc(HUGE + 64);
    (void)state;
    for (int i = 0; i < 2; i++) {
        char expected[512];
        size_t n = strlen(before[i]);
        memcpy(text, before[i], n);
        memset(text + n, 'x', HUGE);
        memcpy(text + n + HUGE, after[i], strlen(after[i]) + 1);
        assert_int_not_equal(read_text(text), OK);
        snprintf(expected, sizeof expected, "%s%s", path, said[i]);
        assert_string_equal(why, expected);
        arena_free(&s.arena);
    }
    free(text);
}

/* The library words its own complaints; the place must be there. */
static void not_yaml(void **state)
{
    (void)state;
    char place[128];
    assert_int_not_equal(read_text("drain: 1\n\tworkers: 2\n"), OK);
    snprintf(place, sizeof place, "%s:2:", path);
    assert_ptr_equal(strstr(why, place), why);
    arena_free(&s.arena);
    assert_int_not_equal(read_text("drain: 1\ndb: \"x\n"), OK);
    snprintf(place, sizeof place, "%s:3:", path);
    assert_ptr_equal(strstr(why, place), why);
    arena_free(&s.arena);
    settings_init(&s);
    assert_int_equal(settings_file(&s, "/nonexistent/f", why, sizeof why), ERR_ABSENT);
    assert_string_equal(why, "/nonexistent/f: cannot read the settings file: No such file or "
                             "directory");
    arena_free(&s.arena);
}

/* What is written reads back as the same values. */
static void written_and_read(void **state)
{
    (void)state;
    static char text[65536], again[65536];
    struct buf b;
    assert_int_equal(read_text("tls.listen: [':1', '[::1]:2']\nmaster_key: \"a/\\\"b\\\\c\"\n"
                               "db: 'sqlite:a b # c.db'\n"),
                     OK);
    buf_fixed(&b, text, sizeof text - 1);
    settings_write(&s, &b);
    assert_false(b.overflow);
    text[b.n] = 0;
    arena_free(&s.arena);
    assert_int_equal(read_text(text), OK);
    assert_true(str_eq(setting_text(&s, db), STR("sqlite:a b # c.db")));
    assert_true(str_eq(setting_text(&s, master_key), STR("a/\"b\\c")));
    assert_int_equal(s.v[SETTING_tls_listen].list_n, 2);
    buf_fixed(&b, again, sizeof again);
    settings_write(&s, &b);
    arena_free(&s.arena);
    assert_true(b.n > 0 && !b.overflow);
}

static enum err checked(const char *text)
{
    enum err e = read_text(text);
    return e ? e : settings_check(&s, why, sizeof why);
}

static void derived(void **state)
{
    (void)state;
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_int_equal(checked("db: sqlite:a/b.db\n"), OK);
    assert_true(str_eq(setting_text(&s, issuer), STR("http://127.0.0.1:8080")));
    assert_true(str_eq(setting_text(&s, master_key), STR("a/b.db.key")));
    arena_free(&s.arena);
    assert_int_equal(checked("listen: \"[::1]:80\"\n"), OK);
    assert_true(str_eq(setting_text(&s, issuer), STR("http://[::1]")));
    arena_free(&s.arena);
    assert_int_equal(checked("listen: \":9000\"\n"), OK);
    assert_true(str_eq(setting_text(&s, issuer), STR("http://localhost:9000")));
    arena_free(&s.arena);
}

static void contradictions(void **state)
{
    (void)state;
    static const struct {
        const char *text, *part;
    } cases[] = {
        {"listen: \"10.0.0.1:80\"\n", "`issuer` must be set"},
        {"listen: \"127.0.0.1:0\"\n", "`issuer` must be set"},
        {"listen: \"unix:/run/x.sock\"\n", "`issuer` must be set"},
        {"listen: \"8080\"\n", "`listen` takes 127.0.0.1:8080"},
        {"listen: \"127.0.0.1:99999\"\n", "`listen` takes 127.0.0.1:8080"},
        {"listen: \"::1:80\"\n", "`listen` takes 127.0.0.1:8080"},
        {"admin_listen: nowhere\n", "`admin_listen` takes"},
        {"hosts: '*'\n", "`hosts` takes host names without port or pattern"},
        {"hosts: [a.example, '*.example']\n", "not `*.example`"},
        {"hosts: a.example b.example\n", "not `a.example b.example`"},
        {"hosts: 'a.example:8443'\n", "not `a.example:8443`"},
        {"hosts: '2001:db8::1'\n", "not `2001:db8::1`"},
        {"hosts: '[a.example]'\n", "not `[a.example]`"},
        {"issuer: http://auth.example.com\n", "may be http only on this machine"},
        {"issuer: https://a.example/\n", "`issuer` takes https://HOST"},
        {"issuer: https://a.example?x\n", "`issuer` takes https://HOST"},
        {"issuer: https://a.example#x\n", "`issuer` takes https://HOST"},
        {"issuer: https://a.example/auth\n", "without path, query or fragment"},
        {"issuer: https://a.example:8443/auth/\n", "without path, query or fragment"},
        {"issuer: ftp://a.example\n", "`issuer`"},
        {"issuer: https://a.example\nbench_routes: true\n", "refused with the public issuer"},
        {"keys.rotation_age: 12h\n", "`keys.rotation_age` takes 1d or more, or 0"},
        {"issuer: https://a.example\nfault.latency_ms: 1\n", "`fault.latency_ms` makes the server"},
        {"issuer: https://a.example\nfault:\n  status: 429\n", "`fault.status` makes the server"},
        {"issuer: https://a.example\nfault.token_ttl: 30s\n", "refused with the public issuer"},
        {"tls.key: k\n", "`tls.certificate` is missing"},
        {"tls.certificate: k\n", "`tls.key` is missing"},
        {"tls.listen: \":1\"\nissuer: https://a.example\n", "`tls.listen` needs"},
        {"tls: {key: k, certificate: c}\n", "`tls.listen` is not"},
        {"db: mysql://x\n", "`db` takes sqlite:PATH"},
        {"db: 'sqlite::memory:'\n", "`db` takes sqlite:PATH"},
        {"dialect: {standard: false, twine: false, twilio: false}\n", "are all off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (checked(cases[i].text) == OK || !strstr(why, cases[i].part))
            fail_msg("%s gave: %s", cases[i].text, why);
        arena_free(&s.arena);
    }
}

static void key_file_mode(void **state)
{
    (void)state;
    char text[512];
    snprintf(text, sizeof text,
             "tls: {certificate: c, key: %s, listen: [':1']}\nissuer: https://a.example\n", path);
    assert_int_equal(chmod(path, 0644), 0);
    assert_int_equal(checked(text), ERR_FORBIDDEN);
    assert_non_null(strstr(why, "has mode 0644"));
    assert_non_null(strstr(why, "chmod 600"));
    arena_free(&s.arena);
    assert_int_equal(chmod(path, 0600), 0);
    assert_int_equal(checked(text), OK);
    arena_free(&s.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_files),       cmocka_unit_test(bad_files),
        cmocka_unit_test(huge_values),      cmocka_unit_test(not_yaml),
        cmocka_unit_test(written_and_read), cmocka_unit_test(derived),
        cmocka_unit_test(contradictions),   cmocka_unit_test(key_file_mode),
    };
    return cmocka_run_group_tests(tests, make_file, drop_file);
}
