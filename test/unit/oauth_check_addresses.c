/* Redirect URIs: which are registered, and which a request may name (security.md 1-4, A21-A24). */
#include "oauth_checks_support.h"

/* ---- redirect URIs ---- */

static const char *const attacks[] = {
    /* A21 */
    "https://app.example.evil/cb", "https://app.example@evil/cb", "https://evil\\@app.example/cb",
    "https://app.example%2eevil/cb", "https:app.example/cb", "//app.example/cb",
    "https://app.example:443/cb", "HTTPS://APP.example/cb", "https://app.example./cb",
    "http://app.example/cb",
    /* A22 */
    "https://app.example/cb/", "https://app.example/cb/../x", "https://app.example/cb/%2e%2e/x",
    "https://app.example/cb/..;/x", "https://app.example/cb%2f", "https://app.example/cb?",
    "https://app.example/cb?a=1", "https://app.example/cb#", "https://app.example/cb%23x",
    "https://app.example/cb%0d%0aX:1", "https://app.example/cb%00", " https://app.example/cb",
    "https://app.example/cb ", "https://app.example/cb\t", "https://app.example/ cb",
    "https://app\xef\xbc\x8e"
    "example/cb",
    "https://\xd0\xb0pp.example/cb", "https://xn--pp-7kc.example/cb", "https://app.example/CB",
    "https://app.example/c%62",
    /* A23 */
    "http://127.0.0.1:1@evil/", "http://127.0.0.1:1@evil/cb", "http://127.0.0.1.evil/cb",
    "http://127.1/cb", "http://2130706433/cb", "http://[::ffff:127.0.0.1]/cb",
    "http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb",
    "http://127.0.0.1:080/cb", "http://127.0.0.1:+80/cb", "http://127.0.0.1:-1/cb",
    "http://127.0.0.1:8080/cb/", "http://127.0.0.1:8080/cb?a", "http://127.0.0.1:8080/x/cb",
    "http://x@127.0.0.1:8080/cb", "http://localhost/cb", "http://localhost:8080/cb",
    "https://127.0.0.1:8080/cb", "com.example.app://cb", "com.example.app:/cb2",
    "com.example.app:8080/cb"};

static str redirect_of(const char *uri)
{
    static char text[4096];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    BUF_LIT(&b, "redirect_uri=");
    for (; *uri != '\0'; uri++)
        buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*uri);
    return buf_str(&b);
}

static void foreign_addresses_are_refused(void **state)
{
    static const char *const modes[] = {"", "&response_mode=query", "&response_mode=form_post"};

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        for (size_t m = 0; m < 3; m++) {
            str add = redirect_of(attacks[i]);
            char text[4200];
            snprintf(text, sizeof text, "%.*s%s", STR_ARG(add), modes[m]);
            expect_refusal(attacks[i], ask("redirect_uri", text), ERR_INVALID_REQUEST,
                           "redirect_uri", false);
        }
}

static void loopback_ports_vary(void **state)
{
    static const char *const good[] = {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb",
                                       "http://127.0.0.1:65535/cb", "com.example.app:/cb",
                                       "https://app.example/cb"};
    (void)state;
    reset();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect_ok(good[i],
                  ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", redirect_of(good[i])));
        assert_true(str_eq(ar.redirect_to, str_from(good[i])));
    }
    assert_true(uri_rules_match(STR("http://[::1]/cb"), STR("http://[::1]:49152/cb")));
    assert_true(uri_rules_match(STR("http://127.0.0.1"), STR("http://127.0.0.1:49152")));
    assert_false(uri_rules_match(STR("http://127.0.0.1"), STR("http://127.0.0.1:1@evil")));
    assert_false(uri_rules_match(STR("http://127.0.0.1:80/cb"), STR("http://127.0.0.1:81/cb")));
    assert_false(uri_rules_match(STR("http://localhost/cb"), STR("http://localhost:81/cb")));
    assert_false(uri_rules_match(STR("http://[::1]/cb"), STR("http://127.0.0.1:81/cb")));
}

static void twilio_has_its_own_addresses(void **state)
{
    const str www = STR("redirect_uri=www.twilio.com");

    (void)state;
    reset();
    rp.redirect_uris = STR("www.twilio.com");
    rp.pkce = PKCE_OPTIONAL;
    store_rp();
    expect_ok("without scheme", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", www));
    assert_true(str_eq(ar.redirect_to, STR("https://www.twilio.com")));
    expect_ok("the only one", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", STR("")));
    assert_true(str_eq(ar.redirect_to, STR("https://www.twilio.com")));
    expect_refusal("another string",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri",
                          STR("redirect_uri=https%3A%2F%2Fwww.twilio.com")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
    expect_refusal("twice",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri",
                          STR("redirect_uri=www.twilio.com&redirect_uri=www.twilio.com")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
    expect_refusal("not on the standard surface",
                   ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", www), ERR_INVALID_REQUEST,
                   "redirect_uri", false);
    expect_ok("PascalCase", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri response_type",
                                   STR("RedirectUri=www.twilio.com&ResponseType=code")));
    expect_refusal(
        "PascalCase elsewhere",
        ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", STR("RedirectUri=www.twilio.com")),
        ERR_INVALID_REQUEST, "redirect_uri", false);
    expect_ok("ClientSid",
              ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "client_id redirect_uri",
                     arena_printf(&w.arena, "ClientSid=%.*s", STR_ARG(client_id(&c)))));
    assert_true(uid_eq(&ar.client->client.id, &w.client.id));
    expect_refusal("ClientSid of another",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", STR("ClientSid=" NOBODY)),
                   ERR_INVALID_REQUEST, "client", false);
    expect_refusal("ClientSid elsewhere",
                   ask_as(VIA_AUTHORIZE, DIALECT_RFC, "client_id",
                          arena_printf(&w.arena, "ClientSid=%.*s", STR_ARG(client_id(&c)))),
                   ERR_INVALID_REQUEST, "client", false);
    rp.redirect_uris = STR("www.twilio.com\nhttps://app.example/cb");
    store_rp();
    expect_refusal("one of several must be named",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", STR("")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
}

/* security.md 3, A24 */
static void registration_refuses_what_has_two_readings(void **state)
{
    static const char *const bad[] = {"",
                                      "https://app.example/cb#",
                                      "https://app.example/cb#x",
                                      "/cb",
                                      "cb",
                                      "//app.example/cb",
                                      "http://app.example/cb",
                                      "http://127.0.0.1.evil/",
                                      "http://127.1/",
                                      "https://*.example/cb",
                                      "https://app.example/*",
                                      "https://u@app.example/cb",
                                      "https://u:p@app.example/cb",
                                      "javascript:alert(1)",
                                      "data:text/html,x",
                                      "vbscript:x",
                                      "file:///etc/passwd",
                                      "myapp:/cb",
                                      "myapp://cb",
                                      "com.example.app",
                                      "com.example.app:cb",
                                      "HTTPS://app.example/",
                                      "https:app.example/cb",
                                      "https:///cb",
                                      "https://",
                                      "https://evil\\@app.example/cb",
                                      "https://app.example/c b",
                                      "https://app.example/%",
                                      "https://app.example/%4",
                                      "https://app.example/%zz",
                                      "https://app.example/\xc3\xa9",
                                      "https://app.example:0/cb",
                                      "https://app.example:65536/cb",
                                      "https://app.example:/cb",
                                      "https://app.example:080/cb",
                                      "https://app.example/\r\nX:1",
                                      "urn:example:x"};
    static const char *const good[] = {
        "https://app.example/cb",   "https://app.example/cb?a=1&b=%20",
        "http://127.0.0.1/cb",      "http://[::1]:8080/cb",
        "http://localhost:3000/cb", "com.example.app:/cb",
        "com.example.app://cb",     "https://app.example"};
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        if (uri_rules_redirect(str_from(bad[i]), false, &why) || why == NULL)
            die("%s may be registered", bad[i]);
        why = NULL;
        if (uri_rules_post_logout(str_from(bad[i]), &why) || why == NULL)
            die("%s may be registered for after sign-out", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!uri_rules_redirect(str_from(good[i]), false, &why))
            die("%s: %s", good[i], why);
    assert_true(uri_rules_redirect(STR("www.twilio.com"), true, &why));
    assert_true(uri_rules_redirect(STR("www.twilio.com/cb?x=1"), true, &why));
    assert_false(uri_rules_redirect(STR("www.twilio.com:8080/cb"), true, &why));
    assert_false(uri_rules_redirect(STR("u@www.twilio.com"), true, &why));
    assert_false(uri_rules_redirect(STR("/cb"), true, &why));
    assert_false(uri_rules_redirect(STR("//evil/cb"), true, &why));
}

static void origins_are_as_browsers_send_them(void **state)
{
    static const char *const bad[] = {"null",
                                      "*",
                                      "https://app.example/",
                                      "https://App.example",
                                      "https://app.example:443",
                                      "http://app.example",
                                      "https://app.example?x",
                                      "https://u@app.example",
                                      "app.example",
                                      "com.example.app://x",
                                      "https://*.example"};
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (uri_rules_origin(str_from(bad[i]), &why))
            die("%s may be an origin", bad[i]);
    assert_true(uri_rules_origin(STR("https://app.example"), &why));
    assert_true(uri_rules_origin(STR("https://app.example:8443"), &why));
    assert_true(uri_rules_origin(STR("http://localhost:5173"), &why));
    assert_true(uri_rules_page(STR("https://app.example/logo.svg"), &why));
    assert_false(uri_rules_page(STR("javascript:alert(1)"), &why));
    assert_true(uri_rules_resource(STR("urn:example:api"), &why));
    assert_true(uri_rules_resource(STR("https://api.example/"), &why));
    assert_false(uri_rules_resource(STR("https://api.example/#x"), &why));
    assert_false(uri_rules_resource(STR("api.example"), &why));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(foreign_addresses_are_refused),
        cmocka_unit_test(loopback_ports_vary),
        cmocka_unit_test(twilio_has_its_own_addresses),
        cmocka_unit_test(registration_refuses_what_has_two_readings),
        cmocka_unit_test(origins_are_as_browsers_send_them),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
