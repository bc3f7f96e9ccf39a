/* Cookies and sessions: what is adopted (nothing), what ends, what proves that a form is ours. */
#include "oauth_people.h"

#include "store/grant.h"

static bool sets(struct call *c, const char *line)
{
    return strstr(arena_cstr(&w.arena, buf_str(&c->res.headers)), line) != NULL;
}

static void cookies_are_closed_as_a60_demands(void **state)
{
    struct visitor v = {0};
    struct call *c = visit(&v, HTTP_POST, "/sign-in");
    struct browser b;

    (void)state;
    w.settings.v[SETTING_issuer].text = STR("https://auth.example");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    browser_sign_in(&c->rq, &b, &alice, STR("pwd"), STR("pwd"), c->rq.now_s);
    browser_binding(&b);
    rq_answer(&c->rq, 200, STR("text/plain"));
    browser_write(&c->rq, &b);
    assert_true(sets(c, "Set-Cookie: __Host-postern=psts_"));
    assert_true(sets(c, "Set-Cookie: __Host-postern-flow="));
    assert_true(sets(c, "; Path=/; HttpOnly; SameSite=Lax; Secure\r\n"));
    assert_false(sets(c, "Domain"));
    assert_false(sets(c, "Max-Age"));
}

static void every_sign_in_is_a_new_session(void **state)
{
    struct visitor v = {0}, old;
    struct id first = sign_in_as(&v, &alice), second;

    (void)state;
    old = v;
    assert_int_equal(look(&v).n, 1);
    second = sign_in_as(&v, &alice);
    assert_false(id_eq(&first, &second));
    assert_int_equal(look(&v).n, 1);
    assert_int_equal(look(&old).n, 0);
}

static void what_was_granted_goes_on_under_the_new_session(void **state)
{
    struct visitor v = {0};
    struct id old = sign_in_as(&v, &alice), fresh;
    struct user_grant g = {.id = id_next(&w.server.ids, 2000),
                           .client = w.client.id,
                           .user = alice.id,
                           .session = old,
                           .has_session = true,
                           .exp_s = 9000};
    struct effects fx = effects_now();

    (void)state;
    user_grant_put(&fx, &g);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    fresh = sign_in_as(&v, &alice);
    assert_int_equal(user_grant_load(w.db, &w.arena, &g.id, &g), OK);
    assert_true(id_eq(&g.session, &fresh));
    assert_false(g.revoked);
}

static void two_people_one_browser(void **state)
{
    struct visitor v = {0};
    struct browser b;
    struct call *c;
    struct id hers = sign_in_as(&v, &alice);

    (void)state;
    sign_in_as(&v, &bob);
    b = look(&v);
    assert_int_equal(b.n, 2);
    assert_true(uid_eq(&b.in[0].user.id, &bob.id));
    c = visit(&v, HTTP_POST, "/choose");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    browser_prefer(&b, &hers);
    arrive(c, &v, &b);
    b = look(&v);
    assert_true(uid_eq(&b.in[0].user.id, &alice.id));
    c = visit(&v, HTTP_POST, "/sign-out");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    browser_sign_out(&c->rq, &b, &hers);
    arrive(c, &v, &b);
    b = look(&v);
    assert_int_equal(b.n, 1);
    assert_true(uid_eq(&b.in[0].user.id, &bob.id));
}

static void signing_out_kills_the_cookie_that_was_stolen(void **state)
{
    struct visitor v = {0}, thief;
    struct browser b;
    struct call *c;

    (void)state;
    sign_in_as(&v, &alice);
    sign_in_as(&v, &bob);
    thief = v;
    c = visit(&v, HTTP_POST, "/sign-out");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    browser_sign_out_all(&c->rq, &b);
    arrive(c, &v, &b);
    assert_string_equal(v.session, "");
    assert_int_equal(look(&thief).n, 0);
}

static void the_sixth_person_takes_the_place_of_the_first(void **state)
{
    struct visitor v = {0};
    struct user people[BROWSER_SESSIONS + 1];
    struct session s;
    struct id first;
    char name[8];

    (void)state;
    for (size_t i = 0; i < BROWSER_SESSIONS + 1; i++) {
        snprintf(name, sizeof name, "p%zu", i);
        put_person(&people[i], arena_cstr(&w.arena, str_from(name)), &w.client.organization);
        struct id id = sign_in_as(&v, &people[i]);
        first = i == 0 ? id : first;
    }
    assert_int_equal(look(&v).n, BROWSER_SESSIONS);
    assert_int_equal(session_load(w.db, &w.arena, &first, &s), ERR_ABSENT);
}

static size_t count_with(const char *format, const char *text)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_GET, "/");
    struct browser b;

    header(c, "Cookie", arena_printf(&c->arena, format, text, text));
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_false(b.changed);
    return b.n;
}

static void a27_nothing_is_adopted(void **state)
{
    struct visitor v = {0};
    struct handle h;
    struct id id;
    struct buf text;
    char other[64] = "";

    (void)state;
    id = sign_in_as(&v, &alice);
    assert_int_equal(count_with("postern=%s", v.session), 1);
    assert_int_equal(count_with("postern=%s; postern=%s", v.session), 0);
    assert_int_equal(count_with("postern=%s; Postern=%s", v.session), 1);
    assert_int_equal(count_with("postern=%s.%s", v.session), 1);
    assert_int_equal(count_with("postern=x%s", v.session), 0);
    assert_int_equal(count_with("postern=%sx", v.session), 0);
    assert_int_equal(count_with("__Host-postern=%s", v.session), 0);
    assert_int_equal(count_with("postern=%s", "psts_AAAA"), 0);
    /* the right row and another secret; the right bytes of another kind */
    handle_new(HANDLE_SESSION, SHAPE_HANDLE, NULL, &id, &h);
    buf_fixed(&text, other, sizeof other - 1);
    handle_write(&text, &h, SHAPE_HANDLE, NULL);
    assert_int_equal(count_with("postern=%s", other), 0);
    memcpy(v.session, "pstc_", 5);
    assert_int_equal(count_with("postern=%s", v.session), 0);
}

static void two_cookie_fields_are_none(void **state)
{
    struct visitor v = {0};
    struct call *c;
    struct browser b;

    (void)state;
    sign_in_as(&v, &alice);
    c = visit(&v, HTTP_GET, "/");
    header(c, "Cookie", STR("a=b"));
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_int_equal(b.n, 0);
}

static void sessions_end_idle_and_at_last(void **state)
{
    struct visitor v = {0}, used = {0};

    (void)state;
    sign_in_as(&v, &alice);
    sign_in_as(&used, &bob);
    for (int hour = 0; hour < 25; hour++) {
        struct call *c;
        struct browser b;
        sleep_s(3599);
        c = visit(&used, HTTP_GET, "/");
        assert_int_equal(browser_read(&c->rq, &b), OK);
        assert_int_equal(b.n, hour < 24 ? 1 : 0); /* session.max is a day */
        if (b.n > 0)
            assert_int_equal(commit(c), COMMIT_DONE);
        if (hour == 1)
            assert_int_equal(look(&v).n, 0); /* session.idle is an hour */
        arena_reset(&c->arena);
    }
}

static void use_is_written_once_a_minute(void **state)
{
    struct visitor v = {0};
    struct browser b;
    struct call *c;

    (void)state;
    sign_in_as(&v, &alice);
    sleep_s(59);
    c = visit(&v, HTTP_GET, "/");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_true(effects_empty(&c->rq.fx));
    sleep_s(1);
    c = visit(&v, HTTP_GET, "/");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_int_equal(c->rq.fx.n, 1);
    assert_int_equal(commit(c), COMMIT_DONE);
    c = visit(&v, HTTP_GET, "/");
    assert_int_equal(browser_read(&c->rq, &b), OK);
    assert_true(effects_empty(&c->rq.fx));
}

static void disabling_a_person_ends_his_sessions(void **state)
{
    struct visitor v = {0};
    struct effects fx = effects_now();

    (void)state;
    sign_in_as(&v, &alice);
    user_set_enabled(&fx, &alice.id, false, 2000);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(look(&v).n, 0);
}

static void the_browser_names_itself_in_print(void **state)
{
    struct visitor v = {0};
    struct call *c = visit(&v, HTTP_POST, "/sign-in");
    struct browser b;
    struct session s;

    (void)state;
    header(c, "User-Agent", STR("Moz\x1b[2J\xff \xe2\x80\xaegolden \xc3\xa4"));
    assert_int_equal(browser_read(&c->rq, &b), OK);
    s = browser_sign_in(&c->rq, &b, &alice, STR("pwd"), STR("pwd"), c->rq.now_s)->session;
    assert_text(s.agent, "Moz?[2J? ?golden \xc3\xa4");
}

/* ---- forms ---- */

static bool same_origin(const char *origin, const char *site)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_POST, "/sign-in");

    c->req.host = STR("127.0.0.1:8080");
    if (origin != NULL)
        header(c, "Origin", str_from(origin));
    if (site != NULL)
        header(c, "Sec-Fetch-Site", str_from(site));
    return browser_same_origin(&c->rq);
}

static void a26_forms_of_other_sites(void **state)
{
    (void)state;
    w.settings.v[SETTING_issuer].text = STR("http://127.0.0.1:8080");
    assert_true(same_origin(NULL, NULL));
    assert_true(same_origin("http://127.0.0.1:8080", NULL));
    assert_true(same_origin("http://127.0.0.1:8080", "same-origin"));
    assert_true(same_origin("null", "same-origin")); /* our pages have no referrer */
    assert_false(same_origin("null", NULL));
    assert_false(same_origin("null", "cross-site"));
    assert_false(same_origin("http://127.0.0.1:8080", "cross-site"));
    assert_false(same_origin(NULL, "cross-site"));
    assert_false(same_origin(NULL, "same-site"));
    assert_false(same_origin("https://127.0.0.1:8080", NULL));
    assert_false(same_origin("http://127.0.0.1:80800", NULL));
    assert_false(same_origin("http://evil.example", "same-origin"));
}

static str csrf_of(struct visitor *v, const char *purpose)
{
    struct call *c = visit(v, HTTP_GET, "/account");
    struct browser b;
    str token;

    assert_int_equal(browser_read(&c->rq, &b), OK);
    token = arena_dup(&w.arena, browser_csrf(&c->rq, &b, str_from(purpose)));
    arrive(c, v, &b);
    return token;
}

static bool csrf_holds(const struct visitor *v, const char *purpose, str token)
{
    struct call *c = visit(v, HTTP_POST, "/account");
    struct browser b;

    assert_int_equal(browser_read(&c->rq, &b), OK);
    return browser_csrf_ok(&c->rq, &b, str_from(purpose), token);
}

static void a26_csrf_tokens(void **state)
{
    struct visitor v = {0}, other = {0}, again;
    str token;

    (void)state;
    sign_in_as(&v, &alice);
    token = csrf_of(&v, "account");
    csrf_of(&other, "account");
    assert_true(csrf_holds(&v, "account", token));
    assert_false(csrf_holds(&v, "sign-out", token));
    assert_false(csrf_holds(&v, "account", STR("")));
    assert_false(csrf_holds(&v, "account", str_sub(token, 0, token.n - 1)));
    assert_false(csrf_holds(&other, "account", token));
    again = v;
    sign_in_as(&again, &bob); /* another session of the same browser */
    assert_false(csrf_holds(&again, "account", token));
    sleep_s(3000);
    assert_true(csrf_holds(&v, "account", token));
    w.settings.v[SETTING_session_idle_s].number = 10 * 86400;
    sleep_s(86400 - 3000);
    assert_false(csrf_holds(&v, "account", token));
}

static void a_post_becomes_a_get(void **state)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_POST, "/oauth2/logout");
    char big[8000];

    (void)state;
    header(c, "Content-Type", STR("application/x-www-form-urlencoded"));
    c->req.body = STR("state=a+b%0d%0aX:%20y&id_token_hint=\"x\"");
    assert_text(browser_as_get(&c->rq),
                "/oauth2/logout?state=a%20b%0D%0AX%3A%20y&id_token_hint=%22x%22");
    memset(big, 'x', sizeof big);
    c->req.body = str_make(big, sizeof big);
    assert_null(browser_as_get(&c->rq).p);
    c->req.body = STR("state=%zz");
    assert_null(browser_as_get(&c->rq).p);
}

/* It stays the POST that it is, and is refused as one. */
static void a15_a_faulty_post_becomes_no_get(void **state)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_POST, "/oauth2/authorize");

    (void)state;
    c->req.body = STR("state=x");
    assert_null(browser_as_get(&c->rq).p); /* no type at all */
    header(c, "Content-Type", STR("text/plain"));
    assert_null(browser_as_get(&c->rq).p);
    c = visit(&none, HTTP_POST, "/oauth2/authorize");
    header(c, "Content-Type", STR("application/x-www-form-urlencoded"));
    c->req.body = STR("state=x");
    assert_non_null(browser_as_get(&c->rq).p);
    c->req.has_query = true;
    c->req.query = STR("state=y");
    assert_null(browser_as_get(&c->rq).p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PEOPLE(cookies_are_closed_as_a60_demands),
        PEOPLE(every_sign_in_is_a_new_session),
        PEOPLE(what_was_granted_goes_on_under_the_new_session),
        PEOPLE(two_people_one_browser),
        PEOPLE(signing_out_kills_the_cookie_that_was_stolen),
        PEOPLE(the_sixth_person_takes_the_place_of_the_first),
        PEOPLE(a27_nothing_is_adopted),
        PEOPLE(two_cookie_fields_are_none),
        PEOPLE(sessions_end_idle_and_at_last),
        PEOPLE(use_is_written_once_a_minute),
        PEOPLE(disabling_a_person_ends_his_sessions),
        PEOPLE(the_browser_names_itself_in_print),
        PEOPLE(a26_forms_of_other_sites),
        PEOPLE(a26_csrf_tokens),
        PEOPLE(a_post_becomes_a_get),
        PEOPLE(a15_a_faulty_post_becomes_no_get),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
