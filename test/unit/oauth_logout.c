/* RP-Initiated Logout: who is asked, who is signed out, and where it leads. */
#include "crypto/jwt.h"
#include "oauth/logout.h"
#include "oauth_people.h"

#define BYE "https://app.example/bye"

static int logout_open_world(void **state)
{
    people_open(state);
    party.post_logout_redirect_uris = STR(BYE "\n" BYE "?app=1\nhttp://127.0.0.1/bye");
    put_party();
    return 0;
}

#define LOGOUT(name) cmocka_unit_test_setup_teardown(name, logout_open_world, people_close)

/* An id_token, expired since long, signed by us (or: changed afterwards). */
static str id_token(const struct user *u, const struct id *sid, const struct uid *aud)
{
    const struct key *key = keyring_active(signer_ring(w.thread.signer), KEY_SIGNING, JWS_ES256);
    struct buf claims, text;

    buf_init(&claims, &w.arena, 512, 2048);
    json_open(&claims, '{');
    json_key_str(&claims, STR("iss"), setting_text(&w.settings, issuer));
    BUF_LIT(&claims, ",\"sub\":\"");
    uid_write(&claims, &u->id, USER_SID, SPELLING_UUID);
    BUF_LIT(&claims, "\",\"aud\":\"");
    uid_write(&claims, aud, CLIENT_SID, SPELLING_UUID);
    BUF_LIT(&claims, "\",\"sid\":\"");
    id_write(&claims, sid);
    BUF_LIT(&claims, "\",\"exp\":1500}");
    buf_init(&text, &w.arena, 1024, 4096);
    assert_int_equal(jwt_sign(w.thread.signer, key, STR("JWT"), buf_str(&claims), &text), OK);
    return buf_str(&text);
}

static struct call *ask_logout(const struct visitor *v, str query, struct logout *l)
{
    struct call *c = visit(v, HTTP_GET, "/oauth2/logout");

    c->req.query = query;
    c->req.has_query = query.n > 0;
    assert_int_equal(logout_read(&c->rq, l), OK);
    return c;
}

static str query_of(str hint, const char *more)
{
    return arena_printf(&w.arena, "id_token_hint=%.*s%s", STR_ARG(hint), more);
}

#define TO_BYE "&post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye"

static void a_valid_hint_signs_out_at_once(void **state)
{
    struct visitor v = {0}, thief;
    struct id sid = sign_in_as(&v, &alice);
    struct logout l;
    struct call *c;

    (void)state;
    thief = v;
    c = ask_logout(&v, query_of(id_token(&alice, &sid, &w.client.id), TO_BYE "&state=a+b"), &l);
    assert_false(l.confirm);
    assert_text(l.redirect, BYE "?state=a%20b");
    logout_end(&c->rq, &l);
    arrive(c, &v, &l.browser);
    assert_int_equal(look(&v).n, 0);
    assert_int_equal(look(&thief).n, 0); /* security.md 59 */
}

static void state_comes_back_only_if_it_was_sent(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    str hint = id_token(&alice, &sid, &w.client.id);
    struct logout l;

    (void)state;
    ask_logout(&v, query_of(hint, TO_BYE), &l);
    assert_text(l.redirect, BYE);
    ask_logout(&v, query_of(hint, TO_BYE "%3Fapp%3D1&state=s"), &l);
    assert_text(l.redirect, BYE "?app=1&state=s");
    ask_logout(&v, query_of(hint, "&state=s"), &l);
    assert_null(l.redirect.p);
}

static void after_another_sign_in_the_sub_is_enough(void **state)
{
    struct visitor v = {0};
    struct id old = sign_in_as(&v, &alice);
    str hint = id_token(&alice, &old, &w.client.id);
    struct logout l;
    struct call *c;

    (void)state;
    sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    c = ask_logout(&v, query_of(hint, ""), &l);
    assert_false(l.confirm);
    logout_end(&c->rq, &l);
    arrive(c, &v, &l.browser);
    assert_int_equal(look(&v).n, 1);
    assert_true(uid_eq(&look(&v).in[0].user.id, &bob.id));
}

static bool asks(const struct visitor *v, str query)
{
    struct logout l;

    ask_logout(v, query, &l);
    assert_null(l.redirect.p);
    return l.confirm;
}

static void s62_without_a_valid_hint_the_person_is_asked(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    struct uid nobody = uid_new();
    str hint = id_token(&alice, &sid, &w.client.id), damaged = arena_dup(&w.arena, hint);

    (void)state;
    ((char *)damaged.p)[damaged.n - 5] ^= 1;
    assert_true(asks(&v, STR("")));
    assert_true(asks(&v, STR("post_logout_redirect_uri=https%3A%2F%2Fapp.example%2Fbye")));
    assert_true(asks(&v, query_of(damaged, TO_BYE)));
    assert_true(asks(&v, query_of(STR("x.y.z"), TO_BYE)));
    assert_true(asks(&v, query_of(id_token(&alice, &sid, &nobody), TO_BYE)));
    assert_true(asks(&v, query_of(hint, TO_BYE "&client_id=someone-else")));
    assert_true(asks(&v, arena_printf(&w.arena,
                                      "client_id=%.*s&post_logout_redirect_uri="
                                      "https%%3A%%2F%%2Fapp.example%%2Fbye",
                                      36, authorize_query("").p + sizeof "client_id=" - 1)));
}

static void another_persons_hint_asks_but_leads_back(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    struct logout l;

    (void)state;
    ask_logout(&v, query_of(id_token(&bob, &(struct id){{9}}, &w.client.id), TO_BYE), &l);
    assert_true(l.confirm);
    assert_text(l.redirect, BYE);
    (void)sid;
}

static void whoever_is_signed_out_is_not_asked(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    str hint = id_token(&alice, &sid, &w.client.id);
    struct visitor none = {0};
    struct logout l;

    (void)state;
    assert_false(asks(&none, STR("")));
    ask_logout(&none, query_of(hint, TO_BYE), &l);
    assert_false(l.confirm);
    assert_text(l.redirect, BYE);
}

static void a24_only_registered_addresses(void **state)
{
    static const char *const bad[] = {
        "https://app.example/bye/",
        "https://app.example/Bye",
        "HTTPS://app.example/bye",
        "https://app.example/bye#",
        "https://app.example:443/bye",
        "https://app.example/bye?app=2",
        "https://app.example.evil/bye",
        "http://127.0.0.1:4000/bye",
        "https://app.example/by",
        "//app.example/bye",
        "javascript:alert(1)",
        "https://app.example/bye\nhttps://x.example/",
        CALLBACK,
    };
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    str hint = id_token(&alice, &sid, &w.client.id);
    struct logout l;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct buf b;
        buf_init(&b, &w.arena, 512, 4096);
        buf_put(&b, query_of(hint, "&post_logout_redirect_uri="));
        url_encode(&b, str_from(bad[i]));
        ask_logout(&v, buf_str(&b), &l);
        assert_null(l.redirect.p);
        assert_false(l.confirm);
    }
}

static void a_disabled_client_gets_nobody_back(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    str hint = id_token(&alice, &sid, &w.client.id);
    struct effects fx = effects_now();
    struct logout l;

    (void)state;
    client_set_enabled(&fx, &w.client.id, false);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    ask_logout(&v, query_of(hint, TO_BYE), &l);
    assert_null(l.redirect.p);
}

static void s7_no_parameter_twice(void **state)
{
    struct visitor v = {0};
    struct call *c = visit(&v, HTTP_GET, "/oauth2/logout");
    struct logout l;

    (void)state;
    c->req.query = STR("state=a&state=b");
    c->req.has_query = true;
    assert_int_equal(logout_read(&c->rq, &l), ERR_INVALID_REQUEST);
}

static void open_form(const struct visitor *v, str sealed, enum err expected, struct logout *l,
                      struct call **c)
{
    *c = visit(v, HTTP_POST, "/sign-out");
    assert_int_equal(logout_open(&(*c)->rq, sealed, l), expected);
}

static void a26_the_confirmation(void **state)
{
    struct visitor v = {0}, other = {0}, none = {0};
    struct logout l;
    struct call *c;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    sign_in_as(&other, &bob);
    c = ask_logout(&v, query_of(id_token(&bob, &(struct id){{9}}, &w.client.id), TO_BYE), &l);
    assert_true(l.confirm);
    sealed = arena_dup(&w.arena, logout_seal(&c->rq, &l));
    arrive(c, &v, &l.browser);
    open_form(&other, sealed, ERR_FORBIDDEN, &l, &c);
    open_form(&none, sealed, ERR_FORBIDDEN, &l, &c);
    open_form(&v, STR("x"), ERR_FORBIDDEN, &l, &c);
    open_form(&v, sealed, OK, &l, &c);
    assert_text(l.redirect, BYE);
    logout_end(&c->rq, &l);
    arrive(c, &v, &l.browser);
    assert_int_equal(look(&v).n, 0);
    open_form(&v, sealed, ERR_FORBIDDEN, &l, &c); /* reused */
}

static void afterwards_prompt_none_needs_a_login(void **state)
{
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    struct interaction ix;
    enum interaction_step step;
    struct logout l;
    struct call *c = ask_logout(&v, query_of(id_token(&alice, &sid, &w.client.id), TO_BYE), &l);

    (void)state;
    logout_end(&c->rq, &l);
    arrive(c, &v, &l.browser);
    c = ask(&v, "&prompt=none", &ix);
    assert_int_equal(interaction_next(&c->rq, &ix, &step), ERR_LOGIN_REQUIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOGOUT(a_valid_hint_signs_out_at_once),
        LOGOUT(state_comes_back_only_if_it_was_sent),
        LOGOUT(after_another_sign_in_the_sub_is_enough),
        LOGOUT(s62_without_a_valid_hint_the_person_is_asked),
        LOGOUT(another_persons_hint_asks_but_leads_back),
        LOGOUT(whoever_is_signed_out_is_not_asked),
        LOGOUT(a24_only_registered_addresses),
        LOGOUT(a_disabled_client_gets_nobody_back),
        LOGOUT(s7_no_parameter_twice),
        LOGOUT(a26_the_confirmation),
        LOGOUT(afterwards_prompt_none_needs_a_login),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
