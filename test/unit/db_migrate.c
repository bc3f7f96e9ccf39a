/* db_migrate: from nothing to the newest schema, once, whole or not at all, never backwards. */
#include "db_support.h"

#include "db/fault.h"
#include "db/migrate_plan.h"

static void run(struct db *db, int want_applied)
{
    char why[512] = "";
    int applied = -1;

    if (migrate_run(db, &applied, why, sizeof why) != OK)
        fail_msg("%s", why);
    assert_int_equal(applied, want_applied);
}

static int version_of(struct db *db)
{
    int version = -1;

    assert_int_equal(migrate_version(db, &version), OK);
    return version;
}

static void applied_once(void **state)
{
    struct fixture *f = *state;
    struct db *other = must_open(f->path, false), *reader;

    assert_true(migrate_latest() >= 1);
    assert_int_equal(version_of(f->db), 0);
    run(f->db, migrate_latest());
    assert_int_equal(version_of(f->db), migrate_latest());
    run(f->db, 0);
    run(other, 0);
    reader = must_open(f->path, true);
    assert_int_equal(version_of(reader), migrate_latest());
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM schema_version WHERE applied_s > 0"),
                     migrate_latest());
    assert_int_equal(COUNT_OF(f->db, "SELECT COUNT(*) FROM token"), 0);
    db_close(other);
    db_close(reader);
}

static void a_newer_database_is_refused(void **state)
{
    struct fixture *f = *state;
    char why[512], number[16];
    int applied;

    run(f->db, migrate_latest());
    must_exec(f->db, "INSERT INTO schema_version (number, name, applied_s) VALUES (99, 'x', 1)");
    assert_int_equal(migrate_run(f->db, &applied, why, sizeof why), ERR_CONFLICT);
    assert_int_equal(applied, 0);
    snprintf(number, sizeof number, "%d", migrate_latest());
    assert_non_null(strstr(why, "99"));
    assert_non_null(strstr(why, number));
    assert_non_null(strstr(why, "install"));
}

/* As a program of this version finds a store that a later one has migrated: each migration that it
 * does not know must allow it. */
static void a_newer_database_that_allows_it(void **state)
{
    struct fixture *f = *state;
    struct migrate_state is;
    char why[512], text[160];
    int applied = -1;

    run(f->db, migrate_latest());
    assert_int_equal(migrate_read(f->db, &is), OK);
    assert_int_equal(is.version, migrate_latest());
    assert_true(is.serves <= is.version);
    snprintf(text, sizeof text, "INSERT INTO schema_version VALUES (98, 'x', 1, %d)",
             migrate_latest());
    must_exec(f->db, text);
    assert_int_equal(migrate_read(f->db, &is), OK);
    assert_int_equal(is.version, 98);
    assert_true(migrate_serves(&is));
    assert_int_equal(migrate_run(f->db, &applied, why, sizeof why), OK);
    assert_int_equal(applied, 0);
    must_exec(f->db, "INSERT INTO schema_version VALUES (99, 'x', 1, 98)");
    must_exec(f->db, "INSERT INTO schema_version VALUES (100, 'x', 1, 1)");
    assert_int_equal(migrate_read(f->db, &is), OK);
    assert_int_equal(is.version, 100);
    assert_int_equal(is.serves, 98);
    assert_false(migrate_serves(&is));
    assert_int_equal(migrate_run(f->db, &applied, why, sizeof why), ERR_CONFLICT);
}

/* Programs before migration 4 made no column serves. */
static void a_database_without_that_column(void **state)
{
    struct fixture *f = *state;
    struct migrate_state is;

    must_exec(f->db, "CREATE TABLE schema_version (number BIGINT, name TEXT, applied_s BIGINT)");
    must_exec(f->db, "INSERT INTO schema_version VALUES (3, 'people', 1)");
    assert_int_equal(migrate_read(f->db, &is), OK);
    assert_int_equal(is.version, 3);
    assert_int_equal(is.serves, 3);
}

/* A fault at every call: the database is as before or fully migrated, and a second run ends well.
 */
static void a_fault_leaves_no_half(void **state)
{
    struct fixture *f = *state;
    char path[64], why[512];
    int64_t nth = 0;
    int applied;

    for (bool fired = true; fired;) {
        snprintf(path, sizeof path, "%s/other", f->dir);
        unlink(path);
        struct db *db = fault_open(must_open(path, false));
        nth++;
        fault_arm(db, FAULT_ANY, nth, DB_FULL, nth % 2 ? FAULT_LOST : FAULT_BEFORE);
        enum err e = migrate_run(db, &applied, why, sizeof why);
        fired = fault_fired(db);
        assert_int_equal(e != OK, fired);
        fault_arm(db, FAULT_ANY, 0, DB_ERROR, FAULT_BEFORE);
        if (e != OK) {
            int64_t tables =
                COUNT_OF(db, "SELECT COUNT(*) FROM sqlite_master WHERE name = 'token'");
            assert_int_equal(tables > 0, version_of(db) > 0);
            assert_true(strlen(why) > 10);
        }
        if (migrate_run(db, &applied, why, sizeof why) != OK)
            fail_msg("after a fault at call %d: %s", (int)nth, why);
        assert_int_equal(version_of(db), migrate_latest());
        db_close(db);
    }
    assert_true(nth > 8);
}

static void placeholders_by_dialect(void **state)
{
    struct fixture *f = *state;
    static const struct migration m = {1, 1, "x", "CREATE TABLE a (b $BLOB, c $OTHER) $CLUSTERED;"};

    str s = migrate_text(&f->arena, &m, "sqlite");
    assert_true(str_eq(s, STR("CREATE TABLE a (b BLOB, c $OTHER) WITHOUT ROWID;")));
    s = migrate_text(&f->arena, &m, "postgresql");
    assert_true(str_eq(s, STR("CREATE TABLE a (b BYTEA, c $OTHER) ;")));
}

static void a_plan_takes_a_file_apart(void **state)
{
    static const struct {
        const char *text, *table;
        bool makes;
    } want[] = {
        {"CREATE TABLE a ( b TEXT DEFAULT ';' )", "a", true},
        {"CREATE UNIQUE INDEX a_b ON a(b)", "a", false},
        {"ALTER TABLE ONLY c ADD COLUMN d BIGINT", "c", false},
        {"UPDATE c SET d = 1", "c", false},
        {"INSERT INTO e SELECT b FROM a", "e", false},
        {"DELETE FROM e", "e", false},
        {"DROP TABLE IF EXISTS f", "f", false},
    };
    struct fixture *f = *state;
    struct migrate_statement s;
    str text =
        STR("\nCREATE TABLE a (\n    b TEXT DEFAULT ';'\n);\nCREATE UNIQUE INDEX a_b ON a(b);"
            "ALTER TABLE ONLY c ADD COLUMN d BIGINT; ; UPDATE c SET d = 1;"
            "INSERT INTO e SELECT b FROM a; DELETE FROM e;DROP TABLE IF EXISTS f;\n");

    for (size_t i = 0; i < sizeof want / sizeof *want; i++) {
        assert_true(migrate_plan_next(&f->arena, &text, &s));
        assert_true(str_eq(s.text, str_from(want[i].text)));
        assert_true(str_eq(s.table, str_from(want[i].table)));
        assert_int_equal(s.makes, want[i].makes);
    }
    assert_false(migrate_plan_next(&f->arena, &text, &s));
}

static void a_plan_counts_rows(void **state)
{
    struct fixture *f = *state;
    int64_t rows;
    bool estimated = true;

    must_exec(f->db, "CREATE TABLE a (b BIGINT)");
    must_exec(f->db, "INSERT INTO a VALUES (1), (2), (3)");
    assert_int_equal(migrate_plan_rows(f->db, &f->arena, STR("a"), &rows, &estimated), OK);
    assert_int_equal(rows, 3);
    assert_false(estimated);
    assert_int_equal(migrate_plan_rows(f->db, &f->arena, STR("z"), &rows, &estimated), OK);
    assert_int_equal(rows, -1);
}

/* What people and logs may see of where a store is. */
static void a_url_without_its_password(void **state)
{
    static const char *const cases[][2] = {
        {"sqlite:/var/p:w@x.db", "sqlite:/var/p:w@x.db"},
        {"postgresql://u:pw@h:5432/d", "postgresql://u@h:5432/d"},
        {"postgresql://u:p@w@h1:1,h2:2/d", "postgresql://u@h1:1,h2:2/d"},
        {"postgres://u@h/d?password=pw&sslmode=require", "postgres://u@h/d?sslmode=require"},
        {"postgresql:///d?host=%2Ftmp&password=pw", "postgresql:///d?host=%2Ftmp"},
        {"postgresql://:pw@/d", "postgresql://@/d"},
        {"postgresql://", "postgresql://"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        str got = db_url_public(&f->arena, str_from(cases[i][0]));
        assert_true(str_eq(got, str_from(cases[i][1])));
    }
}

static void numbers_ascend(void **state)
{
    (void)state;
    for (const struct migration *m = migrations; m->number != 0; m++) {
        assert_int_equal(m->number, m - migrations + 1);
        assert_non_null(m->name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(applied_once),
        TEST(a_newer_database_is_refused),
        TEST(a_newer_database_that_allows_it),
        TEST(a_database_without_that_column),
        TEST(a_fault_leaves_no_half),
        TEST(placeholders_by_dialect),
        TEST(a_plan_takes_a_file_apart),
        TEST(a_plan_counts_rows),
        TEST(a_url_without_its_password),
        TEST(numbers_ascend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
