/* db_fault: the decorator fails exactly the call that it was armed for, and only that one. */
#include "db_support.h"

#include "db/fault.h"

static const struct sql put = {"t.put", "INSERT INTO t (i, s) VALUES ($1, $2)"};

static enum err put_row(struct db *db, int64_t i)
{
    return db_run(db, &put, ARGS(db_int(i), db_text(STR("x"))), NULL);
}

static struct db *open_faulty(struct fixture *f)
{
    struct db *db = fault_open(must_open(f->path, false));

    must_exec(db, "CREATE TABLE t (i BIGINT PRIMARY KEY, s TEXT)");
    return db;
}

static void each_kind_fails_at_its_turn(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_faulty(f);
    static const struct {
        enum fault_call call;
        int nth, lands_on; /* of three inserts, the first that fails */
    } cases[] = {{FAULT_PREPARE, 2, 2}, {FAULT_BIND, 1, 1}, {FAULT_BIND, 4, 2},
                 {FAULT_BIND, 6, 3},    {FAULT_STEP, 3, 3}, {FAULT_ANY, 5, 2}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        must_exec(db, "DELETE FROM t");
        fault_arm(db, cases[i].call, cases[i].nth, DB_ERROR, FAULT_BEFORE);
        for (int row = 1; row <= 3; row++)
            assert_int_equal(put_row(db, row) == OK, row != cases[i].lands_on);
        assert_true(fault_fired(db));
        assert_int_equal(COUNT_OF(db, "SELECT COUNT(*) FROM t"), 2);
    }
    db_close(db);
}

static void brackets_fail_too(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_faulty(f);

    fault_arm(db, FAULT_BEGIN, 1, DB_BUSY, FAULT_BEFORE);
    assert_int_equal(db_begin(db), ERR_UNAVAILABLE);
    fault_arm(db, FAULT_COMMIT, 1, DB_FULL, FAULT_BEFORE);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(put_row(db, 1), OK);
    assert_int_equal(db_commit(db), ERR_UNAVAILABLE);
    db_rollback(db);
    assert_int_equal(COUNT_OF(db, "SELECT COUNT(*) FROM t"), 0);
    fault_arm(db, FAULT_ROLLBACK, 1, DB_ERROR, FAULT_BEFORE);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(put_row(db, 1), OK);
    db_rollback(db);
    assert_int_equal(db_begin(db), OK); /* finds the open transaction and ends it */
    assert_int_equal(COUNT_OF(db, "SELECT COUNT(*) FROM t"), 0);
    db_rollback(db);
    db_close(db);
}

static void after_means_it_happened(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_faulty(f);

    fault_arm(db, FAULT_COMMIT, 1, DB_ERROR, FAULT_AFTER);
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(put_row(db, 1), OK);
    assert_int_equal(db_commit(db), ERR_UNAVAILABLE);
    db_rollback(db);
    assert_int_equal(COUNT_OF(db, "SELECT COUNT(*) FROM t"), 1);
    db_close(db);
}

static void lost_means_all_of_it(void **state)
{
    struct fixture *f = *state;
    struct db *db = open_faulty(f);

    assert_int_equal(db_begin(db), OK);
    assert_int_equal(put_row(db, 1), OK);
    fault_arm(db, FAULT_STEP, 1, DB_FULL, FAULT_LOST);
    assert_int_equal(put_row(db, 2), ERR_UNAVAILABLE);
    assert_true(db->ops->lost_transaction(db));
    db_rollback(db);
    assert_int_equal(COUNT_OF(db, "SELECT COUNT(*) FROM t"), 0);
    db_close(db);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_kind_fails_at_its_turn),
        TEST(brackets_fail_too),
        TEST(after_means_it_happened),
        TEST(lost_means_all_of_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
