/* The seal of an interaction, and pushed requests: tabs, other browsers, slow people, second
 * clicks.
 */
#include "oauth_people.h"

/* ---- seals ---- */

static void two_tabs_keep_their_requests_apart(void **state)
{
    struct visitor v = {0};
    struct interaction first, second;
    struct authorize_answer a;
    struct call *c = ask(&v, "&response_mode=form_post", &first);
    str one, two;

    (void)state;
    one = show(c, &v, &first);
    c = ask(&v, "&nonce=second", &second);
    two = show(c, &v, &second);
    c = post(&v, one, &first, OK);
    assert_text(first.ar.response_mode, "form_post");
    interaction_choose(&first, &browser_sign_in(&c->rq, &first.browser, &alice, STR("pwd"),
                                                STR("pwd"), c->rq.now_s)
                                    ->session.id);
    assert_int_equal(next_step(c, &first), STEP_CONSENT);
    interaction_consent(&c->rq, &first);
    assert_int_equal(interaction_finish(&c->rq, &first, &a), OK);
    arrive(c, &v, &first.browser);
    c = post(&v, two, &second, OK); /* the other tab goes on */
    assert_text(second.ar.nonce, "second");
    assert_int_equal(next_step(c, &second), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &second, &a), OK);
    assert_int_equal(a.mode, MODE_QUERY);
}

static void a26_a_seal_is_one_browsers(void **state)
{
    struct visitor v = {0}, victim = {0}, none = {0};
    struct interaction ix;
    struct call *c = ask(&v, "", &ix);
    str sealed = show(c, &v, &ix);

    (void)state;
    c = ask(&victim, "", &ix);
    show(c, &victim, &ix);
    post(&victim, sealed, &ix, ERR_FORBIDDEN); /* login CSRF */
    post(&none, sealed, &ix, ERR_FORBIDDEN);
    post(&v, STR(""), &ix, ERR_FORBIDDEN);
    post(&v, str_sub(sealed, 0, sealed.n - 4), &ix, ERR_FORBIDDEN);
    ((char *)sealed.p)[sealed.n / 2] ^= 1;
    post(&v, sealed, &ix, ERR_FORBIDDEN);
    ((char *)sealed.p)[sealed.n / 2] ^= 1;
    post(&v, sealed, &ix, OK);
}

static void the_headless_api_opens_it_without_the_browser(void **state)
{
    struct visitor v = {0}, none = {0};
    struct interaction ix;
    struct call *c = ask(&v, "", &ix);
    str sealed = show(c, &v, &ix), again;

    (void)state;
    c = visit(&none, HTTP_POST, "/admin/flows");
    assert_int_equal(interaction_open(&c->rq, sealed, false, &ix), OK);
    assert_int_equal(ix.browser.n, 0);
    again = interaction_seal(&c->rq, &ix);
    post(&v, again, &ix, OK); /* still that browser's */
    post(&none, again, &ix, ERR_FORBIDDEN);
}

static void an_old_page_begins_again(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = ask(&v, "&prompt=login", &ix);
    str sealed;

    (void)state;
    interaction_choose(
        &ix, &browser_sign_in(&c->rq, &ix.browser, &alice, STR("pwd"), STR("pwd"), c->rq.now_s)
                  ->session.id);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    sealed = show(c, &v, &ix);
    w.settings.v[SETTING_session_idle_s].number = 86400;
    sleep_s(3599);
    c = post(&v, sealed, &ix, OK);
    assert_false(ix.expired);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    sleep_s(1);
    c = post(&v, sealed, &ix, OK);
    assert_true(ix.expired);
    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
    assert_text(ix.ar.state, "xyz");
    sealed = show(c, &v, &ix);
    post(&v, sealed, &ix, OK);
    assert_false(ix.expired);
}

static void a26_a_seal_ends_with_its_flow(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct authorize_answer a;
    struct call *c = ask(&v, "", &ix);
    str sealed = show(c, &v, &ix);

    (void)state;
    c = post(&v, sealed, &ix, OK);
    post(&v, sealed, &ix, OK); /* the back button */
    interaction_deny(&c->rq, &ix, &a);
    arrive(c, &v, &ix.browser);
    post(&v, sealed, &ix, ERR_FORBIDDEN);
}

static void of_two_clicks_one_gets_the_code(void **state)
{
    struct visitor v = {0};
    struct interaction first, second;
    struct authorize_answer a;
    struct call *c, *d;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    c = ask(&v, "", &first);
    assert_int_equal(next_step(c, &first), STEP_CONSENT);
    sealed = show(c, &v, &first);
    c = post(&v, sealed, &first, OK);
    d = post(&v, sealed, &second, OK);
    next_step(c, &first);
    next_step(d, &second);
    interaction_consent(&c->rq, &first);
    interaction_consent(&d->rq, &second);
    assert_int_equal(interaction_finish(&c->rq, &first, &a), OK);
    assert_int_equal(interaction_finish(&d->rq, &second, &a), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    assert_int_equal(commit(d), COMMIT_MISSED);
    post(&v, sealed, &second, ERR_FORBIDDEN); /* its second run */
}

static void a_seal_of_the_longest_state_fits_a_form(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c;
    char state_text[AUTHORIZE_STATE_MAX + 1], nonce[AUTHORIZE_NONCE_MAX + 1];
    str sealed;

    (void)state;
    memset(state_text, 's', sizeof state_text);
    memset(nonce, 'n', sizeof nonce);
    c = ask_query(&v,
                  plain_query(arena_cstr(&w.arena, arena_printf(&w.arena, "&state=%.*s&nonce=%.*s",
                                                                AUTHORIZE_STATE_MAX, state_text,
                                                                AUTHORIZE_NONCE_MAX, nonce)),
                              "https%3A%2F%2Fapp.example%2Fcb"),
                  &ix, OK);
    sealed = show(c, &v, &ix);
    assert_true(sealed.n < 14000);
    post(&v, sealed, &ix, OK);
    assert_int_equal(ix.ar.state.n, AUTHORIZE_STATE_MAX);
    assert_int_equal(ix.ar.nonce.n, AUTHORIZE_NONCE_MAX);
}

/* ---- PAR ---- */

static void s18_a_pushed_request_is_burnt_at_the_end(void **state)
{
    struct visitor v = {0};
    struct interaction ix, again;
    struct authorize_answer a;
    struct call *c;
    str sealed, query;

    (void)state;
    party.require_par = true;
    put_party();
    query = push_query(authorize_query(""));
    c = ask_query(&v, query, &again, OK); /* opened, and opened again */
    c = ask_query(&v, query, &ix, OK);
    assert_text(ix.ar.state, "xyz");
    sealed = show(c, &v, &ix);
    sleep_s(600); /* a slow person: longer than par.ttl */
    c = post(&v, sealed, &ix, OK);
    assert_true(ix.ar.has_pushed);
    interaction_choose(
        &ix, &browser_sign_in(&c->rq, &ix.browser, &alice, STR("pwd"), STR("pwd"), c->rq.now_s)
                  ->session.id);
    assert_int_equal(next_step(c, &ix), STEP_CONSENT);
    interaction_consent(&c->rq, &ix);
    assert_int_equal(next_step(c, &ix), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    arrive(c, &v, &ix.browser);
    c = ask_query(&v, query, &ix, ERR_INVALID_REQUEST_URI);
}

static void s18_of_two_tabs_with_one_pushed_request_one_ends(void **state)
{
    struct visitor v = {0};
    struct interaction first, second;
    struct authorize_answer a;
    struct call *c, *d;
    str query = push_query(authorize_query(""));

    (void)state;
    allow_before(&alice, "openid profile");
    sign_in_as(&v, &alice);
    c = ask_query(&v, query, &first, OK);
    d = ask_query(&v, query, &second, OK);
    assert_int_equal(next_step(c, &first), STEP_FINISH);
    assert_int_equal(next_step(d, &second), STEP_FINISH);
    assert_int_equal(interaction_finish(&c->rq, &first, &a), OK);
    assert_int_equal(interaction_finish(&d->rq, &second, &a), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    assert_int_equal(commit(d), COMMIT_MISSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(two_tabs_keep_their_requests_apart),
        PEOPLE(a26_a_seal_is_one_browsers),
        PEOPLE(the_headless_api_opens_it_without_the_browser),
        PEOPLE(an_old_page_begins_again),
        PEOPLE(a26_a_seal_ends_with_its_flow),
        PEOPLE(of_two_clicks_one_gets_the_code),
        PEOPLE(a_seal_of_the_longest_state_fits_a_form),
        PEOPLE(s18_a_pushed_request_is_burnt_at_the_end),
        PEOPLE(s18_of_two_tabs_with_one_pushed_request_one_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
