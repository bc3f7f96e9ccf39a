/* Headless login: who may read and decide a flow, what the decision does, and that each step
 * happens once and in the browser that began it.
 */
#include "oauth_people.h"

#include "oauth/authorize/headless.h"

#define LOGIN "https://login.example/start"

static int open_headless(void **state)
{
    int r = people_open(state);

    w.settings.v[SETTING_login_url].text = STR(LOGIN);
    return r;
}

#define HEADLESS(name) cmocka_unit_test_setup_teardown(name, open_headless, people_close)

/* The handle behind "flow=". */
static str handle_of(str url)
{
    str head, handle;

    while (str_cut(url, '=', &head, &handle) && !str_ends(head, STR("flow")))
        url = handle;
    assert_true(str_starts(handle, STR("pstf_")));
    assert_int_equal(handle.n, HANDLE_CHARS);
    return arena_dup(&w.arena, handle);
}

/* The browser opens the authorization endpoint and is sent to the company's page. */
static str start(struct visitor *v, const char *more)
{
    enum interaction_step step;
    struct interaction ix;
    struct call *c = ask(v, more, &ix);
    str url;

    assert_int_equal(interaction_next(&c->rq, &ix, &step), OK);
    assert_int_not_equal(step, STEP_FINISH);
    assert_true(headless_on(&c->rq));
    assert_int_equal(headless_begin(&c->rq, &ix, &url), OK);
    assert_true(str_starts(url, STR(LOGIN "?flow=")));
    arrive(c, v, &ix.browser);
    return handle_of(url);
}

/* A request of the page's server: no cookies. */
static struct call *from_server(void)
{
    static const struct visitor none;

    return visit(&none, HTTP_POST, "/admin/flows");
}

static enum err get(str handle, struct headless *out)
{
    return headless_get(&from_server()->rq, handle, &w.client.organization, out);
}

static struct headless_accept as(const struct user *u)
{
    struct buf b;

    buf_init(&b, &w.arena, 64, 64);
    uid_write(&b, &u->id, USER_SID, SPELLING_UUID);
    return (struct headless_accept){.subject = buf_str(&b)};
}

static enum err accept_flow(str handle, const struct headless_accept *a)
{
    struct call *c = from_server();
    str url;
    enum err e = headless_accept(&c->rq, handle, &w.client.organization, a, &url);

    if (e == OK) {
        assert_true(str_starts(url, setting_text(&w.settings, issuer)));
        assert_true(str_eq(handle_of(url), handle));
        assert_int_equal(commit(c), COMMIT_DONE);
    }
    return e;
}

static enum err reject_flow(str handle, str error, str description)
{
    struct call *c = from_server();
    str url;
    enum err e = headless_reject(&c->rq, handle, &w.client.organization, error, description, &url);

    if (e == OK)
        assert_int_equal(commit(c), COMMIT_DONE);
    return e;
}

static enum err come_back(struct visitor *v, str handle, struct headless_end *end)
{
    struct call *c = visit(v, HTTP_GET, "/continue");
    enum err e = headless_continue(&c->rq, handle, end);

    if (e == OK)
        arrive(c, v, &end->ix.browser);
    return e;
}

static struct user_grant grant_of(const struct headless_end *end)
{
    struct user_grant g;
    struct handle h;

    assert_int_equal(handle_parse(answer_value(&end->answer, "code"), HANDLE_CODE,
                                  signer_ring(w.thread.signer), &h),
                     OK);
    assert_int_equal(user_grant_load(w.db, &w.arena, &h.id, &g), OK);
    return g;
}

static void assert_grant_of_alice(const struct headless_end *end)
{
    struct user_grant g = grant_of(end);

    assert_true(uid_eq(&g.user, &alice.id));
}

/* ---- the way through ---- */

static void a_person_signs_in_at_the_companys_page(void **state)
{
    struct visitor v = {0};
    str handle = start(&v, "&login_hint=alice&ui_locales=de");
    struct headless_accept a = as(&alice);
    struct headless_end end;
    struct user_grant g;
    struct headless h;

    (void)state;
    assert_int_equal(get(handle, &h), OK);
    assert_false(h.has_user);
    assert_text(h.ix.ar.login_hint, "alice");
    assert_text(h.new_scopes, "openid profile");
    a.amr = STR("pwd otp");
    a.at_s = w.server.clock.fixed_us / 1000000 - 3;
    assert_int_equal(accept_flow(handle, &a), OK);
    sleep_s(20);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(end.answer.target, CALLBACK);
    assert_text(answer_value(&end.answer, "state"), "xyz");
    g = grant_of(&end);
    assert_true(uid_eq(&g.user, &alice.id));
    assert_text(g.scope, "openid profile");
    assert_text(g.amr, "pwd otp");
    assert_int_equal(g.auth_s, a.at_s);
    assert_int_equal(look(&v).n, 1);
    assert_int_equal(look(&v).in[0].session.auth_s, a.at_s);
}

static bool is_remembered(void)
{
    struct consent c;

    return consent_load(w.db, &w.arena, &alice.id, &w.client.id, &c) == OK;
}

static void consent_is_remembered_if_the_page_says_so(void **state)
{
    struct headless_accept a = as(&alice);
    struct headless_end end;
    struct visitor v = {0};
    struct headless h;
    str handle = start(&v, "");

    (void)state;
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_false(is_remembered());
    handle = start(&v, "");
    a.remember = true;
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_true(is_remembered());
    handle = start(&v, "&prompt=login");
    assert_int_equal(get(handle, &h), OK);
    assert_true(h.has_user);
    assert_true(uid_eq(&h.user.id, &alice.id));
    assert_int_equal(h.new_scopes.n, 0);
}

static void the_session_goes_on_when_only_consent_was_asked(void **state)
{
    struct visitor v = {0};
    struct id session = sign_in_as(&v, &alice);
    struct headless_accept a = as(&alice);
    struct headless_end end;
    str handle;

    (void)state;
    sleep_s(60);
    handle = start(&v, "");
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_true(id_eq(&look(&v).in[0].session.id, &session));
    assert_int_equal(grant_of(&end).auth_s, 2000);
    /* but not where a new sign-in was asked for, or has happened */
    handle = start(&v, "&prompt=login");
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_false(id_eq(&look(&v).in[0].session.id, &session));
    assert_int_equal(grant_of(&end).auth_s, 2060);
}

static void a_sign_in_is_new_by_the_clock_that_was_ahead(void **state)
{
    struct visitor v = {0};
    struct headless_accept a = as(&alice);
    struct headless_end end;
    str handle;

    (void)state;
    handle = start(&v, "&prompt=login");
    sleep_s(-5); /* it goes on at another node */
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_int_equal(grant_of(&end).auth_s, 2000);
}

static void less_may_be_allowed_than_was_asked(void **state)
{
    struct headless_accept a = as(&alice);
    struct headless_end end;
    struct visitor v = {0};
    str handle = start(&v, "");

    (void)state;
    a.scope = STR("openid email");
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.scope = STR("openid");
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(grant_of(&end).scope, "openid");
}

/* ---- rejection ---- */

static void a_rejection_reaches_the_client(void **state)
{
    struct headless_end end;
    struct visitor v = {0};
    str handle = start(&v, "");

    (void)state;
    assert_int_equal(reject_flow(handle, STR("not_found"), (str){0}), ERR_INVALID_BODY);
    assert_int_equal(reject_flow(handle, STR("invalid_grant"), (str){0}), ERR_INVALID_BODY);
    assert_int_equal(reject_flow(handle, (str){0}, STR("a\"b")), ERR_INVALID_BODY);
    assert_int_equal(reject_flow(handle, (str){0}, STR("a\r\nb")), ERR_INVALID_BODY);
    assert_int_equal(reject_flow(handle, STR("login_required"), STR("Come to the desk")), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(answer_value(&end.answer, "error"), "login_required");
    assert_true(str_starts(answer_value(&end.answer, "error_description"),
                           STR("Come to the desk (error id ")));
    assert_text(answer_value(&end.answer, "state"), "xyz");
    assert_null(answer_value(&end.answer, "code").p);
    assert_int_equal(look(&v).n, 0);
    assert_int_not_equal(come_back(&v, handle, &end), OK);
    handle = start(&v, "");
    assert_int_equal(reject_flow(handle, (str){0}, (str){0}), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(answer_value(&end.answer, "error"), "access_denied");
}

/* As a "no" on our own page: the request cannot be opened once more. */
static void s18_a_rejection_ends_a_pushed_request(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct headless_end end;
    str query = push_query(authorize_query("")), url, handle;
    struct call *c = ask_query(&v, query, &ix, OK);
    enum interaction_step step;

    (void)state;
    assert_true(ix.ar.has_pushed);
    assert_int_equal(interaction_next(&c->rq, &ix, &step), OK);
    assert_int_equal(headless_begin(&c->rq, &ix, &url), OK);
    arrive(c, &v, &ix.browser);
    handle = handle_of(url);
    ask_query(&v, query, &ix, OK); /* opened twice before the end: fine */
    assert_int_equal(reject_flow(handle, (str){0}, (str){0}), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(answer_value(&end.answer, "error"), "access_denied");
    ask_query(&v, query, &ix, ERR_INVALID_REQUEST_URI);
}

/* ---- once, and only for whom it is ---- */

static void another_browser_gets_nothing_security_a26(void **state)
{
    struct visitor v = {0}, thief = {0};
    struct headless_accept a = as(&alice);
    struct headless_end end;
    str handle = start(&v, "");

    (void)state;
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&thief, handle, &end), ERR_FORBIDDEN);
    assert_null(end.answer.target.p);
    start(&thief, ""); /* has a flow cookie of its own now */
    assert_int_equal(come_back(&thief, handle, &end), ERR_FORBIDDEN);
    assert_int_equal(look(&thief).n, 0);
    assert_int_equal(come_back(&v, handle, &end), OK);
}

static void each_step_happens_once(void **state)
{
    struct headless_accept a = as(&alice), b = as(&bob);
    struct headless_end end;
    struct visitor v = {0};
    struct headless h;
    str handle = start(&v, "");

    (void)state;
    assert_int_equal(come_back(&v, handle, &end), ERR_INVALID_REQUEST); /* not decided */
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(accept_flow(handle, &a), ERR_DECIDED);
    assert_int_equal(accept_flow(handle, &b), ERR_DECIDED);
    assert_int_equal(reject_flow(handle, (str){0}, (str){0}), ERR_DECIDED);
    assert_int_equal(get(handle, &h), ERR_DECIDED);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_grant_of_alice(&end);
    assert_int_not_equal(come_back(&v, handle, &end), OK);
    assert_null(end.answer.target.p);
}

/* Two at once: both see it waiting, one commit misses. */
static void of_two_at_once_one_wins(void **state)
{
    struct headless_accept a = as(&alice), b = as(&bob);
    struct call *c1, *c2;
    struct headless_end e1, e2;
    struct visitor v = {0};
    str handle = start(&v, ""), url;

    (void)state;
    c1 = from_server();
    c2 = from_server();
    assert_int_equal(headless_accept(&c1->rq, handle, &w.client.organization, &a, &url), OK);
    assert_int_equal(headless_accept(&c2->rq, handle, &w.client.organization, &b, &url), OK);
    assert_int_equal(commit(c1), COMMIT_DONE);
    assert_int_equal(commit(c2), COMMIT_MISSED);
    c1 = visit(&v, HTTP_GET, "/continue");
    c2 = visit(&v, HTTP_GET, "/continue");
    assert_int_equal(headless_continue(&c1->rq, handle, &e1), OK);
    assert_int_equal(headless_continue(&c2->rq, handle, &e2), OK);
    assert_int_equal(commit(c2), COMMIT_DONE);
    assert_int_equal(commit(c1), COMMIT_MISSED);
    assert_grant_of_alice(&e2);
    handle = start(&v, "&prompt=login");
    assert_int_equal(reject_flow(handle, (str){0}, (str){0}), OK);
    c1 = visit(&v, HTTP_GET, "/continue");
    c2 = visit(&v, HTTP_GET, "/continue");
    assert_int_equal(headless_continue(&c1->rq, handle, &e1), OK);
    assert_int_equal(headless_continue(&c2->rq, handle, &e2), OK);
    assert_int_equal(commit(c1), COMMIT_DONE);
    assert_int_equal(commit(c2), COMMIT_MISSED);
}

static void a_flow_is_nothing_to_others(void **state)
{
    struct headless_accept a = as(&alice);
    struct visitor v = {0};
    struct headless h;
    str handle = start(&v, ""), url;
    char *bent = arena_cstr(&w.arena, handle);

    (void)state;
    assert_int_equal(headless_get(&from_server()->rq, handle, &stranger.organization, &h),
                     ERR_NOT_FOUND);
    assert_int_equal(headless_accept(&from_server()->rq, handle, &stranger.organization, &a, &url),
                     ERR_NOT_FOUND);
    assert_int_equal(headless_reject(&from_server()->rq, handle, &stranger.organization, (str){0},
                                     (str){0}, &url),
                     ERR_NOT_FOUND);
    bent[30] = bent[30] == 'A' ? 'B' : 'A';
    assert_int_equal(get(str_from(bent), &h), ERR_NOT_FOUND);
    assert_int_equal(get(STR("x"), &h), ERR_NOT_FOUND);
    assert_int_equal(get((str){0}, &h), ERR_NOT_FOUND);
    assert_int_equal(get(handle, &h), OK);
}

static void subject_is_an_enabled_user_of_the_organization(void **state)
{
    struct headless_accept a = as(&stranger);
    struct effects fx = effects_now();
    struct visitor v = {0};
    str handle = start(&v, "");
    struct buf sid;

    (void)state;
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.subject = STR("00000000-0000-4000-8000-000000000000");
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.subject = STR("alice");
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    user_set_enabled(&fx, &bob.id, false, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    a = as(&bob);
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    buf_init(&sid, &w.arena, 64, 64);
    uid_write(&sid, &alice.id, USER_SID, SPELLING_SID);
    a.subject = buf_str(&sid);
    assert_int_equal(accept_flow(handle, &a), OK);
}

static void who_is_disabled_meanwhile_gets_no_code(void **state)
{
    struct headless_accept a = as(&alice);
    struct effects fx = effects_now();
    struct headless_end end;
    struct visitor v = {0};
    str handle = start(&v, "");

    (void)state;
    assert_int_equal(accept_flow(handle, &a), OK);
    user_set_enabled(&fx, &alice.id, false, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(answer_value(&end.answer, "error"), "access_denied");
    assert_int_equal(look(&v).n, 0);
}

/* ---- time ---- */

static void an_old_proof_does_not_pass_for_a_new_one(void **state)
{
    struct headless_accept a = as(&alice);
    struct visitor v = {0};
    str handle = start(&v, "&prompt=login");

    (void)state;
    a.at_s = 1500;
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.at_s = 3000;
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.at_s = 2000;
    assert_int_equal(accept_flow(handle, &a), OK);
    handle = start(&v, "&max_age=100");
    a.at_s = 1800;
    assert_int_equal(accept_flow(handle, &a), ERR_INVALID_BODY);
    a.at_s = 1950;
    assert_int_equal(accept_flow(handle, &a), OK);
}

static void acr_is_the_companys_word(void **state)
{
    struct headless_accept a = as(&alice);
    struct headless_end end;
    struct visitor v = {0};
    str handle = start(&v, "");

    (void)state;
    a.acr = STR("urn:mfa");
    assert_int_equal(accept_flow(handle, &a), OK);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_text(end.ix.who->session.acr, "urn:mfa");
    assert_text(end.ix.who->session.amr, "pwd");
}

static void a_late_browser_begins_anew(void **state)
{
    struct headless_accept a = as(&alice);
    struct headless_end end;
    struct visitor v = {0};
    struct headless h;
    str handle = start(&v, ""), fresh;

    (void)state;
    assert_int_equal(accept_flow(handle, &a), OK);
    sleep_s(setting_int(&w.settings, flow_ttl_s));
    assert_int_equal(accept_flow(handle, &a), ERR_NOT_FOUND);
    assert_int_equal(come_back(&v, handle, &end), OK);
    assert_null(end.answer.target.p);
    fresh = handle_of(end.again);
    assert_false(str_eq(fresh, handle));
    assert_int_equal(get(fresh, &h), OK);
    assert_int_equal(accept_flow(fresh, &a), OK);
    assert_int_equal(come_back(&v, fresh, &end), OK);
    assert_grant_of_alice(&end);
    w.settings.v[SETTING_login_url].text = STR("");
    assert_int_equal(come_back(&v, handle, &end), ERR_INVALID_REQUEST);
}

static void the_handle_joins_the_query_of_the_page(void **state)
{
    struct interaction ix;
    struct visitor v = {0};
    struct call *c = ask(&v, "", &ix);
    str url;

    (void)state;
    w.settings.v[SETTING_login_url].text = STR("https://login.example/?tenant=1");
    assert_int_equal(headless_begin(&c->rq, &ix, &url), OK);
    assert_true(str_starts(url, STR("https://login.example/?tenant=1&flow=pstf_")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        HEADLESS(a_person_signs_in_at_the_companys_page),
        HEADLESS(consent_is_remembered_if_the_page_says_so),
        HEADLESS(the_session_goes_on_when_only_consent_was_asked),
        HEADLESS(a_sign_in_is_new_by_the_clock_that_was_ahead),
        HEADLESS(less_may_be_allowed_than_was_asked),
        HEADLESS(a_rejection_reaches_the_client),
        HEADLESS(s18_a_rejection_ends_a_pushed_request),
        HEADLESS(another_browser_gets_nothing_security_a26),
        HEADLESS(each_step_happens_once),
        HEADLESS(of_two_at_once_one_wins),
        HEADLESS(a_flow_is_nothing_to_others),
        HEADLESS(subject_is_an_enabled_user_of_the_organization),
        HEADLESS(who_is_disabled_meanwhile_gets_no_code),
        HEADLESS(an_old_proof_does_not_pass_for_a_new_one),
        HEADLESS(acr_is_the_companys_word),
        HEADLESS(a_late_browser_begins_anew),
        HEADLESS(the_handle_joins_the_query_of_the_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
