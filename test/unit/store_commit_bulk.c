/* store_commit_bulk: group commit on a real PostgreSQL. What a batch says it did is compared with
 * what a second connection finds, with faults injected, with real locks in the way, and with values
 * that only this engine refuses. */
#include "postgres_server.h"

#include <pthread.h>

#include "db/fault.h"
#include "store/commit.h"
#include "store/grant.h"
#include "store/revoked.h"
#include "store/throttle.h"
#include "store/token.h"

#define NOW 1700000000

enum { MOST = 128, PATIENCE_MS = 400 };

static const struct clock at_now = {.fixed_us = NOW * INT64_C(1000000)};

struct world {
    struct pg_fixture *pg;
    struct db *db; /* with faults; f->pg->db looks at what there is */
    struct id_source ids;
    struct change_log *log;
    struct effects fx[MOST];
    struct commit_set sets[MOST];
    size_t n;
};

static int world_open(void **state)
{
    struct world *w = calloc(1, sizeof *w);
    void *pg;
    char why[512];
    int applied;

    pg_fixture_open(&pg);
    w->pg = pg;
    arena_free(&w->pg->arena);
    arena_init(&w->pg->arena, 64 << 20);
    assert_int_equal(migrate_run(w->pg->db, &applied, why, sizeof why), OK);
    w->db = fault_open(pg_open(w->pg->url, false));
    db_set_patience(w->db, PATIENCE_MS);
    id_source_init(&w->ids);
    w->log = calloc(1, sizeof *w->log);
    change_log_init(w->log);
    *state = w;
    return 0;
}

static int world_close(void **state)
{
    struct world *w = *state;
    void *pg = w->pg;

    db_close(w->db);
    pg_fixture_close(&pg);
    free(w->log);
    free(w);
    return 0;
}

static struct effects *add_set(struct world *w)
{
    struct effects *fx = &w->fx[w->n];

    effects_init(fx, &w->pg->arena);
    w->sets[w->n++] = (struct commit_set){.fx = fx, .outcome = COMMIT_FAILED};
    return fx;
}

static struct id put_token(struct world *w, struct effects *fx)
{
    struct token t = {.id = id_next(&w->ids, NOW), .scope = STR(""), .access_exp_s = NOW + 9};

    t.grant = t.id;
    token_put(fx, &t);
    return t.id;
}

static void run(struct world *w)
{
    commit_run(w->db, w->log, &at_now, w->sets, w->n);
}

static bool there(struct world *w, const struct id *id)
{
    struct token t;
    enum err e = token_load(w->pg->db, &w->pg->arena, id, &t);

    assert_true(e == OK || e == ERR_ABSENT);
    return e == OK;
}

static int64_t number(struct world *w, const char *text)
{
    struct sql *q = ARENA_NEW(&w->pg->arena, struct sql);
    int64_t n;

    *q = (struct sql){"test", text};
    assert_int_equal(db_query_int(w->pg->db, q, NO_ARGS, &n), OK);
    return n;
}

static struct id put_taken(struct world *w)
{
    struct effects *fx = add_set(w);
    struct id id = put_token(w, fx);

    token_spend(fx, &id, NOW, &id, STR("x"));
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    w->n = 0;
    return id;
}

/* Five sets: two hold and tell a change, the third spends a token that is spent, the fourth puts a
 * row that is there, the last holds. */
struct batch {
    struct id first, second, undone, taken, last;
};

static struct batch make_batch(struct world *w, struct id taken)
{
    struct batch b = {.taken = taken};
    struct token again = {.id = taken, .scope = STR(""), .access_exp_s = NOW + 9};

    w->n = 0;
    b.first = put_token(w, add_set(w));
    struct effects *fx = add_set(w);
    b.second = put_token(w, fx);
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
    fx = add_set(w);
    b.undone = put_token(w, fx);
    effects_change(fx, DROP, CHANGE_CLIENT, "0123456789abcdef", 16);
    token_spend(fx, &taken, NOW, &b.undone, STR("x")); /* spent: misses */
    fx = add_set(w);
    token_put(fx, &again);
    b.last = put_token(w, add_set(w));
    return b;
}

static void a_miss_undoes_its_set_alone(void **state)
{
    struct world *w = *state;
    struct change seen[4];
    uint64_t at = 0;
    bool lost;
    struct batch b = make_batch(w, put_taken(w));

    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(w->sets[1].outcome, COMMIT_DONE);
    assert_int_equal(w->sets[2].outcome, COMMIT_MISSED);
    assert_int_equal(w->sets[3].outcome, COMMIT_MISSED);
    assert_int_equal(w->sets[4].outcome, COMMIT_DONE);
    assert_true(there(w, &b.first) && there(w, &b.second) && there(w, &b.last));
    assert_false(there(w, &b.undone));
    assert_int_equal(change_take(w->log, &at, seen, 4, &lost), 1);
    assert_int_equal(seen[0].kind, CHANGE_KEYS);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change"), 1);
}

static void of_a_hundred_that_spend_one_token_one_does(void **state)
{
    struct world *w = *state;
    struct effects *fx = add_set(w);
    struct token t = {.id = id_next(&w->ids, NOW), .scope = STR(""), .refresh_exp_s = NOW + 9};
    int64_t done = 0;

    token_put(fx, &t);
    run(w);
    w->n = 0;
    for (int i = 0; i < 100; i++) {
        fx = add_set(w);
        struct id next = put_token(w, fx);
        token_spend(fx, &t.id, NOW, &next, STR("x"));
    }
    fault_arm(w->db, FAULT_BULK, 0, DB_ERROR, FAULT_BEFORE); /* counts */
    run(w);
    for (size_t i = 0; i < w->n; i++) {
        assert_int_not_equal(w->sets[i].outcome, COMMIT_FAILED);
        done += w->sets[i].outcome == COMMIT_DONE;
    }
    assert_int_equal(done, 1);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM token"), 2);
    assert_int_equal(fault_calls(w->db, FAULT_BULK), 2); /* with the losers, and without */
}

static void one_statement_needs_no_transaction(void **state)
{
    struct world *w = *state;
    struct id id = put_token(w, add_set(w));

    fault_arm(w->db, FAULT_BULK, 0, DB_ERROR, FAULT_BEFORE);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(fault_calls(w->db, FAULT_ANY), fault_calls(w->db, FAULT_BULK));
    assert_int_equal(fault_calls(w->db, FAULT_BULK), 1);
    run(w); /* the same row once more */
    assert_int_equal(w->sets[0].outcome, COMMIT_MISSED);
    assert_true(there(w, &id));
}

/* Nothing of a batch is there or was said to be; who had missed before that may go on from there.
 */
static void nothing_was_done(struct world *w, const struct batch *b, enum commit_outcome missed)
{
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(w->sets[i].outcome, i == 2 || i == 3 ? missed : COMMIT_FAILED);
    assert_false(there(w, &b->first) || there(w, &b->second) || there(w, &b->last));
    assert_int_equal(atomic_load(&w->log->seq), 0);
}

static void a_store_that_goes_away_fails_all_at_once(void **state)
{
    static const enum db_status how[] = {DB_AWAY, DB_FULL};
    struct world *w = *state;
    struct id taken = put_taken(w);
    struct batch b;

    for (size_t i = 0; i < 2; i++) {
        for (int64_t nth = 1;; nth++) { /* the bulk with those that miss, and the one without */
            b = make_batch(w, taken);
            fault_arm(w->db, FAULT_BULK, nth, how[i], FAULT_BEFORE);
            run(w);
            if (!fault_fired(w->db))
                break;
            nothing_was_done(w, &b, nth == 1 ? COMMIT_FAILED : COMMIT_MISSED);
            assert_true(nth < 3);
        }
        assert_int_equal(w->sets[4].outcome, COMMIT_DONE);
        atomic_store(&w->log->seq, 0);
    }
}

static void a_commit_without_an_answer_is_unknown(void **state)
{
    struct world *w = *state;
    struct change_poll poll = {0};
    struct batch b = make_batch(w, put_taken(w));
    int64_t bulks;

    fault_arm(w->db, FAULT_COMMIT, 1, DB_AWAY, FAULT_AFTER);
    run(w);
    bulks = fault_calls(w->db, FAULT_BULK);
    for (size_t i = 0; i < w->n; i++)
        if (w->sets[i].outcome != COMMIT_MISSED)
            assert_int_equal(w->sets[i].outcome, COMMIT_FAILED);
    assert_int_equal(bulks, 2); /* nothing was sent again: it may have been done, and was */
    assert_true(there(w, &b.first) && there(w, &b.second) && there(w, &b.last));
    assert_int_equal(atomic_load(&w->log->seq), 0);
    assert_int_equal(change_poll(w->pg->db, &poll, w->log, NOW), OK);
    assert_int_equal(atomic_load(&w->log->seq), 1);
    change_poll_free(&poll);
}

static void a_conflict_is_tried_again(void **state)
{
    static const enum fault_call where[] = {FAULT_BULK, FAULT_COMMIT};
    struct world *w = *state;
    struct id taken = put_taken(w);

    for (size_t i = 0; i < 2; i++) {
        struct batch b = make_batch(w, taken);
        fault_arm(w->db, where[i], 1, DB_CONFLICT, FAULT_LOST);
        run(w);
        assert_true(fault_fired(w->db));
        assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
        assert_int_equal(w->sets[2].outcome, COMMIT_MISSED);
        assert_true(there(w, &b.first) && there(w, &b.second) && there(w, &b.last));
    }
}

/* Another connection holds a row; those who need it fail, the others pass. */
static void a_lock_takes_down_only_those_who_need_it(void **state)
{
    struct world *w = *state;
    struct db *other = pg_open(w->pg->url, false);
    struct effects *fx = add_set(w);

    throttle_count(fx, STR("held"), NOW, 60);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(db_begin(other), OK);
    must_exec(other, "UPDATE throttle SET attempts = 7");
    w->n = 0;
    struct id a = put_token(w, add_set(w));
    throttle_count(add_set(w), STR("held"), NOW, 60);
    struct id b = put_token(w, add_set(w));
    int64_t from_ms = clock_mono_ms();
    run(w);
    assert_within(from_ms, 2 * PATIENCE_MS + 100);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(w->sets[1].outcome, COMMIT_FAILED);
    assert_int_equal(w->sets[2].outcome, COMMIT_DONE);
    assert_true(there(w, &a) && there(w, &b));
    db_rollback(other);
    throttle_count(&w->fx[1], STR("free"), NOW, 60);
    w->n = 0;
    throttle_count(add_set(w), STR("held"), NOW, 60);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    db_close(other);
}

/* When so many wait for a lock that time runs out, what was done before is not said to have failed.
 */
static void what_was_done_before_time_ran_out_is_done(void **state)
{
    struct world *w = *state;
    struct db *other = pg_open(w->pg->url, false);

    throttle_count(add_set(w), STR("held"), NOW, 60);
    run(w);
    assert_int_equal(db_begin(other), OK);
    must_exec(other, "UPDATE throttle SET attempts = 7");
    w->n = 0;
    struct id first = put_token(w, add_set(w));
    for (int i = 0; i < 6; i++)
        throttle_count(add_set(w), STR("held"), NOW, 60);
    struct id last = put_token(w, add_set(w));
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    for (size_t i = 1; i < w->n; i++)
        assert_int_equal(w->sets[i].outcome, COMMIT_FAILED);
    assert_true(there(w, &first) && !there(w, &last));
    db_close(other);
}

/* PostgreSQL takes no NUL in a text, where SQLite does. */
static void a_value_that_is_refused_harms_nobody_else(void **state)
{
    struct world *w = *state;
    struct id a = put_token(w, add_set(w));

    throttle_count(add_set(w), STR("a\0b"), NOW, 60);
    struct effects *fx = add_set(w);
    struct id b = put_token(w, fx), c = put_token(w, fx);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(w->sets[1].outcome, COMMIT_FAILED);
    assert_int_equal(w->sets[2].outcome, COMMIT_DONE);
    assert_true(there(w, &a) && there(w, &b) && there(w, &c));
}

static void a_set_may_be_large(void **state)
{
    enum { ROWS = 12000 };
    struct world *w = *state;
    struct effects *fx = add_set(w);
    struct id last;

    db_set_patience(w->db, 0); /* as commands have it */
    for (int i = 0; i < ROWS; i++)
        last = put_token(w, fx);
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM token"), ROWS);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change"), 1);
    w->n = 0;
    fx = add_set(w);
    for (int i = 0; i < ROWS; i++)
        put_token(w, fx);
    token_put(fx, &(struct token){.id = last, .scope = STR("")}); /* there: all of it goes */
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_MISSED);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM token"), ROWS);
}

/* What was revoked is in memory before anybody is told so; if it cannot be, he is not. */
static void revocations_are_read_back(void **state)
{
    struct world *w = *state;
    struct uid client = uid_new();
    struct id grant = id_next(&w->ids, NOW), other = id_next(&w->ids, NOW);

    w->log->revoked = revoked_open();
    grant_revoke(add_set(w), KEEP, &grant, &client, NOW, NOW + 100);
    run(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_true(revoked_has(w->log->revoked, &grant));
    w->n = 0;
    grant_revoke(add_set(w), KEEP, &other, &client, NOW, NOW + 100);
    put_token(w, add_set(w));
    fault_arm(w->db, FAULT_STEP, 1, DB_AWAY, FAULT_BEFORE);
    run(w);
    assert_true(fault_fired(w->db));
    assert_int_equal(w->sets[0].outcome, COMMIT_FAILED);
    assert_int_equal(w->sets[1].outcome, COMMIT_DONE);
    revoked_close(w->log->revoked);
}

static void one_row_tells_of_all_that_was_revoked(void **state)
{
    struct world *w = *state;
    struct change_poll poll = {0};
    struct uid client = uid_new();

    for (int i = 0; i < 3; i++) {
        struct id grant = id_next(&w->ids, NOW);
        grant_revoke(add_set(w), KEEP, &grant, &client, i == 1 ? NOW - 90 : NOW, NOW + 100);
    }
    run(w);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM grants"), 3);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change"), 1);
    assert_int_equal(change_poll(w->pg->db, &poll, w->log, NOW), OK);
    assert_int_equal(poll.grants_s, NOW - 90);
    change_poll_free(&poll);
}

/* ---- changes that come late ---- */

/* COMMIT takes that long when it brings a change other than CHANGE_ALL. */
static void slow_down(struct world *w, const char *seconds)
{
    char text[256];

    snprintf(text, sizeof text,
             "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS "
             "'BEGIN PERFORM pg_sleep(%s); RETURN NULL; END'",
             seconds);
    must_exec(w->pg->db, text);
    must_exec(w->pg->db, "CREATE CONSTRAINT TRIGGER slow AFTER INSERT ON change DEFERRABLE "
                         "INITIALLY DEFERRED FOR EACH ROW WHEN (NEW.kind <> 8) "
                         "EXECUTE FUNCTION slow()");
}

static void run_change(struct world *w)
{
    w->n = 0;
    struct effects *fx = add_set(w);
    put_token(w, fx);
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
    run(w);
}

static void a_change_that_comes_late_is_noticed(void **state)
{
    struct world *w = *state;

    run_change(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(atomic_load(&w->log->late), 0);
    slow_down(w, "2.2");
    db_set_patience(w->db, 5000);
    run_change(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_DONE);
    assert_int_equal(atomic_load(&w->log->late), 1);
    w->n = 0;
    put_token(w, add_set(w)); /* without a change there is nothing to be late */
    run(w);
    assert_int_equal(atomic_load(&w->log->late), 1);
}

static void a_change_of_unknown_outcome_is_noticed(void **state)
{
    struct world *w = *state;

    fault_arm(w->db, FAULT_BULK, 1, DB_AWAY, FAULT_BEFORE);
    run_change(w);
    assert_int_equal(w->sets[0].outcome, COMMIT_FAILED);
    assert_int_equal(atomic_load(&w->log->late), 0); /* it cannot come any more */
    fault_arm(w->db, FAULT_COMMIT, 1, DB_AWAY, FAULT_AFTER);
    run_change(w);
    assert_true(fault_fired(w->db));
    assert_int_equal(w->sets[0].outcome, COMMIT_FAILED);
    assert_int_equal(atomic_load(&w->log->late), 1);
}

static enum err change_as_command(struct world *w)
{
    w->n = 0;
    struct effects *fx = add_set(w);
    put_token(w, fx);
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
    return commit_one(w->db, &w->ids, &at_now, fx);
}

static void a_command_tells_all_when_it_was_late(void **state)
{
    struct world *w = *state;

    db_set_patience(w->db, 5000);
    assert_int_equal(change_as_command(w), OK);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change WHERE kind = 8"), 0);
    slow_down(w, "2.2");
    assert_int_equal(change_as_command(w), OK);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change WHERE kind = 8"), 1);
    fault_arm(w->db, FAULT_COMMIT, 1, DB_AWAY, FAULT_AFTER);
    assert_int_equal(change_as_command(w), ERR_UNAVAILABLE);
    assert_int_equal(number(w, "SELECT COUNT(*) FROM change WHERE kind = 8"), 2);
}

static void others_are_told_of_changes(void **state)
{
    struct world *w = *state;
    struct db *other = pg_open(w->pg->url, true);

    assert_false(other->ops->wait(other, 1)); /* listens from now on */
    put_token(w, add_set(w));
    run(w);
    assert_false(other->ops->wait(other, 50));
    w->n = 0;
    struct effects *fx = add_set(w);
    put_token(w, fx);
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
    run(w);
    assert_true(other->ops->wait(other, 2000));
    db_close(other);
}

/* ---- two nodes whose batches want the same rows in opposite order ---- */

enum { ROUNDS = 12 };

struct node {
    struct world *w;
    bool backwards;
    int failed;
};

static void *count_both(void *arg)
{
    static const str subjects[2] = {STR_INIT("a"), STR_INIT("b")};
    struct node *node = arg;
    struct db *db = pg_open(node->w->pg->url, false);
    struct change_log *log = calloc(1, sizeof *log);
    struct arena arena;

    arena_init(&arena, 1 << 20);
    change_log_init(log);
    db_set_patience(db, 2 * PATIENCE_MS);
    for (int i = 0; i < ROUNDS; i++) {
        struct effects fx[2];
        struct commit_set sets[2];
        for (int k = 0; k < 2; k++) {
            effects_init(&fx[k], &arena);
            throttle_count(&fx[k], subjects[node->backwards ? 1 - k : k], NOW, 60);
            sets[k] = (struct commit_set){.fx = &fx[k]};
        }
        commit_run(db, log, &at_now, sets, 2);
        for (int k = 0; k < 2; k++)
            node->failed += sets[k].outcome != COMMIT_DONE;
    }
    arena_free(&arena);
    free(log);
    db_close(db);
    return NULL;
}

static void what_was_told_is_what_was_done(void **state)
{
    struct world *w = *state;
    struct node nodes[2] = {{.w = w}, {.w = w, .backwards = true}};
    pthread_t threads[2];

    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_both, &nodes[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(number(w, "SELECT CAST(SUM(attempts) AS BIGINT) FROM throttle"),
                     4 * ROUNDS - nodes[0].failed - nodes[1].failed);
    assert_int_equal(nodes[0].failed + nodes[1].failed, 0);
}

#define WORLD(name) cmocka_unit_test_setup_teardown(name, world_open, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD(a_miss_undoes_its_set_alone),
        WORLD(of_a_hundred_that_spend_one_token_one_does),
        WORLD(one_statement_needs_no_transaction),
        WORLD(a_store_that_goes_away_fails_all_at_once),
        WORLD(a_commit_without_an_answer_is_unknown),
        WORLD(a_conflict_is_tried_again),
        WORLD(a_lock_takes_down_only_those_who_need_it),
        WORLD(what_was_done_before_time_ran_out_is_done),
        WORLD(a_value_that_is_refused_harms_nobody_else),
        WORLD(a_set_may_be_large),
        WORLD(revocations_are_read_back),
        WORLD(one_row_tells_of_all_that_was_revoked),
        WORLD(a_change_that_comes_late_is_noticed),
        WORLD(a_change_of_unknown_outcome_is_noticed),
        WORLD(a_command_tells_all_when_it_was_late),
        WORLD(others_are_told_of_changes),
        WORLD(what_was_told_is_what_was_done),
    };
    return cmocka_run_group_tests(tests, server_begin, server_end);
}
