/* What tokens of people open: userinfo, introspection, other resources; and which pages may ask
 * (CORS).
 */
#include "oauth_tokens.h"

static str access_of(const char *scope)
{
    struct answer a = redeem(put_code(scope));

    assert_int_equal(a.status, 200);
    return member(&a, "access_token");
}

static void userinfo_says_what_the_scope_gives(void **state)
{
    struct answer a = userinfo(access_of("openid profile email phone"));

    (void)state;
    assert_int_equal(a.status, 200);
    assert_text(member(&a, "name"), "Jane Doe");
    assert_text(member(&a, "preferred_username"), "jane");
    assert_text(member(&a, "email"), "jane@people.example");
    assert_int_equal(json_get(a.json, STR("email_verified"))->type, JSON_BOOL_T);
    assert_int_equal(json_get(a.json, STR("updated_at"))->i, 1500);
    assert_text(member(&a, "phone_number"), "+1 555");
    a = userinfo(access_of("openid"));
    assert_int_equal(a.json->n, 1); /* sub alone */
}

static void userinfo_takes_the_header_alone(void **state)
{
    str token = access_of("openid");
    struct call c;

    (void)state;
    begin(&c, "/userinfo");
    c.req.method = HTTP_GET;
    c.req.query = arena_printf(&c.arena, "access_token=%.*s", STR_ARG(token));
    c.req.has_query = true;
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 401); /* security.md 36 */
    arena_free(&c.arena);
    resource(&c, "/userinfo", token);
    c.req.method = HTTP_POST;
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 200); /* OIDC Core 5.3.1 */
    arena_free(&c.arena);
}

static void userinfo_needs_openid_and_a_person(void **state)
{
    struct answer machine = post_as(&w.client, "/token", STR("grant_type=client_credentials"));
    struct call c;

    (void)state;
    resource(&c, "/userinfo", access_of("profile"));
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 403); /* RFC 6750 3.1 */
    assert_true(has(str_from(c.rq.failure.challenge), "error=\"insufficient_scope\""));
    arena_free(&c.arena);
    assert_int_equal(userinfo(member(&machine, "access_token")).status, 403);
}

static void userinfo_is_signed_for_who_asked_for_that(void **state)
{
    const struct json *claims;
    struct answer a;
    struct jwt jwt;

    (void)state;
    party.userinfo_alg = JWS_ES256;
    put_parties();
    a = userinfo(access_of("openid email"));
    assert_int_equal(jwt_parse(&w.arena, a.text, &jwt), OK);
    claims = jwt.claims;
    assert_text(json_get_str(claims, STR("iss")), "http://127.0.0.1:8080");
    assert_true(str_eq(json_get_str(claims, STR("aud")), id_of(&w.client)));
    assert_text(json_get_str(claims, STR("email")), "jane@people.example");
    assert_int_equal(jwt_verify(w.thread.signer, &jwt, STR("JWT")), ERR_INVALID_TOKEN); /* no exp */
}

static struct answer for_api(const char *scope, const char *more)
{
    struct user_grant g = plain_grant(scope);

    g.resources = STR(API);
    g.offline = true;
    return post_as(
        &w.client, "/token",
        code_form(put_grant(&g),
                  arena_cstr(&w.arena, arena_printf(&w.arena, "%s%s", WITH_VERIFIER, more))));
}

static void a_token_for_an_api_is_live_but_opens_nothing_here(void **state)
{
    struct answer a = for_api("openid offline_access", ""), b;

    (void)state;
    assert_int_equal(a.status, 200);
    assert_text(json_get_str(claims_of(member(&a, "access_token"), "at+jwt"), STR("aud")), API);
    b = see(member(&a, "access_token"));
    assert_text(member(&b, "aud"), API);
    assert_int_equal(userinfo(member(&a, "access_token")).status, 401); /* RFC 9068 4 */
    b = refresh(member(&a, "refresh_token"), "&resource=http%3A%2F%2F127.0.0.1%3A8080");
    assert_int_equal(userinfo(member(&b, "access_token")).status, 200); /* RFC 8707 2.2 */
    b = refresh(member(&a, "refresh_token"), "&resource=https%3A%2F%2Fevil.example");
    assert_text(b.text, "INVALID_TARGET"); /* security.md 36 */
    b = for_api("openid", "&resource=https%3A%2F%2Fevil.example");
    assert_text(b.text, "INVALID_TARGET");
}

static void introspection_tells_who_and_how(void **state)
{
    struct answer a = redeem(put_code("openid offline_access")), b;

    (void)state;
    b = see(member(&a, "access_token"));
    assert_true(str_eq(member(&b, "sub"),
                       json_get_str(claims_of(member(&a, "id_token"), "JWT"), STR("sub"))));
    assert_text(member(&b, "username"), "jane");
    assert_int_equal(json_get(b.json, STR("auth_time"))->i, 1990);
    assert_text(member(&b, "acr"), "pwd");
    b = post_as(&other, "/see",
                arena_printf(&w.arena, "token=%.*s", STR_ARG(member(&a, "access_token"))));
    assert_text(b.text, "{\"active\":false}"); /* security.md 34 */
    assert_false(is_live(member(&a, "id_token")));
}

static void a_pairwise_subject_is_the_same_everywhere_and_of_its_sector(void **state)
{
    struct answer a, b;
    str sub;

    (void)state;
    party.pairwise = true;
    put_parties();
    a = redeem(put_code("openid"));
    sub = json_get_str(claims_of(member(&a, "id_token"), "JWT"), STR("sub"));
    assert_int_equal(sub.n, 43); /* OIDC Core 8.1 */
    assert_true(
        str_eq(sub, json_get_str(claims_of(member(&a, "access_token"), "at+jwt"), STR("sub"))));
    b = see(member(&a, "access_token"));
    assert_true(str_eq(sub, member(&b, "sub")));
    assert_null(member(&b, "username").p);
    b = userinfo(member(&a, "access_token"));
    assert_true(str_eq(sub, member(&b, "sub")));
    party.sector = STR("app.example"); /* the host that the redirect URI has */
    put_parties();
    b = userinfo(member(&a, "access_token"));
    assert_true(str_eq(sub, member(&b, "sub")));
    party.sector = STR("other.example");
    put_parties();
    b = userinfo(member(&a, "access_token"));
    assert_false(str_eq(sub, member(&b, "sub")));
}

/* security.md 46: each token at its own consumer only. */
static void tokens_do_not_pass_for_each_other(void **state)
{
    struct answer a = redeem(put_code("openid offline_access"));
    struct id_token_facts facts;
    struct call c;

    (void)state;
    assert_int_equal(userinfo(member(&a, "id_token")).status, 401);
    assert_int_equal(userinfo(member(&a, "refresh_token")).status, 401);
    begin(&c, "/");
    assert_int_equal(id_token_read(&c.rq, member(&a, "access_token"), &facts), ERR_INVALID_TOKEN);
    assert_int_equal(id_token_read(&c.rq, STR("a.b.c"), &facts), ERR_INVALID_TOKEN);
    sleep_s(100000); /* its time is not judged */
    assert_int_equal(id_token_read(&c.rq, member(&a, "id_token"), &facts), OK);
    assert_true(uid_eq(&facts.client, &w.client.id));
    assert_true(facts.has_session && id_eq(&facts.session, &session.id));
    arena_free(&c.arena);
}

static void metadata_names_the_algorithms_that_have_a_key(void **state)
{
    struct effects fx = effects_now();
    struct answer a;
    struct call c;
    struct uid id;

    (void)state;
    resource(&c, "/metadata", (str){0});
    c.flow = handle_rq(&w.thread, &c.rq);
    a = finished(&c);
    assert_text(json_get(a.json, STR("id_token_signing_alg_values_supported"))->first->s, "ES256");
    assert_int_equal(json_get(a.json, STR("id_token_signing_alg_values_supported"))->n, 1);
    assert_int_equal(
        key_put_new(&fx, &w.arena, &w.master, KEY_SIGNING, JWS_EDDSA, KEY_ACTIVE, 2000, &id), OK);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    resource(&c, "/metadata", (str){0});
    c.flow = handle_rq(&w.thread, &c.rq);
    a = finished(&c);
    assert_int_equal(json_get(a.json, STR("id_token_signing_alg_values_supported"))->n, 2);
}

/* ---- CORS ---- */

static str headers_of(struct call *c)
{
    str text = arena_dup(&w.arena, buf_str(&c->res.headers));

    finish(c);
    arena_free(&c->arena);
    return text;
}

static str userinfo_from(str token, const char *origin)
{
    struct call c;

    resource(&c, "/userinfo", token);
    header(&c, "origin", str_from(origin));
    c.flow = handle_rq(&w.thread, &c.rq);
    return headers_of(&c);
}

static str preflight(const char *origin, const char *method, const char *headers)
{
    struct call c;

    begin(&c, "/token");
    c.req.method = HTTP_OPTIONS;
    header(&c, "origin", str_from(origin));
    header(&c, "access-control-request-method", str_from(method));
    header(&c, "access-control-request-headers", str_from(headers));
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 204);
    return headers_of(&c);
}

#define ALLOWED "Access-Control-Allow-Origin"

static void registered_origins_of_the_client_may_read(void **state)
{
    str token = access_of("openid"), headers = userinfo_from(token, ORIGIN);

    (void)state;
    assert_true(has(headers, ALLOWED ": " ORIGIN "\r\n")); /* security.md 57 */
    assert_true(has(headers, "Vary: Origin"));
    assert_false(has(headers, "Credentials"));
    assert_true(has(userinfo_from(STR("wrong"), ORIGIN), "Vary: Origin"));
    assert_false(has(userinfo_from(STR("wrong"), ORIGIN), ALLOWED)); /* of nobody */
    party.origins = STR("https://second.example");
    put_parties();
    assert_false(has(userinfo_from(token, ORIGIN), ALLOWED));
}

static void strange_origins_may_not(void **state)
{
    static const char *const strange[] = {
        "null",
        "https://app.example.evil",
        "http://app.example",
        "https://app.example:444",
        "https://app.example/",
        "HTTPS://APP.EXAMPLE",
        "*",
        "",
    };
    str token = access_of("openid");

    (void)state;
    for (size_t i = 0; i < sizeof strange / sizeof *strange; i++) { /* A30 */
        str headers = userinfo_from(token, strange[i]);
        assert_false(has(headers, ALLOWED));
        assert_true(has(headers, "Vary: Origin"));
        assert_false(has(preflight(strange[i], "POST", "content-type"), ALLOWED));
    }
}

static void preflights_are_for_what_the_path_takes(void **state)
{
    (void)state;
    assert_true(has(preflight(ORIGIN, "POST", "Content-Type, authorization"), ALLOWED));
    assert_false(has(preflight(ORIGIN, "DELETE", "content-type"), ALLOWED)); /* A30 */
    assert_false(has(preflight(ORIGIN, "POST", "x-odd"), ALLOWED));
    assert_true(has(preflight(ORIGIN, "DELETE", ""), "Vary: Origin"));
}

static void a_refusal_can_be_read_too(void **state)
{
    struct call c;
    str headers;

    (void)state;
    begin(&c, "/token");
    header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    header(&c, "origin", STR(ORIGIN));
    c.req.body = arena_printf(&c.arena,
                              "grant_type=authorization_code&code=wrong&client_id=%.*s"
                              "&client_secret=" SECRET,
                              STR_ARG(id_of(&w.client)));
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 400);
    headers = headers_of(&c);
    assert_true(has(headers, ALLOWED ": " ORIGIN));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(userinfo_says_what_the_scope_gives),
        T(userinfo_takes_the_header_alone),
        T(userinfo_needs_openid_and_a_person),
        T(userinfo_is_signed_for_who_asked_for_that),
        T(a_token_for_an_api_is_live_but_opens_nothing_here),
        T(introspection_tells_who_and_how),
        T(a_pairwise_subject_is_the_same_everywhere_and_of_its_sector),
        T(tokens_do_not_pass_for_each_other),
        T(metadata_names_the_algorithms_that_have_a_key),
        T(registered_origins_of_the_client_may_read),
        T(strange_origins_may_not),
        T(preflights_are_for_what_the_path_takes),
        T(a_refusal_can_be_read_too),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
