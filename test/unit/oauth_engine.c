/* The engine's promises: what is written when, races between requests, refresh token families. */
#include "oauth_support.h"

#include "oauth/endpoint/endpoint.h"
#include "oauth/issue.h"
#include "oauth/token/bearer.h"
#include "oauth/token/jwt_profile.h"
#include "store/grant.h"

/* ---- a dialect of our own: Twine's rules in form encoding ---- */

static enum err family_endpoint(struct rq *rq)
{
    struct token_request request = {
        .grant_type = http_header_get(rq->req, STR("grant"), NULL),
        .refresh_token = http_header_get(rq->req, STR("refresh"), NULL),
        .client_id = http_header_get(rq->req, STR("client"), NULL),
        .client_secret = http_header_get(rq->req, STR("secret"), NULL),
        .secret_optional_on_refresh = true,
        .with_refresh = true,
        .format = TOKEN_OPAQUE,
    };
    struct token_issued issued;
    enum err e;

    if ((e = issue_token(rq, &request, &issued)) != OK)
        return e;
    rq_answer(rq, 200, STR("text/plain"));
    issue_write_access(rq, &issued);
    BUF_LIT(&rq->res->body, " ");
    issue_write_refresh(rq, &issued);
    return OK;
}

/* Records something, then writes more than any answer may have. */
static enum err boast_endpoint(struct rq *rq)
{
    static char much[65536];

    token_end_access(&rq->fx, &(struct id){{0}});
    rq_answer(rq, 200, STR("text/plain"));
    memset(much, 'x', sizeof much);
    for (int i = 0; i < LIMIT_RESPONSE / 65536 + 2; i++)
        buf_put(&rq->res->body, str_make(much, sizeof much));
    return OK;
}

static const struct route family_routes[] = {
    {.methods = HTTP_POST, .path = "/family", .handler = family_endpoint, .name = "family"},
    {.methods = HTTP_POST, .path = "/family/boast", .handler = boast_endpoint, .name = "boast"},
};
static const struct route standard_routes[] = {
    {.methods = HTTP_POST, .path = "/token", .handler = token_endpoint, .name = "token"},
    {.methods = HTTP_POST, .path = "/see", .handler = introspect_endpoint, .name = "see"},
    {.methods = HTTP_POST, .path = "/revoke", .handler = revoke_endpoint, .name = "revoke"},
};
static const struct dialect family = {
    .id = DIALECT_TWINE,
    .name = "family",
    .prefixes = (const char *const[]){"/family", NULL},
    .routes = family_routes,
    .routes_n = 2,
    .refuse = plain_refuse,
};
static const struct dialect standard = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = (const char *const[]){"", NULL},
    .routes = standard_routes,
    .routes_n = 3,
    .jwt = &jwt_profile_rfc9068,
    .refuse = plain_refuse,
};
static const struct dialect *const dialects[] = {&family, &standard, NULL};

static int set_up(void **state)
{
    (void)state;
    return world_open(dialects);
}

static int tear_down(void **state)
{
    return world_close(state);
}

static void start_family(struct call *c, const char *grant, str refresh)
{
    begin(c, "/family");
    header(c, "grant", str_from(grant));
    header(c, "client", client_id(c));
    header(c, "secret", STR(SECRET));
    if (refresh.n > 0)
        header(c, "refresh", refresh);
    c->flow = handle_rq(&w.thread, &c->rq);
}

/* A pair, copied to the world's arena. */
static void get_pair(str *access, str *refresh)
{
    struct call c;

    start_family(&c, "client_credentials", (str){0});
    assert_int_equal(finish(&c), 200);
    str_cut(arena_dup(&w.arena, body(&c)), ' ', access, refresh);
    arena_free(&c.arena);
}

static bool is_active(str token)
{
    struct call c;
    bool active;

    start_form(&c, "/see", "token=%.*s", token);
    assert_int_equal(finish(&c), 200);
    active = str_starts(body(&c), STR("{\"active\":true"));
    if (!active)
        assert_true(str_eq(body(&c), STR("{\"active\":false}")));
    arena_free(&c.arena);
    return active;
}

static int refresh_status(str refresh, str *answer)
{
    struct call c;
    int status;

    start_family(&c, "refresh_token", refresh);
    status = finish(&c);
    if (answer)
        *answer = arena_dup(&w.arena, body(&c));
    arena_free(&c.arena);
    return status;
}

/* ---- tests ---- */

static void a_jwt_is_issued_without_a_write(void **state)
{
    struct call c;
    str jwt;

    (void)state;
    start_form(&c, "/token", "grant_type=client_credentials%.*s", STR(""));
    assert_int_equal(c.flow, FLOW_ANSWER);
    assert_int_equal(c.res.status, 200);
    assert_int_equal(c.res.holes_n, 1);
    jwt = arena_dup(&w.arena, c.res.holes[0].text);
    assert_true(is_active(jwt));
    sleep_s(3600);
    assert_false(is_active(jwt));
    arena_free(&c.arena);
}

static void a_jwt_can_be_revoked(void **state)
{
    struct call c;
    str jwt;

    (void)state;
    start_form(&c, "/token", "grant_type=client_credentials%.*s", STR(""));
    jwt = arena_dup(&w.arena, c.res.holes[0].text);
    arena_free(&c.arena);
    start_form(&c, "/revoke", "token=%.*s", jwt);
    assert_int_equal(c.flow, FLOW_COMMIT);
    assert_int_equal(finish(&c), 200);
    assert_false(is_active(jwt));
    arena_free(&c.arena);
}

static void nothing_leaves_before_the_commit(void **state)
{
    struct call c;

    (void)state;
    start_family(&c, "client_credentials", (str){0});
    assert_int_equal(c.flow, FLOW_COMMIT);
    assert_int_equal(c.rq.fx.n, 1);
    c.flow = resume_rq(&w.thread, &c.rq, COMMIT_FAILED);
    assert_int_equal(c.flow, FLOW_ANSWER);
    assert_int_equal(c.res.status, 503);
    assert_true(str_eq(body(&c), STR("UNAVAILABLE")));
    arena_free(&c.arena);
}

static void an_answer_that_is_too_large_leaves_nothing_behind(void **state)
{
    struct call c;

    (void)state;
    begin(&c, "/family/boast");
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.flow, FLOW_ANSWER);
    assert_true(effects_empty(&c.rq.fx));
    assert_int_equal(c.res.status, 500);
    arena_free(&c.arena);
}

static void a_conflict_reruns_three_times_then_503(void **state)
{
    struct call c;
    int rounds = 0;

    (void)state;
    start_family(&c, "client_credentials", (str){0});
    while (c.flow == FLOW_COMMIT && rounds++ < 10)
        c.flow = resume_rq(&w.thread, &c.rq, COMMIT_MISSED);
    assert_int_equal(rounds, LIMIT_RERUNS + 1);
    assert_int_equal(c.res.status, 503);
    arena_free(&c.arena);
}

static void two_refreshes_in_flight_end_in_one_successor(void **state)
{
    struct call a, b;
    str access, refresh, first;

    (void)state;
    get_pair(&access, &refresh);
    start_family(&a, "refresh_token", refresh);
    start_family(&b, "refresh_token", refresh);
    assert_int_equal(a.flow, FLOW_COMMIT);
    assert_int_equal(b.flow, FLOW_COMMIT);
    assert_int_equal(finish(&a), 200);
    first = arena_dup(&w.arena, body(&a));
    assert_int_equal(commit(&b), COMMIT_MISSED);
    b.flow = resume_rq(&w.thread, &b.rq, COMMIT_MISSED);
    assert_int_equal(b.flow, FLOW_ANSWER); /* it finds the successor and writes nothing */
    assert_int_equal(b.res.status, 200);
    assert_true(str_eq(body(&b), first));
    assert_true(is_active(access)); /* the old access token lives to its end */
    arena_free(&a.arena);
    arena_free(&b.arena);
}

static void replay_in_grace_repeats_the_answer_until_the_successor_is_used(void **state)
{
    str access, refresh, first, again, next_access, next_refresh;

    (void)state;
    get_pair(&access, &refresh);
    assert_int_equal(refresh_status(refresh, &first), 200);
    sleep_s(10);
    assert_int_equal(refresh_status(refresh, &again), 200);
    assert_true(str_eq(first, again));
    str_cut(first, ' ', &next_access, &next_refresh);
    assert_int_equal(refresh_status(next_refresh, NULL), 200);
    assert_int_equal(refresh_status(refresh, NULL), 400);
    assert_true(is_active(next_access)); /* refused without harm */
}

static void replay_after_grace_revokes_the_family(void **state)
{
    str access, refresh, first, next_access, next_refresh;

    (void)state;
    get_pair(&access, &refresh);
    assert_int_equal(refresh_status(refresh, &first), 200);
    str_cut(first, ' ', &next_access, &next_refresh);
    sleep_s(11);
    assert_true(is_active(next_access));
    assert_int_equal(refresh_status(refresh, NULL), 400);
    assert_false(is_active(next_access));
    assert_false(is_active(access));
    assert_int_equal(refresh_status(next_refresh, NULL), 400);
}

static void rotation_never_extends_the_family(void **state)
{
    str access, refresh, answer;
    int refreshes = 0;

    (void)state;
    get_pair(&access, &refresh);
    while (refreshes < 100) {
        sleep_s(80000);
        if (refresh_status(refresh, &answer) != 200)
            break;
        str_cut(answer, ' ', &access, &refresh);
        refreshes++;
    }
    assert_int_equal(refreshes, 864000 / 80000);
}

static void a_refresh_and_a_revocation_in_flight_leave_nothing_alive(void **state)
{
    struct call a, b;
    str access, refresh, first, next_access, next_refresh;

    (void)state;
    get_pair(&access, &refresh);
    start_form(&a, "/revoke", "token=%.*s", refresh);
    start_family(&b, "refresh_token", refresh);
    assert_int_equal(finish(&b), 200);
    first = arena_dup(&w.arena, body(&b));
    assert_int_equal(finish(&a), 200);
    str_cut(first, ' ', &next_access, &next_refresh);
    assert_false(is_active(next_access));
    assert_false(is_active(next_refresh));
    assert_false(is_active(access));
    arena_free(&a.arena);
    arena_free(&b.arena);
}

static void kinds_do_not_mix(void **state)
{
    str access, refresh;

    (void)state;
    get_pair(&access, &refresh);
    assert_true(is_active(access));
    assert_true(is_active(refresh));
    assert_int_equal(refresh_status(access, NULL), 400);
    assert_false(is_active(str_sub(access, 0, access.n - 1)));
    assert_int_equal(refresh_status(refresh, NULL), 200);
    assert_false(is_active(refresh)); /* spent */
}

static int secret_status(str id, str secret)
{
    struct call c;
    int status;

    begin(&c, "/family");
    header(&c, "grant", STR("client_credentials"));
    header(&c, "client", id);
    header(&c, "secret", secret);
    c.flow = handle_rq(&w.thread, &c.rq);
    status = finish(&c);
    arena_free(&c.arena);
    return status;
}

/* A client has two places for secrets; an empty one must match nothing, whatever is sent. */
static void no_secret_of_any_length_matches_an_empty_place(void **state)
{
    static char long_one[20000];
    size_t lengths[] = {0, 1, 42, 43, 44, 1023, 1024, 1025, 16384, 16385, 20000};
    struct call c;
    str known, unknown = STR("4e618f0e-95ff-42ad-8076-493da420d83a");

    (void)state;
    begin(&c, "/");
    known = client_id(&c);
    memset(long_one, 'a', sizeof long_one);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        assert_int_equal(secret_status(known, str_make(long_one, lengths[i])), 401);
        assert_int_equal(secret_status(unknown, str_make(long_one, lengths[i])), 401);
    }
    assert_int_equal(secret_status(known, STR(SECRET)), 200);
    arena_free(&c.arena);
}

static void a_replay_does_not_hand_out_a_revoked_access_token(void **state)
{
    struct call c;
    str access, refresh, first, next_access, next_refresh;

    (void)state;
    get_pair(&access, &refresh);
    assert_int_equal(refresh_status(refresh, &first), 200);
    str_cut(first, ' ', &next_access, &next_refresh);
    start_form(&c, "/revoke", "token=%.*s", next_access);
    assert_int_equal(finish(&c), 200);
    arena_free(&c.arena);
    assert_int_equal(refresh_status(refresh, NULL), 400);
    assert_int_equal(refresh_status(next_refresh, NULL), 200);
}

/* One refresh; without the secret when `secret` is empty. The refresh token that came back. */
static str refreshed(str refresh, str secret)
{
    struct call c;
    str access, next;

    begin(&c, "/family");
    header(&c, "grant", STR("refresh_token"));
    header(&c, "client", client_id(&c));
    header(&c, "refresh", refresh);
    if (secret.n > 0)
        header(&c, "secret", secret);
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(finish(&c), 200);
    str_cut(arena_dup(&w.arena, body(&c)), ' ', &access, &next);
    arena_free(&c.arena);
    return next;
}

static void rotation_follows_the_client(void **state)
{
    str access, refresh;

    (void)state;
    w.client.rotation = ROTATION_NEVER;
    put_client(&w.client, TOKEN_JWT, STR(SECRET), false);
    get_pair(&access, &refresh);
    for (int i = 0; i < 5; i++) {
        sleep_s(80000); /* its idle time begins again with each use */
        assert_true(str_eq(refreshed(refresh, STR(SECRET)), refresh));
    }
    assert_false(str_eq(refreshed(refresh, STR("")), refresh)); /* unproven: as a public client */

    w.client.rotation = ROTATION_AUTO;
    put_client(&w.client, TOKEN_JWT, STR(SECRET), false);
    get_pair(&access, &refresh);
    sleep_s(86400 * 69 / 100);
    assert_true(str_eq(refreshed(refresh, STR(SECRET)), refresh));
    sleep_s(86400 * 2 / 100);
    assert_false(str_eq(refreshed(refresh, STR(SECRET)), refresh));
}

static void who_holds_nothing_learns_nothing_about_the_client(void **state)
{
    struct call a, b;
    struct effects fx;
    str access, refresh;

    (void)state;
    get_pair(&access, &refresh);
    effects_init(&fx, &w.arena);
    client_set_enabled(&fx, &w.client.id, false);
    struct commit_set set = {.fx = &fx};
    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    begin(&a, "/family");
    header(&a, "grant", STR("refresh_token"));
    header(&a, "client", client_id(&a));
    header(&a, "refresh", STR("pstr_guessed"));
    a.flow = handle_rq(&w.thread, &a.rq);
    assert_int_equal(finish(&a), 400);
    assert_true(str_eq(body(&a), STR("INVALID_GRANT")));
    start_family(&b, "refresh_token", refresh);
    assert_int_equal(finish(&b), 400);
    assert_true(str_eq(body(&b), STR("CLIENT_DISABLED")));
    arena_free(&a.arena);
    arena_free(&b.arena);
}

static int form_status(const char *text)
{
    struct call c;
    int status;

    begin(&c, "/token");
    header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    c.req.body = arena_printf(&c.arena, "%s&client_id=%.*s&client_secret=" SECRET, text,
                              STR_ARG(client_id(&c)));
    c.flow = handle_rq(&w.thread, &c.rq);
    status = finish(&c);
    arena_free(&c.arena);
    return status;
}

static void a_parameter_comes_once_even_if_empty(void **state)
{
    (void)state;
    assert_int_equal(form_status("grant_type=client_credentials&scope="), 200);
    assert_int_equal(form_status("grant_type=client_credentials&scope=&scope=group"), 400);
    assert_int_equal(form_status("grant_type=client_credentials&scope=group&scope="), 400);
    assert_int_equal(form_status("grant_type=&grant_type=client_credentials"), 400);
    assert_int_equal(form_status("grant_type=client_credentials&x=1&x=2"), 200);
    assert_int_equal(form_status("grant_type=client_credentials&resource=http://127.0.0.1:8080"
                                 "&resource=http://127.0.0.1:8080"),
                     200);
    assert_int_equal(form_status("grant_type=client_credentials&resource=http://127.0.0.1:8080"
                                 "&resource=http://other"),
                     400);
}

static bool commit_now(struct rq *rq)
{
    struct commit_set set = {.fx = &rq->fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    return set.outcome == COMMIT_DONE;
}

static int weak_attempt(const char *secret)
{
    struct call c;
    int status;

    begin(&c, "/family");
    header(&c, "grant", STR("client_credentials"));
    header(&c, "client", client_id(&c));
    header(&c, "secret", str_from(secret));
    c.rq.commit_now = commit_now;
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.flow, FLOW_POOL);
    status = finish(&c);
    arena_free(&c.arena);
    return status;
}

static void weak_secrets_are_slow_counted_and_locked(void **state)
{
    (void)state;
    put_client(&w.client, TOKEN_OPAQUE, STR("short"), true);
    assert_int_equal(weak_attempt("short"), 200);
    for (int i = 0; i < 20; i++)
        assert_int_equal(weak_attempt("wrong"), 401);
    assert_int_equal(weak_attempt("wrong"), 429);
    assert_int_equal(weak_attempt("short"), 429); /* not confirmed while locked */
    sleep_s(901);
    assert_int_equal(weak_attempt("short"), 200);
}

static void revoke_all_ends_every_token_of_the_client(void **state)
{
    struct effects fx;
    struct call c;
    str access, refresh, jwt;

    (void)state;
    get_pair(&access, &refresh);
    start_form(&c, "/token", "grant_type=client_credentials%.*s", STR(""));
    jwt = arena_dup(&w.arena, c.res.holes[0].text);
    arena_free(&c.arena);
    effects_init(&fx, &w.arena);
    client_revoke_all(&fx, &w.client.id);
    struct commit_set set = {.fx = &fx};
    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    assert_false(is_active(access));
    assert_false(is_active(jwt));
    assert_int_equal(refresh_status(refresh, NULL), 400);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_jwt_is_issued_without_a_write),
        T(a_jwt_can_be_revoked),
        T(nothing_leaves_before_the_commit),
        T(an_answer_that_is_too_large_leaves_nothing_behind),
        T(a_conflict_reruns_three_times_then_503),
        T(two_refreshes_in_flight_end_in_one_successor),
        T(replay_in_grace_repeats_the_answer_until_the_successor_is_used),
        T(replay_after_grace_revokes_the_family),
        T(rotation_never_extends_the_family),
        T(a_refresh_and_a_revocation_in_flight_leave_nothing_alive),
        T(kinds_do_not_mix),
        T(no_secret_of_any_length_matches_an_empty_place),
        T(a_replay_does_not_hand_out_a_revoked_access_token),
        T(rotation_follows_the_client),
        T(who_holds_nothing_learns_nothing_about_the_client),
        T(a_parameter_comes_once_even_if_empty),
        T(weak_secrets_are_slow_counted_and_locked),
        T(revoke_all_ends_every_token_of_the_client),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
