/* store_commit: effects and group commit. What a batch says it did is compared with what a second
 * handle finds in the file, with a fault at every single call that the committer makes. */
#include "store_support.h"

#include "db/fault.h"
#include "store/grant.h"
#include "store/throttle.h"
#include "store/token.h"

static void put_token(struct fixture *f, struct effects *fx, struct token *t)
{
    *t = (struct token){.id = id_next(&f->ids, NOW), .scope = STR(""), .access_exp_s = NOW + 9};
    t->grant = t->id;
    token_put(fx, t);
}

static bool there(struct db *db, struct arena *a, const struct id *id)
{
    struct token t;
    enum err e = token_load(db, a, id, &t);

    assert_true(e == OK || e == ERR_ABSENT);
    return e == OK;
}

static void refusal_keeps_only_keep(void **state)
{
    struct fixture *f = *state;
    struct effects fx = fixture_effects(f);
    struct token a, b;
    struct uid client = uid_new();

    put_token(f, &fx, &a);
    throttle_count(&fx, STR("client"), NOW, 60);
    put_token(f, &fx, &b);
    effects_change(&fx, DROP, CHANGE_CLIENT, client.b, sizeof client.b);
    effects_change(&fx, KEEP, CHANGE_KEYS, NULL, 0);
    effects_refuse(&fx);
    assert_int_equal(fx.n, 1);
    assert_int_equal(fx.first->life, KEEP);
    assert_null(fx.first->next);
    assert_int_equal(fx.changes->kind, CHANGE_KEYS);
    assert_null(fx.changes->next);
    put_token(f, &fx, &a); /* the list can still grow */
    assert_ptr_equal(fx.first->next->next, NULL);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    put_token(f, &fx, &a);
    effects_refuse(&fx);
    assert_true(effects_empty(&fx));
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_false(there(f->db, &f->arena, &a.id));
}

static void effects_copy_what_they_bind(void **state)
{
    struct fixture *f = *state;
    struct effects fx = fixture_effects(f);
    struct token t, got;
    char scope[] = "group";

    t = (struct token){.id = id_next(&f->ids, NOW), .scope = {scope, 5}, .access_exp_s = NOW + 9};
    struct id id = t.id;
    token_put(&fx, &t);
    memset(scope, 'x', 5);
    memset(&t, 0xff, sizeof t);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(token_load(f->db, &f->arena, &id, &got), OK);
    assert_str(got.scope, "group");
}

/* Four sets: one statement, several that hold, several of which the last misses, one that misses.
 */
struct batch {
    struct effects fx[5];
    struct commit_set sets[5];
    struct token single, first, second, undone, taken, last;
};

static void make_batch(struct fixture *f, struct batch *b)
{
    for (size_t i = 0; i < 5; i++) {
        b->fx[i] = fixture_effects(f);
        b->sets[i] = (struct commit_set){.fx = &b->fx[i], .outcome = COMMIT_FAILED};
    }
    put_token(f, &b->fx[0], &b->single);
    put_token(f, &b->fx[1], &b->first);
    put_token(f, &b->fx[1], &b->second);
    effects_change(&b->fx[1], DROP, CHANGE_KEYS, NULL, 0);
    put_token(f, &b->fx[2], &b->undone);
    effects_change(&b->fx[2], DROP, CHANGE_CLIENT, "0123456789abcdef", 16);
    token_spend(&b->fx[2], &b->taken.id, NOW, &b->undone.id, STR("x"));
    token_put(&b->fx[3], &b->taken);
    put_token(f, &b->fx[4], &b->last);
}

static void put_taken(struct fixture *f, struct token *taken)
{
    struct effects fx = fixture_effects(f);

    put_token(f, &fx, taken);
    token_spend(&fx, &taken->id, NOW, &taken->id, STR("x"));
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void a_miss_undoes_its_set_alone(void **state)
{
    struct fixture *f = *state;
    struct change_log *log = calloc(1, sizeof *log);
    struct change seen[4];
    struct batch b;
    uint64_t at = 0;
    bool lost;

    change_log_init(log);
    put_taken(f, &b.taken);
    make_batch(f, &b);
    commit_run(f->db, log, &at_now, b.sets, 5);
    assert_int_equal(b.sets[0].outcome, COMMIT_DONE);
    assert_int_equal(b.sets[1].outcome, COMMIT_DONE);
    assert_int_equal(b.sets[2].outcome, COMMIT_MISSED);
    assert_int_equal(b.sets[3].outcome, COMMIT_MISSED);
    assert_int_equal(b.sets[4].outcome, COMMIT_DONE);
    assert_true(there(f->db, &f->arena, &b.single.id));
    assert_true(there(f->db, &f->arena, &b.first.id));
    assert_true(there(f->db, &f->arena, &b.second.id));
    assert_false(there(f->db, &f->arena, &b.undone.id));
    assert_true(there(f->db, &f->arena, &b.last.id));
    /* Only the change of the set that holds was published and written. */
    assert_int_equal(change_take(log, &at, seen, 4, &lost), 1);
    assert_int_equal(seen[0].kind, CHANGE_KEYS);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM change"), 1);
    free(log);
}

static void the_loser_of_a_race_misses_in_the_same_batch(void **state)
{
    struct fixture *f = *state;
    struct effects fx[3];
    struct commit_set sets[3];
    struct token t, next[3], got;

    fx[0] = fixture_effects(f);
    put_token(f, &fx[0], &t);
    assert_int_equal(fixture_commit(f, &fx[0]), OK);
    for (size_t i = 0; i < 3; i++) {
        fx[i] = fixture_effects(f);
        put_token(f, &fx[i], &next[i]);
        token_spend(&fx[i], &t.id, NOW, &next[i].id, STR("x"));
        sets[i] = (struct commit_set){.fx = &fx[i]};
    }
    commit_run(f->db, &f->log, &at_now, sets, 3);
    assert_int_equal(sets[0].outcome, COMMIT_DONE);
    assert_int_equal(sets[1].outcome, COMMIT_MISSED);
    assert_int_equal(sets[2].outcome, COMMIT_MISSED);
    assert_int_equal(token_load(f->db, &f->arena, &t.id, &got), OK);
    assert_true(id_eq(&got.successor, &next[0].id));
    assert_false(there(f->db, &f->arena, &next[1].id));
}

/* After a fault nothing is acknowledged, and unless the commit itself was what failed, nothing of
 * the batch is in the file; afterwards the handle works again. */
static void check_after_fault(struct fixture *f, struct db *faulty, struct db *reader,
                              struct batch *b, bool maybe_durable)
{
    struct effects fx = fixture_effects(f);
    bool first;
    struct token after;

    for (size_t i = 0; i < 5; i++)
        assert_int_equal(b->sets[i].outcome, COMMIT_FAILED);
    first = there(reader, &f->arena, &b->single.id);
    if (!maybe_durable)
        assert_false(first);
    assert_int_equal(there(reader, &f->arena, &b->first.id), first);
    assert_int_equal(there(reader, &f->arena, &b->second.id), first);
    assert_int_equal(there(reader, &f->arena, &b->last.id), first);
    assert_false(there(reader, &f->arena, &b->undone.id));
    put_token(f, &fx, &after);
    put_token(f, &fx, &after);
    assert_int_equal(commit_one(faulty, &f->ids, &at_now, &fx), OK);
    assert_true(there(reader, &f->arena, &after.id));
}

static void fault_at_every_call(struct fixture *f, enum fault_how how, enum db_status status)
{
    struct db *faulty = fault_open(fixture_handle(f->url, false));
    struct db *reader = fixture_handle(f->url, true);
    struct change_log *log = calloc(1, sizeof *log);
    struct batch b;
    int64_t nth = 0;

    change_log_init(log);
    put_taken(f, &b.taken);
    for (;;) {
        make_batch(f, &b);
        fault_arm(faulty, FAULT_ANY, ++nth, status, how);
        commit_run(faulty, log, &at_now, b.sets, 5);
        if (!fault_fired(faulty))
            break;
        assert_int_equal(atomic_load(&log->seq), 0); /* nothing is told */
        check_after_fault(f, faulty, reader, &b,
                          how == FAULT_AFTER && fault_calls(faulty, FAULT_COMMIT) > 0);
    }
    assert_true(nth > 60); /* prepares, binds, steps and the brackets of five sets */
    assert_int_equal(b.sets[1].outcome, COMMIT_DONE);
    assert_int_equal(b.sets[2].outcome, COMMIT_MISSED);
    assert_true(there(reader, &f->arena, &b.last.id));
    db_close(faulty);
    db_close(reader);
    free(log);
}

static void faults_before_a_call(void **state)
{
    fault_at_every_call(*state, FAULT_BEFORE, DB_ERROR);
}

static void faults_after_a_call(void **state)
{
    fault_at_every_call(*state, FAULT_AFTER, DB_BUSY);
}

static void faults_that_end_the_transaction(void **state)
{
    fault_at_every_call(*state, FAULT_LOST, DB_FULL);
}

/* Not injected: the engine's own answer to a file that may not grow. */
static void a_full_disk_fails_the_batch(void **state)
{
    struct fixture *f = *state;
    struct batch b;
    char *huge;
    struct token big = {.id = id_next(&f->ids, NOW), .access_exp_s = NOW + 1};
    char text[64];

    if (any_store_is_shared()) /* whose disk is another machine's: test/cluster */
        skip();
    huge = calloc(1, 400000);
    memset(huge, 'x', 400000);
    big.scope = str_make(huge, 400000);
    put_taken(f, &b.taken);
    make_batch(f, &b);
    token_put(&b.fx[1], &big);
    snprintf(text, sizeof text, "PRAGMA max_page_count = %d",
             (int)fixture_count(f, "PRAGMA page_count") + 3);
    assert_int_equal(f->db->ops->exec(f->db, text), DB_DONE);
    commit_run(f->db, &f->log, &at_now, b.sets, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(b.sets[i].outcome, COMMIT_FAILED);
    assert_false(there(f->db, &f->arena, &b.single.id));
    assert_false(there(f->db, &f->arena, &b.last.id));
    assert_int_equal(f->db->ops->exec(f->db, "PRAGMA max_page_count = 100000"), DB_DONE);
    make_batch(f, &b);
    commit_run(f->db, &f->log, &at_now, b.sets, 5);
    assert_int_equal(b.sets[4].outcome, COMMIT_DONE);
    free(huge);
}

static void a_held_write_lock_fails_the_batch(void **state)
{
    struct fixture *f = *state;
    struct db *other = fixture_handle(f->url, false);
    struct effects fx = fixture_effects(f);
    struct token t;

    put_token(f, &fx, &t);
    assert_int_equal(db_begin(other), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_UNAVAILABLE);
    db_rollback(other);
    assert_int_equal(fixture_commit(f, &fx), OK);
    db_close(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refusal_keeps_only_keep),
        TEST(effects_copy_what_they_bind),
        TEST(a_miss_undoes_its_set_alone),
        TEST(the_loser_of_a_race_misses_in_the_same_batch),
        TEST(faults_before_a_call),
        TEST(faults_after_a_call),
        TEST(faults_that_end_the_transaction),
        TEST(a_full_disk_fails_the_batch),
        TEST(a_held_write_lock_fails_the_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
