/* migrate: applies the numbered schema files that a database does not have yet.
 *
 * All that is missing runs in one transaction, and the version is read again inside it, behind a
 * lock, so of two processes that start together one does the work, and the other finds it done. A
 * database that is ahead of the program is refused, since an old program could misread it, unless
 * the migrations it does not know all say that programs of its version may go on (column serves,
 * which migration 4 adds; 0, its default, says nothing).
 *
 * Nodes go on meanwhile on a shared store. A statement that waits for a table makes everybody wait
 * who comes after it, so it does not wait long: behind a backup, which holds all tables for
 * reading, it gives up, and all is tried again a moment later. Who waits for another migration does
 * so in short steps, too: what it holds of the table schema_version meanwhile the other may need.
 *
 * Left out on purpose: going back. A mistake is repaired by the next number.
 */
#include "db/migrate.h"

#include <stdio.h>
#include <time.h>

#include "base/buf.h"
#include "base/clock.h"

enum {
    SERVES_SINCE = 4, /* the first migration whose row has the column serves */
    TRIES = 3,
    LOCKED_TRIES = 20,
    LOCKED_REST_MS = 500,
    OTHER_REST_MS = 50,
    OTHER_MOST_MS = 600000, /* another one's index may take that long */
};

enum { HAS_SQLITE, HAS_POSTGRESQL, LAST, SERVES, PUT, PUT_SERVES };

static const struct sql sql[] = {
    [HAS_SQLITE] = {"schema_version.exists", "SELECT COUNT(*) FROM sqlite_master "
                                             "WHERE type = 'table' AND name = 'schema_version'"},
    [HAS_POSTGRESQL] = {"schema_version.exists", "SELECT COUNT(*) FROM pg_catalog.pg_class "
                                                 "WHERE oid = to_regclass('schema_version')"},
    [LAST] = {"schema_version.last", "SELECT number FROM schema_version ORDER BY number DESC "
                                     "LIMIT 1"},
    [SERVES] = {"schema_version.serves", "SELECT MAX(CASE WHEN serves = 0 THEN number ELSE serves "
                                         "END) FROM schema_version"},
    [PUT] = {"schema_version.put", "INSERT INTO schema_version (number, name, applied_s) "
                                   "VALUES ($1, $2, $3)"},
    [PUT_SERVES] = {"schema_version.put_serves",
                    "INSERT INTO schema_version (number, name, applied_s, serves) "
                    "VALUES ($1, $2, $3, $4)"},
};

static const char *const create = "CREATE TABLE IF NOT EXISTS schema_version ("
                                  "number BIGINT NOT NULL PRIMARY KEY, "
                                  "name TEXT NOT NULL, applied_s BIGINT NOT NULL)";
/* PostgreSQL lets two transactions read the version at once; SQLite has one writer. Rows are
 * locked, since not every engine that speaks its protocol locks tables; while there are none, two
 * collide in making the first table. */
static const char *const lock = "UPDATE schema_version SET applied_s = applied_s";
/* Sent before the lock, and behind it. Who stands in the queue for a table lets nobody pass, so the
 * holder needs to outwait only those who were there before: the first is well below the second, and
 * that is shorter than a node with the default db.timeout waits for a table. */
static const char *const peek = "SET LOCAL lock_timeout = 100";
static const char *const hurry = "SET LOCAL lock_timeout = 300";

static bool is_sqlite(const struct db *db)
{
    return strcmp(db->ops->name, "sqlite") == 0;
}

static enum err query_int(struct db *db, const struct sql *q, int *out)
{
    int64_t n;
    enum err e = db_query_int(db, q, NO_ARGS, &n);

    *out = (int)n;
    return e;
}

enum err migrate_read(struct db *db, struct migrate_state *state)
{
    int there = 0;
    enum err e = query_int(db, &sql[is_sqlite(db) ? HAS_SQLITE : HAS_POSTGRESQL], &there);

    *state = (struct migrate_state){0};
    if (e == OK && there > 0)
        e = query_int(db, &sql[LAST], &state->version);
    state->serves = state->version;
    if (e == OK && state->version >= SERVES_SINCE)
        e = query_int(db, &sql[SERVES], &state->serves);
    return e;
}

enum err migrate_version(struct db *db, int *version)
{
    struct migrate_state state;
    enum err e = migrate_read(db, &state);

    *version = state.version;
    return e;
}

bool migrate_serves(const struct migrate_state *state)
{
    return state->serves <= migrate_latest();
}

int migrate_latest(void)
{
    int latest = 0;

    for (const struct migration *m = migrations; m->number != 0; m++)
        latest = m->number;
    return latest;
}

struct placeholder {
    str name;
    str sqlite, postgresql;
};

static const struct placeholder placeholders[] = {
    {STR_INIT("$BLOB"), STR_INIT("BLOB"), STR_INIT("BYTEA")},
    {STR_INIT("$ROWID"), STR_INIT("INTEGER"), STR_INIT("BIGINT")},
    {STR_INIT("$CLUSTERED"), STR_INIT("WITHOUT ROWID"), STR_INIT("")},
};

static const struct placeholder *placeholder_at(str text)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof *placeholders; i++)
        if (str_starts(text, placeholders[i].name))
            return &placeholders[i];
    return NULL;
}

str migrate_text(struct arena *a, const struct migration *m, const char *driver)
{
    bool sqlite = strcmp(driver, "sqlite") == 0;
    str text = str_from(m->text);
    struct buf b;

    buf_init(&b, a, text.n + 256, text.n * 4 + 256);
    while (text.n > 0) {
        const struct placeholder *p = placeholder_at(text);
        if (p) {
            buf_put(&b, sqlite ? p->sqlite : p->postgresql);
            text = str_sub(text, p->name.n, text.n);
        } else {
            buf_char(&b, text.p[0]);
            text = str_sub(text, 1, text.n);
        }
    }
    return buf_str(&b);
}

static enum err put_row(struct db *db, const struct migration *m)
{
    struct clock clock = {0};
    struct db_arg args[] = {db_int(m->number), db_text(str_from(m->name)),
                            db_int(clock_now_s(&clock)), db_int(m->serves)};

    if (m->number < SERVES_SINCE)
        return db_run(db, &sql[PUT], args, 3, NULL);
    return db_run(db, &sql[PUT_SERVES], args, 4, NULL);
}

static enum err run_text(struct db *db, const char *text)
{
    enum db_status status = db->ops->exec(db, text);

    db->conflicted = status == DB_CONFLICT;
    return status == DB_DONE ? OK : ERR_UNAVAILABLE;
}

/* In the transaction that the caller opened. */
static enum err apply(struct db *db, const struct migration *m)
{
    struct arena a;
    enum err e;

    arena_init(&a, 1 << 20);
    e = run_text(db, arena_cstr(&a, migrate_text(&a, m, db->ops->name)));
    arena_free(&a);
    return e ? e : put_row(db, m);
}

/* What is missing up to number `last`, in the transaction that the caller opened. *at: the last one
 * that was tried. */
static enum err apply_to(struct db *db, int last, const struct migration **at, int *applied)
{
    int version = 0;
    enum err e = run_text(db, create);

    if (e == OK && !is_sqlite(db))
        e = run_text(db, lock);
    if (e == OK && !is_sqlite(db))
        e = run_text(db, hurry);
    if (e == OK)
        e = query_int(db, &sql[LAST], &version);
    for (const struct migration *m = migrations; e == OK && m->number != 0; m++) {
        if (m->number <= version || m->number > last)
            continue;
        *at = m;
        e = apply(db, m);
        *applied += e == OK;
    }
    return e;
}

enum err migrate_apply(struct db *db, int last)
{
    const struct migration *at;
    int applied = 0;

    return apply_to(db, last, &at, &applied);
}

/* *before: it came no further than the lock, which somebody else held. */
static enum err attempt(struct db *db, int *applied, bool *before, char *why, size_t why_size)
{
    const struct migration *at = NULL;
    enum err e = db_begin(db);

    *applied = 0;
    if (e == OK && !is_sqlite(db))
        e = run_text(db, peek);
    if (e == OK)
        e = apply_to(db, migrate_latest(), &at, applied);
    if (e == OK)
        e = db_commit(db);
    if (e == OK)
        return OK;
    snprintf(why, why_size, "migration %d (%s) failed and nothing was changed: %s%s",
             at ? at->number : migrations->number, at ? at->name : migrations->name,
             db->ops->message(db),
             db->conflicted ? ": something holds a table (a backup, a move, a psql session); end "
                              "or wait for it, then try again"
                            : "");
    *before = at == NULL && db->conflicted;
    db_rollback(db);
    *applied = 0;
    return e;
}

static void rest(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static bool may_try_again(const struct db *db, int tried)
{
    if (is_sqlite(db) || tried >= (db->conflicted ? LOCKED_TRIES : TRIES))
        return false;
    if (db->conflicted)
        rest(LOCKED_REST_MS);
    return true;
}

/* Two processes that make table schema_version at once collide in PostgreSQL's catalogue, IF NOT
 * EXISTS or not; the second time it is there. */
static enum err attempt_all(struct db *db, int *applied, char *why, size_t why_size)
{
    int64_t until_ms = clock_mono_ms() + OTHER_MOST_MS;
    int tried = 0;
    bool before;

    for (;;) {
        enum err e = attempt(db, applied, &before, why, why_size);
        if (e == OK)
            return OK;
        if (before && !is_sqlite(db) && clock_mono_ms() < until_ms)
            rest(OTHER_REST_MS);
        else if (!may_try_again(db, ++tried))
            return e;
    }
}

enum err migrate_run(struct db *db, int *applied, char *why, size_t why_size)
{
    struct migrate_state state;
    enum err e = migrate_read(db, &state);

    *applied = 0;
    if (e != OK) {
        snprintf(why, why_size, "cannot read the version of the database: %s",
                 db->ops->message(db));
        return e;
    }
    if (!migrate_serves(&state)) {
        snprintf(why, why_size,
                 "the database has schema version %d, this program knows up to %d: install the "
                 "postern that made it, or a later one",
                 state.version, migrate_latest());
        return ERR_CONFLICT;
    }
    return state.version < migrate_latest() ? attempt_all(db, applied, why, why_size) : OK;
}
