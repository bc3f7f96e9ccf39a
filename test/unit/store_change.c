/* store_change: the change log of a process, and the poll between processes. */
#include "store_support.h"

#include "db/fault.h"
#include "store/client.h"
#include "store/grant.h"

static void publish(struct change_log *log, uint8_t first)
{
    uint8_t subject[16] = {first};

    change_publish(log, CHANGE_CLIENT, subject);
}

static void readers_take_what_is_new(void **state)
{
    struct change_log *log = calloc(1, sizeof *log);
    struct change out[3];
    uint64_t a = 0, b = 0;
    bool lost;

    (void)state;
    change_log_init(log);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 0);
    for (uint8_t i = 0; i < 4; i++)
        publish(log, i);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 3);
    assert_false(lost);
    assert_int_equal(out[2].subject[0], 2);
    assert_int_equal(out[2].kind, CHANGE_CLIENT);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 1);
    assert_int_equal(out[0].subject[0], 3);
    assert_int_equal(change_take(log, &a, out, 3, &lost), 0);
    assert_int_equal(change_take(log, &b, out, 1, &lost), 1); /* each reader for itself */
    free(log);
}

static void who_falls_behind_is_told(void **state)
{
    struct change_log *log = calloc(1, sizeof *log);
    struct change out[4];
    uint64_t seen = 0;
    bool lost;

    (void)state;
    change_log_init(log);
    for (int i = 0; i < CHANGE_LOG_SIZE; i++)
        publish(log, (uint8_t)i);
    assert_int_equal(change_take(log, &seen, out, 1, &lost), 1); /* a full ring is not too late */
    assert_false(lost);
    publish(log, 1);
    publish(log, 2);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 0);
    assert_true(lost);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 0);
    assert_false(lost);
    publish(log, 3);
    assert_int_equal(change_take(log, &seen, out, 4, &lost), 1);
    assert_int_equal(out[0].subject[0], 3);
    free(log);
}

static void tell(struct fixture *f, int64_t now_s, const struct uid *client)
{
    struct effects fx = fixture_effects(f);
    struct organization o = {.id = id_next(&f->ids, now_s), .name = STR("x")};

    organization_put(&fx, &o);
    effects_change(&fx, DROP, CHANGE_CLIENT, client->b, sizeof client->b);
    struct clock clock = {.fixed_us = now_s * 1000000};
    assert_int_equal(commit_one(f->db, &f->ids, &clock, &fx), OK);
}

static void another_process_hears_of_it_once(void **state)
{
    struct fixture *f = *state;
    struct db *other = fixture_handle(f->url, true);
    struct change_log *log = calloc(1, sizeof *log);
    struct change_poll poll = {0};
    struct change out[8];
    struct uid a = uid_new(), b = uid_new();
    uint64_t seen = 0;
    bool lost;

    change_log_init(log);
    assert_int_equal(change_poll(other, &poll, log, NOW), OK);
    tell(f, NOW, &a);
    assert_int_equal(change_poll(other, &poll, log, NOW), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 1);
    assert_int_equal(out[0].kind, CHANGE_CLIENT);
    assert_memory_equal(out[0].subject, a.b, sizeof a.b);
    assert_int_equal(change_poll(other, &poll, log, NOW + 1), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 0);
    tell(f, NOW - 5, &b); /* a slow writer, or one whose clock is behind */
    assert_int_equal(change_poll(other, &poll, log, NOW + 2), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 1);
    assert_memory_equal(out[0].subject, b.b, sizeof b.b);
    assert_int_equal(change_poll(other, &poll, log, NOW + 60), OK);
    assert_int_equal(change_take(log, &seen, out, 8, &lost), 0);
    change_poll_free(&poll);
    db_close(other);
    free(log);
}

/* Takes all there is; *lost: once too late. */
static size_t take_all(struct change_log *log, uint64_t *seen, bool *lost)
{
    struct change out[16];
    size_t n, total = 0;
    bool late;

    *lost = false;
    do {
        n = change_take(log, seen, out, 16, &late);
        *lost = *lost || late;
        total += n;
    } while (n > 0 || late);
    return total;
}

static void any_number_is_heard_once(void **state)
{
    struct fixture *f = *state;
    struct change_poll poll = {0};
    struct uid client = uid_new();
    uint64_t seen = 0;
    size_t total = 0;
    bool lost;

    for (int i = 0; i < 700; i++)
        tell(f, NOW - i % 5, &client);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(change_poll(f->db, &poll, &f->log, NOW + i), OK);
        total += take_all(&f->log, &seen, &lost);
        assert_false(lost);
        tell(f, NOW - 3 + i, &client); /* in between those of before */
    }
    assert_int_equal(total, 704);
    change_poll_free(&poll);
}

/* A set with one change through the committer, recorded at NOW - 60. */
static enum commit_outcome commit_change(struct fixture *f, struct db *db, bool here)
{
    struct effects fx = fixture_effects(f);
    struct organization o = {
        .id = id_next(&f->ids, NOW - 60), .name = STR("x"), .created_s = NOW - 60};
    struct commit_set set = {.fx = &fx};

    organization_put(&fx, &o);
    (here ? effects_change_here : effects_change)(&fx, DROP, CHANGE_CLIENT, o.id.b, ID_BYTES);
    commit_run(db, &f->log, &at_now, &set, 1);
    return set.outcome;
}

static void own_changes_are_published_once(void **state)
{
    struct fixture *f = *state;
    struct change_log *other = calloc(1, sizeof *other);
    struct change_poll poll = {0}, theirs = {0};
    uint64_t seen = 0, seen_there = 0;
    bool lost;

    change_log_init(other);
    for (int i = 0; i < 3; i++)
        assert_int_equal(commit_change(f, f->db, i == 2), COMMIT_DONE);
    assert_int_equal(take_all(&f->log, &seen, &lost), 3); /* at the commit */
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    /* Of a shared store each poll publishes own rows again (change.c). */
    assert_int_equal(take_all(&f->log, &seen, &lost), any_store_is_shared() ? 2 : 0);
    assert_int_equal(change_poll(f->db, &theirs, other, NOW), OK);
    assert_int_equal(take_all(other, &seen_there, &lost), 2); /* the third is of interest here */
    change_poll_free(&poll);
    change_poll_free(&theirs);
    free(other);
}

/* The id tells when it was committed, however long the command that did had run. */
static void a_late_commit_is_heard(void **state)
{
    struct fixture *f = *state;
    struct change_log *other = calloc(1, sizeof *other);
    struct change_poll poll = {.since_s = NOW - 1};
    uint64_t seen = 0;
    bool lost;

    change_log_init(other);
    assert_int_equal(commit_change(f, f->db, false), COMMIT_DONE);
    assert_int_equal(change_poll(f->db, &poll, other, NOW), OK);
    assert_int_equal(take_all(other, &seen, &lost), 1);
    change_poll_free(&poll);
    free(other);
}

/* 503 means that the outcome is unknown: what became durable after all is published by the poll. */
static void what_was_durable_after_all_is_heard(void **state)
{
    struct fixture *f = *state;
    struct db *faulty = fault_open(fixture_handle(f->url, false));
    struct change_poll poll = {0};
    uint64_t seen = 0;
    bool lost;

    fault_arm(faulty, FAULT_COMMIT, 1, DB_ERROR, FAULT_AFTER);
    assert_int_equal(commit_change(f, faulty, false), COMMIT_FAILED);
    assert_int_equal(take_all(&f->log, &seen, &lost), 0);
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    assert_int_equal(take_all(&f->log, &seen, &lost), 1);
    change_poll_free(&poll);
    db_close(faulty);
}

/* What is not in the log, since nobody asks the log for it. */
static void a_poll_says_what_it_brought(void **state)
{
    struct fixture *f = *state;
    struct effects fx = fixture_effects(f);
    struct change_poll poll = {0};
    struct uid client = uid_new();
    struct id a = id_next(&f->ids, NOW), b = id_next(&f->ids, NOW);
    uint64_t seen = 0;
    bool lost;

    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    assert_true(poll.grants_s == INT64_MAX && !poll.all);
    grant_revoke(&fx, DROP, &a, &client, NOW - 7, NOW + 100);
    grant_revoke(&fx, DROP, &b, &client, NOW - 900, NOW + 100);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    assert_int_equal(poll.grants_s, f->db->ops->shared ? NOW - 900 : INT64_MAX);
    assert_int_equal(take_all(&f->log, &seen, &lost), 0);
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    assert_true(poll.grants_s == INT64_MAX);
    change_poll_free(&poll);
}

static void all_is_told(void **state)
{
    struct fixture *f = *state;
    struct id_source other;
    struct change_poll poll = {0};
    struct change out[4];
    uint64_t seen = 0;
    bool lost;

    id_source_init(&other);
    assert_int_equal(change_tell_all(f->db, &other, NOW), OK);
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW), OK);
    assert_true(poll.all);
    assert_int_equal(change_take(&f->log, &seen, out, 4, &lost), 1);
    assert_int_equal(out[0].kind, CHANGE_ALL);
    assert_int_equal(change_poll(f->db, &poll, &f->log, NOW + 1), OK);
    assert_false(poll.all);
    change_poll_free(&poll);
}

static void old_rows_go(void **state)
{
    struct fixture *f = *state;
    struct uid client = uid_new();
    int64_t deleted;

    for (int i = 0; i < 5; i++)
        tell(f, NOW, &client);
    assert_int_equal(change_sweep(f->db, NOW + 3600, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(change_sweep(f->db, NOW + 3601, 3, &deleted), OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(change_sweep(f->db, NOW + 3601, 3, &deleted), OK);
    assert_int_equal(deleted, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(readers_take_what_is_new), cmocka_unit_test(who_falls_behind_is_told),
        TEST(another_process_hears_of_it_once),     TEST(any_number_is_heard_once),
        TEST(own_changes_are_published_once),       TEST(a_late_commit_is_heard),
        TEST(what_was_durable_after_all_is_heard),  TEST(old_rows_go),
        TEST(a_poll_says_what_it_brought),          TEST(all_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
