/* A node on a shared store, as its requests and probes see it: what is refused when the store is
 * away or was not heard for long, what goes on, and what /readyz says. Whatever the store is,
 * the worker's handle is that of a worker that must not wait. */
#include "oauth_support.h"

#include "admin/health.h"
#include "codec/json.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/token/jwt_profile.h"

static const struct route routes[] = {
    {.methods = HTTP_POST,
     .path = "/token",
     .handler = token_endpoint,
     .name = "token",
     .rate = RATE_TOKEN},
    {.methods = HTTP_POST,
     .path = "/see",
     .handler = introspect_endpoint,
     .name = "see",
     .rate = RATE_READ},
    {.methods = HTTP_POST,
     .path = "/revoke",
     .handler = revoke_endpoint,
     .name = "revoke",
     .rate = RATE_TOKEN},
    {.methods = HTTP_GET, .path = "/readyz", .handler = health_ready, .name = "readyz"},
    {.methods = HTTP_GET | HTTP_POST,
     .path = "/keys",
     .handler = jwks_endpoint,
     .name = "keys",
     .cors = CORS_OF_ANY},
};
static const struct dialect standard = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = (const char *const[]){"", NULL},
    .routes = routes,
    .routes_n = sizeof routes / sizeof *routes,
    .jwt = &jwt_profile_rfc9068,
    .refuse = plain_refuse,
};
static const struct dialect *const dialects[] = {&standard, NULL};

enum { MAX_AGE_S = 10 };

static bool was_shared; /* as the server was opened */

static void hear(int64_t ago_ms)
{
    atomic_store(&w.server.heard_ms, clock_mono_ms() - ago_ms);
}

static int set_up(void **state)
{
    char why[256];

    (void)state;
    world_open(dialects);
    assert_int_equal(
        settings_set(&w.settings, STR("db.max_age"), STR("10"), "test", why, sizeof why), OK);
    was_shared = w.server.shared;
    w.server.shared = true;
    db_close(w.thread.db);
    w.thread.db = db_elsewhere();
    hear(0);
    return 0;
}

static int tear_down(void **state)
{
    w.server.shared = was_shared;
    return world_close(state);
}

static str header_of(struct call *c, const char *name)
{
    str rest = buf_str(&c->res.headers), line, value;

    while (str_cut(rest, '\n', &line, &rest))
        if (str_cut(line, ':', &line, &value) && str_eq_nocase(line, str_from(name)))
            return value;
    return (str){0};
}

static void start_token(struct call *c)
{
    start_form(c, "/token", "grant_type=client_credentials%.*s", STR(""));
}

static void probe(struct call *c)
{
    begin(c, "/readyz");
    c->req.method = HTTP_GET;
    c->flow = handle_rq(&w.thread, &c->rq);
    assert_int_equal(c->flow, FLOW_ANSWER); /* without a read */
}

static void assert_refused(struct call *c, const char *reason)
{
    assert_int_equal(c->flow, FLOW_ANSWER);
    assert_int_equal(c->res.status, 503);
    assert_string_equal(c->rq.failure.text, reason);
    assert_true(header_of(c, "retry-after").n > 0);
    arena_free(&c->arena);
}

static void a_worker_leaves_reads_to_readers(void **state)
{
    struct call c;

    (void)state;
    start_token(&c);
    assert_int_equal(c.flow, FLOW_READ);
    assert_int_equal(finish(&c), 200);
    arena_free(&c.arena);
}

static void a_node_that_heard_nothing_for_long_refuses(void **state)
{
    struct call c;

    (void)state;
    hear(MAX_AGE_S * 1000 - 500);
    start_token(&c);
    assert_int_equal(finish(&c), 200);
    arena_free(&c.arena);
    hear(MAX_AGE_S * 1000 + 100);
    start_token(&c);
    assert_refused(&c, "This node has not heard from its store for too long.");
    start_form(&c, "/see", "token=%.*s", STR("x"));
    assert_refused(&c, "This node has not heard from its store for too long.");
    w.server.shared = false; /* a store of one's own has nothing to say */
    begin(&c, "/nothing");
    c.flow = handle_rq(&w.thread, &c.rq);
    assert_int_equal(c.res.status, 404);
    arena_free(&c.arena);
}

static str new_token(enum token_format format)
{
    struct json *answer = NULL;
    struct call c;
    str access;

    w.client.token_format = format;
    put_client(&w.client, format, STR(SECRET), false);
    start_token(&c);
    assert_int_equal(finish(&c), 200);
    assert_int_equal(json_parse(&w.arena, arena_dup(&w.arena, body(&c)), &answer), OK);
    access = json_get_str(answer, STR("access_token"));
    arena_free(&c.arena);
    return access;
}

static bool is_active(str token)
{
    struct call c;
    bool active;

    start_form(&c, "/see", "token=%.*s", token);
    assert_int_equal(finish(&c), 200);
    active = str_starts(body(&c), STR("{\"active\":true"));
    arena_free(&c.arena);
    return active;
}

/* As a dialect does that says from when on a token holds. */
static void write_not_before(struct rq *rq, struct buf *out, const struct token *row,
                             const struct person *who)
{
    jwt_profile_rfc9068.write(rq, out, row, who);
    out->n--;
    json_key_i64(out, STR("nbf"), row->issued_s);
    json_close(out, '}');
}

static void a_token_of_a_node_whose_clock_is_ahead_is_live(void **state)
{
    struct jwt_profile profile = jwt_profile_rfc9068;
    struct dialect ahead = standard;
    const struct dialect *only[] = {&ahead, NULL};
    str token;

    (void)state;
    profile.write = write_not_before;
    ahead.jwt = &profile;
    w.server.dialects = only;
    token = new_token(TOKEN_JWT);
    sleep_s(-CHANGE_SKEW_S - 1);
    assert_false(is_active(token));
    sleep_s(1);
    assert_true(is_active(token));
    w.server.dialects = dialects;
}

/* Each try runs twice, on the worker and on a reader, and counts once. */
static void lost_fights_are_counted_not_runs(void **state)
{
    struct call c;
    int lost = 0;

    (void)state;
    start_form(&c, "/revoke", "token=%.*s", new_token(TOKEN_OPAQUE));
    while (c.flow != FLOW_ANSWER && lost < 10) {
        assert_int_equal(c.flow, FLOW_READ);
        assert_int_equal(handle_rq(&w.slow, &c.rq), FLOW_COMMIT);
        lost++;
        c.flow = resume_rq(&w.thread, &c.rq, COMMIT_MISSED);
    }
    assert_int_equal(lost, LIMIT_RERUNS + 1);
    assert_refused(&c, "The store could not take the request. Try again.");
}

/* There may be a new key that it has not heard of. */
static void the_keys_of_a_deaf_node_are_not_kept(void **state)
{
    static const char *const kept[] = {" public, max-age=3600\r", " public, max-age=0\r"};
    struct call c;

    (void)state;
    for (int deaf = 0; deaf < 2; deaf++) {
        hear(MAX_AGE_S * 1000 + (deaf ? 100 : -500));
        begin(&c, "/keys");
        c.flow = handle_rq(&w.thread, &c.rq);
        assert_int_equal(c.res.status, 200);
        assert_true(str_eq(header_of(&c, "cache-control"), str_from(kept[deaf])));
        arena_free(&c.arena);
    }
}

static void ask_for_keys(struct call *c)
{
    begin(c, "/keys");
    header(c, "Origin", STR("https://app.example"));
    c->flow = handle_rq(&w.thread, &c->rq);
}

/* Whether pages of that origin may read them is in the store; the keys themselves are not. */
static void keys_are_served_while_the_store_is_away(void **state)
{
    struct call c;

    (void)state;
    ask_for_keys(&c);
    assert_int_equal(c.flow, FLOW_READ);
    arena_free(&c.arena);
    atomic_store(&w.server.store_away, true);
    ask_for_keys(&c);
    assert_int_equal(c.flow, FLOW_ANSWER);
    assert_int_equal(c.res.status, 200);
    assert_int_equal(header_of(&c, "access-control-allow-origin").n, 0);
    arena_free(&c.arena);
}

/* Nobody waits in a queue for a store that is known not to answer. */
static void what_needs_a_store_that_is_away_is_refused_at_once(void **state)
{
    struct call c;

    (void)state;
    atomic_store(&w.server.store_away, true);
    start_token(&c); /* would read */
    assert_refused(&c, "The store could not take the request. Try again.");
    /* the same on a thread that can read, and then would write */
    w.client.token_format = TOKEN_OPAQUE;
    put_client(&w.client, TOKEN_OPAQUE, STR(SECRET), false);
    start_form(&c, "/token", "grant_type=client_credentials%.*s", STR(""));
    c.flow = handle_rq(&w.slow, &c.rq);
    assert_refused(&c, "The store could not take the request. Try again.");
    assert_true(effects_empty(&c.rq.fx));
    atomic_store(&w.server.store_away, false);
    start_token(&c);
    assert_int_equal(finish(&c), 200);
    arena_free(&c.arena);
}

static void ready_says_how_the_store_is(void **state)
{
    struct call c;

    (void)state;
    metrics_poll(&w.server.metrics, true, 12345);
    probe(&c);
    assert_int_equal(c.res.status, 200);
    assert_true(str_eq(buf_str(&c.res.body), STR("{\"status\":\"ready\",\"store_ms\":12}")));
    arena_free(&c.arena);
    hear(MAX_AGE_S * 1000 / 2 + 100);
    probe(&c);
    assert_refused(&c, "This node has not heard from its store for long.");
    hear(0);
    atomic_store(&w.server.store_away, true);
    probe(&c);
    assert_refused(&c, "The store does not answer.");
    atomic_store(&w.server.store_away, false);
    atomic_store(&w.server.store_fails, true);
    probe(&c);
    assert_refused(&c, "The store could not take the last write.");
    atomic_store(&w.server.store_fails, false);
    atomic_store(&w.server.leaving, true);
    probe(&c);
    assert_refused(&c, "The server is about to stop.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_worker_leaves_reads_to_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_node_that_heard_nothing_for_long_refuses, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_token_of_a_node_whose_clock_is_ahead_is_live, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(lost_fights_are_counted_not_runs, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_keys_of_a_deaf_node_are_not_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_needs_a_store_that_is_away_is_refused_at_once, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(keys_are_served_while_the_store_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(ready_says_how_the_store_is, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
