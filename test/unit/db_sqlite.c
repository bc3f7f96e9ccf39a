/* db_sqlite: the driver seam over SQLite: values, rows, transactions, and what a start says when
 * the file is not as it should be. */
#include "db_support.h"

enum { PUT, GET, SWAPPED, LIST, TWICE, BROKEN };

static const struct sql sql[] = {
    [PUT] = {"t.put", "INSERT INTO t (i, s, b) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"},
    [GET] = {"t.get", "SELECT i, s, b FROM t WHERE i = $1"},
    /* $2 appears first: SQLite numbers by appearance, we bind by name. */
    [SWAPPED] = {"t.swapped", "SELECT COUNT(*) FROM t WHERE s = $2 AND i = $1 AND b = $3"},
    [LIST] = {"t.list", "SELECT i FROM t ORDER BY i"},
    [TWICE] = {"t.twice", "UPDATE t SET i = $2 WHERE i = $1 OR i = $1 + 1"},
    [BROKEN] = {"t.broken", "SELECT nothing FROM nowhere"},
};

static void make_table(struct db *db)
{
    must_exec(db, "CREATE TABLE t (i BIGINT PRIMARY KEY, s TEXT, b BLOB)");
}

static void put(struct db *db, int64_t i)
{
    assert_int_equal(db_run(db, &sql[PUT], ARGS(db_int(i), db_text(STR("x")), db_null()), NULL),
                     OK);
}

static void values_come_back(void **state)
{
    struct fixture *f = *state;
    uint8_t bytes[4], wrong[3];
    int64_t changed;

    make_table(f->db);
    assert_int_equal(db_run(f->db, &sql[PUT],
                            ARGS(db_int(INT64_MIN), db_text(STR("a\0b")), db_blob("\0\1\2\3", 4)),
                            &changed),
                     OK);
    assert_int_equal(changed, 1);
    struct rows r = db_query(f->db, &sql[GET], ARGS(db_int(INT64_MIN)));
    assert_true(rows_next(&r));
    assert_true(row_int(&r, 0) == INT64_MIN);
    str s = row_text(&r, 1, &f->arena);
    assert_int_equal(s.n, 3);
    assert_memory_equal(s.p, "a\0b", 3);
    assert_true(row_bytes(&r, 2, bytes, 4));
    assert_memory_equal(bytes, "\0\1\2\3", 4);
    assert_false(row_bytes(&r, 2, wrong, 3)); /* another length */
    assert_int_equal(wrong[0] | wrong[1] | wrong[2], 0);
    assert_false(rows_next(&r));
    assert_int_equal(rows_end(&r), OK);
}

static void null_and_empty_differ(void **state)
{
    struct fixture *f = *state;
    uint8_t byte = 1;

    make_table(f->db);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(1), db_text((str){0}), db_blob(NULL, 0)), NULL), OK);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(2), db_text(STR("")), db_blob("", 0)), NULL), OK);
    struct rows r = db_query(f->db, &sql[GET], ARGS(db_int(1)));
    assert_true(rows_next(&r));
    assert_true(row_is_null(&r, 1) && row_is_null(&r, 2));
    assert_null(row_text(&r, 1, &f->arena).p);
    assert_false(row_bytes(&r, 2, &byte, 1));
    assert_int_equal(byte, 0);
    assert_int_equal(row_int(&r, 1), 0);
    assert_int_equal(rows_end(&r), OK);
    r = db_query(f->db, &sql[GET], ARGS(db_int(2)));
    assert_true(rows_next(&r));
    assert_false(row_is_null(&r, 1) || row_is_null(&r, 2));
    assert_non_null(row_text(&r, 1, &f->arena).p);
    assert_int_equal(rows_end(&r), OK);
}

static void parameters_are_bound_by_number(void **state)
{
    struct fixture *f = *state;

    make_table(f->db);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(7), db_text(STR("s")), db_blob("b", 1)), NULL), OK);
    struct rows r =
        db_query(f->db, &sql[SWAPPED], ARGS(db_int(7), db_text(STR("s")), db_blob("b", 1)));
    assert_true(rows_next(&r));
    assert_int_equal(row_int(&r, 0), 1);
    assert_int_equal(rows_end(&r), OK);
}

static void changes_are_counted(void **state)
{
    struct fixture *f = *state;
    int64_t changed;

    make_table(f->db);
    put(f->db, 1);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(1), db_text(STR("y")), db_null()), &changed), OK);
    assert_int_equal(changed, 0);
    assert_int_equal(db_run(f->db, &sql[TWICE], ARGS(db_int(1), db_int(5)), &changed), OK);
    assert_int_equal(changed, 1);
    assert_int_equal(db_run(f->db, &sql[TWICE], ARGS(db_int(1), db_int(5)), &changed), OK);
    assert_int_equal(changed, 0);
}

static void mistakes_are_errors(void **state)
{
    struct fixture *f = *state;

    make_table(f->db);
    assert_int_equal(db_run(f->db, &sql[BROKEN], NO_ARGS, NULL), ERR_UNAVAILABLE);
    assert_int_equal(db_run(f->db, &sql[GET], ARGS(db_int(1), db_int(2)), NULL), ERR_UNAVAILABLE);
    struct rows r = db_query(f->db, &sql[BROKEN], NO_ARGS);
    assert_false(rows_next(&r));
    assert_int_equal(rows_end(&r), ERR_UNAVAILABLE);
    put(f->db, 1); /* and the handle still works */
}

static void a_walk_may_stop_early(void **state)
{
    struct fixture *f = *state;
    struct db *other = must_open(f->path, true);

    make_table(f->db);
    for (int i = 0; i < 10; i++)
        put(f->db, i);
    struct rows r = db_query(other, &sql[LIST], NO_ARGS);
    assert_true(rows_next(&r));
    assert_int_equal(rows_end(&r), OK);
    put(f->db, 10);
    r = db_query(other, &sql[LIST], NO_ARGS); /* from the start, on fresh data */
    for (int i = 0; i <= 10; i++) {
        assert_true(rows_next(&r));
        assert_int_equal(row_int(&r, 0), i);
    }
    assert_false(rows_next(&r));
    assert_false(rows_next(&r));
    assert_int_equal(rows_end(&r), OK);
    db_close(other);
}

static void transactions_hold_or_not(void **state)
{
    struct fixture *f = *state;

    make_table(f->db);
    assert_int_equal(db_begin(f->db), OK);
    assert_false(f->db->ops->lost_transaction(f->db));
    put(f->db, 1);
    db_rollback(f->db);
    assert_true(f->db->ops->lost_transaction(f->db));
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM t"), 0);
    assert_int_equal(db_begin(f->db), OK);
    put(f->db, 1);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM t"), 1);
    assert_int_equal(db_commit(f->db), ERR_UNAVAILABLE); /* there is none */
    db_rollback(f->db);
}

static void a_reader_cannot_write(void **state)
{
    struct fixture *f = *state;
    struct db *reader;

    make_table(f->db);
    reader = must_open(f->path, true);
    assert_int_equal(db_run(reader, &sql[PUT], ARGS(db_int(1), db_null(), db_null()), NULL),
                     ERR_UNAVAILABLE);
    put(f->db, 1);
    assert_int_equal(COUNT_OF(reader, "SELECT COUNT(*) FROM t"), 1);
    db_close(reader);
}

static void a_held_lock_is_busy(void **state)
{
    struct fixture *f = *state;
    struct db *other = must_open(f->path, false);

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(other->ops->exec(other, "BEGIN"), DB_BUSY);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(db_begin(other), OK);
    db_rollback(other);
    db_close(other);
}

static void a_full_disk_is_full_and_ends_the_transaction(void **state)
{
    struct fixture *f = *state;
    static const struct sql fill = {"fill", "INSERT INTO t (i, b) VALUES (1, zeroblob(1000000))"};
    struct db_stmt *s;

    make_table(f->db);
    must_exec(f->db, "PRAGMA max_page_count = 10");
    assert_int_equal(db_begin(f->db), OK);
    s = f->db->ops->prepare(f->db, &fill);
    assert_non_null(s);
    assert_int_equal(f->db->ops->step(s), DB_FULL);
    f->db->ops->reset(s);
    db_rollback(f->db); /* whether the engine already did or not */
    assert_true(f->db->ops->lost_transaction(f->db));
    put(f->db, 2);
}

static void durable_and_private(void **state)
{
    struct fixture *f = *state;
    static const char *const files[] = {"", "-wal", "-shm"};
    char path[80];
    struct stat st;

    make_table(f->db);
    assert_int_equal(COUNT_OF(f->db, "PRAGMA synchronous"), 2); /* FULL */
    assert_int_equal(COUNT_OF(f->db, "PRAGMA cache_size"), -4096);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s%s", f->path, files[i]);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
    }
}

static int64_t log_size(struct fixture *f)
{
    char path[80];
    struct stat st;

    snprintf(path, sizeof path, "%s-wal", f->path);
    assert_int_equal(stat(path, &st), 0);
    return st.st_size;
}

static void the_log_starts_over(void **state)
{
    struct fixture *f = *state;
    static const struct sql fill = {"fill", "INSERT INTO t (i, b) VALUES ($1, zeroblob(40000))"};
    struct db *reader;

    make_table(f->db);
    reader = must_open(f->path, true);
    for (int i = 0; i < 1000; i++) { /* 40 MB */
        assert_int_equal(db_run(f->db, &fill, ARGS(db_int(i)), NULL), OK);
        assert_int_equal(COUNT_OF(reader, "SELECT COUNT(*) FROM t"), i + 1);
    }
    assert_in_range(log_size(f), 1, 12 << 20);
    db_close(reader);
}

static void assert_refused(const char *path, bool read_only, const char *word)
{
    struct db *db;
    char why[512];

    assert_int_not_equal(try_open(path, read_only, &db, why), OK);
    assert_null(db);
    if (!strstr(why, word))
        fail_msg("'%s' does not say '%s'", why, word);
    if (!strchr(why, ':'))
        fail_msg("'%s' names no remedy", why);
}

static void a_start_says_what_is_wrong(void **state)
{
    struct fixture *f = *state;
    char path[64], why[512];
    struct db *db;
    FILE *file;

    assert_refused("/tmp/no-such-directory/db", false, "/tmp/no-such-directory");
    assert_refused(f->dir, false, "is a directory");
    snprintf(path, sizeof path, "%s/other", f->dir);
    assert_refused(path, true, "there is no database at");
    assert_int_equal(access(path, F_OK), -1); /* a reader creates nothing */
    file = fopen(path, "w");
    for (int i = 0; i < 1000; i++)
        fputs("this is no database ", file);
    fclose(file);
    assert_refused(path, false, "is not a SQLite database");
    assert_refused(path, true, "is not a SQLite database");
    assert_refused("", false, "sqlite:PATH");
    assert_int_not_equal(db_open(STR("mysql://x"), false, &db, why, sizeof why), OK);
    assert_non_null(strstr(why, "mysql://x"));
}

static void a_locked_database_is_named(void **state)
{
    struct fixture *f = *state;
    char path[64];
    struct db *holder;

    snprintf(path, sizeof path, "%s/other", f->dir);
    holder = must_open(path, false);
    must_exec(holder, "PRAGMA journal_mode=DELETE");
    must_exec(holder, "CREATE TABLE t (i BIGINT)");
    must_exec(holder, "BEGIN EXCLUSIVE");
    assert_refused(path, false, "locked by another process");
    db_close(holder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(values_come_back),
        TEST(null_and_empty_differ),
        TEST(parameters_are_bound_by_number),
        TEST(changes_are_counted),
        TEST(mistakes_are_errors),
        TEST(a_walk_may_stop_early),
        TEST(transactions_hold_or_not),
        TEST(a_reader_cannot_write),
        TEST(a_held_lock_is_busy),
        TEST(a_full_disk_is_full_and_ends_the_transaction),
        TEST(durable_and_private),
        TEST(the_log_starts_over),
        TEST(a_start_says_what_is_wrong),
        TEST(a_locked_database_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
