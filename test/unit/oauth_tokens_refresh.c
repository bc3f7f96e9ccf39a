/* Refresh tokens of people: what they repeat, when they rotate, what ends them (security.md 30-33,
 * OIDC Core 12).
 */
#include "oauth_tokens.h"

static struct answer first(const char *scope)
{
    struct answer a = redeem(put_code(scope));

    assert_int_equal(a.status, 200);
    return a;
}

static const struct json *id_of_answer(const struct answer *a)
{
    return claims_of(member(a, "id_token"), "JWT");
}

static void always_rotate(void)
{
    w.client.rotation = ROTATION_ALWAYS;
    put_parties();
}

static void a_refresh_repeats_the_identity(void **state)
{
    struct answer a = first("openid profile offline_access"), b;
    const struct json *before = id_of_answer(&a), *after;

    (void)state;
    sleep_s(100);
    b = refresh(member(&a, "refresh_token"), "");
    assert_int_equal(b.status, 200);
    after = id_of_answer(&b);
    for (size_t i = 0; i < 4; i++) { /* OIDC Core 12.2 */
        str name = str_from(((const char *[]){"iss", "sub", "aud", "azp"})[i]);
        assert_true(str_eq(json_get_str(before, name), json_get_str(after, name)));
    }
    assert_int_equal(json_get(after, STR("auth_time"))->i, 1990);
    assert_int_equal(json_get(after, STR("iat"))->i, 2100);
    assert_null(json_get(after, STR("nonce")));
    assert_null(json_get(after, STR("c_hash")));
    assert_non_null(json_get(after, STR("at_hash")));
    assert_true(is_live(member(&b, "access_token")));
}

static void a_proven_client_keeps_its_token_for_most_of_its_life(void **state)
{
    struct answer a = first("openid offline_access"), b;

    (void)state;
    sleep_s(86400 * 69 / 100);
    b = refresh(member(&a, "refresh_token"), "");
    assert_true(str_eq(member(&b, "refresh_token"), member(&a, "refresh_token")));
    sleep_s(86400 * 2 / 100);
    b = refresh(member(&a, "refresh_token"), "");
    assert_int_equal(b.status, 200);
    assert_false(str_eq(member(&b, "refresh_token"), member(&a, "refresh_token")));
}

static struct answer refresh_public(str token)
{
    struct call c;

    begin(&c, "/token");
    header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    c.req.body =
        arena_printf(&c.arena, "grant_type=refresh_token&refresh_token=%.*s&client_id=%.*s",
                     STR_ARG(token), STR_ARG(id_of(&w.client)));
    c.flow = handle_rq(&w.thread, &c.rq);
    return finished(&c);
}

static void a_public_client_rotates_always_and_a_replay_ends_its_family(void **state)
{
    struct answer a = first("openid offline_access"), b;

    (void)state;
    w.client.auth_method = CLIENT_AUTH_NONE;
    w.client.rotation = ROTATION_NEVER;
    party.is_public = true;
    put_parties();
    b = refresh_public(member(&a, "refresh_token"));
    assert_int_equal(b.status, 200);
    assert_false(str_eq(member(&b, "refresh_token"), member(&a, "refresh_token")));
    sleep_s(11);
    assert_text(refresh_public(member(&a, "refresh_token")).text, "INVALID_GRANT");
    assert_text(refresh_public(member(&b, "refresh_token")).text, "INVALID_GRANT");
    assert_int_equal(userinfo(member(&b, "access_token")).status, 401);
}

/* reference README: a JWT is signed again with the same claims and jti. */
static void a_replay_in_grace_signs_the_same_claims_again(void **state)
{
    struct answer a, b, c;
    struct jwt one, two;

    (void)state;
    always_rotate();
    a = first("openid offline_access");
    b = refresh(member(&a, "refresh_token"), "");
    sleep_s(10);
    c = refresh(member(&a, "refresh_token"), "");
    assert_int_equal(c.status, 200);
    assert_true(str_eq(member(&b, "refresh_token"), member(&c, "refresh_token")));
    assert_int_equal(jwt_parse(&w.arena, member(&b, "access_token"), &one), OK);
    assert_int_equal(jwt_parse(&w.arena, member(&c, "access_token"), &two), OK);
    assert_true(str_eq(one.input, two.input));
    assert_int_equal(json_get(id_of_answer(&c), STR("iat"))->i, 2000);
    assert_int_equal(refresh(member(&b, "refresh_token"), "").status, 200);
    assert_int_equal(refresh(member(&a, "refresh_token"), "").status, 400);
}

static void a_narrower_request_narrows_only_what_it_gets(void **state)
{
    struct answer a, b, c;

    (void)state;
    always_rotate();
    a = first("openid profile email offline_access");
    b = refresh(member(&a, "refresh_token"), "&scope=openid+email");
    assert_text(member(&b, "scope"), "openid email");
    assert_false(has(userinfo(member(&b, "access_token")).text, "Jane Doe"));
    c = refresh(member(&b, "refresh_token"), ""); /* RFC 6749 6: the grant has not changed */
    assert_text(member(&c, "scope"), "openid profile email offline_access");
    assert_true(has(userinfo(member(&c, "access_token")).text, "Jane Doe"));
    assert_text(refresh(member(&c, "refresh_token"), "&scope=phone").text, "INVALID_SCOPE");
}

static void allow(const char *scopes)
{
    w.client.scopes = str_from(scopes);
    put_parties();
}

/* RFC 6749 6, 10.4: an operator who takes a scope from a client takes it from its grants. */
static void a_narrowed_client_gets_only_what_it_may_still_have(void **state)
{
    struct answer a, b;
    str code;

    (void)state;
    always_rotate();
    a = first("openid profile email offline_access");
    code = put_code("openid profile");
    allow("openid email offline_access");
    b = refresh(member(&a, "refresh_token"), "");
    assert_text(member(&b, "scope"), "openid email offline_access");
    assert_false(has(userinfo(member(&b, "access_token")).text, "Jane Doe"));
    assert_text(refresh(member(&b, "refresh_token"), "&scope=profile").text, "INVALID_SCOPE");
    a = redeem(code);
    assert_text(member(&a, "scope"), "openid");
    allow("email offline_access");
    /* within its grace: not the wider answer of before */
    a = refresh(member(&b, "refresh_token"), "");
    assert_text(member(&a, "scope"), "email offline_access");
    assert_false(has(a.text, "id_token"));
    allow("offline_access");
    assert_text(refresh(member(&b, "refresh_token"), "").text, "INVALID_GRANT");
    allow("phone"); /* nothing is left: the person must be asked again */
    assert_text(refresh(member(&a, "refresh_token"), "").text, "INVALID_GRANT");
}

static void without_offline_access_any_more_a_family_ends_with_its_session(void **state)
{
    struct answer a, b;

    (void)state;
    a = first("profile offline_access");
    sleep_s(80000);
    allow("openid profile");
    b = refresh(member(&a, "refresh_token"), "");
    assert_text(member(&b, "scope"), "profile");
    sleep_s(6400); /* session.max */
    assert_text(refresh(member(&b, "refresh_token"), "").text, "INVALID_GRANT");
}

static void without_offline_access_a_family_ends_with_its_session(void **state)
{
    struct answer bound = first("profile"), free = first("profile offline_access");
    struct answer late = first("profile");
    struct effects fx = effects_now();

    (void)state;
    session_end(&fx, &session.id, 2000); /* reference README: sign-out */
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(refresh(member(&bound, "refresh_token"), "").text, "INVALID_GRANT");
    assert_false(is_live(member(&bound, "access_token")));
    assert_int_equal(refresh(member(&free, "refresh_token"), "").status, 200);
    sleep_s(86400); /* session.max */
    assert_text(refresh(member(&late, "refresh_token"), "").text, "INVALID_GRANT");
}

static void a_family_has_an_absolute_end(void **state)
{
    struct answer a;
    int refreshes = 0;

    (void)state;
    always_rotate();
    a = first("openid offline_access");
    while (refreshes < 100) { /* security.md 30 */
        sleep_s(80000);
        a = refresh(member(&a, "refresh_token"), "");
        if (a.status != 200)
            break;
        refreshes++;
    }
    assert_int_equal(refreshes, 864000 / 80000);
}

static void who_is_disabled_or_revoked_has_no_tokens(void **state)
{
    struct answer a = first("openid offline_access"), b;
    struct effects fx = effects_now();

    (void)state;
    user_revoke_all(&fx, &person.id, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(refresh(member(&a, "refresh_token"), "").text, "INVALID_GRANT");
    assert_false(is_live(member(&a, "access_token")));
    assert_int_equal(user_load(w.db, &w.arena, &person.id, &person), OK);
    b = first("openid offline_access"); /* after the revocation: fine */
    assert_true(is_live(member(&b, "access_token")));
    fx = effects_now();
    user_set_enabled(&fx, &person.id, false, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_false(is_live(member(&b, "access_token")));
    assert_int_equal(userinfo(member(&b, "access_token")).status, 401);
    assert_text(refresh(member(&b, "refresh_token"), "").text, "INVALID_GRANT");
}

static void a_clients_revocation_reaches_its_people(void **state)
{
    struct answer a = first("openid offline_access");
    struct effects fx = effects_now();

    (void)state;
    client_revoke_all(&fx, &w.client.id);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_false(is_live(member(&a, "access_token")));
    assert_text(refresh(member(&a, "refresh_token"), "").text, "INVALID_GRANT");
}

static void another_clients_refresh_token_is_nothing(void **state)
{
    struct answer a = first("openid offline_access"), b;

    (void)state;
    b = post_as(&other, "/token",
                arena_printf(&w.arena, "grant_type=refresh_token&refresh_token=%.*s",
                             STR_ARG(member(&a, "refresh_token")))); /* security.md 30 */
    assert_text(b.text, "INVALID_GRANT");
    assert_int_equal(refresh(member(&a, "refresh_token"), "").status, 200);
}

static void revoking_one_token_ends_all_of_the_authorization(void **state)
{
    const char *which[] = {"refresh_token", "access_token"};
    struct answer a, b;

    (void)state;
    for (int i = 0; i < 4; i++) { /* security.md 33, of both formats */
        w.client.token_format = i < 2 ? TOKEN_JWT : TOKEN_OPAQUE;
        put_parties();
        a = first("openid offline_access");
        b = refresh(member(&a, "refresh_token"), "");
        assert_int_equal(b.status, 200);
        assert_int_equal(
            post_as(&w.client, "/revoke",
                    arena_printf(&w.arena, "token=%.*s", STR_ARG(member(&b, which[i % 2]))))
                .status,
            200);
        assert_false(is_live(member(&a, "access_token")));
        assert_false(is_live(member(&b, "access_token")));
        assert_text(refresh(member(&b, "refresh_token"), "").text, "INVALID_GRANT");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_refresh_repeats_the_identity),
        T(a_proven_client_keeps_its_token_for_most_of_its_life),
        T(a_public_client_rotates_always_and_a_replay_ends_its_family),
        T(a_replay_in_grace_signs_the_same_claims_again),
        T(a_narrower_request_narrows_only_what_it_gets),
        T(a_narrowed_client_gets_only_what_it_may_still_have),
        T(without_offline_access_any_more_a_family_ends_with_its_session),
        T(without_offline_access_a_family_ends_with_its_session),
        T(a_family_has_an_absolute_end),
        T(who_is_disabled_or_revoked_has_no_tokens),
        T(a_clients_revocation_reaches_its_people),
        T(another_clients_refresh_token_is_nothing),
        T(revoking_one_token_ends_all_of_the_authorization),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
