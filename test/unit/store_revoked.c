/* store_revoked: the set of revoked grants in memory: what polls bring, what goes, under threads.
 */
#include "store_support.h"

#include <pthread.h>

#include "db/fault.h"
#include "store/client.h"
#include "store/grant.h"
#include "store/revoked.h"
#include "store/user_grant.h"

static const struct uid one = {{1}}, two = {{2}};

static struct id id_of(uint64_t n)
{
    struct id id = {{1}};

    for (int i = 0; i < 8; i++)
        id.b[4 + i] = (uint8_t)(n >> (56 - 8 * i));
    return id;
}

/* The row's end is at end_s exactly. */
static void put_revoked(struct fixture *f, const struct id *id, const struct uid *client,
                        int64_t now_s, int64_t end_s)
{
    struct effects fx = fixture_effects(f);

    grant_revoke(&fx, DROP, id, client, now_s, end_s - CLIENT_ACCESS_TTL_MAX_S);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void put_many(struct fixture *f, uint64_t from, uint64_t n, const struct uid *client)
{
    struct effects fx = fixture_effects(f);

    for (uint64_t i = from; i < from + n; i++) {
        struct id id = id_of(i);
        grant_revoke(&fx, DROP, &id, client, NOW, NOW + 1000);
    }
    assert_int_equal(fixture_commit(f, &fx), OK);
    arena_reset(&f->arena);
}

static bool has(struct revoked *r, uint64_t n)
{
    struct id id = id_of(n);

    return revoked_has(r, &id);
}

static void the_first_poll_takes_all(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();

    assert_false(has(r, 1));
    put_many(f, 1, 12001, &one); /* more than two pages */
    assert_int_equal(revoked_poll(r, f->db, NOW + 500), OK);
    assert_int_equal(revoked_count(r), 12001);
    for (uint64_t i = 1; i <= 12001; i++)
        assert_true(has(r, i));
    assert_false(has(r, 0));
    assert_false(has(r, 12002));
    revoked_close(r);
}

/* By another node whose clock is behind, and whose commit took its time. */
static void later_polls_overlap(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(1), b = id_of(2), c = id_of(3);

    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    put_revoked(f, &a, &one, NOW + 1, NOW + 9000);
    put_revoked(f, &b, &one, NOW - 20, NOW + 9000);
    put_revoked(f, &c, &one, NOW - 21, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW + 1), OK);
    assert_true(revoked_has(r, &a));
    assert_true(revoked_has(r, &b));
    assert_false(revoked_has(r, &c)); /* older than any commit may be: no poll reads so far back */
    assert_int_equal(revoked_poll(r, f->db, NOW + 2), OK);
    assert_int_equal(revoked_count(r), 2);
    revoked_close(r);
}

/* What a node missed while it was cut off: pages end within a second and at its end. */
static void later_polls_go_by_pages(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(0), b = id_of(20000);

    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    put_revoked(f, &a, &one, NOW + 1, NOW + 9000); /* the smallest id, but revoked last */
    put_many(f, 1, 9999, &one);
    put_revoked(f, &b, &one, NOW - 1, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW + 2), OK);
    assert_int_equal(revoked_count(r), 10001);
    for (uint64_t i = 0; i <= 9999; i++)
        assert_true(has(r, i));
    assert_true(revoked_has(r, &b));
    put_many(f, 30000, 5000, &two);
    assert_int_equal(revoked_take(r, f->db, NOW), OK);
    assert_int_equal(revoked_count(r), 15001);
    revoked_close(r);
}

/* A node whose calls may take longer looks further back. */
static void the_overlap_follows_the_patience(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(1), b = id_of(2);

    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    db_set_patience(f->db, 60000);
    put_revoked(f, &a, &one, NOW - 610, NOW + 9000);
    put_revoked(f, &b, &one, NOW - 611, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW + 1), OK);
    assert_true(revoked_has(r, &a));
    assert_false(revoked_has(r, &b));
    revoked_close(r);
}

/* What no poll looks back to any more, when it is told that something came late. */
static void the_whole_table_is_read_again(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(1), b = id_of(2);

    put_revoked(f, &a, &one, NOW, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    put_revoked(f, &b, &one, NOW - 500, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW + 1), OK);
    assert_false(revoked_has(r, &b));
    revoked_again(r);
    assert_true(revoked_has(r, &a)); /* nobody is let in meanwhile */
    assert_int_equal(revoked_poll(r, f->db, NOW + 2), OK);
    assert_true(revoked_has(r, &a) && revoked_has(r, &b));
    assert_int_equal(revoked_count(r), 2);
    revoked_close(r);
}

static void a_poll_that_fails_loses_nothing(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(1), b = id_of(2);
    struct db *db;

    put_revoked(f, &a, &one, NOW, NOW + 9000);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    put_revoked(f, &b, &one, NOW, NOW + 9000);
    db = fault_open(fixture_handle(f->url, true));
    fault_arm(db, FAULT_STEP, 1, DB_ERROR, FAULT_BEFORE);
    assert_int_equal(revoked_poll(r, db, NOW + 100), ERR_UNAVAILABLE);
    assert_true(revoked_has(r, &a));
    assert_int_equal(revoked_poll(r, f->db, NOW + 100), OK); /* from where the last good one was */
    assert_true(revoked_has(r, &b));
    db_close(db);
    revoked_close(r);
}

/* What this process has just committed, by the time that the change tells. */
static void own_revocations_are_taken_at_once(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct effects fx = fixture_effects(f);
    struct id a = id_of(1);

    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    grant_revoke(&fx, KEEP, &a, &one, NOW + 7, NOW + 100);
    assert_int_equal(fx.changes->kind, CHANGE_GRANTS);
    assert_int_equal(fx.changes->life, KEEP);
    assert_int_equal(change_grants_s(fx.changes->subject), NOW + 7);
    assert_int_equal(fixture_commit(f, &fx), OK);
    /* others are told where they keep what was revoked */
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM change"), f->db->ops->shared);
    assert_int_equal(revoked_take(r, f->db, NOW + 7), OK);
    assert_true(revoked_has(r, &a));
    revoked_close(r);
}

/* A revocation that comes again with a later end is seen by whoever knows the first. */
static void a_later_end_is_seen(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id a = id_of(1);

    put_revoked(f, &a, &one, NOW, NOW + 50);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    put_revoked(f, &a, &one, NOW + 40, NOW + 500);
    put_revoked(f, &a, &one, NOW + 41, NOW + 50); /* an earlier one changes nothing */
    assert_int_equal(revoked_poll(r, f->db, NOW + 41), OK);
    assert_int_equal(revoked_poll(r, f->db, NOW + 100), OK);
    assert_true(revoked_has(r, &a));
    assert_int_equal(revoked_poll(r, f->db, NOW + 500), OK);
    assert_false(revoked_has(r, &a));
    revoked_close(r);
}

static void what_has_expired_goes(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct effects fx = fixture_effects(f);

    for (uint64_t i = 0; i < 40000; i++) { /* more than two slices */
        struct id id = id_of(i);
        grant_revoke(&fx, DROP, &id, i % 2 ? &one : &two, NOW,
                     (i % 4 ? NOW + 10 : NOW + 5000) - CLIENT_ACCESS_TTL_MAX_S);
    }
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    assert_int_equal(revoked_count(r), 40000);
    fixture_count(f, "DELETE FROM grants RETURNING 1"); /* polls find nothing to put back */
    for (int i = 0; i < 8; i++)
        assert_int_equal(revoked_poll(r, f->db, NOW + 10), OK);
    assert_int_equal(revoked_count(r), 10000);
    for (uint64_t i = 0; i < 40000; i++)
        assert_int_equal(has(r, i), i % 4 == 0);
    for (int i = 0; i < 8; i++)
        assert_int_equal(revoked_poll(r, f->db, NOW + 5000), OK);
    assert_int_equal(revoked_count(r), 0);
    revoked_close(r);
}

/* ---- the cap ---- */

static void too_many_of_one_client_are_told(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct uid over[4];
    struct id ids[8];

    put_many(f, 0, REVOKED_PER_CLIENT, &one);
    put_many(f, 1000000, 10, &two);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    assert_int_equal(revoked_excess(r, over, 4), 0);
    put_many(f, 2000000, 1, &one);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    assert_int_equal(revoked_excess(r, over, 4), 1);
    assert_true(uid_eq(&over[0], &one));
    f->log.revoked = r;
    change_publish(&f->log, CHANGE_EXCESS, one.b); /* as the commit or a poll does */
    assert_int_equal(revoked_excess(r, over, 4), 0);
    assert_true(has(r, 5)); /* the epoch may not have come everywhere */
    assert_int_equal(revoked_needless(r, ids, 8), 0);
    put_many(f, 3000000, 1, &one); /* under the new epoch: counts for itself */
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    assert_int_equal(revoked_excess(r, over, 4), 0);
    assert_true(has(r, 3000000));
    revoked_close(r);
}

static void the_needless_go_and_no_others(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();
    struct id ids[64];
    size_t n, gone = 0;

    put_many(f, 0, 1000, &one);
    put_many(f, 5000, 1000, &two);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    revoked_forget(r, &one);
    put_many(f, 8000, 5, &one);
    assert_int_equal(revoked_poll(r, f->db, NOW), OK);
    fixture_count(f, "DELETE FROM grants RETURNING 1");
    assert_int_equal(revoked_needless(r, ids, 64), 0); /* not everybody knows of the epoch yet */
    assert_int_equal(revoked_poll(r, f->db, NOW + REVOKED_GRACE_S / 6), OK);
    while ((n = revoked_needless(r, ids, 64)) > 0 && gone < 500) {
        for (size_t i = 0; i < n; i++)
            assert_true(ids[i].b[10] < 4); /* below 1024 */
        revoked_drop(r, ids, n);
        gone += n;
    }
    assert_int_equal(revoked_count(r), 2005 - gone);
    for (int i = 0; i < 2; i++) /* a poll looks at some of them */
        assert_int_equal(revoked_poll(r, f->db, NOW + REVOKED_GRACE_S), OK);
    assert_int_equal(revoked_count(r), 1005);
    for (uint64_t i = 0; i < 1000; i++)
        assert_true(!has(r, i) && has(r, 5000 + i));
    assert_true(has(r, 8000) && has(r, 8004));
    revoked_close(r);
}

/* Clients come and go: their numbers are used again, and each row stays its client's. */
static void many_clients(void **state)
{
    struct fixture *f = *state;
    struct revoked *r = revoked_open();

    for (int round = 0; round < 3; round++) {
        struct effects fx = fixture_effects(f);
        for (uint64_t i = 0; i < 2000; i++) {
            struct uid client = uid_new();
            struct id id = id_of((uint64_t)round * 10000 + i);
            grant_revoke(&fx, DROP, &id, &client, NOW + round * 100,
                         NOW + round * 100 + 50 - CLIENT_ACCESS_TTL_MAX_S);
        }
        assert_int_equal(fixture_commit(f, &fx), OK);
        assert_int_equal(revoked_poll(r, f->db, NOW + round * 100), OK);
        assert_int_equal(revoked_count(r), 2000);
        assert_true(has(r, (uint64_t)round * 10000));
        for (int i = 0; i < 2; i++)
            assert_int_equal(revoked_poll(r, f->db, NOW + round * 100 + 99), OK);
        assert_int_equal(revoked_count(r), 0);
        arena_reset(&f->arena);
    }
    revoked_close(r);
}

/* ---- threads ---- */

struct race {
    struct revoked *r;
    atomic_bool stop;
    atomic_uint_fast64_t known; /* ids below it have been taken in */
    atomic_bool wrong;
};

static void *ask(void *arg)
{
    struct race *race = arg;

    while (!atomic_load(&race->stop)) {
        uint64_t n = atomic_load(&race->known);
        for (uint64_t i = n > 50 ? n - 50 : 0; i < n; i++)
            if (!has(race->r, i))
                atomic_store(&race->wrong, true);
        if (has(race->r, 1u << 30))
            atomic_store(&race->wrong, true);
    }
    return NULL;
}

/* While the table grows, and while rows of others go from it, none is missed. */
static void who_asks_misses_nothing(void **state)
{
    struct fixture *f = *state;
    struct race race = {.r = revoked_open()};
    pthread_t threads[3];

    assert_int_equal(revoked_poll(race.r, f->db, NOW), OK);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, ask, &race);
    for (uint64_t n = 0; n < 10000; n += 1000) {
        struct effects fx = fixture_effects(f);
        for (uint64_t i = 0; i < 500; i++) {
            struct id id = id_of((1u << 20) + n + i); /* gone with the next poll */
            grant_revoke(&fx, DROP, &id, &two, NOW, NOW - 1 - CLIENT_ACCESS_TTL_MAX_S);
        }
        assert_int_equal(fixture_commit(f, &fx), OK);
        put_many(f, n, 1000, &one);
        assert_int_equal(revoked_poll(race.r, f->db, NOW), OK);
        atomic_store(&race.known, n + 1000);
    }
    atomic_store(&race.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_false(atomic_load(&race.wrong));
    revoked_close(race.r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_first_poll_takes_all),
        TEST(later_polls_overlap),
        TEST(later_polls_go_by_pages),
        TEST(the_overlap_follows_the_patience),
        TEST(the_whole_table_is_read_again),
        TEST(a_poll_that_fails_loses_nothing),
        TEST(own_revocations_are_taken_at_once),
        TEST(a_later_end_is_seen),
        TEST(what_has_expired_goes),
        TEST(too_many_of_one_client_are_told),
        TEST(the_needless_go_and_no_others),
        TEST(many_clients),
        TEST(who_asks_misses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
