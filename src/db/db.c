/* db: the part of the driver seam that is the same for every driver.
 *
 * Runs a statement from binding to reset, walks rows, and brackets transactions. A failure is
 * logged here, once, with the statement's name and what an operator can do about it; callers see
 * ERR_UNAVAILABLE. A statement is always reset before control returns to whoever asked for it, so
 * no read transaction outlives a call.
 *
 * Left out on purpose: retries. A busy store is the driver's to wait for, a lost batch the
 * committer's to report.
 */
#include "db/db.h"

#include <stdio.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"

struct scheme {
    const char *prefix;
    const struct db_ops *ops;
};

static const struct scheme schemes[] = {
    {"sqlite:", &sqlite_ops},
    {"postgresql://", &postgres_ops},
    {"postgres://", &postgres_ops},
};

enum err db_open(str url, bool read_only, struct db **out, char *why, size_t why_size)
{
    size_t scheme = str_find(url, ':', 0);
    bool secret = str_find(url, '@', 0) < url.n; /* a password may be before it */

    for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++)
        if (str_starts(url, str_from(schemes[i].prefix)))
            return schemes[i].ops->open(url, read_only, out, why, why_size);
    snprintf(why, why_size,
             "the database '%.*s%s' is of no kind that this program knows: write "
             "sqlite:PATH or postgresql://USER@HOST/NAME",
             STR_ARG(secret ? str_sub(url, 0, scheme) : url), secret ? ":..." : "");
    return ERR_INVALID_REQUEST;
}

bool db_url_is_shared(str url)
{
    return str_starts(url, STR("postgresql://")) || str_starts(url, STR("postgres://"));
}

/* "?user=u&password=p" without the parameters that hold a secret. */
static void put_query(struct buf *b, str query)
{
    str parameter;
    char before = '?';

    while (str_next(&query, '&', &parameter)) {
        if (str_starts(parameter, STR("password=")) || str_starts(parameter, STR("sslpassword=")))
            continue;
        buf_char(b, before);
        buf_put(b, parameter);
        before = '&';
    }
}

str db_url_public(struct arena *a, str url)
{
    size_t question, from = str_find(url, '/', 0) + 2; /* behind "postgresql://" */
    size_t at = url.n;
    struct buf b;

    if (!db_url_is_shared(url))
        return url;
    /* The last @: one in the password may have been written as it is. */
    while (at > from && url.p[at - 1] != '@')
        at--;
    buf_init(&b, a, url.n + 1, url.n + 1);
    if (at > from) {
        str user = str_sub(url, from, at - 1);
        size_t n = 0;
        while (n < user.n && !strchr(":/?", user.p[n]))
            n++;
        buf_put(&b, str_sub(url, 0, from));
        buf_put(&b, str_sub(user, 0, n));
        buf_char(&b, '@');
    } else {
        at = 0;
    }
    question = str_find(url, '?', at);
    buf_put(&b, str_sub(url, at, question));
    put_query(&b, str_sub(url, question + 1, url.n));
    return buf_str(&b);
}

void db_close(struct db *db)
{
    if (db)
        db->ops->close(db);
}

/* With the colon before it; none where the engine's message is all there is to say. */
static const char *remedy(const struct db *db, enum db_status status)
{
    if (status == DB_REFUSED)
        return "";
    if (status == DB_BUSY)
        return ": another process holds the write lock; end or wait for it (postern commands, "
               "backups, a sqlite3 shell)";
    if (status == DB_FULL)
        return ": free space on the database's file system";
    if (status == DB_CONFLICT)
        return ": another transaction was in the way; it may be tried again";
    if (status == DB_AWAY)
        return ": check that the database runs and can be reached; we try again by ourselves";
    if (db->ops->shared)
        return ": see the log of the database server";
    return ": check the disk and the permissions of the database's directory";
}

/* The statement's name, what the engine says, and the remedy; at most once a second, since the log
 * may lie on the same full disk. */
static enum err failed(struct db *db, const char *what, enum db_status status)
{
    int64_t now_ms = clock_mono_ms();

    db->conflicted = status == DB_CONFLICT;
    db->trouble = status;
    if (now_ms - db->told_ms < 1000) {
        db->untold++;
        return ERR_UNAVAILABLE;
    }
    if (db->untold > 0)
        log_note(LOG_ERROR, "db", "%ld more failures of the store", db->untold);
    db->told_ms = now_ms;
    db->untold = 0;
    log_note(status == DB_CONFLICT ? LOG_WARN : LOG_ERROR, "db", "%s: %s%s", what,
             db->ops->message(db), remedy(db, status));
    return ERR_UNAVAILABLE;
}

static struct db_stmt *start(struct db *db, const struct sql *sql, const struct db_arg *args,
                             size_t n)
{
    struct db_stmt *s = db->ops->prepare(db, sql);

    for (size_t i = 0; s && i < n; i++) {
        if (!db->ops->bind(s, (int)i + 1, &args[i])) {
            db->ops->reset(s);
            s = NULL;
        }
    }
    if (!s && !db->asked)
        failed(db, sql->name, DB_ERROR);
    return s;
}

enum err db_run(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n,
                int64_t *changed)
{
    struct db_stmt *s = start(db, sql, args, n);
    enum db_status status;
    enum err e = OK;

    if (!s)
        return ERR_UNAVAILABLE;
    do
        status = db->ops->step(s);
    while (status == DB_ROW);
    if (status != DB_DONE)
        e = failed(db, sql->name, status); /* before reset, which clears the message */
    else
        db->conflicted = false;
    if (e == OK && changed)
        *changed = db->ops->changes(db);
    db->ops->reset(s);
    return e;
}

/* Prepared, since they run with every turn; a driver without snapshots may do nothing here. */
static const struct sql view_begin = {"view.begin", "BEGIN"};
static const struct sql view_end = {"view.end", "COMMIT"};

void db_use_views(struct db *db)
{
    db->views = !db->ops->shared; /* there a transaction would not make reads cheaper */
}

static void view_open(struct db *db)
{
    if (db->views && !db->in_view)
        db->in_view = db_run(db, &view_begin, NO_ARGS, NULL) == OK;
}

void db_view_end(struct db *db)
{
    if (db->in_view && db_run(db, &view_end, NO_ARGS, NULL) != OK)
        db_rollback(db); /* never a frozen view */
    db->in_view = false;
}

struct rows db_query(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n)
{
    struct rows r = {.db = db, .name = sql->name, .status = DB_ROW};

    view_open(db);
    r.stmt = start(db, sql, args, n);
    if (!r.stmt)
        r.status = DB_ERROR;
    return r;
}

bool rows_next(struct rows *r)
{
    if (r->status != DB_ROW)
        return false;
    r->status = r->db->ops->step(r->stmt);
    r->db->conflicted = false;
    if (r->status != DB_ROW && r->status != DB_DONE)
        failed(r->db, r->name, r->status);
    r->found = r->found || r->status == DB_ROW;
    return r->status == DB_ROW;
}

enum err rows_end(struct rows *r)
{
    if (r->stmt)
        r->db->ops->reset(r->stmt);
    r->stmt = NULL;
    return r->status == DB_ROW || r->status == DB_DONE ? OK : ERR_UNAVAILABLE;
}

enum err rows_end_one(struct rows *r)
{
    enum err e = rows_end(r);

    return e == OK && !r->found ? ERR_ABSENT : e;
}

int64_t row_int(struct rows *r, int column)
{
    int64_t v = 0;
    str bytes;

    if (r->db->ops->column(r->stmt, column, &v, &bytes) != DB_INT)
        return 0;
    return v;
}

bool row_is_null(struct rows *r, int column)
{
    int64_t v;
    str bytes;

    return r->db->ops->column(r->stmt, column, &v, &bytes) == DB_NULL;
}

str row_text(struct rows *r, int column, struct arena *a)
{
    int64_t v;
    str bytes;
    enum db_type type = r->db->ops->column(r->stmt, column, &v, &bytes);

    if (type != DB_TEXT && type != DB_BLOB)
        return (str){NULL, 0};
    if (bytes.n == 0)
        return STR("");
    return arena_dup(a, bytes);
}

bool row_bytes(struct rows *r, int column, void *out, size_t n)
{
    int64_t v;
    str bytes;
    enum db_type type = r->db->ops->column(r->stmt, column, &v, &bytes);

    if (type != DB_BLOB || bytes.n != n) {
        memset(out, 0, n);
        return false;
    }
    memcpy(out, bytes.p, n);
    return true;
}

enum err db_query_int(struct db *db, const struct sql *sql, const struct db_arg *args, size_t n,
                      int64_t *out)
{
    struct rows r = db_query(db, sql, args, n);

    *out = rows_next(&r) ? row_int(&r, 0) : 0;
    return rows_end(&r);
}

static enum err control(struct db *db, const char *text)
{
    enum db_status status = db->ops->exec(db, text);

    if (status != DB_DONE)
        return failed(db, text, status);
    if (strcmp(text, "ROLLBACK") != 0) /* which follows a failure that it does not undo */
        db->conflicted = false;
    return OK;
}

enum err db_bulk(struct db *db, struct db_call *calls, size_t n)
{
    enum err e = OK;

    if (db->ops->bulk) {
        enum db_status status = db->ops->bulk(db, calls, n);
        if (status != DB_DONE)
            return failed(db, "bulk", status);
        db->conflicted = false;
        return OK;
    }
    for (size_t i = 0; e == OK && i < n; i++)
        e = db_run(db, calls[i].sql, calls[i].args, calls[i].n, &calls[i].changed);
    return e;
}

void db_set_patience(struct db *db, int ms)
{
    db->patience_ms = ms;
}

enum err db_begin(struct db *db)
{
    /* A rollback that failed has left its transaction open. */
    db_rollback(db);
    return control(db, "BEGIN");
}

enum err db_commit(struct db *db)
{
    return control(db, "COMMIT");
}

void db_rollback(struct db *db)
{
    if (!db->ops->lost_transaction(db))
        control(db, "ROLLBACK");
}
