/* What the pages are made of: the built-in files fit together, every language says everything, and
 * a theme replaces file by file or is refused with the place of its mistake. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <setjmp.h>

#include <cmocka.h>

#include "ui/theme.h"

static struct theme theme;
static char why[512];
static char directory[64];

static int setup(void **state)
{
    (void)state;
    why[0] = '\0';
    snprintf(directory, sizeof directory, "/tmp/postern-theme-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int teardown(void **state)
{
    char command[128];
    (void)state;
    theme_free(&theme);
    snprintf(command, sizeof command, "rm -r %s", directory);
    return system(command);
}

static void put(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", directory, folder);
    mkdir(path, 0700);
    snprintf(path, sizeof path, "%s/%s/%s", directory, folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static enum err read_theme(void)
{
    return theme_read(&theme, str_from(directory), why, sizeof why);
}

static void refused(const char *text)
{
    assert_int_not_equal(read_theme(), OK);
    if (strstr(why, text) == NULL)
        fail_msg("\"%s\" does not say \"%s\"", why, text);
}

static const struct catalogue *language(const char *tag)
{
    for (size_t i = 0; i < theme.languages_n; i++)
        if (str_eq(theme.languages[i].tag, str_from(tag)))
            return &theme.languages[i];
    fail_msg("no language %s", tag);
    return NULL;
}

/* ---- the built-in files ---- */

static void test_built_in(void **state)
{
    (void)state;
    if (theme_read(&theme, STR(""), why, sizeof why))
        fail_msg("%s", why);
    assert_int_equal(theme.languages_n, 3);
    assert_true(str_eq(theme.languages[0].tag, STR("en")));
}

static void each_word(str text, void (*each)(str text, str word), str other)
{
    for (size_t at = str_find(text, '{', 0); at < text.n; at = str_find(text, '{', at + 1))
        each(other, str_sub(text, at, str_find(text, '}', at) + 1));
}

static void has_word(str text, str word)
{
    for (size_t i = 0; i + word.n <= text.n; i++)
        if (str_eq(str_sub(text, i, i + word.n), word))
            return;
    fail_msg("\"%.*s\" lacks %.*s", STR_ARG(text), STR_ARG(word));
}

static void same_key(void *ctx, str key, str text)
{
    str other = catalogue_own(ctx, key);
    if (other.p == NULL)
        fail_msg("one language lacks the message %.*s", STR_ARG(key));
    each_word(text, has_word, other);
}

static void test_languages_are_complete(void **state)
{
    (void)state;
    assert_int_equal(theme_read(&theme, STR(""), why, sizeof why), OK);
    for (size_t i = 0; i < theme.languages_n; i++)
        for (size_t j = 0; j < theme.languages_n; j++)
            catalogue_each(&theme.languages[i], same_key, &theme.languages[j]);
}

/* Whose keys are not in templates: C has them as literals, or in tables of others. */
static void test_every_password_reason_has_words(void **state)
{
    static const char *const keys[] = {"password.short", "password.long", "password.common",
                                       "password.context"};
    (void)state;
    assert_int_equal(theme_read(&theme, STR(""), why, sizeof why), OK);
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        assert_non_null(catalogue_find(&theme.languages[0], str_from(keys[i])).p);
}

static void test_asset_names_follow_the_bytes(void **state)
{
    bool hashed;
    char before[128];
    (void)state;
    assert_int_equal(read_theme(), OK);
    const struct asset *a = theme_asset(&theme, STR("style.css"), &hashed);
    assert_non_null(a);
    assert_false(hashed);
    snprintf(before, sizeof before, "%.*s", STR_ARG(a->path));
    assert_ptr_equal(theme_asset(&theme, str_sub(a->path, 8, a->path.n), &hashed), a);
    assert_true(hashed);
    theme_free(&theme);
    put("assets", "style.css", "body { color: red }\n");
    assert_int_equal(read_theme(), OK);
    a = theme_asset(&theme, STR("style.css"), &hashed);
    assert_false(str_eq(a->path, str_from(before)));
    assert_true(str_eq(a->bytes, STR("body { color: red }\n")));
    assert_null(theme_asset(&theme, STR("nothing.css"), &hashed));
    assert_null(theme_asset(&theme, STR("css"), &hashed));
}

/* ---- themes ---- */

static void test_theme_replaces_file_by_file(void **state)
{
    (void)state;
    put("messages", "de.txt", "sign_in.title = Willkommen\n");
    put("messages", "es.txt", "# nuevo\npage.hide = Ocultar\nscope.calendar = Su calendario\n");
    assert_int_equal(read_theme(), OK);
    assert_true(str_eq(catalogue_find(language("de"), STR("sign_in.title")), STR("Willkommen")));
    assert_true(str_eq(catalogue_find(language("de"), STR("page.show")), STR("Zeigen")));
    assert_true(str_eq(catalogue_find(language("es"), STR("page.show")), STR("Show")));
    assert_true(
        str_eq(catalogue_find(language("es"), STR("scope.calendar")), STR("Su calendario")));
}

static void test_theme_mistakes_are_named(void **state)
{
    (void)state;
    put("messages", "de.txt", "page.hide = Weg\n\nsing_in.title = Hallo\n");
    refused("de.txt:3: no page uses that key");
}

static void test_message_without_text(void **state)
{
    (void)state;
    put("messages", "de.txt", "sign_in.title\n");
    refused("de.txt:1: a line is: key = text");
}

static void test_template_mistake(void **state)
{
    (void)state;
    put("templates", "sign_in.html", "<p>\n<script>{{login}}</script>\n");
    refused("sign_in.html:2:");
}

static void test_template_asks_for_unknown_message(void **state)
{
    (void)state;
    put("templates", "sign_in.html", "<p>{{t.sign_in.nothing}}</p>\n");
    refused("sign_in.nothing");
}

static void test_template_asks_for_unknown_part(void **state)
{
    (void)state;
    put("templates", "sign_in.html", "<p>{{>nothing}}</p>\n");
    refused("nothing");
}

static void test_file_of_unknown_kind(void **state)
{
    (void)state;
    put("assets", "setup.exe", "MZ");
    refused("setup.exe");
}

static void test_no_directory(void **state)
{
    (void)state;
    assert_int_not_equal(theme_read(&theme, STR("/nonexistent"), why, sizeof why), OK);
    assert_non_null(strstr(why, "/nonexistent"));
}

/* ---- the choice of a language ---- */

static const char *chosen(const char *ui_locales, const char *accept)
{
    static char tag[16];
    const struct catalogue *c = catalogue_choose(theme.languages, theme.languages_n,
                                                 str_from(ui_locales), str_from(accept));
    snprintf(tag, sizeof tag, "%.*s", STR_ARG(c->tag));
    return tag;
}

static void test_language_choice(void **state)
{
    (void)state;
    put("messages", "pt-BR.txt", "page.hide = Esconder\n");
    assert_int_equal(read_theme(), OK);
    assert_string_equal(chosen("", ""), "en");
    assert_string_equal(chosen("", "de"), "de");
    assert_string_equal(chosen("", "de-AT, en;q=0.8"), "de");
    assert_string_equal(chosen("", "en;q=0.5, fr;q=0.9, de;q=0.7"), "fr");
    assert_string_equal(chosen("", "ja, fr ; q=0.3"), "fr");
    assert_string_equal(chosen("", "de;q=0, fr;q=0.001"), "fr");
    assert_string_equal(chosen("", "de;q=2, de;q=x, *"), "en");
    assert_string_equal(chosen("", "PT"), "pt-BR");
    assert_string_equal(chosen("ja fr de", "de"), "fr");
    assert_string_equal(chosen("DE-ch", "fr"), "de");
    assert_string_equal(chosen("ja", "fr"), "fr");
    assert_string_equal(chosen(";;; ,", ";q=,=;,"), "en");
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_built_in),
        TEST(test_languages_are_complete),
        TEST(test_every_password_reason_has_words),
        TEST(test_asset_names_follow_the_bytes),
        TEST(test_theme_replaces_file_by_file),
        TEST(test_theme_mistakes_are_named),
        TEST(test_message_without_text),
        TEST(test_template_mistake),
        TEST(test_template_asks_for_unknown_message),
        TEST(test_template_asks_for_unknown_part),
        TEST(test_file_of_unknown_kind),
        TEST(test_no_directory),
        TEST(test_language_choice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
