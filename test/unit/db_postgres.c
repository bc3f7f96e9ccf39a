/* db_postgres: the driver seam over PostgreSQL: values, counts, transactions, bulks and loading.
 * What becomes of a connection is db_postgres_link's. */
#include "postgres_server.h"

enum { PUT, GET, LIST, COUNT, SUM, SET_IF, BROKEN, TEXT_AS_INT, BRACKET };

static const struct sql sql[] = {
    [PUT] = {"t.put", "INSERT INTO t (i, s, b) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"},
    [GET] = {"t.get", "SELECT i, s, b FROM t WHERE i = $1"},
    [LIST] = {"t.list", "SELECT i FROM t ORDER BY i LIMIT $1"},
    [COUNT] = {"t.count", "SELECT COUNT(*) FROM t"},
    [SUM] = {"t.sum", "SELECT SUM(i) FROM t"},
    /* the highest number comes first */
    [SET_IF] = {"t.set_if", "UPDATE t SET s = $3 WHERE i = $1 AND s = $2"},
    [BROKEN] = {"t.broken", "SELECT nothing FROM nowhere"},
    [TEXT_AS_INT] = {"t.text_as_int",
                     "INSERT INTO t (i, s) VALUES (CAST($1 AS TEXT)::bigint, 'x')"},
    [BRACKET] = {"begin", "BEGIN"},
};

static int64_t count(struct db *db)
{
    int64_t n;

    assert_int_equal(db_query_int(db, &sql[COUNT], NO_ARGS, &n), OK);
    return n;
}

static void put(struct db *db, int64_t i)
{
    assert_int_equal(db_run(db, &sql[PUT], ARGS(db_int(i), db_text(STR("x")), db_null()), NULL),
                     OK);
}

static void numbers_keep_their_value(void **state)
{
    static const int64_t numbers[] = {0, 1, -1, 255, -256, INT64_MAX, INT64_MIN, 1LL << 32};
    struct pg_fixture *f = *state;

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        put(f->db, numbers[i]);
        struct rows r = db_query(f->db, &sql[GET], ARGS(db_int(numbers[i])));
        assert_true(rows_next(&r));
        assert_true(row_int(&r, 0) == numbers[i]);
        assert_true(row_is_null(&r, 2));
        assert_false(rows_next(&r));
        assert_false(rows_next(&r));
        assert_int_equal(rows_end(&r), OK);
    }
    assert_int_equal(count(f->db), sizeof numbers / sizeof *numbers);
}

static void null_and_empty_differ(void **state)
{
    struct pg_fixture *f = *state;
    uint8_t byte = 1;

    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(1), db_text((str){0}), db_blob(NULL, 0)), NULL), OK);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(2), db_text(STR("")), db_blob("", 0)), NULL), OK);
    struct rows r = db_query(f->db, &sql[GET], ARGS(db_int(1)));
    assert_true(rows_next(&r));
    assert_true(row_is_null(&r, 1) && row_is_null(&r, 2));
    assert_null(row_text(&r, 1, &f->arena).p);
    assert_false(row_bytes(&r, 2, &byte, 1));
    assert_int_equal(row_int(&r, 1), 0);
    assert_int_equal(rows_end(&r), OK);
    r = db_query(f->db, &sql[GET], ARGS(db_int(2)));
    assert_true(rows_next(&r));
    assert_false(row_is_null(&r, 1) || row_is_null(&r, 2));
    assert_non_null(row_text(&r, 1, &f->arena).p);
    assert_int_equal(rows_end(&r), OK);
}

static void long_values_come_back(void **state)
{
    enum { SIZE = 1 << 20 };
    struct pg_fixture *f = *state;
    uint8_t *out = malloc(SIZE), *in = malloc(SIZE);
    str text = STR("s\xc3\xa4uber \xf0\x9f\x94\x91 \x01");

    for (size_t i = 0; i < SIZE; i++)
        in[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(1), db_text(text), db_blob(in, SIZE)), NULL), OK);
    struct rows r = db_query(f->db, &sql[GET], ARGS(db_int(1)));
    assert_true(rows_next(&r));
    assert_true(str_eq(row_text(&r, 1, &f->arena), text));
    assert_true(row_bytes(&r, 2, out, SIZE));
    assert_memory_equal(in, out, SIZE);
    assert_false(row_bytes(&r, 2, out, SIZE - 1));
    assert_int_equal(rows_end(&r), OK);
    free(in);
    free(out);
}

/* What SQLite reads as an integer anyway. */
static void catalogue_types_are_read(void **state)
{
    static const struct sql q = {"types", "SELECT CAST(-5 AS INT), CAST(-6 AS SMALLINT), TRUE, "
                                          "CAST(4000000000 AS OID), CAST('ab' AS NAME), "
                                          "CAST('cd' AS VARCHAR)"};
    struct pg_fixture *f = *state;

    struct rows r = db_query(f->db, &q, NO_ARGS);
    assert_true(rows_next(&r));
    assert_int_equal(row_int(&r, 0), -5);
    assert_int_equal(row_int(&r, 1), -6);
    assert_int_equal(row_int(&r, 2), 1);
    assert_true(row_int(&r, 3) == 4000000000);
    assert_true(str_eq(row_text(&r, 4, &f->arena), STR("ab")));
    assert_true(str_eq(row_text(&r, 5, &f->arena), STR("cd")));
    assert_int_equal(rows_end(&r), OK);
}

static void changes_are_counted(void **state)
{
    struct pg_fixture *f = *state;
    int64_t changed;

    put(f->db, 1);
    assert_int_equal(
        db_run(f->db, &sql[PUT], ARGS(db_int(1), db_text(STR("y")), db_null()), &changed), OK);
    assert_int_equal(changed, 0);
    assert_int_equal(db_run(f->db, &sql[SET_IF],
                            ARGS(db_int(1), db_text(STR("x")), db_text(STR("z"))), &changed),
                     OK);
    assert_int_equal(changed, 1);
    assert_int_equal(db_run(f->db, &sql[SET_IF],
                            ARGS(db_int(1), db_text(STR("x")), db_text(STR("z"))), &changed),
                     OK);
    assert_int_equal(changed, 0);
}

static void mistakes_are_errors(void **state)
{
    struct pg_fixture *f = *state;
    int64_t n;

    assert_int_equal(db_run(f->db, &sql[BROKEN], NO_ARGS, NULL), ERR_UNAVAILABLE);
    assert_non_null(strstr(f->db->ops->message(f->db), "nowhere"));
    assert_non_null(strstr(f->db->ops->message(f->db), "42P01"));
    assert_int_equal(db_run(f->db, &sql[GET], ARGS(db_int(1), db_int(2)), NULL), ERR_UNAVAILABLE);
    assert_int_equal(db_run(f->db, &sql[TEXT_AS_INT], ARGS(db_text(STR("x"))), NULL),
                     ERR_UNAVAILABLE);
    put(f->db, 1);
    /* A type that would be garbage if it were read as one of ours. */
    assert_int_equal(db_query_int(f->db, &sql[SUM], NO_ARGS, &n), ERR_UNAVAILABLE);
    assert_non_null(strstr(f->db->ops->message(f->db), "cast it"));
    assert_int_equal(count(f->db), 1);
}

static void a_query_may_end_early(void **state)
{
    struct pg_fixture *f = *state;

    for (int i = 0; i < 5; i++)
        put(f->db, i);
    struct rows r = db_query(f->db, &sql[LIST], ARGS(db_int(4)));
    assert_true(rows_next(&r));
    assert_true(rows_next(&r));
    assert_int_equal(row_int(&r, 0), 1);
    assert_int_equal(rows_end(&r), OK);
    r = db_query(f->db, &sql[LIST], ARGS(db_int(1)));
    assert_true(rows_next(&r));
    assert_int_equal(row_int(&r, 0), 0);
    assert_false(rows_next(&r));
    assert_int_equal(rows_end_one(&r), OK);
}

static void transactions_hold(void **state)
{
    struct pg_fixture *f = *state;

    assert_true(f->db->ops->lost_transaction(f->db));
    assert_int_equal(db_begin(f->db), OK);
    put(f->db, 1);
    assert_false(f->db->ops->lost_transaction(f->db));
    must_exec(f->db, "SAVEPOINT one");
    put(f->db, 2);
    must_exec(f->db, "ROLLBACK TO SAVEPOINT one");
    must_exec(f->db, "RELEASE SAVEPOINT one");
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(count(f->db), 1);
    assert_int_equal(db_begin(f->db), OK);
    put(f->db, 3);
    db_rollback(f->db);
    assert_true(f->db->ops->lost_transaction(f->db));
    assert_int_equal(count(f->db), 1);
}

/* PostgreSQL answers such a COMMIT with success, and rolls back. */
static void a_failed_transaction_does_not_commit(void **state)
{
    struct pg_fixture *f = *state;

    assert_int_equal(db_begin(f->db), OK);
    put(f->db, 1);
    assert_int_equal(db_run(f->db, &sql[BROKEN], NO_ARGS, NULL), ERR_UNAVAILABLE);
    assert_int_equal(f->db->ops->exec(f->db, "SELECT 1"), DB_ERROR); /* 25P02 */
    assert_false(f->db->ops->lost_transaction(f->db));
    assert_int_equal(db_commit(f->db), ERR_UNAVAILABLE);
    assert_int_equal(count(f->db), 0);
    must_exec(f->db, "CREATE TABLE u (i BIGINT); INSERT INTO u VALUES (1); DROP TABLE u");
}

/* ---- bulk ---- */

enum { MANY = 2000 };

static void put_many(struct db_call *calls, struct db_arg (*args)[3], size_t n)
{
    for (size_t i = 0; i < n; i++) {
        args[i][0] = db_int((int64_t)i);
        args[i][1] = db_text(STR("a text of no great length"));
        args[i][2] = db_blob("0123456789abcdef", 16);
        calls[i] = (struct db_call){&sql[PUT], args[i], 3, -1};
    }
}

static void a_bulk_is_one_round_trip(void **state)
{
    static struct db_call calls[MANY];
    static struct db_arg args[MANY][3];
    struct pg_fixture *f = *state;

    put(f->db, 7);
    put_many(calls, args, MANY);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_bulk(f->db, calls, MANY), OK);
    for (size_t i = 0; i < MANY; i++)
        assert_int_equal(calls[i].changed, i == 7 ? 0 : 1);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(count(f->db), MANY);
    calls[0] = (struct db_call){&sql[BRACKET], NO_ARGS, -1};
    assert_int_equal(db_bulk(f->db, calls, 2), OK); /* a bracket may come along */
    assert_false(f->db->ops->lost_transaction(f->db));
    db_rollback(f->db);
}

/* More than both sides' socket buffers hold, in both directions. */
static void a_bulk_may_be_large(void **state)
{
    enum { ROWS = 60, SIZE = 200000 };
    static struct db_call calls[2 * ROWS];
    static struct db_arg args[ROWS][3];
    struct pg_fixture *f = *state;
    char *blob = calloc(1, SIZE);

    for (size_t i = 0; i < ROWS; i++) {
        args[i][0] = db_int((int64_t)i);
        args[i][1] = db_text(STR("x"));
        args[i][2] = db_blob(blob, SIZE);
        calls[2 * i] = (struct db_call){&sql[PUT], args[i], 3, -1};
        calls[2 * i + 1] = (struct db_call){&sql[GET], args[i], 1, -1};
    }
    db_set_patience(f->db, 20000);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_bulk(f->db, calls, 2 * ROWS), OK);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(count(f->db), ROWS);
    free(blob);
}

static void a_bulk_stops_at_the_first_error(void **state)
{
    static struct db_call calls[MANY];
    static struct db_arg args[MANY][3];
    struct pg_fixture *f = *state;
    struct db_arg bad = db_text(STR("no number"));

    put_many(calls, args, MANY);
    calls[MANY / 2] = (struct db_call){&sql[TEXT_AS_INT], &bad, 1, -1};
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(f->db->ops->bulk(f->db, calls, MANY), DB_ERROR);
    assert_non_null(strstr(f->db->ops->message(f->db), "t.text_as_int: invalid input syntax"));
    assert_int_equal(calls[MANY / 2 - 1].changed, 1);
    assert_int_equal(calls[MANY / 2 + 1].changed, -1);
    assert_false(f->db->ops->lost_transaction(f->db));
    db_rollback(f->db);
    assert_int_equal(count(f->db), 0);
    calls[MANY / 2] = (struct db_call){&sql[BROKEN], NO_ARGS, -1};
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_bulk(f->db, calls, MANY), ERR_UNAVAILABLE);
    db_rollback(f->db);
    calls[MANY / 2] = (struct db_call){&sql[GET], args[0], 2, -1}; /* an argument too many */
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(db_bulk(f->db, calls, MANY), ERR_UNAVAILABLE);
    db_rollback(f->db);
    put(f->db, 1);
}

/* ---- loading ---- */

static const str columns[] = {STR_INIT("i"), STR_INIT("s"), STR_INIT("b")};

static void tables_are_loaded(void **state)
{
    enum { ROWS = 100000 };
    struct pg_fixture *f = *state;
    int64_t from_us = clock_mono_us(), took_us;
    uint8_t blob[60] = {0};

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(f->db->ops->load_begin(f->db, "t", columns, 3), DB_DONE);
    for (int i = 0; i < ROWS; i++) {
        struct db_arg row[] = {db_int(i), i % 3 ? db_text(STR("some text")) : db_null(),
                               db_blob(blob, (size_t)(i % 60))};
        memcpy(blob, &i, sizeof i);
        if (f->db->ops->load_row(f->db, row, 3) != DB_DONE)
            fail_msg("%s", f->db->ops->message(f->db));
    }
    assert_int_equal(f->db->ops->load_end(f->db), DB_DONE);
    assert_int_equal(db_commit(f->db), OK);
    took_us = clock_mono_us() - from_us;
    print_message("loaded %.0f rows/s\n", ROWS * 1e6 / (double)took_us);
    assert_int_equal(count(f->db), ROWS);
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM t WHERE s IS NULL"), ROWS / 3 + 1);
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM t WHERE length(b) = i % 60"), ROWS);
}

static void long_values_are_loaded(void **state)
{
    enum { SIZE = 3 << 20 };
    struct pg_fixture *f = *state;
    char *blob = calloc(1, SIZE);
    struct db_arg row[] = {db_int(1), db_text(STR("")), db_blob(blob, SIZE)};

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(f->db->ops->load_begin(f->db, "t", columns, 3), DB_DONE);
    assert_int_equal(f->db->ops->load_row(f->db, row, 3), DB_DONE);
    assert_int_equal(f->db->ops->load_end(f->db), DB_DONE);
    assert_int_equal(db_commit(f->db), OK);
    assert_int_equal(COUNT_OF(f->db, "SELECT length(b) FROM t"), SIZE);
    free(blob);
}

static void bad_loads_are_told(void **state)
{
    struct pg_fixture *f = *state;
    struct db_arg row[] = {db_int(1), db_text(STR("")), db_null()};

    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(f->db->ops->load_begin(f->db, "no\"where", columns, 3), DB_ERROR);
    db_rollback(f->db);
    assert_int_equal(db_begin(f->db), OK);
    assert_int_equal(f->db->ops->load_begin(f->db, "t", columns, 3), DB_DONE);
    assert_int_equal(f->db->ops->load_row(f->db, row, 3), DB_DONE);
    assert_int_equal(f->db->ops->load_row(f->db, row, 3), DB_DONE);
    assert_int_equal(f->db->ops->load_end(f->db), DB_REFUSED);
    assert_non_null(strstr(f->db->ops->message(f->db), "23505"));
    db_rollback(f->db);
    put(f->db, 1);
}

/* ---- a handle that only reads ---- */

static void readers_do_not_write(void **state)
{
    struct pg_fixture *f = *state;
    struct db *reader = pg_open(f->url, true);

    put(f->db, 1);
    assert_int_equal(count(reader), 1);
    assert_int_equal(reader->ops->exec(reader, "DELETE FROM t"), DB_ERROR);
    assert_int_equal(count(reader), 1); /* the connection was kept */
    db_use_views(reader);
    assert_int_equal(count(reader), 1);
    assert_false(reader->in_view);
    db_close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(numbers_keep_their_value),
        PG_TEST(null_and_empty_differ),
        PG_TEST(long_values_come_back),
        PG_TEST(catalogue_types_are_read),
        PG_TEST(changes_are_counted),
        PG_TEST(mistakes_are_errors),
        PG_TEST(a_query_may_end_early),
        PG_TEST(transactions_hold),
        PG_TEST(a_failed_transaction_does_not_commit),
        PG_TEST(a_bulk_is_one_round_trip),
        PG_TEST(a_bulk_may_be_large),
        PG_TEST(a_bulk_stops_at_the_first_error),
        PG_TEST(tables_are_loaded),
        PG_TEST(long_values_are_loaded),
        PG_TEST(bad_loads_are_told),
        PG_TEST(readers_do_not_write),
    };

    return cmocka_run_group_tests(tests, server_begin, server_end);
}
