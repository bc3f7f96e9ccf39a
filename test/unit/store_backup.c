/* A backup of a store of an earlier schema version goes into the tables of that version, and the
 * migrations since run over its rows; into a later one it does not fit. */
#include "store_support.h"

#include "store/restore.h"

enum { OLD = 1 };

static const struct sql added = {"test.added", "SELECT COUNT(*) FROM throttle "
                                               "WHERE attempts = 7 AND last_s = 0"};

/* The file, and two stores in the fixture's directory. */
struct world {
    struct fixture *f;
    struct buf file;
    size_t at;
    struct secret key;
    struct db *from, *to;
};

static bool sink(void *arg, const void *bytes, size_t n)
{
    struct world *w = arg;
    buf_put(&w->file, str_make(bytes, n));
    return !w->file.overflow;
}

static ssize_t source(void *arg, void *bytes, size_t n)
{
    struct world *w = arg;
    size_t left = w->file.n - w->at, take = n < left ? n : left;
    memcpy(bytes, w->file.p + w->at, take);
    w->at += take;
    return (ssize_t)take;
}

static void on_page(void *arg, int64_t rows)
{
    (void)arg;
    (void)rows;
}

static struct db *store_at(struct fixture *f, const char *name)
{
    str url = arena_printf(&f->arena, "sqlite:%s/%s", f->dir, name);
    return fixture_handle(arena_cstr(&f->arena, url), false);
}

static void remove_store(struct fixture *f, struct db *db, const char *name)
{
    static const char *const ends[] = {"", "-wal", "-shm"};
    db_close(db);
    for (size_t i = 0; i < 3; i++) {
        str path = arena_printf(&f->arena, "%s/%s%s", f->dir, name, ends[i]);
        unlink(arena_cstr(&f->arena, path));
    }
}

static void migrate_to(struct db *db, int version)
{
    assert_int_equal(db_begin(db), OK);
    assert_int_equal(migrate_apply(db, version), OK);
    assert_int_equal(db_commit(db), OK);
}

static void save(struct world *w)
{
    char why[256] = "";
    struct backup_tables tables = {.arena = &w->f->arena};
    struct stream_writer *s = stream_writer_open(&w->key, STR("head"), sink, w);
    assert_int_equal(backup_begin(w->from), OK);
    assert_int_equal(backup_save(w->from, s, &tables, on_page, NULL, why, sizeof why), OK);
    backup_end(w->from);
    stream_writer_close(s);
    assert_int_equal(tables.rows, 1);
}

static enum err load(struct world *w, char *why, size_t why_size)
{
    w->at = 0;
    struct stream_reader *s = stream_reader_open(&w->key, STR("head"), source, w);
    enum err e = restore_load(w->to, &w->f->arena, s, on_page, NULL, why, why_size);
    stream_reader_close(s);
    return e;
}

static void begin(struct world *w, struct fixture *f)
{
    *w = (struct world){.f = f, .from = store_at(f, "from"), .to = store_at(f, "to")};
    buf_init(&w->file, &f->arena, 4096, 1 << 20);
    ct_secret_set(&w->key, "a key of thirty-two bytes, or so", STREAM_KEY_BYTES);
    migrate_to(w->from, OLD);
    static const char *const row = "INSERT INTO throttle VALUES ('someone', 7, 99)";
    assert_int_equal(w->from->ops->exec(w->from, row), DB_DONE);
    save(w);
}

static void end(struct world *w)
{
    remove_store(w->f, w->from, "from");
    remove_store(w->f, w->to, "to");
}

static void later_migrations_run_over_old_rows(void **state)
{
    struct world w;
    char why[256] = "";
    int64_t n;
    int version;
    begin(&w, *state);
    assert_int_equal(db_begin(w.to), OK);
    assert_int_equal(migrate_apply(w.to, OLD), OK);
    assert_int_equal(load(&w, why, sizeof why), OK);
    assert_int_equal(migrate_apply(w.to, migrate_latest()), OK);
    assert_int_equal(db_commit(w.to), OK);
    assert_int_equal(db_query_int(w.to, &added, NO_ARGS, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(migrate_version(w.to, &version), OK);
    assert_int_equal(version, migrate_latest());
    end(&w);
}

static void a_schema_of_another_version_is_refused(void **state)
{
    struct world w;
    char why[256] = "";
    begin(&w, *state);
    migrate_to(w.to, migrate_latest());
    assert_int_equal(db_begin(w.to), OK);
    assert_int_equal(load(&w, why, sizeof why), ERR_INVALID_REQUEST);
    assert_non_null(strstr(why, "tables that its schema version has"));
    db_rollback(w.to);
    assert_int_equal(restore_is_empty(w.to, &w.f->arena, why, sizeof why), OK);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(later_migrations_run_over_old_rows),
        TEST(a_schema_of_another_version_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
