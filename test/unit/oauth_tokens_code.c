/* Codes and device codes: what they give, to whom, and once (security.md 22-26, RFC 8628 3.5). */
#include "oauth_tokens.h"

static void assert_hash(const struct json *claims, const char *name, str of, int bits)
{
    char text[64];
    uint8_t hash[64];
    size_t half = (size_t)bits / 16;

    hash_sha2(w.thread.hasher, bits, of, hash);
    b64url_encode(hash, half, text);
    assert_true(str_eq(json_get_str(claims, str_from(name)), str_make(text, B64URL_CHARS(half))));
}

static void a_code_gives_tokens_and_an_identity(void **state)
{
    str code = put_code("openid profile"), sid = {0};
    struct answer a = redeem(code);
    const struct json *id = claims_of(member(&a, "id_token"), "JWT");
    const struct json *access = claims_of(member(&a, "access_token"), "at+jwt");
    struct buf b;

    (void)state;
    buf_init(&b, &w.arena, ID_HEX, ID_HEX);
    id_write(&b, &session.id);
    sid = buf_str(&b);
    assert_int_equal(a.status, 200);
    assert_text(json_get_str(id, STR("iss")), "http://127.0.0.1:8080");
    assert_true(str_eq(json_get_str(id, STR("aud")), id_of(&w.client)));
    assert_true(str_eq(json_get_str(id, STR("azp")), id_of(&w.client)));
    assert_text(json_get_str(id, STR("nonce")), "n-0S6_WzA2Mj");
    assert_int_equal(json_get(id, STR("auth_time"))->i, 1990);
    assert_int_equal(json_get(id, STR("iat"))->i, 2000);
    assert_text(json_get_str(id, STR("acr")), "pwd");
    assert_text(json_get(id, STR("amr"))->first->s, "pwd");
    assert_true(str_eq(json_get_str(id, STR("sid")), sid));
    assert_hash(id, "at_hash", member(&a, "access_token"), 256);
    assert_hash(id, "c_hash", code, 256);
    assert_null(json_get(id, STR("name"))); /* openid.md 3.2: the profile is userinfo's */
    assert_true(str_eq(json_get_str(id, STR("sub")), json_get_str(access, STR("sub"))));
    assert_true(str_eq(json_get_str(access, STR("client_id")), id_of(&w.client)));
    assert_int_equal(json_get(access, STR("auth_time"))->i, 1990); /* RFC 9068 2.2.1 */
    assert_non_null(json_get(access, STR("grant")));
    assert_null(member(&a, "refresh_token").p); /* openid without offline_access */
}

static void at_hash_is_of_an_opaque_token_too_and_as_long_as_the_algorithm_says(void **state)
{
    struct effects fx = effects_now();
    struct answer a;
    struct uid id;

    (void)state;
    assert_int_equal(
        key_put_new(&fx, &w.arena, &w.master, KEY_SIGNING, JWS_EDDSA, KEY_ACTIVE, 2000, &id), OK);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    w.client.token_format = TOKEN_OPAQUE;
    party.id_token_alg = JWS_EDDSA;
    put_parties();
    a = redeem(put_code("openid"));
    assert_true(str_starts(member(&a, "access_token"), STR("psta_")));
    assert_hash(claims_of(member(&a, "id_token"), "JWT"), "at_hash", member(&a, "access_token"),
                512);
    assert_true(is_live(member(&a, "access_token")));
}

static void an_algorithm_without_a_key_is_said_before_the_code_is_spent(void **state)
{
    str code = put_code("openid");

    (void)state;
    party.id_token_alg = JWS_PS256;
    put_parties();
    assert_int_equal(redeem(code).status, 500);
    party.id_token_alg = JWS_ES256;
    put_parties();
    assert_int_equal(redeem(code).status, 200);
}

static void refresh_tokens_come_for_offline_access_and_without_openid(void **state)
{
    struct answer a = redeem(put_code("openid offline_access"));
    struct answer b = redeem(put_code("profile"));

    (void)state;
    assert_non_null(member(&a, "refresh_token").p);
    assert_non_null(member(&b, "refresh_token").p);
    assert_null(member(&b, "id_token").p);
    w.client.grants &= ~(uint32_t)GRANT_REFRESH_TOKEN;
    put_parties();
    a = redeem(put_code("openid offline_access"));
    assert_null(member(&a, "refresh_token").p);
}

static void a_wrong_verifier_or_client_does_not_burn_a_code(void **state)
{
    str code = put_code("openid");
    struct answer a;

    (void)state;
    a = post_as(&w.client, "/token", code_form(code, "")); /* security.md 25 */
    assert_text(a.text, "INVALID_GRANT");
    a = post_as(&w.client, "/token",
                code_form(code, "&code_verifier=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
    assert_text(a.text, "INVALID_GRANT");
    a = post_as(&w.client, "/token", code_form(code, "&code_verifier=short"));
    assert_text(a.text, "INVALID_GRANT");
    a = post_as(&other, "/token", code_form(code, WITH_VERIFIER)); /* security.md 24 */
    assert_text(a.text, "INVALID_GRANT");
    assert_int_equal(redeem(code).status, 200);
}

static struct answer redeem_at(str code, const char *more)
{
    return post_as(
        &w.client, "/token",
        arena_printf(&w.arena, "grant_type=authorization_code&code=%.*s%s", STR_ARG(code), more));
}

static void another_redirect_uri_does_not_burn_a_code(void **state)
{
    str code = put_code("openid");

    (void)state; /* security.md 26 */
    assert_text(redeem_at(code, "&redirect_uri=https://app.example/cb2" WITH_VERIFIER).text,
                "INVALID_GRANT");
    assert_int_equal(redeem(code).status, 200);
}

static void redirect_uri_may_be_left_out_under_pkce_alone(void **state)
{
    struct user_grant g = plain_grant("openid");
    str code = put_code("openid");

    (void)state;
    assert_text(redeem_at(code, "").text, "INVALID_GRANT"); /* the verifier it is that counts */
    assert_int_equal(redeem_at(code, WITH_VERIFIER).status, 200); /* OAuth 2.1 */
    g.challenge = (str){0};
    code = put_grant(&g);
    assert_text(redeem_at(code, "").text, "INVALID_GRANT"); /* RFC 6749 4.1.3 */
    assert_int_equal(redeem_at(code, "&redirect_uri=" CALLBACK).status, 200);
}

static void a_verifier_without_a_challenge_is_a_downgrade(void **state)
{
    struct user_grant g = plain_grant("openid");
    str code;

    (void)state;
    g.challenge = (str){0};
    code = put_grant(&g);
    assert_text(redeem(code).text, "INVALID_REQUEST"); /* security.md 25 */
    assert_int_equal(post_as(&w.client, "/token", code_form(code, "")).status, 200);
}

static void a_replayed_code_revokes_what_it_gave(void **state)
{
    str code = put_code("openid offline_access");
    struct answer a = redeem(code), b;

    (void)state;
    b = post_as(&other, "/token", code_form(code, WITH_VERIFIER));
    assert_text(b.text, "INVALID_GRANT");
    b = post_as(&w.client, "/token", code_form(code, ""));
    assert_text(b.text, "INVALID_GRANT");
    assert_true(is_live(member(&a, "access_token"))); /* security.md 23: a stranger does not */
    assert_text(redeem(code).text, "INVALID_GRANT");
    assert_false(is_live(member(&a, "access_token")));
    assert_int_equal(refresh(member(&a, "refresh_token"), "").status, 400);
    assert_int_equal(userinfo(member(&a, "access_token")).status, 401);
}

static void of_two_redemptions_in_flight_one_wins(void **state)
{
    str code = put_code("openid");
    struct call a, b;

    (void)state;
    send_as(&a, &w.client, "/token", code_form(code, WITH_VERIFIER));
    send_as(&b, &w.client, "/token", code_form(code, WITH_VERIFIER));
    assert_int_equal(a.flow, FLOW_COMMIT);
    assert_int_equal(b.flow, FLOW_COMMIT);
    assert_int_equal(finished(&a).status, 200);
    assert_int_equal(commit(&b), COMMIT_MISSED);
    b.flow = resume_rq(&w.thread, &b.rq, COMMIT_MISSED);
    assert_int_equal(finished(&b).status, 400);
}

static void a_code_ends_with_its_time_its_session_and_its_user(void **state)
{
    str late = put_code("openid"), out = put_code("openid offline_access"), gone;
    struct effects fx = effects_now();

    (void)state;
    session_end(&fx, &session.id, 2000); /* security.md 59 */
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(redeem(out).text, "INVALID_GRANT");
    sleep_s(60); /* security.md 24 */
    assert_text(redeem(late).text, "INVALID_GRANT");
    gone = put_code("openid");
    fx = effects_now();
    user_set_enabled(&fx, &person.id, false, 2060);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(redeem(gone).text, "INVALID_GRANT");
}

static void revoking_everything_of_a_client_ends_its_codes(void **state)
{
    str code = put_code("openid");
    struct effects fx = effects_now();

    (void)state;
    client_revoke_all(&fx, &w.client.id);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(redeem(code).text, "INVALID_GRANT");
    assert_int_equal(redeem(put_code("openid")).status, 200);
}

static void a_code_is_redeemed_where_its_dialect_says(void **state)
{
    struct user_grant g = plain_grant("openid");

    (void)state;
    g.dialect = DIALECT_TWILIO;
    assert_text(redeem(put_grant(&g)).text, "INVALID_GRANT");
}

static void a_public_client_sends_its_id_alone(void **state)
{
    str code = put_code("openid offline_access");
    struct answer a;
    struct call c;

    (void)state;
    w.client.auth_method = CLIENT_AUTH_NONE;
    party.is_public = true;
    put_parties();
    begin(&c, "/token");
    header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    c.req.body = arena_printf(&c.arena, "%.*s&client_id=%.*s",
                              STR_ARG(code_form(code, WITH_VERIFIER)), STR_ARG(id_of(&w.client)));
    c.flow = handle_rq(&w.thread, &c.rq);
    a = finished(&c);
    assert_int_equal(a.status, 200);
    assert_non_null(member(&a, "refresh_token").p);
}

/* ---- devices ---- */

static struct device_code device;
static str device_text;

static void put_device(void)
{
    struct effects fx = effects_now();
    struct handle h;
    struct buf b;

    device = (struct device_code){
        .id = id_next(&w.server.ids, 2000),
        .client = w.client.id,
        .dialect = DIALECT_RFC,
        .scope = STR("openid offline_access"),
        .interval_s = 5,
        .exp_s = 2600,
        .user_code = {{1}},
    };
    handle_new(HANDLE_DEVICE, SHAPE_HANDLE, NULL, &device.id, &h);
    handle_digest(w.thread.hasher, &h, &device.hash);
    device_code_put(&fx, &device);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    buf_init(&b, &w.arena, HANDLE_CHARS, HANDLE_CHARS);
    handle_write(&b, &h, SHAPE_HANDLE, NULL);
    device_text = buf_str(&b);
}

static void approve(void)
{
    struct user_grant g = plain_grant("openid offline_access");
    struct effects fx;

    g.has_code = false;
    g.offline = true;
    g.exp_s = 2600 + w.client.family_ttl_s;
    put_grant(&g);
    fx = effects_now();
    device_code_approve(&fx, &device.id, &g.id);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

static str device_form(void)
{
    return arena_printf(&w.arena,
                        "grant_type=urn:ietf:params:oauth:grant-type:device_code&device_code=%.*s",
                        STR_ARG(device_text));
}

static struct answer poll_as(const struct client *client)
{
    return post_as(client, "/token", device_form());
}

static void a_device_waits_and_is_slowed_down_durably(void **state)
{
    struct device_code row;

    (void)state;
    put_device();
    assert_text(poll_as(&w.client).text, "AUTHORIZATION_PENDING");
    sleep_s(5);
    assert_text(poll_as(&w.client).text, "AUTHORIZATION_PENDING");
    sleep_s(4);
    assert_text(poll_as(&w.client).text, "SLOW_DOWN");
    assert_int_equal(device_code_load(w.db, &w.arena, &device.id, &row), OK);
    assert_int_equal(row.interval_s, 10); /* RFC 8628 3.5 */
    sleep_s(9);
    assert_text(poll_as(&w.client).text, "SLOW_DOWN");
    sleep_s(15);
    assert_text(poll_as(&w.client).text, "AUTHORIZATION_PENDING");
}

/* RFC 8628 3.5: all of them looked before the first was written down. */
static void of_polls_at_once_one_is_in_time(void **state)
{
    struct call calls[3];
    int in_time = 0;

    (void)state;
    put_device();
    for (int i = 0; i < 3; i++)
        send_as(&calls[i], &w.client, "/token", device_form());
    for (int i = 0; i < 3; i++)
        in_time += has(finished(&calls[i]).text, "AUTHORIZATION_PENDING");
    assert_int_equal(in_time, 1);
}

static void a_device_gets_its_tokens_once(void **state)
{
    struct answer a;
    struct call c;

    (void)state;
    put_device();
    approve();
    assert_text(poll_as(&other).text, "INVALID_GRANT");
    send_as(&c, &w.client, "/token", device_form()); /* in flight beside the next */
    a = poll_as(&w.client);
    assert_int_equal(a.status, 200);
    assert_non_null(member(&a, "refresh_token").p);
    assert_null(json_get(claims_of(member(&a, "id_token"), "JWT"), STR("c_hash")));
    assert_int_equal(finished(&c).status, 400);
    assert_text(poll_as(&w.client).text, "INVALID_GRANT");
    assert_true(is_live(member(&a, "access_token")));
}

static void a_device_is_told_no_and_too_late(void **state)
{
    struct effects fx = effects_now();

    (void)state;
    put_device();
    device_code_deny(&fx, &device.id);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_text(poll_as(&w.client).text, "ACCESS_DENIED");
    sleep_s(600);
    assert_text(poll_as(&w.client).text, "EXPIRED_TOKEN");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_code_gives_tokens_and_an_identity),
        T(at_hash_is_of_an_opaque_token_too_and_as_long_as_the_algorithm_says),
        T(an_algorithm_without_a_key_is_said_before_the_code_is_spent),
        T(refresh_tokens_come_for_offline_access_and_without_openid),
        T(a_wrong_verifier_or_client_does_not_burn_a_code),
        T(another_redirect_uri_does_not_burn_a_code),
        T(redirect_uri_may_be_left_out_under_pkce_alone),
        T(a_verifier_without_a_challenge_is_a_downgrade),
        T(a_replayed_code_revokes_what_it_gave),
        T(of_two_redemptions_in_flight_one_wins),
        T(a_code_ends_with_its_time_its_session_and_its_user),
        T(revoking_everything_of_a_client_ends_its_codes),
        T(a_code_is_redeemed_where_its_dialect_says),
        T(a_public_client_sends_its_id_alone),
        T(a_device_waits_and_is_slowed_down_durably),
        T(of_polls_at_once_one_is_in_time),
        T(a_device_gets_its_tokens_once),
        T(a_device_is_told_no_and_too_late),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
