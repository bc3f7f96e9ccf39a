/* The table of checks: every row, refused and let through. */
#include "oauth_checks_support.h"

/* ---- plain parameters ---- */

struct refused {
    const char *title, *drop, *add;
    enum err e;
    const char *rule;
    bool told;
};

static const struct refused refusals[] = {
    {"4: no client", "client_id", "", ERR_INVALID_REQUEST, "client", false},
    {"4: empty client", "client_id", "client_id=", ERR_INVALID_REQUEST, "client", false},
    {"4: unknown client", "client_id", "client_id=" NOBODY, ERR_INVALID_REQUEST, "client", false},
    {"4: no client id", "client_id", "client_id=%C3%A9", ERR_INVALID_REQUEST, "client", false},
    {"7: client twice", "", "client_id=" NOBODY, ERR_INVALID_REQUEST, "client", false},
    {"4: no redirect_uri", "redirect_uri", "", ERR_INVALID_REQUEST, "redirect_uri", false},
    {"7: redirect_uri twice", "", "redirect_uri=" CB, ERR_INVALID_REQUEST, "redirect_uri", false},
    {"7: redirect_uri and empty", "", "redirect_uri=", ERR_INVALID_REQUEST, "redirect_uri", false},
    {"14: response_mode unknown", "", "response_mode=fragment", ERR_INVALID_REQUEST,
     "response_mode", true},
    {"7: state twice", "", "state=b", ERR_INVALID_REQUEST, "repeated", true},
    {"7: scope twice, one empty", "", "scope=", ERR_INVALID_REQUEST, "repeated", true},
    {"A14: the same name after decoding", "", "%73cope=openid", ERR_INVALID_REQUEST, "repeated",
     true},
    {"7: display twice", "", "display=page&display=page", ERR_INVALID_REQUEST, "repeated", true},
    {"prompt of bad characters", "", "prompt=%0a", ERR_INVALID_REQUEST, "malformed", true},
    {"9: state over 4096", "state", "state=x" X4096, ERR_INVALID_REQUEST, "state", true},
    {"9: state of bad characters", "state", "state=%0d%0a", ERR_INVALID_REQUEST, "state", true},
    {"5: no response_type", "response_type", "", ERR_INVALID_REQUEST, "response_type", true},
    {"5: token", "response_type", "response_type=token", ERR_UNSUPPORTED_RESPONSE_TYPE,
     "response_type", true},
    {"5: code id_token", "response_type", "response_type=code%20id_token",
     ERR_UNSUPPORTED_RESPONSE_TYPE, "response_type", true},
    {"14: scope beyond the client's", "scope", "scope=openid%20admin", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope outside the alphabet", "scope", "scope=openid%20%22x", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope of two spaces", "scope", "scope=openid%20%20profile", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope not ASCII", "scope", "scope=%C3%A9", ERR_INVALID_SCOPE, "scope", true},
    {"6: no challenge", "code_challenge code_challenge_method", "", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: no method", "code_challenge_method", "", ERR_INVALID_REQUEST, "pkce", true},
    {"6: plain", "code_challenge_method", "code_challenge_method=plain", ERR_INVALID_REQUEST,
     "pkce", true},
    {"6: s256 in lower case", "code_challenge_method", "code_challenge_method=s256",
     ERR_INVALID_REQUEST, "pkce", true},
    {"6: challenge of 42", "code_challenge",
     "code_challenge=9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: challenge of 44", "code_challenge", "code_challenge=" CHALLENGE "A", ERR_INVALID_REQUEST,
     "pkce", true},
    {"6: challenge of plain base64", "code_challenge",
     "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw%2BcM", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: challenge much too long", "code_challenge", "code_challenge=" X256, ERR_INVALID_REQUEST,
     "pkce", true},
    {"9: nonce over 512", "", "nonce=x" X256 X256, ERR_INVALID_REQUEST, "nonce", true},
    {"9: nonce not ASCII", "", "nonce=%C3%A9", ERR_INVALID_REQUEST, "nonce", true},
    {"11: none login", "", "prompt=none%20login", ERR_INVALID_REQUEST, "prompt", true},
    {"prompt unknown", "", "prompt=create", ERR_INVALID_REQUEST, "prompt", true},
    {"max_age in words", "", "max_age=soon", ERR_INVALID_REQUEST, "max_age", true},
    {"max_age negative", "", "max_age=-1", ERR_INVALID_REQUEST, "max_age", true},
    {"max_age as minus nought", "", "max_age=-0", ERR_INVALID_REQUEST, "max_age", true},
    {"claims no JSON", "", "claims=%7B", ERR_INVALID_REQUEST, "claims", true},
    {"36: resource unknown", "", "resource=https%3A%2F%2Fevil.example", ERR_INVALID_TARGET,
     "resource", true},
    {"36: one resource of two unknown", "",
     "resource=urn%3Aexample%3Aother&resource=urn%3Aexample%3Amore", ERR_INVALID_TARGET, "resource",
     true},
    {"21: request_uri elsewhere", "", "request_uri=https%3A%2F%2Fapp.example%2Fr",
     ERR_REQUEST_URI_NOT_SUPPORTED, "request_uri", true},
    {"18: request_uri never given", "", "request_uri=urn:ietf:params:oauth:request_uri:x",
     ERR_INVALID_REQUEST_URI, "request_uri", false},
    {"20: request that is no JWT", "", "request=x", ERR_INVALID_REQUEST_OBJECT, "request_object",
     true},
};

static void every_rule_refuses(void **state)
{
    (void)state;
    reset();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refused *r = &refusals[i];
        expect_refusal(r->title, ask(r->drop, r->add), r->e, r->rule, r->told);
    }
}

/* What fails before the checks: encoding, and where parameters stand (A13, A15). */
static void broken_encoding_is_refused_at_once(void **state)
{
    static const char *const bad[] = {"x=%",      "x=%4",        "x=%zz",          "x=%00",
                                      "x=%c0%af", "x=%ed%a0%80", "x=%f4%90%80%80", "x=\xff"};

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ask("", bad[i]), ERR_INVALID_REQUEST);
        assert_null(c.rq.failure.rule);
        assert_null(ar.redirect_to.p);
    }
    assert_int_equal(ask_as(VIA_PAR, DIALECT_RFC, "client_id", STR("")), OK);
    c.req.query = STR("nonce=x");
    c.req.has_query = true;
    assert_int_equal(judge(VIA_PAR, DIALECT_RFC), ERR_INVALID_REQUEST);
    c.req.query = STR("unknown=x"); /* 7: ignored */
    c.rq.failure = (struct failure){0};
    assert_int_equal(judge(VIA_PAR, DIALECT_RFC), OK);
}

static void the_usual_request_passes(void **state)
{
    (void)state;
    reset();
    expect_ok("GET", ask("", ""));
    assert_true(uid_eq(&ar.client->client.id, &w.client.id));
    assert_true(str_eq(ar.redirect_to, STR("https://app.example/cb")));
    assert_true(str_eq(ar.state, STR("s t")));
    assert_true(str_eq(ar.granted, STR("openid")));
    assert_true(ar.openid && !ar.offline);
    assert_int_equal(ar.mode, MODE_QUERY);
    assert_int_equal(ar.max_age_s, -1);
    assert_int_equal(ar.prompts, 0);
    assert_int_equal(ar.resources.n, 0);
    expect_ok("POST is bound from its form", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")));
}

/* openid.md 3.2: what only advises never fails, and is absent when it is unfit. */
static void advice_never_fails(void **state)
{
    static const char *const advice[] = {"acr_values", "ui_locales", "claims_locales", "login_hint",
                                         "display"};
    char text[600];

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
        snprintf(text, sizeof text, "%s=no%%20such%%20thing&Unknown=1&unknown=2&unknown=3",
                 advice[i]);
        expect_ok(advice[i], ask("", text));
        snprintf(text, sizeof text, "%s=" X256 X256, advice[i]);
        if (strcmp(advice[i], "acr_values") != 0)
            expect_ok(advice[i], ask("", text));
    }
    expect_ok("login_hint unfit", ask("", "login_hint=" X256));
    assert_null(ar.login_hint.p);
    expect_ok("names are exact (A14)", ask("", "a[]=1&Client_Id=x&client_id%20=y&a[]=2"));
}

static void values_reach_their_places(void **state)
{
    (void)state;
    reset();
    expect_ok("prompts", ask("", "prompt=login%20consent"));
    assert_int_equal(ar.prompts, PROMPT_LOGIN | PROMPT_CONSENT);
    expect_ok("none", ask("", "prompt=none"));
    assert_int_equal(ar.prompts, PROMPT_NONE);
    expect_ok("select_account", ask("", "prompt=select_account"));
    assert_int_equal(ar.prompts, PROMPT_SELECT_ACCOUNT);
    expect_ok("max_age", ask("", "max_age=10000"));
    assert_int_equal(ar.max_age_s, 10000);
    expect_ok("max_age 0", ask("", "max_age=0"));
    assert_int_equal(ar.max_age_s, 0);
    expect_ok("form_post", ask("", "response_mode=form_post"));
    assert_int_equal(ar.mode, MODE_FORM_POST);
    expect_refusal(
        "form_post to an app",
        ask("redirect_uri", "response_mode=form_post&redirect_uri=com.example.app%3A%2Fcb"),
        ERR_INVALID_REQUEST, "response_mode", true);
    assert_int_equal(ar.mode, MODE_QUERY);
    expect_ok("9: state of 4096", ask("state", "state=" X4096));
    assert_int_equal(ar.state.n, 4096);
    expect_ok("9: nonce of 512", ask("", "nonce=" X256 X256));
    expect_ok("offline_access", ask("scope", "scope=openid%20offline_access"));
    assert_true(ar.openid && ar.offline);
    expect_ok("resources", ask("", "resource=urn%3Aexample%3Aother&resource=https%3A%2F%2F"
                                   "api.example%2F"));
    assert_true(str_eq(ar.resources, STR("urn:example:other https://api.example/")));
    expect_ok("the issuer is a resource", ask("", "resource=http%3A%2F%2F127.0.0.1%3A8080"));
    expect_ok("claims", ask("", "claims=%7B%22userinfo%22%3A%7B%22email%22%3Anull%7D%7D"));
}

/* Asked for nothing: what the client has, but neither openid nor offline_access. */
static void no_scope_is_the_clients(void **state)
{
    (void)state;
    reset();
    expect_ok("no scope", ask("scope", ""));
    assert_true(str_eq(ar.granted, STR("profile")));
    assert_false(ar.openid || ar.offline);
}

/* ---- the client's own settings ---- */

static void a_clients_settings_decide(void **state)
{
    (void)state;
    reset();
    w.client.enabled = false;
    store_client();
    expect_refusal("disabled", ask("", ""), ERR_INVALID_REQUEST, "client", false);
    reset();
    w.client.grants = GRANT_CLIENT_CREDENTIALS;
    store_client();
    expect_refusal("no such grant", ask("", ""), ERR_UNAUTHORIZED_CLIENT, "grant", true);
    reset();
    rp.response_modes = MODE_QUERY;
    store_rp();
    expect_refusal("14: form_post not registered", ask("", "response_mode=form_post"),
                   ERR_INVALID_REQUEST, "response_mode", true);
    rp.response_modes = MODE_FORM_POST;
    store_rp();
    expect_refusal("14: query not registered", ask("", ""), ERR_INVALID_REQUEST, "response_mode",
                   true);
    reset();
    rp.default_max_age_s = 77;
    store_rp();
    expect_ok("default_max_age", ask("", ""));
    assert_int_equal(ar.max_age_s, 77);
}

static void pkce_by_client(void **state)
{
    static const char both[] = "code_challenge code_challenge_method";

    (void)state;
    reset();
    rp.pkce = PKCE_OPTIONAL;
    store_rp();
    expect_ok("optional", ask(both, ""));
    expect_refusal("6: a broken one is not none", ask(both, "code_challenge=" X256),
                   ERR_INVALID_REQUEST, "pkce", true);
    expect_refusal("6: a method alone", ask("code_challenge", ""), ERR_INVALID_REQUEST, "pkce",
                   true);
    rp.is_public = true;
    store_rp();
    expect_refusal("6: always for public clients", ask(both, ""), ERR_INVALID_REQUEST, "pkce",
                   true);
}

static void unknown_senders_look_alike(void **state)
{
    const char *unknown, *wrong;

    (void)state;
    reset();
    ask("client_id", "client_id=" NOBODY);
    unknown = c.rq.failure.text;
    assert_null(c.rq.failure.where.p);
    ask("redirect_uri", "redirect_uri=https%3A%2F%2Fevil.example%2F");
    wrong = c.rq.failure.text;
    assert_null(c.rq.failure.where.p);
    assert_string_equal(unknown, wrong);
    ask("redirect_uri", "");
    assert_string_equal(unknown, c.rq.failure.text);
    w.client.enabled = false;
    store_client();
    ask("", "");
    assert_string_equal(unknown, c.rq.failure.text);
}

/* A repeated or unfit state is not echoed. */
static void a_doubtful_state_is_not_sent_back(void **state)
{
    (void)state;
    reset();
    ask("", "state=b");
    assert_null(ar.state.p);
    ask("state", "state=x" X4096);
    assert_null(ar.state.p);
    ask("response_type", "");
    assert_true(str_eq(ar.state, STR("s t")));
}

static void par_is_required_where_it_is(void **state)
{
    char why[256];

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    expect_refusal("19: the client's", ask("", ""), ERR_INVALID_REQUEST, "par_required", true);
    expect_ok("not at PAR itself", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")));
    reset();
    assert_int_equal(
        settings_set(&w.settings, STR("par.required"), STR("true"), "test", why, sizeof why), OK);
    expect_refusal("19: the server's", ask("", ""), ERR_INVALID_REQUEST, "par_required", true);
    reset();
}

/* ---- device authorization, resources of tokens ---- */

static void a_device_asks_by_the_same_rules(void **state)
{
    (void)state;
    reset();
    expect_ok("scope alone", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=openid")));
    expect_refusal("scope", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=admin")),
                   ERR_INVALID_SCOPE, "scope", false);
    expect_refusal("repeated",
                   ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=openid&scope=x")),
                   ERR_INVALID_REQUEST, "repeated", false);
    w.client.grants = GRANT_AUTHORIZATION_CODE;
    store_client();
    expect_refusal("grant", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("")),
                   ERR_UNAUTHORIZED_CLIENT, "grant", false);
}

static void tokens_narrow_their_resources(void **state)
{
    const str two = STR("https://a.example https://b.example");
    str out;

    (void)state;
    reset();
    expect_ok("a call", ask("", ""));
    assert_int_equal(check_resource_within(&c.rq, (str){0}, two, &out), OK);
    assert_true(str_eq(out, two));
    assert_int_equal(check_resource_within(&c.rq, STR("https://b.example"), two, &out), OK);
    assert_true(str_eq(out, STR("https://b.example")));
    assert_int_equal(check_resource_within(&c.rq, STR("http://127.0.0.1:8080"), STR(""), &out), OK);
    assert_int_equal(check_resource_within(&c.rq, STR("https://c.example"), two, &out),
                     ERR_INVALID_TARGET);
    c.rq.client = ar.client;
    assert_int_equal(check_resource(&c.rq, STR("urn:example:other")), OK);
    assert_int_equal(check_resource(&c.rq, (str){0}), OK);
    assert_int_equal(check_resource(&c.rq, STR("urn:example:more")), ERR_INVALID_TARGET);
}

/* ---- the table ---- */

static void every_row_says_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < checks_n; i++) {
        assert_non_null(checks[i].run);
        assert_true(checks[i].via != 0);
        assert_true(strlen(checks[i].spec) > 0);
        assert_true(strlen(checks[i].remedy) > 20);
        assert_ptr_equal(checks_find(str_from(checks[i].name)), &checks[i]);
    }
    assert_null(checks_find(STR("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_refuses),
        cmocka_unit_test(broken_encoding_is_refused_at_once),
        cmocka_unit_test(the_usual_request_passes),
        cmocka_unit_test(advice_never_fails),
        cmocka_unit_test(values_reach_their_places),
        cmocka_unit_test(no_scope_is_the_clients),
        cmocka_unit_test(a_clients_settings_decide),
        cmocka_unit_test(pkce_by_client),
        cmocka_unit_test(unknown_senders_look_alike),
        cmocka_unit_test(a_doubtful_state_is_not_sent_back),
        cmocka_unit_test(par_is_required_where_it_is),
        cmocka_unit_test(a_device_asks_by_the_same_rules),
        cmocka_unit_test(tokens_narrow_their_resources),
        cmocka_unit_test(every_row_says_what_it_is),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
