/* Authorizations from request to answer: tabs, browsers, slow people, prompts, consent, PAR. */
#include "oauth_people.h"

/* ---- helpers ---- */

static struct user_grant grant_of(str code)
{
    struct handle h;
    struct digest hash;
    struct user_grant g;

    assert_int_equal(handle_parse(code, HANDLE_CODE, NULL, &h), OK);
    assert_int_equal(user_grant_load(w.db, &w.arena, &h.id, &g), OK);
    handle_digest(w.thread.hasher, &h, &hash);
    assert_true(ct_digest_eq(&hash, &g.code));
    return g;
}

static enum interaction_step step_of(const struct visitor *v, const char *more)
{
    struct interaction ix;
    struct call *c = ask(v, more, &ix);

    return next_step(c, &ix);
}

/* What prompt=none ends in. */
static enum err silently(const struct visitor *v, const char *more, struct authorize_answer *a)
{
    struct interaction ix;
    struct call *c = ask(v, more, &ix);
    enum interaction_step step;
    enum err e = interaction_next(&c->rq, &ix, &step);

    if (e == OK)
        assert_int_equal(step, STEP_FINISH);
    else
        assert_true(interaction_refuse(&c->rq, &ix, a));
    return e;
}

/* ---- the whole way ---- */

static void a_code_says_all_that_was_granted(void **state)
{
    struct visitor v = {0};
    struct user_grant g =
        grant_of(complete(&v, "&nonce=n-0S6&resource=http%3A%2F%2F127.0.0.1%3A8080", &alice));

    (void)state;
    assert_true(uid_eq(&g.user, &alice.id));
    assert_true(uid_eq(&g.client, &w.client.id));
    assert_true(id_eq(&g.session, &look(&v).in[0].session.id));
    assert_text(g.scope, "openid profile");
    assert_text(g.nonce, "n-0S6");
    assert_text(g.challenge, CHALLENGE);
    assert_text(g.redirect_uri, CALLBACK);
    assert_text(g.amr, "pwd");
    assert_text(g.acr, "pwd");
    assert_int_equal(g.auth_s, 2000);
    assert_int_equal(g.code_exp_s, 2060);
    assert_int_equal(g.dialect, DIALECT_RFC);
    assert_false(g.offline);
}

static void an_answer_has_code_state_iss_and_nothing_else(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c;

    (void)state;
    complete(&v, "", &alice);
    c = ask(&v, "", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    assert_int_equal(a.n, 3);
    assert_int_equal(a.mode, MODE_QUERY);
    assert_text(a.target, CALLBACK);
    assert_text(answer_value(&a, "state"), "xyz");
    assert_text(answer_value(&a, "iss"), arena_cstr(&w.arena, setting_text(&w.settings, issuer)));
    assert_int_equal(answer_value(&a, "code").n, HANDLE_CHARS);
}

static void answers_join_the_query_of_the_redirect_uri(void **state)
{
    struct visitor v = {0};
    struct call *c = visit(&v, HTTP_GET, "/");
    struct authorize_answer a = {.target = STR(CALLBACK "?app=1"),
                                 .pairs = {{STR("code"), STR("c")}, {STR("state"), STR("a b&c")}},
                                 .n = 2};

    (void)state;
    assert_text(authorize_answer_url(&c->rq, &a), CALLBACK "?app=1&code=c&state=a%20b%26c");
    a.target = STR(CALLBACK);
    assert_text(authorize_answer_url(&c->rq, &a), CALLBACK "?code=c&state=a%20b%26c");
    a.target = STR(CALLBACK "?");
    assert_text(authorize_answer_url(&c->rq, &a), CALLBACK "?code=c&state=a%20b%26c");
}

static void form_post_is_kept_through_the_seal(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c = ask(&v, "&response_mode=form_post", &ix);
    str sealed = show(c, &v, &ix);

    (void)state;
    c = post(&v, sealed, &ix, OK);
    interaction_deny(&c->rq, &ix, &a);
    assert_int_equal(a.mode, MODE_FORM_POST);
    assert_text(answer_value(&a, "error"), "access_denied");
}

static void errors_name_their_id_and_nothing_more(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c = ask_query(&v, authorize_query("&prompt=none+login"), &ix, ERR_INVALID_REQUEST);
    str text;

    (void)state;
    assert_true(interaction_refuse(&c->rq, &ix, &a));
    assert_int_equal(a.n, 4);
    assert_text(answer_value(&a, "error"), "invalid_request");
    assert_text(answer_value(&a, "state"), "xyz");
    assert_true(answer_value(&a, "iss").n > 0);
    text = answer_value(&a, "error_description");
    assert_true(str_ends(text, STR(")")));
    assert_non_null(strstr(arena_cstr(&w.arena, text), " (error id "));
    for (size_t i = 0; i < text.n; i++)
        assert_true(text.p[i] >= 0x20 && text.p[i] <= 0x7e && text.p[i] != '"' &&
                    text.p[i] != '\\');
}

/* security.md 4, 11 */
static void nothing_leaves_before_the_redirect_uri_is_proven(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c = ask_query(&v, STR("client_id=nobody&redirect_uri=https://evil.example/"), &ix,
                               ERR_INVALID_REQUEST);

    (void)state;
    assert_false(interaction_refuse(&c->rq, &ix, &a));
}

/* ---- who ---- */

static void a_live_session_is_used(void **state)
{
    struct visitor v = {0};

    (void)state;
    allow_before(&alice, "openid profile");
    assert_int_equal(step_of(&v, ""), STEP_SIGN_IN);
    sign_in_as(&v, &alice);
    assert_int_equal(step_of(&v, ""), STEP_FINISH);
}

static void people_of_other_organizations_do_not_count(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;

    (void)state;
    allow_before(&alice, "openid profile");
    sign_in_as(&v, &alice);
    sign_in_as(&v, &stranger); /* in use */
    c = ask(&v, "", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH); /* the only one who fits */
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    interaction_choose(&ix, &look(&v).in[0].session.id);
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
}

static void of_several_the_one_in_use(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c;

    (void)state;
    allow_before(&alice, "openid profile");
    allow_before(&bob, "openid profile");
    sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    c = ask(&v, "", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_true(uid_eq(&ix.who->user.id, &bob.id));
    sign_in_as(&v, &stranger); /* now nobody who fits is in use */
    assert_int_equal(step_of(&v, ""), STEP_CHOOSE);
    assert_int_equal(silently(&v, "&prompt=none", &a), ERR_ACCOUNT_SELECTION_REQUIRED);
    assert_text(answer_value(&a, "error"), "account_selection_required");
    assert_text(answer_value(&a, "state"), "xyz");
}

static void a_login_hint_chooses(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;

    (void)state;
    allow_before(&alice, "openid profile");
    allow_before(&bob, "openid profile");
    sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    c = ask(&v, "&login_hint=ALICE%40People.Example", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    c = ask(&v, "&login_hint=nobody%40people.example&prompt=none", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH); /* a hint never fails */
    assert_true(uid_eq(&ix.who->user.id, &bob.id));
}

/* security.md 12 */
static void an_id_token_hint_demands(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    enum interaction_step step;
    struct call *c;

    (void)state;
    allow_before(&alice, "openid profile");
    allow_before(&bob, "openid profile");
    sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    c = ask(&v, "", &ix);
    ix.ar.has_hinted = true;
    ix.ar.hinted = alice.id;
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    ix.ar.hinted = stranger.id;
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
    /* somebody else signs in: OIDC Core 3.1.2.1 */
    interaction_choose(
        &ix, &browser_sign_in(&c->rq, &ix.browser, &bob, STR("pwd"), STR("pwd"), c->rq.now_s)
                  ->session.id);
    assert_int_equal(interaction_next(&c->rq, &ix, &step), ERR_LOGIN_REQUIRED);
    c = ask(&v, "&prompt=none", &ix);
    ix.ar.has_hinted = true;
    ix.ar.hinted = stranger.id;
    assert_int_equal(interaction_next(&c->rq, &ix, &step), ERR_LOGIN_REQUIRED); /* 12 */
}

static void select_account_always_asks(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;
    struct id hers;
    str sealed;

    (void)state;
    allow_before(&alice, "openid profile");
    assert_int_equal(step_of(&v, "&prompt=select_account"), STEP_SIGN_IN);
    hers = sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    c = ask(&v, "&prompt=select_account", &ix);
    assert_int_equal(next_step(c, &ix), STEP_CHOOSE);
    sealed = show(c, &v, &ix);
    c = post(&v, sealed, &ix, OK);
    interaction_choose(&ix, &hers);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    arrive(c, &v, &ix.browser);
    assert_true(uid_eq(&look(&v).in[0].user.id, &alice.id)); /* in use from now on */
    interaction_choose(&ix, &(struct id){{1}});
    assert_int_equal(next_step(c, &ix), STEP_CHOOSE); /* no session of this browser */
}

/* ---- proven as asked ---- */

/* security.md 12 */
static void prompt_login_wants_a_new_proof(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;
    struct id old;

    (void)state;
    allow_before(&alice, "openid profile");
    old = sign_in_as(&v, &alice);
    sleep_s(10);
    c = ask(&v, "&prompt=login", &ix);
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
    interaction_choose(&ix, &old); /* what was there does not do */
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
    sleep_s(1);
    c->rq.now_s++;
    interaction_choose(
        &ix, &browser_sign_in(&c->rq, &ix.browser, &alice, STR("pwd"), STR("pwd"), c->rq.now_s)
                  ->session.id);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_int_equal(ix.who->session.auth_s, 2011);
    assert_false(id_eq(&ix.who->session.id, &old));
}

/* security.md 12 */
static void max_age_wants_one_when_it_is_over(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c;

    (void)state;
    allow_before(&alice, "openid profile");
    sign_in_as(&v, &alice);
    sleep_s(100);
    assert_int_equal(step_of(&v, "&max_age=10000"), STEP_FINISH);
    assert_int_equal(step_of(&v, "&max_age=100"), STEP_FINISH);
    assert_int_equal(step_of(&v, "&max_age=99"), STEP_SIGN_IN);
    assert_int_equal(step_of(&v, "&max_age=0"), STEP_SIGN_IN);
    assert_int_equal(silently(&v, "&max_age=99&prompt=none", &a), ERR_LOGIN_REQUIRED);
    c = ask(&v, "&max_age=0", &ix);
    interaction_choose(
        &ix, &browser_sign_in(&c->rq, &ix.browser, &alice, STR("pwd"), STR("pwd"), c->rq.now_s)
                  ->session.id);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    party.default_max_age_s = 50;
    put_party();
    assert_int_equal(step_of(&v, ""), STEP_SIGN_IN);
}

/* ---- allowed ---- */

static void consent_is_remembered_scope_by_scope(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c;

    (void)state;
    complete(&v, "", &alice);
    assert_int_equal(silently(&v, "&prompt=none", &a), OK); /* openid.md 3.2 */
    assert_int_equal(step_of(&v, "&prompt=consent"), STEP_CONSENT);
    c = ask(&v, "", &ix);
    ix.ar.to_allow = STR("openid email profile");
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    assert_text(ix.new_scopes, "email");
    interaction_consent(&c->rq, &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    arrive(c, &v, &ix.browser);
    c = ask(&v, "", &ix);
    ix.ar.to_allow = STR("email");
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_text(ix.before.scopes, "openid profile email");
}

/* security.md 11 */
static void prompt_none_without_consent(void **state)
{
    struct visitor v = {0};
    struct authorize_answer a;

    (void)state;
    assert_int_equal(silently(&v, "&prompt=none", &a), ERR_LOGIN_REQUIRED);
    sign_in_as(&v, &alice);
    assert_int_equal(silently(&v, "&prompt=none", &a), ERR_CONSENT_REQUIRED);
    assert_text(answer_value(&a, "error"), "consent_required");
    assert_text(a.target, CALLBACK);
}

static void clients_of_the_house_are_not_asked_for(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c;

    (void)state;
    party.trusted = true;
    put_party();
    sign_in_as(&v, &alice);
    c = ask(&v, "&prompt=none", &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    assert_int_equal(step_of(&v, "&prompt=consent"), STEP_CONSENT);
}

static void s13_a_public_client_on_loopback_is_asked_every_time(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;

    (void)state;
    party.is_public = true;
    put_party();
    allow_before(&alice, "openid profile");
    sign_in_as(&v, &alice);
    assert_int_equal(step_of(&v, ""), STEP_FINISH); /* a claimed https address */
    c = ask_query(&v, plain_query("", "http%3A%2F%2F127.0.0.1%3A49152%2Fcb"), &ix, OK);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    assert_int_equal(ix.new_scopes.n, 0);
    interaction_consent(&c->rq, &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
}

static void whoever_saw_the_page_is_the_one_who_answers(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    c = ask(&v, "", &ix);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    sealed = show(c, &v, &ix);
    sign_in_as(&v, &bob); /* in another tab */
    c = post(&v, sealed, &ix, OK);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    sign_in_as(&v, &alice); /* again: her session is another one now */
    c = post(&v, sealed, &ix, OK);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    assert_true(uid_eq(&ix.who->user.id, &alice.id));
    browser_sign_out(&c->rq, &ix.browser, &ix.who->session.id);
    arrive(c, &v, &ix.browser);
    c = post(&v, sealed, &ix, OK);
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN); /* not bob's yes */
}

/* ---- what the code relies on ---- */

static struct call *about_to_finish(struct visitor *v, struct interaction *ix)
{
    struct authorize_answer a;
    struct call *c;

    complete(v, "", &alice);
    c = ask(v, "", ix);
    assert_int_equal(next_step(c, ix), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, ix, &a), OK);
    return c;
}

static void s59_no_code_under_a_session_that_ends(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = about_to_finish(&v, &ix);
    struct effects fx = effects_now();

    (void)state;
    session_end(&fx, &ix.who->session.id, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(commit(c), COMMIT_MISSED);
}

static void no_code_on_a_consent_that_was_taken_back(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = about_to_finish(&v, &ix);
    struct effects fx = effects_now();

    (void)state;
    consent_revoke(&fx, &alice.id, &w.client.id, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(commit(c), COMMIT_MISSED);
}

/* A yes to more scopes, while what was allowed before is taken back: it is judged again. */
static void what_was_taken_back_does_not_come_back_with_more(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct effects fx = effects_now();
    struct call *c;

    (void)state;
    sign_in_as(&v, &alice);
    allow_before(&alice, "email");
    c = ask(&v, "", &ix);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    interaction_consent(&c->rq, &ix);
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    consent_revoke(&fx, &alice.id, &w.client.id, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(commit(c), COMMIT_MISSED);
}

static void a_silent_authorization_writes_no_more_than_it_must(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = about_to_finish(&v, &ix);

    (void)state;
    assert_int_equal(c->rq.fx.n, 3); /* session held, consent held, grant */
    assert_int_equal(commit(c), COMMIT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(a_code_says_all_that_was_granted),
        PEOPLE(an_answer_has_code_state_iss_and_nothing_else),
        PEOPLE(answers_join_the_query_of_the_redirect_uri),
        PEOPLE(form_post_is_kept_through_the_seal),
        PEOPLE(errors_name_their_id_and_nothing_more),
        PEOPLE(nothing_leaves_before_the_redirect_uri_is_proven),
        PEOPLE(a_live_session_is_used),
        PEOPLE(people_of_other_organizations_do_not_count),
        PEOPLE(of_several_the_one_in_use),
        PEOPLE(a_login_hint_chooses),
        PEOPLE(an_id_token_hint_demands),
        PEOPLE(select_account_always_asks),
        PEOPLE(prompt_login_wants_a_new_proof),
        PEOPLE(max_age_wants_one_when_it_is_over),
        PEOPLE(consent_is_remembered_scope_by_scope),
        PEOPLE(prompt_none_without_consent),
        PEOPLE(clients_of_the_house_are_not_asked_for),
        PEOPLE(s13_a_public_client_on_loopback_is_asked_every_time),
        PEOPLE(whoever_saw_the_page_is_the_one_who_answers),
        PEOPLE(s59_no_code_under_a_session_that_ends),
        PEOPLE(no_code_on_a_consent_that_was_taken_back),
        PEOPLE(what_was_taken_back_does_not_come_back_with_more),
        PEOPLE(a_silent_authorization_writes_no_more_than_it_must),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
