/* store_capture: what a store notes of its writes while it is moved, and how it refuses them. */
#include "store_support.h"

#include <time.h>

#include "store/capture.h"

enum { MOST = 10, FREEZE_MS = 400, LONG_MS = 60000 };

struct world {
    struct fixture *f;
    struct db *writer; /* a server's, say: another handle than the copy's */
    struct capture capture;
    struct table *tables;
    size_t n, pair;
    struct capture_change changes[MOST];
    size_t found;
};

static void write_(struct world *w, const char *text)
{
    if (w->writer->ops->exec(w->writer, text) != DB_DONE)
        fail_msg("%s: %s", text, w->writer->ops->message(w->writer));
}

static void is_refused(struct world *w, const char *text, const char *why)
{
    assert_int_not_equal(w->writer->ops->exec(w->writer, text), DB_DONE);
    assert_non_null(strstr(w->writer->ops->message(w->writer), why));
}

static struct world *begin(void **state)
{
    struct fixture *f = *state;
    struct world *w = ARENA_NEW(&f->arena, struct world);
    char why[256];
    w->f = f;
    w->writer = fixture_handle(f->url, false);
    write_(w, "CREATE TABLE pair (a TEXT NOT NULL, b BIGINT NOT NULL, v TEXT, PRIMARY KEY (b, a))");
    assert_int_equal(table_list(f->db, &f->arena, &w->tables, &w->n, why, sizeof why), OK);
    while (!str_eq(w->tables[w->pair].name, STR("pair")))
        w->pair++;
    capture_init(&w->capture, f->db, &f->arena, w->tables, w->n);
    assert_int_equal(capture_install(&w->capture, &f->arena, STR("it's there")), OK);
    return w;
}

static void page(struct world *w)
{
    assert_int_equal(capture_page(&w->capture, &w->f->arena, w->pair, MOST, w->changes, &w->found),
                     OK);
}

static void forget(struct world *w)
{
    assert_int_equal(capture_forget(&w->capture, w->pair, w->changes, w->found), OK);
}

static size_t pending(struct world *w)
{
    bool tables[CAPTURE_TABLES];
    size_t n;
    assert_int_equal(capture_pending(&w->capture, tables, &n), OK);
    for (size_t i = 0; i < w->n; i++)
        assert_int_equal(tables[i], n > 0 && i == w->pair);
    return n;
}

/* Among the changes is one of key (b, a); v: its row's, NULL: the row is gone. Columns are by name:
 * a, b, v. */
static void has(struct world *w, int64_t b, const char *a, const char *v)
{
    for (size_t i = 0; i < w->found; i++) {
        struct capture_change *x = &w->changes[i];
        if (x->key[0].i != b || !str_eq(x->key[1].s, str_from(a)))
            continue;
        assert_int_equal(x->present, v != NULL);
        if (v)
            assert_str(x->row.values[2].s, v);
        return;
    }
    fail_msg("no change of (%d, %s)", (int)b, a);
}

static void every_kind_of_write_is_noted(void **state)
{
    struct world *w = begin(state);
    assert_int_equal(pending(w), 0);
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one'), ('x', 2, 'two')");
    assert_int_equal(pending(w), 1);
    page(w);
    assert_int_equal(w->found, 2);
    has(w, 1, "x", "one");
    has(w, 2, "x", "two");
    forget(w);
    assert_int_equal(pending(w), 0);
    write_(w, "UPDATE pair SET v = 'three' WHERE b = 1");
    page(w);
    assert_int_equal(w->found, 1);
    has(w, 1, "x", "three");
    forget(w);
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'y') ON CONFLICT (b, a) DO UPDATE "
              "SET v = excluded.v");
    write_(w, "DELETE FROM pair WHERE b = 2");
    page(w);
    has(w, 1, "x", "y");
    has(w, 2, "x", NULL);
    forget(w);
    assert_int_equal(pending(w), 0);
    db_close(w->writer);
}

static void a_row_that_moves_is_noted_at_both_keys(void **state)
{
    struct world *w = begin(state);
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    page(w);
    forget(w);
    write_(w, "UPDATE pair SET a = 'z' WHERE b = 1");
    page(w);
    assert_int_equal(w->found, 2);
    has(w, 1, "x", NULL);
    has(w, 1, "z", "one");
    db_close(w->writer);
}

static void what_is_undone_leaves_no_note(void **state)
{
    struct world *w = begin(state);
    write_(w, "BEGIN");
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    write_(w, "ROLLBACK");
    assert_int_equal(pending(w), 0);
    db_close(w->writer);
}

/* What is written between reading a row and forgetting its note comes once more. */
static void a_later_write_has_a_note_of_its_own(void **state)
{
    struct world *w = begin(state);
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    page(w);
    write_(w, "UPDATE pair SET v = 'two'");
    forget(w);
    page(w);
    assert_int_equal(w->found, 1);
    has(w, 1, "x", "two");
    db_close(w->writer);
}

static void a_freeze_refuses_and_ends_by_itself(void **state)
{
    struct world *w = begin(state);
    const struct timespec wait = {.tv_nsec = (FREEZE_MS + 200) * 1000000L};
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    assert_int_equal(capture_freeze(&w->capture, FREEZE_MS), OK);
    is_refused(w, "UPDATE pair SET v = 'two'", "is being moved to it's there");
    is_refused(w, "DELETE FROM pair", "is being moved");
    is_refused(w, "INSERT INTO pair (a, b) VALUES ('x', 2)", "is being moved");
    page(w);
    assert_int_equal(w->found, 1);
    nanosleep(&wait, NULL);
    write_(w, "UPDATE pair SET v = 'two'");
    page(w);
    assert_int_equal(w->found, 2);
    has(w, 1, "x", "two");
    assert_int_equal(capture_freeze(&w->capture, LONG_MS), OK);
    is_refused(w, "DELETE FROM pair", "is being moved");
    assert_int_equal(capture_thaw(&w->capture), OK);
    write_(w, "DELETE FROM pair");
    db_close(w->writer);
}

static void it_is_closed_only_when_nothing_is_left(void **state)
{
    struct world *w = begin(state);
    struct capture_state found;
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    assert_int_equal(capture_finish(&w->capture), ERR_CONFLICT);
    assert_int_equal(capture_read(w->f->db, &w->f->arena, &found), OK);
    assert_int_equal(found.phase, CAPTURE_ON);
    write_(w, "UPDATE pair SET v = 'two'");
    page(w);
    forget(w);
    assert_int_equal(capture_finish(&w->capture), OK);
    is_refused(w, "DELETE FROM pair", "was moved to it's there");
    assert_int_equal(capture_freeze(&w->capture, 1), OK); /* does not make it any less closed */
    assert_int_equal(capture_thaw(&w->capture), OK);
    is_refused(w, "DELETE FROM pair", "was moved to");
    assert_int_equal(capture_read(w->f->db, &w->f->arena, &found), OK);
    assert_int_equal(found.phase, CAPTURE_MOVED);
    assert_str(found.target, "it's there");
    db_close(w->writer);
}

static void taken_away_it_leaves_nothing(void **state)
{
    struct world *w = begin(state);
    struct capture_state found;
    assert_int_equal(capture_freeze(&w->capture, LONG_MS), OK);
    assert_int_equal(capture_remove(w->f->db, &w->f->arena), OK);
    assert_int_equal(capture_read(w->f->db, &w->f->arena, &found), ERR_ABSENT);
    write_(w, "INSERT INTO pair (a, b, v) VALUES ('x', 1, 'one')");
    assert_int_equal(
        fixture_count(w->f, any_store_text("SELECT COUNT(*) FROM sqlite_master "
                                           "WHERE name LIKE 'move!_%' ESCAPE '!'",
                                           "SELECT COUNT(*) FROM pg_class c JOIN pg_namespace n "
                                           "ON n.oid = c.relnamespace "
                                           "WHERE n.nspname = current_schema() "
                                           "AND c.relname LIKE 'move!_%' ESCAPE '!'")),
        0);
    assert_int_equal(capture_install(&w->capture, &w->f->arena, STR("again")), OK);
    db_close(w->writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_kind_of_write_is_noted),        TEST(a_row_that_moves_is_noted_at_both_keys),
        TEST(what_is_undone_leaves_no_note),       TEST(a_later_write_has_a_note_of_its_own),
        TEST(a_freeze_refuses_and_ends_by_itself), TEST(it_is_closed_only_when_nothing_is_left),
        TEST(taken_away_it_leaves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
