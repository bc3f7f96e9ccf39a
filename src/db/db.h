/* db: the driver seam.
 *
 * One vtable, a driver per store (sqlite.c, postgres.c), a handle for threads that must not wait
 * (elsewhere.c), a decorator that injects faults (fault.c). Statements are constants of store/:
 * `struct sql`, identified by address, and prepared once per handle; one that is made at run time
 * outlives the handles that run it (debug builds check it). They use $1..$N, ON CONFLICT,
 * RETURNING and the three types TEXT, BLOB/BYTEA, BIGINT only, so that one copy of them serves
 * every driver.
 *
 * A handle belongs to one thread. Reads run outside transactions, one statement at a time, and
 * are reset before the function that started them returns: no read transaction outlives a call.
 */
#ifndef DB_DB_H
#define DB_DB_H

#include "base/arena.h"
#include "base/err.h"
#include "base/id.h"

struct sql {
    const char *name; /* "client.load": artefact and verb, unique */
    const char *text;
};

enum db_type { DB_NULL, DB_INT, DB_TEXT, DB_BLOB };

struct db_arg {
    enum db_type type;
    int64_t i;
    str s; /* DB_TEXT, DB_BLOB: borrowed until the statement has run */
};

static inline struct db_arg db_int(int64_t v)
{
    return (struct db_arg){DB_INT, v, {0}};
}
static inline struct db_arg db_text(str s) /* p == NULL binds NULL */
{
    return (struct db_arg){s.p ? DB_TEXT : DB_NULL, 0, s};
}
/* For columns that are NOT NULL: p == NULL binds the empty text. */
static inline struct db_arg db_some_text(str s)
{
    return db_text(s.p ? s : STR(""));
}
static inline struct db_arg db_blob(const void *p, size_t n) /* p == NULL binds NULL */
{
    return (struct db_arg){p ? DB_BLOB : DB_NULL, 0, {p, n}};
}
static inline struct db_arg db_null(void)
{
    return (struct db_arg){DB_NULL, 0, {0}};
}
/* The bytes of a struct id, uid or digest that outlives the statement. */
#define db_bytes(ptr) db_blob((ptr)->b, sizeof(ptr)->b)

/* An argument list: db_run(db, &sql, ARGS(db_int(1), db_text(name)), &changed) */
#define ARGS(...)                                                                                  \
    (const struct db_arg[]){__VA_ARGS__},                                                          \
        sizeof((const struct db_arg[]){__VA_ARGS__}) / sizeof(struct db_arg)
#define NO_ARGS NULL, 0

struct db;
struct db_stmt;

/* DB_CONFLICT: another transaction was in the way (SQLSTATE 40001, 40P01, 55P03); this one is lost
 * and may be run again. DB_AWAY: the engine cannot be reached, or did not answer in time.
 * DB_REFUSED: a constraint or trigger does not allow it; the engine's message says which. */
enum db_status { DB_ROW, DB_DONE, DB_BUSY, DB_FULL, DB_CONFLICT, DB_AWAY, DB_REFUSED, DB_ERROR };

/* One statement of a bulk. */
struct db_call {
    const struct sql *sql;
    const struct db_arg *args;
    size_t n;
    int64_t changed; /* out: rows changed */
};

struct db_ops {
    const char *name;
    bool shared; /* processes on other machines write to the store, too */
    /* The whole URL. Fills `why` with a sentence when it fails. */
    enum err (*open)(str url, bool read_only, struct db **out, char *why, size_t why_size);
    void (*close)(struct db *db);
    struct db_stmt *(*prepare)(struct db *db, const struct sql *sql);
    bool (*bind)(struct db_stmt *s, int index, const struct db_arg *arg); /* index from 1 */
    enum db_status (*step)(struct db_stmt *s);
    int (*columns)(struct db_stmt *s);
    enum db_type (*column)(struct db_stmt *s, int index, int64_t *i, str *bytes); /* from 0 */
    void (*reset)(struct db_stmt *s);
    int64_t (*changes)(struct db *db);                       /* rows changed by the last step */
    enum db_status (*exec)(struct db *db, const char *text); /* begin, savepoints, schema */
    /* SQLite: 1 when the engine rolled the whole transaction back by itself. */
    bool (*lost_transaction)(struct db *db);
    const char *(*message)(struct db *db);
    /* Runs the calls in order inside the open transaction, in as few round trips as it can, and
     * fills in what each changed. NULL: the driver gains nothing by it. */
    enum db_status (*bulk)(struct db *db, struct db_call *calls, size_t n);
    /* Tells other processes that something was committed: a hint that may get lost. May be NULL. */
    void (*notify)(struct db *db);
    /* Waits for such a hint, at most ms; true: one came. A handle that has called it once hears
     * them from then on. NULL: there are none. */
    bool (*wait)(struct db *db, int ms);
    /* Fast loading of a table, inside a transaction: begin, rows (one argument per column, in
     * order), end. NULL: the caller inserts instead. */
    enum db_status (*load_begin)(struct db *db, const char *table, const str *columns, size_t n);
    enum db_status (*load_row)(struct db *db, const struct db_arg *values, size_t n);
    enum db_status (*load_end)(struct db *db);
};

struct db {
    const struct db_ops *ops;
    int64_t told_ms;        /* when a failure was logged last */
    long untold;            /* failures since then that were not */
    bool views;             /* reads open a view when there is none */
    bool in_view;           /* a read transaction is open that db_view_end ends */
    int patience_ms;        /* db_set_patience */
    bool conflicted;        /* the last failure was DB_CONFLICT */
    enum db_status trouble; /* the last failure */
    bool asked;             /* of db_elsewhere(): a statement was wanted; its user clears it */
    /* the driver's struct begins with this */
};

extern const struct db_ops sqlite_ops, postgres_ops;

/* "postgresql://...": several processes, here or elsewhere, may use the store at once. */
bool db_url_is_shared(str url);
/* The URL without the password, for people and logs. */
str db_url_public(struct arena *a, str url);

/* A handle for a thread that must not wait for the engine: every statement fails, and sets
 * db->asked. Whoever runs a handler on it looks at that afterwards, whatever the handler made of
 * the failure, and runs it again where there is a connection. Cannot fail. */
struct db *db_elsewhere(void);

/* "sqlite:PATH" or "postgresql://..." (libpq's URLs, environment and TLS settings). `why` says what
 * is wrong and what to do. A handle that was open once and lost its connection gets a new one in
 * the background; until then its calls fail at once as DB_AWAY. */
enum err db_open(str url, bool read_only, struct db **out, char *why, size_t why_size);
void db_close(struct db *db);
/* How long one call may take before it fails as DB_AWAY, in ms; 0: for ever. */
void db_set_patience(struct db *db, int ms);

/* A statement that returns no rows. *changed may be NULL. ERR_UNAVAILABLE on any failure (logged).
 */
enum err db_run(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n,
                int64_t *changed);

/* All the calls in order inside the open transaction, in one round trip where the driver can;
 * fills in what each changed. After a failure the transaction must be rolled back. */
enum err db_bulk(struct db *db, struct db_call *calls, size_t n);

/* A query, row by row:
 *     struct rows r = db_query(db, &sql[LIST], ARGS(db_bytes(&id)));
 *     while (rows_next(&r)) ... row_int(&r, 0) ...
 *     return rows_end(&r);            OK or ERR_UNAVAILABLE; always call it
 */
struct rows {
    struct db *db;
    struct db_stmt *stmt;
    const char *name;
    enum db_status status;
    bool found; /* a row has come */
};

struct rows db_query(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n);
bool rows_next(struct rows *r);
enum err rows_end(struct rows *r);
/* The same for a query that reads one row: ERR_ABSENT when it found none.
 *     if (rows_next(&r)) ...
 *     return rows_end_one(&r);
 */
enum err rows_end_one(struct rows *r);
int64_t row_int(struct rows *r, int column); /* NULL reads as 0 */
bool row_is_null(struct rows *r, int column);
str row_text(struct rows *r, int column, struct arena *a); /* NULL: p == NULL */
/* Copies exactly n bytes; zeroes and false when NULL or of another length. */
bool row_bytes(struct rows *r, int column, void *out, size_t n);

/* The one number that a query gives; 0 when there is no row. */
enum err db_query_int(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n,
                      int64_t *out);

/* A view is a read transaction that the reads of one turn of a worker's loop share: opening one
 * costs as much as a read. Does nothing on a shared store. Whoever switches views on ends them
 * before he waits for anything, and as soon as this process has committed (an answer that left must
 * be seen by the next request). */
void db_use_views(struct db *db);
void db_view_end(struct db *db);

/* Transactions, for store/commit.c, migrations and commands. */
enum err db_begin(struct db *db);
enum err db_commit(struct db *db);
void db_rollback(struct db *db);

#endif
