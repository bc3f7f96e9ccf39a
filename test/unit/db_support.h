/* db_support: an empty database in a directory of its own, for the tests of db/. */
#ifndef TEST_UNIT_DB_SUPPORT_H
#define TEST_UNIT_DB_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "db/migrate.h"

struct fixture {
    char dir[32];
    char path[64];
    struct db *db;
    struct arena arena;
};

static inline enum err try_open(const char *path, bool read_only, struct db **db, char *why)
{
    char url[128];

    *db = NULL;
    *why = 0;
    snprintf(url, sizeof url, "sqlite:%s", path);
    return db_open(str_from(url), read_only, db, why, 512);
}

static inline struct db *must_open(const char *path, bool read_only)
{
    struct db *db;
    char why[512];

    if (try_open(path, read_only, &db, why) != OK)
        fail_msg("%s", why);
    return db;
}

static inline int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    log_open(2, LOG_OFF);
    snprintf(f->dir, sizeof f->dir, "/tmp/postern-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->path, sizeof f->path, "%s/db", f->dir);
    f->db = must_open(f->path, false);
    arena_init(&f->arena, 4 << 20);
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    static const char *const files[] = {"db", "db-wal", "db-shm", "other"};
    struct fixture *f = *state;
    char path[64];

    db_close(f->db);
    arena_free(&f->arena);
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, files[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static inline void must_exec(struct db *db, const char *text)
{
    if (db->ops->exec(db, text) != DB_DONE)
        fail_msg("%s: %s", text, db->ops->message(db));
}

/* For constant texts: a statement is known by the address of its struct sql. */
#define COUNT_OF(db, text)                                                                         \
    __extension__({                                                                                \
        static const struct sql count_sql = {"count", text};                                       \
        struct rows count_rows = db_query((db), &count_sql, NO_ARGS);                              \
        int64_t count_n = rows_next(&count_rows) ? row_int(&count_rows, 0) : -1;                   \
        assert_int_equal(rows_end(&count_rows), OK);                                               \
        count_n;                                                                                   \
    })

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

#endif
