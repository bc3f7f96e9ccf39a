/* db_migrate_shared: several processes migrate one PostgreSQL database, and others use it. */
#include "postgres_server.h"

#include <pthread.h>

#include "db/migrate.h"

enum { BEFORE = 3, PATIENCE_MS = 800 };

static const struct sql sql[] = {{"t.version", "SELECT MAX(number) FROM schema_version"}};

struct run {
    struct db *db;
    pthread_t thread;
    enum err e;
    int applied;
    char why[512];
};

static void *migrate(void *arg)
{
    struct run *r = arg;

    r->e = migrate_run(r->db, &r->applied, r->why, sizeof r->why);
    return NULL;
}

static void start(struct run *r, const struct pg_fixture *f)
{
    *r = (struct run){.db = pg_open(f->url, false)};
    assert_int_equal(pthread_create(&r->thread, NULL, migrate, r), 0);
}

/* How many it applied. */
static int end(struct run *r)
{
    pthread_join(r->thread, NULL);
    db_close(r->db);
    if (r->e != OK)
        fail_msg("%s", r->why);
    return r->applied;
}

static void migrate_before(struct db *db)
{
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(migrate_apply(db, BEFORE), OK);
    assert_int_equal(db_commit(db), OK);
}

static int64_t version(struct db *db)
{
    int64_t n = -1;

    assert_int_equal(db_query_int(db, &sql[0], NO_ARGS, &n), OK);
    return n;
}

/* From nothing, then from the version before: one does the work, nobody fails. */
static void of_several_one_does_the_work(void **state)
{
    struct pg_fixture *f = *state;
    struct run runs[4];

    for (int from = 0; from <= BEFORE; from += BEFORE) {
        int applied = 0;
        must_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
        if (from > 0)
            migrate_before(f->db);
        for (int i = 0; i < 4; i++)
            start(&runs[i], f);
        for (int i = 0; i < 4; i++)
            applied += end(&runs[i]);
        assert_int_equal(applied, migrate_latest() - from);
        assert_int_equal(version(f->db), migrate_latest());
    }
}

/* All of them wait for one who then gives up: what they hold while they wait is in nobody's way. */
static void those_who_waited_do_not_stop_each_other(void **state)
{
    struct pg_fixture *f = *state;
    struct run runs[4];
    int64_t free_ms;
    int applied = 0;

    must_exec(f->db, "DROP SCHEMA public CASCADE; CREATE SCHEMA public");
    migrate_before(f->db);
    assert_int_equal(db_begin(f->db), OK);
    must_exec(f->db, "UPDATE schema_version SET applied_s = applied_s");
    for (int i = 0; i < 4; i++)
        start(&runs[i], f);
    sleep_ms(1000);
    db_rollback(f->db);
    free_ms = clock_mono_ms();
    for (int i = 0; i < 4; i++)
        applied += end(&runs[i]);
    assert_int_equal(applied, migrate_latest() - BEFORE);
    assert_true(clock_mono_ms() - free_ms < 4000);
}

/* Who reads a table for long, as a backup does, holds the migration up, but nobody else behind it.
 */
static void nobody_waits_behind_a_migration_that_waits(void **state)
{
    struct pg_fixture *f = *state;
    struct db *node = pg_open(f->url, true);
    struct run r;

    migrate_before(f->db);
    db_set_patience(node, PATIENCE_MS);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(version(f->db), BEFORE);
    start(&r, f);
    for (int i = 0; i < 100; i++) {
        assert_int_equal(version(node), BEFORE);
        sleep_ms(20);
    }
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(end(&r), migrate_latest() - BEFORE);
    assert_int_equal(version(node), migrate_latest());
    db_close(node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(of_several_one_does_the_work),
        PG_TEST(those_who_waited_do_not_stop_each_other),
        PG_TEST(nobody_waits_behind_a_migration_that_waits),
    };

    return cmocka_run_group_tests(tests, server_begin, server_end);
}
