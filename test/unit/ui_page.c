/* Headers and words of pages: security.md A25 and A28, the choice of a language, what a refusal
 * shows and what it does not. */
#include <stdarg.h>
#include <stdio.h>

#include "ui/show.h"

#include <setjmp.h>

#include <cmocka.h>

static struct arena arena;
static struct settings settings;
static struct server server;
static struct server_thread thread;
static struct http_req req;
static struct http_res res;
static struct rq rq;

static int setup(void **state)
{
    char why[256];
    (void)state;
    settings_init(&settings);
    assert_int_equal(settings_set(&settings, STR("issuer"), STR("https://id.example.com:8443"),
                                  "test", why, sizeof why),
                     OK);
    assert_int_equal(settings_set(&settings, STR("ui.name"), STR("A & B"), "test", why, sizeof why),
                     OK);
    server.settings = &settings;
    if (!(server.ui = ui_open(&settings, why, sizeof why)))
        fail_msg("%s", why);
    thread.server = &server;
    arena_init(&arena, LIMIT_REQUEST_ARENA);
    req = (struct http_req){.method = HTTP_GET, .path = STR("/x")};
    http_res_init(&res, &arena);
    rq_init(&rq, &thread, &req, &res, &arena);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    ui_close(server.ui);
    arena_free(&arena);
    arena_free(&settings.arena);
    return 0;
}

static bool contains(str s, const char *what)
{
    size_t n = strlen(what);
    for (size_t i = 0; i + n <= s.n; i++)
        if (memcmp(s.p + i, what, n) == 0)
            return true;
    return false;
}

static void has(const struct buf *b, const char *what)
{
    if (!contains(buf_str(b), what))
        fail_msg("\"%s\" is not in:\n%.*s", what, STR_ARG(buf_str(b)));
}

static void has_not(const struct buf *b, const char *what)
{
    if (contains(buf_str(b), what))
        fail_msg("\"%s\" is in:\n%.*s", what, STR_ARG(buf_str(b)));
}

static void header(const char *name, const char *value)
{
    req.headers[req.headers_n++] = (struct http_header){str_from(name), str_from(value)};
}

static const char own_policy[] =
    "Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'; "
    "font-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'\r\n";

static void test_headers(void **state)
{
    static const char *const lines[] = {
        own_policy,
        "Content-Type: text/html; charset=utf-8\r\n",
        "Cache-Control: no-store\r\n",
        "X-Frame-Options: DENY\r\n",
        "X-Content-Type-Options: nosniff\r\n",
        "Referrer-Policy: no-referrer\r\n",
        "Cross-Origin-Opener-Policy: same-origin\r\n",
        "Cross-Origin-Resource-Policy: same-origin\r\n",
        "Strict-Transport-Security: max-age=63072000\r\n",
        "X-Request-Id: ",
    };
    struct page p;
    (void)state;
    page_begin(&rq, (str){0}, &p);
    page_send(&p, 200, "signed_out");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        has(&res.headers, lines[i]);
    has_not(&res.headers, "Access-Control");
    has(&res.body, "<html lang=\"en\">");
    has(&res.body, "A &amp; B");
    has_not(&res.body, "A & B");
    has_not(&res.body, " style=");
    has_not(&res.body, "<style");
    has_not(&res.body, "<script>");
    assert_false(res.body.overflow);
}

static void test_form_target_and_logo(void **state)
{
    struct cached_client client = {
        .client = {.name = STR_INIT("\"><script>alert(1)</script>")},
        .rp = {.logo_uri = STR_INIT("https://cdn.example/logo.png"),
               .policy_uri = STR_INIT("javascript:alert(1)")},
    };
    struct page p;
    (void)state;
    page_begin(&rq, (str){0}, &p);
    show_client(&p, &client);
    p.form_target = page_origin(&rq, STR("https://app.example:8443/cb?x=1"));
    page_send(&p, 200, "sign_in");
    has(&res.headers, "img-src 'self' https://cdn.example;");
    has(&res.headers, "form-action 'self' https://app.example:8443;");
    has(&res.body, "src=\"https://cdn.example/logo.png\"");
    has_not(&res.body, "<script>alert");
    has_not(&res.body, "javascript:");
}

static void test_nothing_breaks_out_of_the_policy(void **state)
{
    struct page p;
    (void)state;
    page_begin(&rq, (str){0}, &p);
    p.form_target = STR("https://a.example;script-src https://ok.example 'unsafe-inline' *,x");
    page_send(&p, 200, "signed_out");
    has(&res.headers, "form-action 'self' https://ok.example; base-uri");
}

static void origin_is(const char *url, const char *origin)
{
    str o = page_origin(&rq, str_from(url));
    if (!str_eq(o, str_from(origin)))
        fail_msg("%s: %.*s", url, STR_ARG(o));
}

static void test_origins(void **state)
{
    (void)state;
    origin_is("https://app.example/cb", "https://app.example");
    origin_is("http://127.0.0.1:9000/cb", "http://127.0.0.1:9000");
    origin_is("http://[::1]:9000/cb", "http:");
    origin_is("com.example.app:/cb", "com.example.app:");
}

static void test_language(void **state)
{
    struct page p;
    (void)state;
    header("Accept-Language", "fr-CA, de;q=0.5");
    page_begin(&rq, (str){0}, &p);
    page_send(&p, 200, "signed_out");
    has(&res.body, "<html lang=\"fr\">");
    has(&res.headers, "Content-Language: fr\r\n");
    http_res_reset(&res);
    page_begin(&rq, STR("xx de"), &p);
    page_send(&p, 200, "signed_out");
    has(&res.body, "<html lang=\"de\">");
}

static void time_is(int64_t s, const char *text)
{
    struct page p;
    page_begin(&rq, (str){0}, &p);
    str t = page_time(&p, s);
    if (!str_eq(t, str_from(text)))
        fail_msg("%lld: %.*s", (long long)s, STR_ARG(t));
}

static void test_times(void **state)
{
    (void)state;
    time_is(1, "1 second");
    time_is(59, "59 seconds");
    time_is(60, "1 minute");
    time_is(90, "90 seconds");
    time_is(3600, "1 hour");
    time_is(5400, "90 minutes");
    time_is(86400, "1 day");
    time_is(90000, "25 hours");
    time_is(2592000, "30 days");
}

static void test_refusal_is_safe(void **state)
{
    (void)state;
    fail_at(&rq, ERR_INVALID_REQUEST, "The redirect URI is not registered.", STR("redirect_uri"));
    fail_detail(&rq, STR("secret detail"));
    ui_refuse(&rq);
    assert_int_equal(res.status, 400);
    has(&res.headers, own_policy);
    has(&res.headers, "Cache-Control: no-store\r\n");
    has_not(&res.headers, "Location");
    has(&res.body, "<h1>This link does not work</h1>");
    has_not(&res.body, "redirect URI");
    has_not(&res.body, "secret detail");
    str id = buf_str(&res.headers);
    while (!str_starts(id, STR("X-Request-Id: ")))
        id = str_sub(id, 1, id.n);
    char uuid[UID_UUID_CHARS + 1];
    snprintf(uuid, sizeof uuid, "%.*s", UID_UUID_CHARS, id.p + 14);
    has(&res.body, uuid);
}

static void refusal_says(enum err e, int status, const char *heading)
{
    http_res_reset(&res);
    rq.failure = (struct failure){.e = e, .retry_s = 120};
    ui_refuse(&rq);
    assert_int_equal(res.status, status);
    has(&res.body, heading);
}

static void test_refusals_in_plain_words(void **state)
{
    (void)state;
    refusal_says(ERR_FORBIDDEN, 403, "<h1>This form cannot be used any more</h1>");
    refusal_says(ERR_SIGN_IN_FIRST, 403, "<h1>Sign in at the application first</h1>");
    refusal_says(ERR_NOT_FOUND, 404, "<h1>There is nothing here</h1>");
    refusal_says(ERR_METHOD_NOT_ALLOWED, 405, "<h1>There is nothing here</h1>");
    refusal_says(ERR_TOO_MANY_REQUESTS, 429, "Please wait 2 minutes, then try again.");
    refusal_says(ERR_UNAVAILABLE, 503, "<h1>Please try again</h1>");
    refusal_says(ERR_SERVER_ERROR, 500, "<h1>Something went wrong</h1>");
}

static void test_scopes_in_plain_words(void **state)
{
    struct page p;
    (void)state;
    page_begin(&rq, (str){0}, &p);
    str line = show_scopes_line(&p, STR("profile calendar.write"));
    assert_true(str_eq(line, STR("Your profile · The permission “calendar.write”")));
    assert_true(str_eq(show_scopes_line(&p, STR("")), STR("Basic access")));
}

static void test_assets(void **state)
{
    bool hashed;
    const struct asset *a = theme_asset(ui_theme(server.ui), STR("style.css"), &hashed);
    char etag[64];
    (void)state;
    rq.path_id = str_sub(a->path, sizeof "/assets/" - 1, a->path.n);
    assert_int_equal(ui_asset(&rq), OK);
    has(&res.headers, "Cache-Control: public, max-age=31536000, immutable\r\n");
    has(&res.headers, "Content-Type: text/css; charset=utf-8\r\n");
    has(&res.headers, "X-Content-Type-Options: nosniff\r\n");
    assert_int_equal(res.body.n, a->bytes.n);
    http_res_reset(&res);
    rq.path_id = STR("style.css");
    snprintf(etag, sizeof etag, "\"x\", W/%.*s", STR_ARG(a->etag));
    header("If-None-Match", etag);
    assert_int_equal(ui_asset(&rq), OK);
    assert_int_equal(res.status, 304);
    assert_int_equal(res.body.n, 0);
    has(&res.headers, "Cache-Control: no-cache\r\n");
    rq.path_id = STR("../ui.c");
    assert_int_equal(ui_asset(&rq), ERR_NOT_FOUND);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_headers),
        TEST(test_form_target_and_logo),
        TEST(test_nothing_breaks_out_of_the_policy),
        TEST(test_origins),
        TEST(test_language),
        TEST(test_times),
        TEST(test_refusal_is_safe),
        TEST(test_refusals_in_plain_words),
        TEST(test_scopes_in_plain_words),
        TEST(test_assets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
