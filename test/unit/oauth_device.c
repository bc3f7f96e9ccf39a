/* Device authorization: codes, people who type them, strangers who guess them. */
#include "oauth/check/checks.h"
#include "oauth/device.h"
#include "oauth_people.h"
#include "store/throttle.h"

static struct device_begun begin_device(const char *scope)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_POST, "/oauth2/device_authorization");
    struct authorize_request ar;
    struct device_begun out;

    header(c, "Content-Type", STR("application/x-www-form-urlencoded"));
    c->req.body = arena_printf(&c->arena, "scope=%s", scope);
    assert_int_equal(
        client_cache_get(w.thread.clients, w.thread.db, &w.client.id, c->rq.now_s, &c->rq.client),
        OK);
    assert_int_equal(authorize_request_bind(&c->rq, VIA_DEVICE, DIALECT_RFC, &ar), OK);
    assert_int_equal(checks_run(&c->rq, &ar), OK);
    assert_int_equal(device_begin(&c->rq, &ar, &out), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    server_thread_refresh(&w.thread);
    return out;
}

/* Stands in for the pool: what is recorded so far becomes durable. */
static bool commit_now(struct rq *rq)
{
    struct commit_set set = {.fx = &rq->fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    server_thread_refresh(&w.slow);
    return set.outcome == COMMIT_DONE;
}

static struct call *type(const struct visitor *v, str code, struct browser *b,
                         struct device_asking *d, enum err expected)
{
    struct call *c = visit(v, HTTP_POST, "/device");

    server_thread_refresh(&w.slow);
    c->rq.t = &w.slow;
    c->rq.commit_now = commit_now;
    assert_int_equal(browser_read(&c->rq, b), OK);
    assert_int_equal(device_lookup(&c->rq, b, code, d), expected);
    return c;
}

static struct call *reply(const struct visitor *v, str sealed, struct browser *b,
                          struct device_asking *d, bool *shown, enum err expected)
{
    struct call *c = visit(v, HTTP_POST, "/device");

    assert_int_equal(browser_read(&c->rq, b), OK);
    assert_int_equal(device_open(&c->rq, b, sealed, d, shown), expected);
    return c;
}

static str show_device(struct visitor *v, str code)
{
    struct browser b;
    struct device_asking d;
    struct call *c = type(v, code, &b, &d, OK);
    str sealed = arena_dup(&w.arena, device_seal(&c->rq, &b, &d));

    arrive(c, v, &b);
    return sealed;
}

static struct device_code row_of(const struct device_begun *begun)
{
    struct handle h;
    struct digest hash;
    struct device_code row;

    assert_int_equal(handle_parse(begun->device_code, HANDLE_DEVICE, NULL, &h), OK);
    assert_int_equal(device_code_load(w.db, &w.arena, &h.id, &row), OK);
    handle_digest(w.thread.hasher, &h, &hash);
    assert_true(ct_digest_eq(&hash, &row.hash));
    return row;
}

static void codes_that_people_can_type(void **state)
{
    struct device_begun d = begin_device("openid"), e = begin_device("openid");

    (void)state;
    assert_int_equal(d.user_code.n, DEVICE_USER_CODE_CHARS);
    assert_int_equal(d.user_code.p[4], '-');
    for (size_t i = 0; i < d.user_code.n; i++)
        assert_non_null(strchr("BCDFGHJKLMNPQRSTVWXZ-", d.user_code.p[i]));
    assert_false(str_eq(d.user_code, e.user_code));
    assert_int_equal(d.expires_in_s, 600);
    assert_int_equal(d.interval_s, 5);
    assert_true(str_ends(d.verification_uri, STR("/device")));
    assert_text(
        d.verification_uri_complete,
        arena_cstr(&w.arena, arena_printf(&w.arena, "%.*s?user_code=%.*s",
                                          STR_ARG(d.verification_uri), STR_ARG(d.user_code))));
}

static void spelling_is_forgiven(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d;
    char low[16];

    (void)state;
    for (size_t i = 0; i < begun.user_code.n; i++)
        low[i] = begun.user_code.p[i] == '-' ? ' ' : (char)(begun.user_code.p[i] | 0x20);
    type(&v, begun.user_code, &b, &d, OK);
    type(&v, str_make(low, 9), &b, &d, OK);
    type(&v, arena_printf(&w.arena, " %.4s%.4s ", low, low + 5), &b, &d, OK);
    type(&v, str_make(low, 8), &b, &d, ERR_ABSENT);
    type(&v, STR("AEIOU123"), &b, &d, ERR_ABSENT);
    type(&v, STR(""), &b, &d, ERR_ABSENT);
    assert_null(d.who);
}

static void s5_1_guesses_are_counted_before_they_are_judged(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d;
    struct call *c;
    int64_t attempts, end_s;

    (void)state;
    c = visit(&v, HTTP_POST, "/device");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_int_equal(device_lookup(&c->rq, &b, begun.user_code, &d), ERR_SLOW);
    for (int i = 0; i < 50; i++)
        type(&v, i % 2 ? STR("BBBB-BBBB") : begun.user_code, &b, &d, i % 2 ? ERR_ABSENT : OK);
    assert_int_equal(throttle_load(w.db, STR("user_code:test"), 2000, &attempts, &end_s), OK);
    assert_int_equal(attempts, 50);
    c = type(&v, begun.user_code, &b, &d, ERR_TOO_MANY_REQUESTS);
    assert_int_equal(c->rq.failure.retry_s, 900);
    assert_true(effects_empty(&c->rq.fx)); /* refusing is cheap, and does not push the end out */
    sleep_s(300);
    c = type(&v, begun.user_code, &b, &d, ERR_TOO_MANY_REQUESTS);
    assert_int_equal(c->rq.failure.retry_s, 600);
    c->req.peer = STR("2001:db8::1");
    assert_int_equal(device_lookup(&c->rq, &b, begun.user_code, &d), OK); /* somebody else */
}

static void a_yes_leads_to_a_grant(void **state)
{
    struct device_begun begun = begin_device("openid+offline_access");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d;
    struct device_code row;
    struct user_grant g;
    struct consent consent;
    struct call *c;
    bool shown;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    sealed = show_device(&v, begun.user_code);
    c = reply(&v, sealed, &b, &d, &shown, OK);
    assert_true(shown);
    assert_int_equal(device_approve(&c->rq, &d), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    row = row_of(&begun);
    assert_int_equal(row.state, DEVICE_APPROVED);
    assert_int_equal(user_grant_load(w.db, &w.arena, &row.grant, &g), OK);
    assert_true(uid_eq(&g.user, &alice.id));
    assert_text(g.scope, "openid offline_access");
    assert_true(g.offline);
    assert_false(g.has_code);
    assert_false(g.has_session);
    assert_int_equal(g.auth_s, 2000);
    assert_int_equal(consent_load(w.db, &w.arena, &alice.id, &w.client.id, &consent), OK);
    assert_text(consent.scopes, "openid offline_access");
    server_thread_refresh(&w.thread);
    reply(&v, sealed, &b, &d, &shown, ERR_ABSENT); /* once */
    type(&v, begun.user_code, &b, &d, ERR_ABSENT);
}

static void a_no_is_final(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d, e;
    struct call *c, *other;
    bool shown;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    sealed = show_device(&v, begun.user_code);
    c = reply(&v, sealed, &b, &d, &shown, OK);
    other = reply(&v, sealed, &b, &e, &shown, OK);
    device_deny(&c->rq, &d);
    assert_int_equal(device_approve(&other->rq, &e), OK);
    assert_int_equal(commit(c), COMMIT_DONE);
    assert_int_equal(commit(other), COMMIT_MISSED); /* a second click comes too late */
    assert_int_equal(row_of(&begun).state, DEVICE_DENIED);
}

static void a26_the_question_is_one_browsers_and_one_persons(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0}, other = {0}, none = {0};
    struct browser b;
    struct device_asking d;
    bool shown;
    str sealed;

    (void)state;
    sealed = show_device(&v, begun.user_code);
    show_device(&other, begun.user_code);
    reply(&other, sealed, &b, &d, &shown, ERR_FORBIDDEN);
    reply(&none, sealed, &b, &d, &shown, ERR_FORBIDDEN);
    reply(&v, STR("x"), &b, &d, &shown, ERR_FORBIDDEN);
    reply(&v, sealed, &b, &d, &shown, OK);
    assert_false(shown); /* nobody was signed in then, and nobody is now */
    assert_null(d.who);
    sign_in_as(&v, &alice);
    reply(&v, sealed, &b, &d, &shown, OK);
    assert_false(shown);
    sealed = show_device(&v, begun.user_code);
    reply(&v, sealed, &b, &d, &shown, OK);
    assert_true(shown);
    sign_in_as(&v, &bob); /* in another tab */
    reply(&v, sealed, &b, &d, &shown, OK);
    assert_false(shown);
    assert_true(str_eq(d.user_code, begun.user_code)); /* to be compared again */
}

static void people_of_other_organizations_cannot_answer(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d;

    (void)state;
    sign_in_as(&v, &stranger);
    type(&v, begun.user_code, &b, &d, OK);
    assert_null(d.who);
}

static void codes_end(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct browser b;
    struct device_asking d;
    bool shown;
    str sealed;

    (void)state;
    sign_in_as(&v, &alice);
    sealed = show_device(&v, begun.user_code);
    sleep_s(599);
    reply(&v, sealed, &b, &d, &shown, OK);
    sleep_s(1);
    reply(&v, sealed, &b, &d, &shown, ERR_ABSENT);
    type(&v, begun.user_code, &b, &d, ERR_ABSENT);
}

static void no_grant_under_a_session_that_ends(void **state)
{
    struct device_begun begun = begin_device("openid");
    struct visitor v = {0};
    struct id sid = sign_in_as(&v, &alice);
    struct effects fx = effects_now();
    struct browser b;
    struct device_asking d;
    struct call *c;
    bool shown;

    (void)state;
    c = reply(&v, show_device(&v, begun.user_code), &b, &d, &shown, OK);
    assert_int_equal(device_approve(&c->rq, &d), OK);
    session_end(&fx, &sid, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(commit(c), COMMIT_MISSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(codes_that_people_can_type),
        PEOPLE(spelling_is_forgiven),
        PEOPLE(s5_1_guesses_are_counted_before_they_are_judged),
        PEOPLE(a_yes_leads_to_a_grant),
        PEOPLE(a_no_is_final),
        PEOPLE(a26_the_question_is_one_browsers_and_one_persons),
        PEOPLE(people_of_other_organizations_cannot_answer),
        PEOPLE(codes_end),
        PEOPLE(no_grant_under_a_session_that_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
