/* Pushed requests and request objects (RFC 9126, RFC 9101; security.md 17-21). */
#include "oauth_checks_support.h"

/* ---- pushed requests ---- */

/* Pushes the usual request with `add` and gives its request_uri, percent-encoded. */
static str push(const struct uid *client, const char *add)
{
    struct pushed_request row = {.id = id_next(&w.server.ids, w.server.clock.fixed_us / 1000000),
                                 .client = *client};
    struct handle handle;
    struct effects fx;
    struct buf b;

    expect_ok("pushed", ask_as(VIA_PAR, DIALECT_RFC, "", str_from(add)));
    row.params = arena_dup(&w.arena, ar.text);
    row.exp_s = c.rq.now_s + 3600;
    handle_new(HANDLE_PUSHED, SHAPE_HANDLE, NULL, &row.id, &handle);
    handle_digest(w.thread.hasher, &handle, &row.hash);
    effects_init(&fx, &w.arena);
    pushed_request_put(&fx, &row);
    apply(&fx);
    buf_init(&b, &w.arena, 128, 128);
    BUF_LIT(&b, "request_uri=" AUTHORIZE_PUSHED_URN);
    handle_write(&b, &handle, SHAPE_HANDLE, NULL);
    return buf_str(&b);
}

static enum err ask_pushed(const char *drop, str add)
{
    return ask_as(VIA_AUTHORIZE, DIALECT_RFC, drop, add);
}

static void a_pushed_request_replaces_the_query(void **state)
{
    str uri;

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    uri = push(&w.client.id, "nonce=pushed&response_mode=form_post");
    expect_ok("19: client_id and request_uri alone", ask_pushed(ALL_BUT_CLIENT, uri));
    assert_true(ar.has_pushed);
    assert_true(str_eq(ar.nonce, STR("pushed")));
    assert_int_equal(ar.mode, MODE_FORM_POST);
    expect_ok("18: opened twice", ask_pushed(ALL_BUT_CLIENT, uri));
    uri = arena_printf(&w.arena, "state=evil&nonce=evil&nonce=evil2&scope=admin&request=x&%.*s",
                       STR_ARG(uri));
    expect_ok("19: nothing outside overrides, repeats are ignored", ask_pushed("", uri));
    assert_true(str_eq(ar.nonce, STR("pushed")));
    assert_true(str_eq(ar.state, STR("s t")));
    assert_true(str_eq(ar.granted, STR("openid")));
}

static void a_pushed_request_is_for_one_client_and_time(void **state)
{
    struct effects fx;
    str uri;

    (void)state;
    reset();
    uri = push(&other.id, "");
    expect_refusal("18: another client's", ask_pushed("", uri), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
    uri = push(&w.client.id, "");
    sleep_s(89);
    expect_ok("in time", ask_pushed("", uri));
    sleep_s(1);
    expect_refusal("18: expired", ask_pushed("", uri), ERR_INVALID_REQUEST_URI, "request_uri",
                   false);
    uri = push(&w.client.id, "");
    expect_ok("before it is spent", ask_pushed("", uri));
    effects_init(&fx, &w.arena);
    pushed_request_spend(&fx, &ar.pushed.id, c.rq.now_s);
    apply(&fx);
    expect_refusal("18: after a finished authorization", ask_pushed("", uri),
                   ERR_INVALID_REQUEST_URI, "request_uri", false);
    uri = push(&w.client.id, "");
    ((char *)(uintptr_t)uri.p)[uri.n - 2] ^= 1;
    expect_refusal("35: a handle of another secret", ask_pushed("", uri), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
}

/* What is sealed in a form keeps what was pushed, and its time is not judged again. */
static void a_sealed_request_keeps_what_was_pushed(void **state)
{
    str text;

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    expect_ok("opened", ask_pushed(ALL_BUT_CLIENT, push(&w.client.id, "nonce=pushed")));
    text = arena_dup(&w.arena, ar.text);
    rp.request_object = REQUEST_OBJECT_REQUIRED; /* judged before the page */
    store_rp();
    sleep_s(600);
    open_call(HTTP_POST);
    assert_int_equal(authorize_request_read(&c.rq, text, VIA_AUTHORIZE, DIALECT_RFC, &ar), OK);
    expect_ok("reopened after par.ttl", checks_run(&c.rq, &ar));
    assert_true(ar.has_pushed && str_eq(ar.nonce, STR("pushed")));
    sleep_s(3600);
    open_call(HTTP_POST);
    assert_int_equal(authorize_request_read(&c.rq, text, VIA_AUTHORIZE, DIALECT_RFC, &ar), OK);
    expect_refusal("reopened much later", checks_run(&c.rq, &ar), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
}

static void par_refuses_a_request_uri(void **state)
{
    static const char *const bad[] = {"request_uri=x", "request_uri=x&request_uri=y",
                                      "request_uri=urn:ietf:params:oauth:request_uri:x"};

    (void)state;
    reset();
    for (size_t i = 0; i < 3; i++)
        expect_refusal("17", ask_as(VIA_PAR, DIALECT_RFC, "", str_from(bad[i])),
                       ERR_INVALID_REQUEST, "request_uri", false);
}

/* ---- request objects ---- */

static str sign(struct signer *s, enum jws_alg alg, str typ, str claims)
{
    struct buf b;

    buf_init(&b, &w.arena, 4096, LIMIT_JWT * 2);
    assert_int_equal(jwt_sign(s, keyring_active(signer_ring(s), KEY_SIGNING, alg), typ, claims, &b),
                     OK);
    return buf_str(&b);
}

#define ISSUER "\"aud\":\"http://127.0.0.1:8080\""
#define GOOD                                                                                       \
    "\"response_type\":\"code\",\"redirect_uri\":\"https://app.example/cb\",\"scope\":\"openid\"," \
    "\"code_challenge\":\"" CHALLENGE                                                              \
    "\",\"code_challenge_method\":\"S256\",\"nonce\":\"inside\",\"max_age\":60,"                   \
    "\"claims\":{\"userinfo\":{\"email\":null}}"

/* "request=..." with these claims; ID in `claims` stands for the client. */
static str object(const char *claims, int64_t nbf_s, int64_t exp_s, const char *typ,
                  struct signer *s, enum jws_alg alg)
{
    int64_t now_s = w.server.clock.fixed_us / 1000000;
    struct buf b;
    str jwt;

    arena_free(&c.arena);
    begin(&c, "/");
    buf_init(&b, &w.arena, 1024, 65536);
    BUF_LIT(&b, "{");
    for (const char *p = claims; *p != '\0'; p++) {
        if (strncmp(p, "ID", 2) == 0) {
            buf_put(&b, client_id(&c));
            p++;
        } else {
            buf_char(&b, *p);
        }
    }
    if (nbf_s != INT64_MAX)
        buf_printf(&b, ",\"nbf\":%lld", (long long)(now_s + nbf_s));
    if (exp_s != INT64_MAX)
        buf_printf(&b, ",\"exp\":%lld", (long long)(now_s + exp_s));
    BUF_LIT(&b, "}");
    jwt = sign(s, alg, str_from(typ), buf_str(&b));
    return arena_printf(&w.arena, "request=%.*s", STR_ARG(jwt));
}

#define OBJECT(claims, nbf, exp) object(claims, nbf, exp, "oauth-authz-req+jwt", own, JWS_ES256)
#define IDS                      "\"iss\":\"ID\",\"client_id\":\"ID\","

static void a_request_object_replaces_the_query(void **state)
{
    str good;

    (void)state;
    reset();
    good = OBJECT(IDS ISSUER "," GOOD, 0, 300);
    expect_ok("by value", ask_pushed("redirect_uri", good));
    assert_true(str_eq(ar.nonce, STR("inside")));
    assert_int_equal(ar.max_age_s, 60);
    assert_true(str_eq(ar.claims, STR("{\"userinfo\":{\"email\":null}}")));
    assert_null(ar.state.p); /* not inside, so not there (RFC 9101 6.3) */
    expect_ok("aud as an array", ask_pushed("", OBJECT(IDS "\"aud\":[\"x\",\"http://127.0.0.1:"
                                                           "8080\"]," GOOD,
                                                       0, 300)));
    expect_ok("20: nbf 8 s ahead", ask_pushed("", OBJECT(IDS ISSUER "," GOOD, 8, 300)));
    expect_ok("RS256", ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "JWT", own, JWS_RS256)));
    expect_ok("pushed", ask_as(VIA_PAR, DIALECT_RFC, ALL_BUT_CLIENT, good));
    assert_null(ar.request.p);
}

static void a_bad_request_object_is_refused(void **state)
{
    static const struct {
        const char *title, *claims;
        int64_t nbf_s, exp_s;
    } bad[] = {
        {"20: no aud", "\"iss\":\"ID\"," GOOD, 0, 300},
        {"20: wrong aud", IDS "\"aud\":\"https://evil\"," GOOD, 0, 300},
        {"20: no exp", IDS ISSUER "," GOOD, 0, INT64_MAX},
        {"20: no nbf", IDS ISSUER "," GOOD, INT64_MAX, 300},
        {"20: exp over", IDS ISSUER "," GOOD, -100, 0},
        {"20: exp - nbf > 60 min", IDS ISSUER "," GOOD, 0, 3601},
        {"20: nbf > 60 min old", IDS ISSUER "," GOOD, -3601, 10},
        {"nbf a minute ahead", IDS ISSUER "," GOOD, 61, 300},
        {"no iss", "\"client_id\":\"ID\"," ISSUER "," GOOD, 0, 300},
        {"iss of another", "\"iss\":\"" NOBODY "\"," ISSUER "," GOOD, 0, 300},
        {"client_id of another", "\"iss\":\"ID\",\"client_id\":\"" NOBODY "\"," ISSUER "," GOOD, 0,
         300},
        {"46: a client assertion", IDS "\"sub\":\"ID\"," ISSUER "," GOOD, 0, 300},
        {"request inside", IDS "\"request\":\"x\"," ISSUER "," GOOD, 0, 300},
        {"request_uri inside", IDS "\"request_uri\":\"x\"," ISSUER "," GOOD, 0, 300},
        {"a parameter of another type", IDS "\"state\":[\"x\"]," ISSUER "," GOOD, 0, 300},
    };
    str good;

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refusal(bad[i].title,
                       ask_pushed("", OBJECT(bad[i].claims, bad[i].nbf_s, bad[i].exp_s)),
                       ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    expect_refusal("20: bad signature",
                   ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "JWT", foreign, JWS_ES256)),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    expect_refusal("46: typ of another kind",
                   ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "client-authentication+jwt",
                                         own, JWS_ES256)),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    good = OBJECT(IDS ISSUER "," GOOD, 0, 300);
    expect_refusal("not told at an unproven address", ask_pushed("redirect_uri", STR("request=x")),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", false);
    rp.jwks = STR("");
    store_rp();
    expect_refusal("a client without keys", ask_pushed("", good), ERR_INVALID_REQUEST_OBJECT,
                   "request_object", true);
}

static void unsigned_requests_where_signed_ones_are_required(void **state)
{
    (void)state;
    reset();
    rp.request_object = REQUEST_OBJECT_REQUIRED;
    store_rp();
    expect_refusal("plain", ask("", ""), ERR_INVALID_REQUEST, "request_object", true);
    expect_refusal("plain, pushed", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")), ERR_INVALID_REQUEST,
                   "request_object", true);
    expect_ok("signed", ask_pushed("", OBJECT(IDS ISSUER "," GOOD, 0, 300)));
    expect_refusal("the redirect_uri inside is judged",
                   ask_pushed("", OBJECT(IDS ISSUER ",\"redirect_uri\":\"https://evil/\","
                                                    "\"response_type\":\"code\"",
                                         0, 300)),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pushed_request_replaces_the_query),
        cmocka_unit_test(a_pushed_request_is_for_one_client_and_time),
        cmocka_unit_test(a_sealed_request_keeps_what_was_pushed),
        cmocka_unit_test(par_refuses_a_request_uri),
        cmocka_unit_test(a_request_object_replaces_the_query),
        cmocka_unit_test(a_bad_request_object_is_refused),
        cmocka_unit_test(unsigned_requests_where_signed_ones_are_required),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
