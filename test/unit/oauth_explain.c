/* Why requests were refused: into the ring, out of it, into the store; and what is never in it. */
#include "codec/json.h"
#include "oauth/explain.h"
#include "oauth_people.h"
#include "store/explanation.h"

static int explain_world_open(void **state)
{
    people_open(state);
    w.server.explain = explain_open();
    return 0;
}

static int explain_world_close(void **state)
{
    explain_close(w.server.explain);
    return people_close(state);
}

#define EXPLAIN(name) cmocka_unit_test_setup_teardown(name, explain_world_open, explain_world_close)

/* Rows written by one flush. */
static size_t flush(size_t limit)
{
    struct arena a;
    struct effects fx;
    size_t n;
    bool some;

    arena_init(&a, 1 << 20); /* what housekeeping has */
    effects_init(&fx, &a);
    some = explain_flush(w.server.explain, &w.server, &fx, limit);
    n = fx.n;
    assert_int_equal(some, n > 0);
    if (some)
        assert_int_equal(write_now(&fx), COMMIT_DONE);
    arena_free(&a);
    return n;
}

static struct json *explanation_of(const struct uid *id)
{
    struct explanation x;
    struct json *j;

    if (explanation_find(w.db, &w.arena, id, &x) == ERR_ABSENT)
        return NULL;
    assert_int_equal(json_parse(&w.arena, x.what, &j), OK);
    return j;
}

static void assert_member(const struct json *j, const char *name, const char *want)
{
    assert_text(json_get_str(j, str_from(name)), want);
}

static void a_refusal_can_be_looked_up(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = ask_query(&v, authorize_query("&prompt=none+login"), &ix, ERR_INVALID_REQUEST);
    struct json *j;

    (void)state;
    oauth_log(&w.thread, &c->rq, 1, 1);
    assert_int_equal(flush(200), 1);
    assert_int_equal(flush(200), 0);
    j = explanation_of(&c->rq.request_id);
    assert_non_null(j);
    assert_member(j, "error", "invalid_request");
    assert_member(j, "rule", "prompt");
    assert_member(j, "spec", "OIDC Core 3.1.2.1");
    assert_member(j, "method", "GET");
    assert_member(j, "path", "/oauth2/authorize");
    assert_int_equal(json_get_str(j, STR("client_id")).n, UID_UUID_CHARS);
    assert_true(json_get_str(j, STR("text")).n > 0);
    assert_true(json_get_str(j, STR("received")).n > 0);
    assert_null(strstr(arena_cstr(&w.arena, c->req.path), "?")); /* never the query */
}

static void what_went_well_is_not_kept(void **state)
{
    struct visitor v = {0};
    struct interaction ix;
    struct call *c = ask(&v, "", &ix);
    struct explain_ring *ring = w.server.explain;

    (void)state;
    explain_note(&c->rq);
    assert_int_equal(flush(200), 0);
    w.server.explain = NULL; /* nothing is kept at all */
    fail(&c->rq, ERR_INVALID_REQUEST, "No.");
    explain_note(&c->rq);
    w.server.explain = ring;
    assert_int_equal(flush(200), 0);
}

static struct uid note(const char *received)
{
    struct visitor none = {0};
    struct call *c = visit(&none, HTTP_GET, "/x");

    visits_n--; /* many of them: the arena goes at once */
    fail(&c->rq, ERR_INVALID_REQUEST, "No.");
    fail_rule(&c->rq, str_from(received), str_from(received));
    fail_detail(&c->rq, str_from(received));
    c->rq.failure.where = str_from(received);
    c->req.path = str_from(received);
    explain_note(&c->rq);
    struct uid id = c->rq.request_id;
    arena_free(&c->arena);
    return id;
}

static void a31_nothing_drives_a_terminal(void **state)
{
    struct uid id = note("a\x1b[2J\r\n\xff\xe2\x80\xae\"q\\ \xc3\xa4");
    const struct json *j;

    (void)state;
    flush(200);
    j = explanation_of(&id);
    assert_member(j, "received", "a\\x1b[2J\\x0d\\x0a\\xff\\xe2\\x80\\xae\"q\\ \xc3\xa4");
}

static void long_values_are_cut(void **state)
{
    char text[5000];
    struct uid id;
    str got;

    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        memset(text, "x\"\x1b"[kind], sizeof text - 1);
        text[sizeof text - 1] = '\0';
        id = note(text);
        flush(200);
        got = json_get_str(explanation_of(&id), STR("received"));
        assert_true(got.n > 100 && got.n <= 300);
        assert_true(str_ends(got, STR("...")));
    }
}

static void of_a_flood_the_newest_are_kept(void **state)
{
    struct uid first = {{0}}, last = {{0}};
    char text[400];

    (void)state;
    memset(text, '\x1b', sizeof text - 1); /* the largest there are */
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 5000; i++) {
        last = note(text);
        first = i == 0 ? last : first;
    }
    assert_int_equal(flush(256), 256);
    assert_int_equal(flush(256), 0); /* the rest is given up, not put off */
    assert_non_null(explanation_of(&last));
    assert_null(explanation_of(&first));
}

static void rows_come_round(void **state)
{
    struct uid first = note("first");

    (void)state;
    flush(200);
    for (int round = 0; round < EXPLANATION_SLOTS / 128; round++) {
        assert_non_null(explanation_of(&first));
        for (int i = 0; i < 128; i++)
            note("x");
        assert_int_equal(flush(128), 128);
    }
    assert_null(explanation_of(&first));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        EXPLAIN(a_refusal_can_be_looked_up),     EXPLAIN(what_went_well_is_not_kept),
        EXPLAIN(a31_nothing_drives_a_terminal),  EXPLAIN(long_values_are_cut),
        EXPLAIN(of_a_flood_the_newest_are_kept), EXPLAIN(rows_come_round),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
