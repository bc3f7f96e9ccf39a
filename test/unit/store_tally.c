/* tally: every table is counted, over several pages and steps. */
#include "store_support.h"

#include "store/statements.h"
#include "store/tally.h"

static int64_t rows_of(const struct tally *t, const char *table)
{
    for (size_t i = 0; i < TALLY_TABLES; i++)
        if (str_eq(str_from(tally_tables[i]), str_from(table)))
            return atomic_load(&t->rows[i]);
    fail_msg("no table %s", table);
    return -1;
}

static void fill(struct db *db)
{
    static const char *const texts[] = {
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1500) "
        "INSERT INTO grants SELECT CAST(printf('%012d', i) AS BLOB), x'00', 1, 2 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1003) "
        "INSERT INTO throttle (subject, attempts, window_end_s) "
        "SELECT printf('%04d', i), 1, 2 FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1201) "
        "INSERT INTO client_group SELECT CAST(printf('%016d', i / 700) AS BLOB), "
        "CAST(printf('%012d', i) AS BLOB) FROM n",
        /* keys of a blob or text and a number */
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1301) "
        "INSERT INTO explanation SELECT CAST(printf('%05d', i / 700) AS BLOB), i, x'00', 1, '{}' "
        "FROM n",
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 701) "
        "INSERT INTO client_origin SELECT printf('https://%d.example', i / 600), "
        "CAST(printf('%016d', i) AS BLOB) FROM n",
    };

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(db->ops->exec(db, texts[i]), DB_DONE);
}

static void counts_by_pages(void **state)
{
    struct fixture *f = *state;
    struct tally t;

    fill(f->db);
    tally_init(&t);
    assert_int_equal(rows_of(&t, "grants"), -1);
    assert_int_equal(tally_run(&t, f->db, NOW, 30, 10000000), OK);
    assert_int_equal(rows_of(&t, "grants"), 1500);
    assert_int_equal(rows_of(&t, "throttle"), 1003);
    assert_int_equal(rows_of(&t, "client_group"), 1201);
    assert_int_equal(rows_of(&t, "explanation"), 1301);
    assert_int_equal(rows_of(&t, "client_origin"), 701);
    assert_int_equal(rows_of(&t, "token"), 0);
    assert_int_equal(t.next_s, NOW + 30);
}

/* With no time at all each call takes one page, and the next one goes on. */
static void goes_on_where_it_was(void **state)
{
    struct fixture *f = *state;
    struct tally t;
    int calls = 0;

    tally_init(&t);
    for (; t.next_s == 0 && calls < 100; calls++)
        assert_int_equal(tally_run(&t, f->db, NOW, 30, 0), OK);
    /* pages of 500: three more of grants, two of throttle, client_group and explanation, one of
     * client_origin */
    assert_int_equal(calls, TALLY_TABLES + 3 + 2 + 2 + 2 + 1);
    assert_int_equal(rows_of(&t, "grants"), 1500);
    assert_int_equal(rows_of(&t, "client_group"), 1201);
    /* nothing before its time */
    assert_int_equal(f->db->ops->exec(f->db, "DELETE FROM grants"), DB_DONE);
    assert_int_equal(tally_run(&t, f->db, NOW + 29, 30, 10000000), OK);
    assert_int_equal(rows_of(&t, "grants"), 1500);
    assert_int_equal(tally_run(&t, f->db, NOW + 30, 30, 10000000), OK);
    assert_int_equal(rows_of(&t, "grants"), 0);
}

/* A new table needs a row in tally.c. */
static void no_table_is_missing(void **state)
{
    static const struct sql list = {"test.tables",
                                    "SELECT name FROM sqlite_master WHERE type = 'table' AND name "
                                    "NOT LIKE 'sqlite%' AND name <> 'schema_version'"};
    struct fixture *f = *state;
    struct tally t;
    size_t n = 0;

    tally_init(&t);
    struct rows r = db_query(f->db, &list, NO_ARGS);
    for (; rows_next(&r); n++)
        rows_of(&t, arena_cstr(&f->arena, row_text(&r, 0, &f->arena)));
    assert_int_equal(rows_end(&r), OK);
    assert_int_equal(n, TALLY_TABLES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_by_pages),
        cmocka_unit_test(goes_on_where_it_was),
        cmocka_unit_test(no_table_is_missing),
    };

    return cmocka_run_group_tests(tests, fixture_open, fixture_close);
}
