/* store_table: the catalogue, pages in key order, rows that go to another store and come back the
 * same, and digests that tell any difference. */
#include "store_support.h"

#include "store/table.h"

enum { PAGE = 7 };

static struct table *find(struct table *tables, size_t n, const char *name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(tables[i].name, str_from(name)))
            return &tables[i];
    return NULL;
}

static struct table *must_read(struct fixture *f, struct db *db, const char *name)
{
    struct table *tables, *t;
    char why[256];
    size_t n;
    assert_int_equal(table_list(db, &f->arena, &tables, &n, why, sizeof why), OK);
    t = find(tables, n, name);
    assert_non_null(t);
    return t;
}

static void exec(struct db *db, const char *text)
{
    if (db->ops->exec(db, text) != DB_DONE)
        fail_msg("%s: %s", text, db->ops->message(db));
}

static void knows_every_table_but_its_own(void **state)
{
    struct fixture *f = *state;
    struct table *tables;
    char why[256];
    size_t n;
    exec(f->db, "CREATE TABLE move_state (id BIGINT NOT NULL PRIMARY KEY)");
    assert_int_equal(table_list(f->db, &f->arena, &tables, &n, why, sizeof why), OK);
    assert_true(n >= 20);
    for (size_t i = 1; i < n; i++)
        assert_true(str_cmp(tables[i - 1].name, tables[i].name) < 0);
    assert_null(find(tables, n, "move_state"));
    assert_null(find(tables, n, "schema_version"));
    assert_null(find(tables, n, "lease"));
    assert_non_null(find(tables, n, "token"));
    struct table *t = find(tables, n, "client_secret");
    assert_non_null(t);
    assert_int_equal(t->keys_n, 2);
    assert_str(t->columns[t->key[0]].name, "client_id");
    assert_str(t->columns[t->key[1]].name, "id");
    for (size_t i = 1; i < t->columns_n; i++)
        assert_true(str_cmp(t->columns[i - 1].name, t->columns[i].name) < 0);
    assert_int_equal(t->columns[t->key[0]].type, DB_BLOB);
}

/* Whoever keeps something of his own in the store hears of it, and the program goes on. */
static void names_a_table_that_is_none_of_ours(void **state)
{
    static const char *const others[] = {
        "CREATE TABLE notes (id BIGINT NOT NULL PRIMARY KEY, paid NUMERIC)",
        "CREATE TABLE notes (id BIGINT)",
        "CREATE TABLE notes (\"a \"\"b\" BIGINT NOT NULL PRIMARY KEY)",
    };
    struct fixture *f = *state;
    struct table *tables;
    char why[256];
    size_t n;
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        exec(f->db, others[i]);
        assert_int_equal(table_list(f->db, &f->arena, &tables, &n, why, sizeof why), ERR_CONFLICT);
        assert_non_null(strstr(why, "table notes is none of postern's"));
        exec(f->db, "DROP TABLE notes");
    }
    assert_int_equal(table_list(f->db, &f->arena, &tables, &n, why, sizeof why), OK);
}

/* Keys of two columns, whose pages end in the middle of a first key. */
static void pages_give_each_row_once(void **state)
{
    struct fixture *f = *state;
    struct table_row rows[PAGE], *last = NULL;
    size_t n, total = 0;
    exec(f->db, "CREATE TABLE pair (a TEXT NOT NULL, b BIGINT NOT NULL, PRIMARY KEY (b, a))");
    exec(f->db, "WITH RECURSIVE i(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM i WHERE n < 99) "
                "INSERT INTO pair (a, b) SELECT 'x' || n, n % 9 FROM i");
    struct table *t = must_read(f, f->db, "pair");
    do {
        assert_int_equal(table_page(f->db, &f->arena, t, last, PAGE, rows, &n), OK);
        for (size_t i = 0; i < n; i++) {
            struct table_row *row = ARENA_NEW(&f->arena, struct table_row);
            *row = rows[i];
            if (last) {
                int64_t before = last->values[1].i, here = row->values[1].i;
                assert_true(before < here ||
                            (before == here && str_cmp(last->values[0].s, row->values[0].s) < 0));
            }
            last = row;
        }
        total += n;
    } while (n == PAGE);
    assert_int_equal(total, 100);
}

/* NULL, empty, zero bytes and the ends of the numbers survive; columns stand in another order. */
static void rows_are_the_same_elsewhere(void **state)
{
    struct fixture *f = *state;
    struct db *other;
    char url[80];
    struct table_row rows[PAGE], copy;
    size_t n;
    snprintf(url, sizeof url, "sqlite:%s/other", f->dir);
    other = fixture_handle(url, false);
    exec(f->db, any_store_text(
                    "CREATE TABLE v (k BLOB NOT NULL PRIMARY KEY, i BIGINT, s TEXT, b BLOB)",
                    "CREATE TABLE v (k BYTEA NOT NULL PRIMARY KEY, i BIGINT, s TEXT, b BYTEA)"));
    exec(other, "CREATE TABLE v (s TEXT, b BLOB, i INTEGER, k BLOB NOT NULL PRIMARY KEY)");
    exec(f->db,
         any_store_text("INSERT INTO v (k, i, s, b) VALUES (x'00', NULL, NULL, NULL), "
                        "(x'01', 0, '', x''), (x'02', -9223372036854775808, 'a', x'0000'), "
                        "(x'0200', 9223372036854775807, printf('%.5000c', 'y'), zeroblob(300))",
                        "INSERT INTO v (k, i, s, b) VALUES ('\\x00', NULL, NULL, NULL), "
                        "('\\x01', 0, '', ''), ('\\x02', -9223372036854775808, 'a', '\\x0000'), "
                        "('\\x0200', 9223372036854775807, repeat('y', 5000), "
                        "decode(repeat('00', 300), 'hex'))"));
    struct table *here = must_read(f, f->db, "v"), *there = must_read(f, other, "v");
    assert_int_equal(table_page(f->db, &f->arena, here, NULL, PAGE, rows, &n), OK);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        struct db_arg *key = &rows[i].values[here->key[0]];
        for (int again = 0; again < 2; again++) /* it may be put twice */
            assert_int_equal(db_run(other, &there->put, rows[i].values, there->columns_n, NULL),
                             OK);
        assert_int_equal(table_get(other, &f->arena, there, key, &copy), OK);
        assert_true(table_digest(here, &rows[i]) == table_digest(there, &copy));
        for (size_t k = 0; k < i; k++)
            assert_true(table_digest(here, &rows[i]) != table_digest(here, &rows[k]));
        assert_int_equal(db_run(other, &there->drop, key, 1, NULL), OK);
        assert_int_equal(table_get(other, &f->arena, there, key, &copy), ERR_ABSENT);
    }
    db_close(other);
    snprintf(url, sizeof url, "%s/other", f->dir);
    unlink(url);
}

static void digest_tells_every_difference(void **state)
{
    struct fixture *f = *state;
    struct table t = {.name = STR_INIT("v"), .columns_n = 2}, u = t;
    struct table_row row = {.values = {db_text(STR("ab")), db_text(STR("c"))}};
    uint64_t sum = table_digest(&t, &row);
    (void)f;
    u.name = STR("w");
    assert_true(table_digest(&u, &row) != sum);
    row = (struct table_row){.values = {db_text(STR("a")), db_text(STR("bc"))}};
    assert_true(table_digest(&t, &row) != sum);
    row = (struct table_row){.values = {db_blob("ab", 2), db_text(STR("c"))}};
    assert_true(table_digest(&t, &row) != sum);
    row = (struct table_row){.values = {db_text(STR("")), db_null()}};
    sum = table_digest(&t, &row);
    row = (struct table_row){.values = {db_null(), db_text(STR(""))}};
    assert_true(table_digest(&t, &row) != sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(knows_every_table_but_its_own), TEST(names_a_table_that_is_none_of_ours),
        TEST(pages_give_each_row_once),      TEST(rows_are_the_same_elsewhere),
        TEST(digest_tells_every_difference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
