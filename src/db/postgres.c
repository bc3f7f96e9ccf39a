/* postgres: the shared store (PostgreSQL, and engines that speak its protocol).
 *
 * A handle belongs to one thread and has one connection. Statements are found by the address of
 * their struct sql in an open-addressing table, as in sqlite.c, and prepared on the server at their
 * first use in each connection. Parameters and results travel in their binary form; a row's values
 * are read in place. A statement's rows are fetched whole: all of ours are bounded by their LIMIT.
 *
 * Preparing fails only where the statement runs (step), so that one place tells an unreachable
 * server from a mistake.
 *
 * Left out on purpose: types other than those that db.h names (a sum over BIGINT is NUMERIC: cast
 * it), server-side cursors, and anything that only PostgreSQL itself has.
 */
#include "db/postgres.h"

#include <endian.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"

#define OPEN_TIMEOUT_S 5
#define URL_MAX        4096

/* pg_type.h */
enum {
    TYPE_BOOL = 16,
    TYPE_BYTEA = 17,
    TYPE_NAME = 19,
    TYPE_INT8 = 20,
    TYPE_INT2 = 21,
    TYPE_INT4 = 23,
    TYPE_TEXT = 25,
    TYPE_OID = 26,
    TYPE_VARCHAR = 1043
};

#define ONES(n) [0 ...(n) - 1] = 1

const int postgres_formats[POSTGRES_PARAMS] = {ONES(POSTGRES_PARAMS)};

static enum err postgres_open(str url, bool read_only, struct db **out, char *why, size_t why_size)
{
    struct postgres *pg;

    if (url.n > URL_MAX) {
        snprintf(why, why_size, "the URL of the database is longer than %d bytes", URL_MAX);
        return ERR_INVALID_REQUEST;
    }
    pg = calloc(1, sizeof *pg);
    if (!pg || !(pg->url = strndup(url.p, url.n)))
        fatal("out of memory");
    pg->base.ops = &postgres_ops;
    pg->read_only = read_only;
    pg->generation = 1;
    pg->searched_ms = clock_mono_ms() - 60000; /* the first search need not wait */
    pg->c = postgres_open_connection(pg->url, read_only, 0, OPEN_TIMEOUT_S, why, why_size);
    if (!pg->c) {
        free(pg->url);
        free(pg);
        return ERR_UNAVAILABLE;
    }
    *out = &pg->base;
    return OK;
}

static void postgres_close(struct db *db)
{
    struct postgres *pg = postgres_self(db);

    postgres_link_close(pg);
    for (size_t i = 0; i < POSTGRES_SLOTS; i++) {
        if (pg->slots[i]) {
            PQclear(pg->slots[i]->rows);
            free(pg->slots[i]->text);
        }
        free(pg->slots[i]);
    }
    free(pg->copy);
    free(pg->url);
    free(pg);
}

/* ---- statements ---- */

/* The highest $N of the text. */
static int count_params(const char *text)
{
    int most = 0;

    for (const char *p = strchr(text, '$'); p; p = strchr(p, '$')) {
        int n = 0;
        for (p++; *p >= '0' && *p <= '9' && n <= POSTGRES_PARAMS; p++)
            n = n * 10 + (*p - '0');
        most = n > most ? n : most;
    }
    return most;
}

static struct db_stmt *make_statement(struct postgres *pg, const struct sql *sql)
{
    struct db_stmt *s = calloc(1, sizeof *s);

    if (!s || !(s->text = strdup(sql->text)))
        fatal("out of memory");
    s->sql = sql;
    s->db = pg;
    s->params = count_params(sql->text);
    if (s->params > POSTGRES_PARAMS)
        fatal("%s has more than %d parameters", sql->name, POSTGRES_PARAMS);
    snprintf(s->name, sizeof s->name, "s%zu", ++pg->used);
    return s;
}

struct db_stmt *postgres_statement(struct postgres *pg, const struct sql *sql)
{
    uint64_t h = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;
    size_t i = (size_t)(h >> 40) & (POSTGRES_SLOTS - 1);

    while (pg->slots[i] && pg->slots[i]->sql != sql)
        i = (i + 1) & (POSTGRES_SLOTS - 1);
    if (!pg->slots[i]) {
        if (pg->used >= POSTGRES_SLOTS / 2)
            fatal("more statements than a database handle has room for");
        pg->slots[i] = make_statement(pg, sql);
    }
#ifdef DEBUG
    /* Its memory was freed while this handle was open, and is another statement's now. */
    if (strcmp(pg->slots[i]->text, sql->text) != 0)
        fatal("%s is found at the address of another statement", sql->name);
#endif
    return pg->slots[i];
}

static struct db_stmt *postgres_prepare(struct db *db, const struct sql *sql)
{
    return postgres_statement(postgres_self(db), sql);
}

static bool postgres_bind(struct db_stmt *s, int index, const struct db_arg *arg)
{
    int i = index - 1;

    if (i < 0 || i >= s->params || arg->s.n > INT32_MAX) {
        snprintf(s->db->message, sizeof s->db->message,
                 "an argument for a parameter that the statement does not have");
        return false;
    }
    s->values[i] = NULL;
    if (arg->type == DB_INT) {
        s->ints[i] = htobe64((uint64_t)arg->i);
        s->values[i] = (const char *)&s->ints[i];
        s->lengths[i] = sizeof s->ints[i];
    } else if (arg->type != DB_NULL) {
        s->values[i] = arg->s.p;
        s->lengths[i] = (int)arg->s.n;
    }
    return true;
}

enum db_status postgres_prepare_now(struct db_stmt *s, int64_t until_ms)
{
    struct postgres *pg = s->db;
    enum db_status status;
    PGresult *r;

    if (s->generation == pg->generation)
        return DB_DONE;
    if (PQsendPrepare(pg->c, s->name, s->text, 0, NULL) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    status = postgres_link_finish(pg, until_ms, &r);
    PQclear(r);
    if (status == DB_DONE)
        s->generation = pg->generation;
    return status;
}

static bool is_known(Oid type)
{
    static const Oid known[] = {TYPE_INT8, TYPE_BYTEA, TYPE_TEXT, TYPE_INT4,   TYPE_INT2,
                                TYPE_BOOL, TYPE_OID,   TYPE_NAME, TYPE_VARCHAR};

    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i] == type)
            return true;
    return false;
}

static enum db_status check_types(struct db_stmt *s)
{
    for (int i = 0; i < PQnfields(s->rows); i++) {
        Oid type = PQftype(s->rows, i);
        if (is_known(type))
            continue;
        snprintf(s->db->message, sizeof s->db->message,
                 "column %d has the type %u, which is neither BIGINT, TEXT nor BYTEA: cast it",
                 i + 1, type);
        return DB_ERROR;
    }
    return DB_DONE;
}

static enum db_status run(struct db_stmt *s)
{
    struct postgres *pg = s->db;
    int64_t until_ms;
    enum db_status status;

    PQclear(s->rows);
    s->rows = NULL;
    if (!postgres_link_up(pg))
        return DB_AWAY;
    until_ms = postgres_link_until(pg);
    if ((status = postgres_prepare_now(s, until_ms)) != DB_DONE)
        return status;
    if (PQsendQueryPrepared(pg->c, s->name, s->params, s->values, s->lengths, postgres_formats,
                            1) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    status = postgres_link_finish(pg, until_ms, &s->rows);
    if (status != DB_DONE)
        return status;
    pg->changed = s->rows ? strtoll(PQcmdTuples(s->rows), NULL, 10) : 0;
    return check_types(s);
}

static enum db_status postgres_step(struct db_stmt *s)
{
    if (!s->running) {
        enum db_status status = run(s);
        if (status != DB_DONE)
            return status;
        s->running = true;
        s->row = -1;
    }
    if (s->row < PQntuples(s->rows))
        s->row++;
    return s->row < PQntuples(s->rows) ? DB_ROW : DB_DONE;
}

static int postgres_columns(struct db_stmt *s)
{
    return PQnfields(s->rows);
}

static int64_t read_int(const uint8_t *p, int n, bool is_unsigned)
{
    uint64_t v = !is_unsigned && n > 0 && (p[0] & 0x80) ? UINT64_MAX : 0;

    for (int i = 0; i < n; i++)
        v = v << 8 | p[i];
    return (int64_t)v;
}

static enum db_type postgres_column(struct db_stmt *s, int index, int64_t *i, str *bytes)
{
    const char *p;
    int n;
    Oid type;

    if (index >= PQnfields(s->rows) || PQgetisnull(s->rows, s->row, index))
        return DB_NULL;
    p = PQgetvalue(s->rows, s->row, index);
    n = PQgetlength(s->rows, s->row, index);
    type = PQftype(s->rows, index);
    if (type == TYPE_TEXT || type == TYPE_BYTEA || type == TYPE_NAME || type == TYPE_VARCHAR) {
        *bytes = str_make(p, (size_t)n);
        return type == TYPE_BYTEA ? DB_BLOB : DB_TEXT;
    }
    *i = read_int((const uint8_t *)p, n, type == TYPE_OID || type == TYPE_BOOL);
    return DB_INT;
}

static void postgres_reset(struct db_stmt *s)
{
    PQclear(s->rows);
    s->rows = NULL;
    s->running = false;
    memset(s->values, 0, sizeof s->values);
}

static int64_t postgres_changes(struct db *db)
{
    return postgres_self(db)->changed;
}

/* ---- texts and transactions ---- */

static bool is_bracket(const char *text)
{
    return strcmp(text, "BEGIN") == 0 || strcmp(text, "COMMIT") == 0 ||
           strcmp(text, "ROLLBACK") == 0;
}

static enum db_status postgres_exec(struct db *db, const char *text)
{
    struct postgres *pg = postgres_self(db);
    bool told = pg->orphaned && is_bracket(text);
    enum db_status status;
    PGresult *r;

    if (told)
        pg->orphaned = false;
    if (told && strcmp(text, "BEGIN") != 0) {
        snprintf(pg->message, sizeof pg->message, "the transaction was lost with its connection");
        return strcmp(text, "ROLLBACK") == 0 ? DB_DONE : DB_AWAY;
    }
    if (!postgres_link_up(pg))
        return DB_AWAY;
    status = postgres_link_text(pg, text, postgres_link_until(pg), &r);
    if (is_bracket(text))
        pg->orphaned = false; /* a loss was told by this failure */
    /* The server takes COMMIT for a ROLLBACK when a statement has failed, and calls that success */
    if (status == DB_DONE && strcmp(text, "COMMIT") == 0 && strcmp(PQcmdStatus(r), text) != 0) {
        snprintf(pg->message, sizeof pg->message,
                 "a statement of the transaction had failed: it was rolled back");
        status = DB_ERROR;
    }
    PQclear(r);
    return status;
}

static bool postgres_lost_transaction(struct db *db)
{
    struct postgres *pg = postgres_self(db);

    pg->orphaned = false; /* whoever asks knows it now */
    return !pg->in_transaction;
}

static const char *postgres_message(struct db *db)
{
    return postgres_self(db)->message;
}

/* ---- hints ---- */

static void postgres_notify(struct db *db)
{
    struct postgres *pg = postgres_self(db);
    PGresult *r;

    if (pg->mute || !postgres_link_up(pg))
        return;
    pg->mute = postgres_link_text(pg, "NOTIFY postern", postgres_link_until(pg), &r) != DB_DONE;
    PQclear(r);
}

static void listen_once(struct postgres *pg)
{
    PGresult *r;

    if (pg->listening || pg->deaf)
        return;
    pg->listening =
        postgres_link_text(pg, "LISTEN postern", postgres_link_until(pg), &r) == DB_DONE;
    pg->deaf = !pg->listening;
    PQclear(r);
}

/* Takes all that came; several hints are one. */
static bool heard(struct postgres *pg)
{
    bool any = false;

    for (PGnotify *n = PQnotifies(pg->c); n; n = PQnotifies(pg->c)) {
        any = true;
        PQfreemem(n);
    }
    return any;
}

static void nap(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    nanosleep(&t, NULL);
}

/* Until the time is over or there is a connection again. */
static void await_connection(struct postgres *pg, int64_t until_ms)
{
    int64_t left_ms;

    while ((left_ms = until_ms - clock_mono_ms()) > 0 && !postgres_link_up(pg))
        nap(left_ms < 20 ? left_ms : 20);
}

static bool postgres_wait(struct db *db, int ms)
{
    struct postgres *pg = postgres_self(db);
    int64_t until_ms = clock_mono_ms() + ms;
    bool listened = pg->listening || pg->deaf, there = postgres_link_up(pg);

    if (!there)
        await_connection(pg, until_ms);
    if (!pg->c)
        return false;
    /* On another connection, what came before was not heard: no time to wait. */
    if (!there || (listened && !pg->listening && !pg->deaf))
        until_ms = clock_mono_ms();
    listen_once(pg);
    while (pg->c) {
        if (heard(pg))
            return true;
        if (!postgres_link_poll(pg->c, false, until_ms))
            return false;
        if (PQconsumeInput(pg->c) == 0)
            postgres_link_drop(pg, PQerrorMessage(pg->c));
    }
    return false;
}

const struct db_ops postgres_ops = {
    .name = "postgresql",
    .shared = true,
    .open = postgres_open,
    .close = postgres_close,
    .prepare = postgres_prepare,
    .bind = postgres_bind,
    .step = postgres_step,
    .columns = postgres_columns,
    .column = postgres_column,
    .reset = postgres_reset,
    .changes = postgres_changes,
    .exec = postgres_exec,
    .lost_transaction = postgres_lost_transaction,
    .message = postgres_message,
    .bulk = postgres_bulk,
    .notify = postgres_notify,
    .wait = postgres_wait,
    .load_begin = postgres_bulk_load_begin,
    .load_row = postgres_bulk_load_row,
    .load_end = postgres_bulk_load_end,
};
