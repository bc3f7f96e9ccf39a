/* codec/template: what a value becomes where it stands, what no template may say, and the attacks
 * of security.md A28 in every context. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "codec/template.h"
#include "codec/url.h"

static struct arena arena;

static int wipe(void **state)
{
    (void)state;
    arena_reset(&arena);
    return 0;
}

static str find_message(const void *catalogue, str key)
{
    (void)catalogue;
    if (str_eq(key, STR("hello")))
        return STR("Sign in to {client} <now>, {nobody}{ {Client} {x");
    if (str_eq(key, STR("rtl")))
        return STR("\xe2\x80\xab"
                   "text");
    return (str){0};
}

static const struct template_messages messages = {find_message, NULL};

static str written(const struct template_set *s, str name, const struct view *v)
{
    struct buf b;
    buf_init(&b, &arena, 256, 1 << 20);
    template_write(s, &arena, name, v, &messages, &b);
    assert_false(b.overflow);
    return buf_str(&b);
}

/* The template over one view: v, client (both `value`), on, empty, and a list of two. */
static str shown(const char *text, str value)
{
    char why[256] = "";
    struct template_set *s = template_set_new();
    struct view *v = view_new(&arena);
    if (template_add(s, STR("page"), str_from(text), why, sizeof why) != OK)
        fail_msg("%s refused: %s", text, why);
    assert_int_equal(template_check(s, why, sizeof why), OK);
    view_text(v, "v", value);
    view_text(v, "client", value);
    view_text(v, "empty", STR(""));
    view_flag(v, "on", true);
    view_flag(v, "off", false);
    view_text(view_item(v, "list"), "one", STR("1"));
    struct view *second = view_item(v, "list");
    view_text(second, "one", STR("2"));
    view_text(second, "v", STR("inner"));
    str out = written(s, STR("page.html"), v);
    template_set_free(s);
    return out;
}

static void expect(const char *text, str value, const char *want)
{
    str got = shown(text, value);
    if (!str_eq(got, str_from(want)))
        fail_msg("%s: got \"%.*s\", want \"%s\"", text, STR_ARG(got), want);
}

static void sections_and_values(void **state)
{
    (void)state;
    static const struct {
        const char *text, *want;
    } T[] = {
        {"", ""},
        {"a {{v}} b", "a V b"},
        {"{{ v }}{{nothing}}{{empty}}{{on}}{{list}}", "V"},
        {"{{#v}}yes{{/v}}{{^v}}no{{/v}}", "yes"},
        {"{{#empty}}yes{{/empty}}{{^empty}}no{{/empty}}", "no"},
        {"{{#nothing}}yes{{/nothing}}{{^nothing}}no{{/nothing}}", "no"},
        {"{{#on}}yes{{/on}}{{#off}}yes{{/off}}{{^off}}no{{/off}}", "yesno"},
        {"{{#list}}{{one}}={{v}};{{/list}}{{^list}}none{{/list}}", "1=V;2=inner;"},
        {"{{#list}}{{#list}}{{one}}{{/list}}{{/list}}", "1212"},
        {"{{! a note }}x { } }} {", "x { } }} {"},
        {"<p{{#on}} class=\"a\"{{/on}}{{#off}} id=\"b\"{{/off}}>", "<p class=\"a\">"},
        {"<p {{#on}}class=\"a{{#on}} b{{/on}}\" {{/on}}id=\"c\">", "<p class=\"a b\" id=\"c\">"},
        {"<!doctype html><!-- {{#on}}x{{/on}} --><br/><b>1 &lt; 2</b>",
         "<!doctype html><!-- x --><br/><b>1 &lt; 2</b>"},
        {"<title>{{v}}</title><textarea>{{v}}</textarea><script src=\"/x.js\"></script>",
         "<title>V</title><textarea>V</textarea><script src=\"/x.js\"></script>"},
        {"<style>a { b: c }</style><script>if (a < b) {}</script>",
         "<style>a { b: c }</style><script>if (a < b) {}</script>"},
        {"<a href=\"{{#off}}/x{{/off}}{{^off}}{{v}}{{/off}}\">", "<a href=\"#\">"},
        {"<input value='{{v}}' disabled>", "<input value='V' disabled>"},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++)
        expect(T[i].text, STR("V"), T[i].want);
}

/* security.md A28: the same in text, titles, attributes of either quote. */
static void values_stay_text(void **state)
{
    (void)state;
    static const struct {
        str value;
        const char *text, *exact; /* as shown, and in the attribute value */
    } T[] = {
        {STR_INIT("\"><script>alert(1)</script>"), "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;",
         "&#34;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"},
        {STR_INIT("' onfocus='x"), "&#39; onfocus=&#39;x", "&#39; onfocus=&#39;x"},
        {STR_INIT("</title></textarea>&lt;"), "&lt;/title&gt;&lt;/textarea&gt;&amp;lt;",
         "&lt;/title&gt;&lt;/textarea&gt;&amp;lt;"},
        {STR_INIT("a\xe2\x80\xa8z`{{v}}"), "a\xe2\x80\xa8z`{{v}}", "a\xe2\x80\xa8z`{{v}}"},
        {STR_INIT("a\xe2\x80\xae"
                  "z"),
         "a\xef\xbf\xbd"
         "z",
         "a&#8238;z"},                                               /* override */
        {STR_INIT("a\xe2\x81\xa7z"), "a\xef\xbf\xbdz", "a&#8295;z"}, /* isolate */
        {STR_INIT("a\xe2\x80\x8fz"), "az", "a&#8207;z"},             /* a hint */
        {STR_INIT("a\xd8\x9cz"), "az", "a\xd8\x9cz"},
        {STR_INIT("a\x1b[31m"), "a\xef\xbf\xbd[31m", "a\x1b[31m"},
        {STR_INIT("a\0b"),
         "a\xef\xbf\xbd"
         "b",
         "a\xef\xbf\xbd"
         "b"},
        {STR_INIT("a\xc2\x85z"), "a\xef\xbf\xbdz", "a\xc2\x85z"},
        {STR_INIT("a\r\nz"), "a\r\nz", "a&#13;&#10;z"},
        {STR_INIT("\xff\xc0\xaf"), "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd",
         "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
        {STR_INIT("\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x94\x91"),
         "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x94\x91",
         "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d \xf0\x9f\x94\x91"},
    };
    static const char *const places[][2] = {
        {"<p>", "</p>"},
        {"<title>", "</title>"},
        {"<textarea>", "</textarea>"},
        {"<p class=\"", "\">"},
        {"<p title='", "'>"},
        {"<button data-show=\"", "\">"},
        {"<p aria-label=\"x ", " y\">"},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
        for (size_t k = 0; k < sizeof places / sizeof *places; k++) {
            const char *before = places[k][0], *after = places[k][1];
            str text = arena_printf(&arena, "%s{{v}}%s", before, after);
            str want = arena_printf(&arena, "%s%s%s", before, T[i].text, after);
            expect(arena_cstr(&arena, text), T[i].value, arena_cstr(&arena, want));
        }
        str want = arena_printf(&arena, "<input value=\"%s\">", T[i].exact);
        expect("<input value=\"{{v}}\">", T[i].value, arena_cstr(&arena, want));
    }
}

/* security.md A28: javascript: and its spellings, in each attribute that takes a URL. */
static void urls_lead_to_the_web_or_nowhere(void **state)
{
    (void)state;
    static const str bad[] = {
        STR_INIT("javascript:alert(1)"),
        STR_INIT("JaVaScRiPt:alert(1)"),
        STR_INIT(" javascript:alert(1)"),
        STR_INIT("\x01javascript:alert(1)"),
        STR_INIT("java\tscript:alert(1)"),
        STR_INIT("java\nscript:alert(1)"),
        STR_INIT("javascript&colon;alert(1)"),
        STR_INIT("&#106;avascript:alert(1)"),
        STR_INIT("javascript\xef\xbc\x9a"
                 "alert(1)"),
        STR_INIT("vbscript:x"),
        STR_INIT("data:text/html,<script>alert(1)</script>"),
        STR_INIT("blob:https://a.example/x"),
        STR_INIT("view-source:https://a.example/"),
        STR_INIT("mailto:a@b.example"),
        STR_INIT("//evil.example/"),
        STR_INIT("/\\evil.example/"),
        STR_INIT("\\\\evil.example/"),
        STR_INIT("/\t/evil.example/"),
        STR_INIT("/\n/evil.example/"),
        STR_INIT("https:evil.example"),
        STR_INIT("https:/evil.example"),
        STR_INIT("https://good.example@evil.example/"),
        STR_INIT("https://evil\\@good.example/"),
        STR_INIT("https:///x"),
        STR_INIT("https://"),
        STR_INIT("https://a.example/ x"),
        STR_INIT("https://a.example/\"x"),
        STR_INIT("https://a.example/\xe2\x80\xae"),
        STR_INIT("http\0://a.example/"),
        STR_INIT("evil.example"),
        STR_INIT("?x"),
        STR_INIT(""),
    };
    static const struct {
        str url;
        const char *want;
        bool own;
    } good[] = {
        {STR_INIT("https://a.example/cb?x=1&y='2'#z"), "#", false},
        {STR_INIT("https://a.example/cb?x=1&y=2#z"), "https://a.example/cb?x=1&amp;y=2#z", false},
        {STR_INIT("HTTP://127.0.0.1:8080/"), "HTTP://127.0.0.1:8080/", false},
        {STR_INIT("/assets/x.css?v=1"), "/assets/x.css?v=1", true},
        {STR_INIT("/"), "/", true},
    };
    static const char *const web[] = {"<a href=\"%s\">",  "<form action='%s'>",
                                      "<img src=\"%s\">", "<button formaction=\"%s\">",
                                      "<A HREF=\"%s\">",  "<a xlink:href=\"%s\">"};
    static const char *const own[] = {"<script src=\"%s\"></script>", "<link href=\"%s\">",
                                      "<iframe src=\"%s\"></iframe>", "<base href=\"%s\">"};
    for (size_t k = 0; k < 10; k++) {
        const char *format = k < 6 ? web[k] : own[k - 6];
        char text[64], want[128];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(text, sizeof text, format, "{{v}}");
        snprintf(want, sizeof want, format, "#");
        for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
            expect(text, bad[i], want);
        for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
            snprintf(want, sizeof want, format, k < 6 || good[i].own ? good[i].want : "#");
            expect(text, good[i].url, want);
        }
#pragma GCC diagnostic pop
    }
    expect("<a href=\"{{nothing}}\">", STR(""), "<a href=\"#\">");
}

static void parts_of_urls_are_encoded(void **state)
{
    (void)state;
    expect("<a href=\"#{{v}}\">", STR("x\" y"), "<a href=\"#x%22%20y\">");
    expect("<a href=\"/a?b={{v}}&amp;c={{v}}\">", STR("&/"),
           "<a href=\"/a?b=%26%2F&amp;c=%26%2F\">");
    expect("<a href=\"https://a.example/{{v}}\">", STR("\xe2\x80\xae"),
           "<a href=\"https://a.example/%E2%80%AE\">");
    expect("<a href=\"{{v}}{{v}}\">", STR("/x"), "<a href=\"/x%2Fx\">");
    expect("<a href=\"/?{{t.hello}}\">", STR("<"),
           "<a href=\"/?Sign%20in%20to%20%3C%20%3Cnow%3E%2C%20%7B%20%7BClient%7D%20%7Bx\">");
}

static void messages_have_values_in_them(void **state)
{
    (void)state;
    expect("{{t.hello}}", STR("<b>"), "Sign in to &lt;b&gt; &lt;now&gt;, { {Client} {x");
    expect("<p title=\"{{t.hello}}\">", STR("\"\xe2\x80\xae"),
           "<p title=\"Sign in to &#34;\xef\xbf\xbd &lt;now&gt;, { {Client} {x\">");
    expect("{{t.rtl}}", STR(""),
           "\xe2\x80\xab"
           "text"); /* the translator's mark */
    expect("{{t.a.gap}}", STR(""), "a.gap");
}

static void parts(void **state)
{
    (void)state;
    char why[256];
    struct template_set *s = template_set_new();
    struct view *v = view_new(&arena);
    view_text(view_item(v, "list"), "v", STR("1"));
    view_text(view_item(v, "list"), "v", STR("<2>"));
    assert_int_equal(template_add(s, STR("a"), STR("{{#list}}{{>b}}{{/list}}"), why, 256), OK);
    assert_int_equal(template_check(s, why, sizeof why), ERR_INVALID_REQUEST);
    assert_string_equal(why, "a.html:1: {{>b}}: there is no template of that name");
    assert_int_equal(template_add(s, STR("b.html"), STR("old"), why, 256), OK);
    assert_int_equal(template_add(s, STR("b"), STR("[{{v}}]"), why, 256), OK);
    assert_int_equal(template_check(s, why, sizeof why), OK);
    assert_true(str_eq(written(s, STR("a"), v), STR("[1][&lt;2&gt;]")));
    assert_int_equal(template_add(s, STR("b"), STR("\n{{#v}}{{>a}}{{/v}}"), why, 256), OK);
    assert_int_equal(template_check(s, why, sizeof why), ERR_INVALID_REQUEST);
    assert_non_null(strstr(why, "contains itself"));
    template_set_free(s);
}

static void count_message(void *ctx, str key)
{
    buf_put(ctx, key);
    buf_char(ctx, ' ');
}

static void used_messages_are_listed(void **state)
{
    (void)state;
    char why[256];
    struct buf b;
    struct template_set *s = template_set_new();
    buf_init(&b, &arena, 64, 256);
    assert_int_equal(template_add(s, STR("a"), STR("{{t.replaced}}"), why, 256), OK);
    assert_int_equal(template_add(s, STR("a"), STR("{{#x}}{{t.one}}{{/x}}{{t.two}}"), why, 256),
                     OK);
    template_each_message(s, count_message, &b);
    assert_true(str_eq(buf_str(&b), STR("one two ")));
    template_set_free(s);
}

static const struct {
    const char *text, *why;
} refused[] = {
    {"\n\n<script>{{v}}</script>", "page.html:3: a value in a script"},
    {"<style>{{v}}</style>", "page.html:1: a value in a script or style"},
    {"<SCRIPT type=\"x\">\n{{v}}", "page.html:2: a value in a script"},
    {"<svg><style>{{v}}", "a value in a script or style"},
    {"<script>{{t.hello}}</script>", "a value in a script"},
    {"<!-- {{v}} -->", "a value in a comment"},
    {"<!doctype {{v}}>", "a value in a comment or declaration"},
    {"<p class={{v}}>", "without quotes"},
    {"<p class=a{{v}}>", "without quotes"},
    {"<p {{v}}>", "outside of quotes"},
    {"<p {{v}}=\"x\">", "outside of quotes"},
    {"<p data-{{v}}=\"x\">", "outside of quotes"},
    {"<{{v}}>", "outside of quotes"},
    {"<p{{v}}>", "outside of quotes"},
    {"</{{v}}>", "outside of quotes"},
    {"<p onclick=\"{{v}}\">", "takes none"},
    {"<p ONCLICK=\"{{v}}\">", "takes none"},
    {"<p style=\"{{v}}\">", "takes none"},
    {"<iframe srcdoc=\"{{v}}\">", "takes none"},
    {"<img srcset=\"{{v}}\">", "takes none"},
    {"<meta http-equiv=\"{{v}}\">", "takes none"},
    {"<meta content=\"{{v}}\">", "takes none"},
    {"<script type=\"{{v}}\">", "takes none"},
    {"<set to=\"{{v}}\">", "takes none"},
    {"<p unheard-of=\"{{v}}\">", "takes none"},
    {"<a href=\"java{{v}}\">", "begin it with"},
    {"<a href=\" {{v}}\">", "begin it with"},
    {"<a href=\"&#106;{{v}}\">", "begin it with"},
    {"<a href=\"{{#on}}x{{/on}}{{v}}\">", "begin it with"},
    {"<a href=\"{{t.hello}}\">", "a message where a URL must begin"},
    {"{{#a}}<p>{{/b}}", "{{/b}} where {{/a}} must be (line 1)"},
    {"{{#a}}", "{{#a}} of line 1 has no end"},
    {"{{/a}}", "was not begun"},
    {"{{#a}}<p {{/a}}>", "ends in another place"},
    {"<p {{#a}}>{{/a}}", "ends in another place"},
    {"<p class=\"{{#a}}\"{{/a}}>", "ends in another place"},
    {"<p {{#a}}title=\"{{/a}}x\">", "ends in another place"},
    {"{{#a}}<script>{{/a}}", "ends in another place"},
    {"{{#a}}<title>{{/a}}", "ends in another place"},
    {"{{#a}}<!--{{/a}}", "ends in another place"},
    {"<p a={{#a}}\"x\"{{/a}}>", "ends in another place"},
    {"<p{{#a}} x{{/a}}y>", "must be white space"},
    {"<p x=\"1\"y=\"2\">", "must be white space"},
    {"<p class=\"{{>part}}\">", "parts may stand in text only"},
    {"<title>{{>part}}</title>", "parts may stand in text only"},
    {"<p", "ends inside"},
    {"<p class=\"x", "ends inside"},
    {"<!-- x", "ends inside"},
    {"<script>x", "ends inside"},
    {"<title>x</titl", "not in one piece"},
    {"<title>x</titl{{! }}e>", "not in one piece"},
    {"<title>x</titlex>", "ends inside"},
    {"1 < 2", "write &lt;"},
    {"<", "ends inside"},
    {"<{{! }}p>", "not in one piece"},
    {"<!-->", "browsers end at once"},
    {"<!-- --!>", "--!>"},
    {"<![CDATA[x]]>", "begins no tag"},
    {"<?php?>", "begins no tag"},
    {"<p a=b`c>", "put it in quotes"},
    {"<p a<b>", "in the name of an attribute"},
    {"<p \"x\">", "begins no attribute"},
    {"<p a= \"b\">", "right behind"},
    {"{{V}}", "a name must be of"},
    {"{{}}", "a name must be of"},
    {"{{{v}}}", "a name must be of"},
    {"{{&v}}", "a name must be of"},
    {"{{#}}", "a name must be of"},
    {"{{a.b}}", "a name with a dot"},
    {"x\n{{v", "page.html:2: a {{ without its }}"},
    {"\xff", "not UTF-8"},
};

/* Errors name the file, the line and what is wrong. */
static void templates_that_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        char why[256] = "";
        struct template_set *s = template_set_new();
        enum err e = template_add(s, STR("page"), str_from(refused[i].text), why, sizeof why);
        if (e != ERR_INVALID_REQUEST || !strstr(why, refused[i].why) ||
            strncmp(why, "page.html:", 10) != 0)
            fail_msg("%s: %d \"%s\", want \"%s\"", refused[i].text, e, why, refused[i].why);
        template_set_free(s);
    }
}

static void templates_are_bounded(void **state)
{
    (void)state;
    char why[256];
    struct buf b;
    struct template_set *s = template_set_new();
    buf_init(&b, &arena, 1 << 10, 1 << 20);
    for (int i = 0; i < 33; i++)
        BUF_LIT(&b, "{{#a}}");
    assert_int_equal(template_add(s, STR("deep"), buf_str(&b), why, 256), ERR_INVALID_REQUEST);
    assert_non_null(strstr(why, "more than 32"));
    char *large = arena_alloc(&arena, 262145);
    memset(large, 'x', 262145);
    assert_int_equal(template_add(s, STR("large"), str_make(large, 262145), why, 256),
                     ERR_INVALID_REQUEST);
    assert_int_equal(template_add(s, STR("large"), str_make(large, 262144), why, 256), OK);
    for (int i = 0; i < 9; i++) {
        char name[4] = {(char)('a' + i), 0}, text[16];
        snprintf(text, sizeof text, i < 8 ? "{{>%c}}" : "x", 'b' + i);
        assert_int_equal(template_add(s, str_from(name), str_from(text), why, 256), OK);
    }
    assert_int_equal(template_check(s, why, sizeof why), ERR_INVALID_REQUEST); /* 9 deep */
    assert_int_equal(template_add(s, STR("h"), STR("x"), why, 256), OK);
    assert_int_equal(template_check(s, why, sizeof why), OK);
    struct view *v = view_new(&arena);
    assert_true(str_eq(written(s, STR("a"), v), STR("x")));
    template_set_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(sections_and_values, wipe),
        cmocka_unit_test_teardown(values_stay_text, wipe),
        cmocka_unit_test_teardown(urls_lead_to_the_web_or_nowhere, wipe),
        cmocka_unit_test_teardown(parts_of_urls_are_encoded, wipe),
        cmocka_unit_test_teardown(messages_have_values_in_them, wipe),
        cmocka_unit_test_teardown(parts, wipe),
        cmocka_unit_test_teardown(used_messages_are_listed, wipe),
        cmocka_unit_test_teardown(templates_that_are_refused, wipe),
        cmocka_unit_test_teardown(templates_are_bounded, wipe),
    };
    arena_init(&arena, 64 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
