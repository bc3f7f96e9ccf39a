/* postgres_server: a private PostgreSQL for unit tests, and an empty database for each of them.
 *
 * The server is the one of script/postgres that POSTERN_TEST_PG names the directory of, or one that
 * is started here and removed at the end; a test that stops the server asks for one of its own.
 * Tests run in the root of the repository.
 */
#ifndef TEST_UNIT_POSTGRES_SERVER_H
#define TEST_UNIT_POSTGRES_SERVER_H

#include "db_support.h"

#include <signal.h>
#include <time.h>

#include "base/clock.h"

struct server_of_tests {
    char dir[128];
    bool own;
    int databases;
};

static struct server_of_tests pg_server;

/* Runs script/postgres VERB DIR REST; its first line, without the newline. */
static inline void script_postgres(const char *verb, const char *rest, char *out, size_t size)
{
    char command[256];
    FILE *p;

    snprintf(command, sizeof command, "exec script/postgres %s %s %s", verb, pg_server.dir, rest);
    p = popen(command, "r");
    assert_non_null(p);
    out[0] = 0;
    if (fgets(out, (int)size, p))
        out[strcspn(out, "\n")] = 0;
    if (pclose(p) != 0)
        fail_msg("%s failed", command);
}

static inline void server_start(bool own)
{
    const char *given = own ? NULL : getenv("POSTERN_TEST_PG");
    char url[256];

    if (given) {
        snprintf(pg_server.dir, sizeof pg_server.dir, "%s", given);
        return;
    }
    if (!*pg_server.dir) {
        snprintf(pg_server.dir, sizeof pg_server.dir, "/tmp/postern-pg-XXXXXX");
        assert_non_null(mkdtemp(pg_server.dir));
        pg_server.own = true;
    }
    script_postgres("start", "0 fsync=off", url, sizeof url);
}

static inline int server_begin(void **state)
{
    (void)state;
    log_open(2, LOG_OFF);
    server_start(false);
    return 0;
}

static inline int server_begin_own(void **state)
{
    (void)state;
    log_open(2, LOG_OFF);
    server_start(true);
    return 0;
}

static inline int server_end(void **state)
{
    char line[8];

    (void)state;
    if (pg_server.own)
        script_postgres("remove", "", line, sizeof line);
    return 0;
}

/* ---- a database for one test ---- */

struct pg_fixture {
    char name[48], url[256];
    struct db *db;
    struct arena arena;
};

static inline struct db *pg_open(const char *url, bool read_only)
{
    struct db *db = NULL;
    char why[512];

    if (db_open(str_from(url), read_only, &db, why, sizeof why) != OK)
        fail_msg("%s", why);
    return db;
}

static inline void pg_admin(const char *text)
{
    char url[256];
    struct db *db;

    script_postgres("url", "postgres", url, sizeof url);
    db = pg_open(url, false);
    must_exec(db, text);
    db_close(db);
}

static inline int pg_fixture_open(void **state)
{
    struct pg_fixture *f = calloc(1, sizeof *f);
    char text[96];

    snprintf(f->name, sizeof f->name, "unit_%d_%d", (int)getpid(), ++pg_server.databases);
    snprintf(text, sizeof text, "CREATE DATABASE %s", f->name);
    pg_admin(text);
    script_postgres("url", f->name, f->url, sizeof f->url);
    f->db = pg_open(f->url, false);
    must_exec(f->db, "CREATE TABLE t (i BIGINT PRIMARY KEY, s TEXT, b BYTEA)");
    arena_init(&f->arena, 4 << 20);
    *state = f;
    return 0;
}

static inline int pg_fixture_close(void **state)
{
    struct pg_fixture *f = *state;
    char text[96];

    db_close(f->db);
    snprintf(text, sizeof text, "DROP DATABASE %s WITH (FORCE)", f->name);
    pg_admin(text);
    arena_free(&f->arena);
    free(f);
    return 0;
}

#define PG_TEST(name) cmocka_unit_test_setup_teardown(name, pg_fixture_open, pg_fixture_close)

static inline void sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L};

    nanosleep(&t, NULL);
}

/* Fails the test when what was begun at `from_ms` took longer. */
static inline void assert_within(int64_t from_ms, int ms)
{
    int64_t took_ms = clock_mono_ms() - from_ms;

    if (took_ms > ms)
        fail_msg("took %d ms, not %d", (int)took_ms, ms);
}

#endif
