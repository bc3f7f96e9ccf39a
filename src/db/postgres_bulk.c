/* postgres_bulk: many statements in one round trip, and many rows in one statement.
 *
 * A bulk is libpq's pipeline mode: all statements are queued in memory, then sent while results are
 * read in the same loop, so that neither side waits with full buffers. After the first error the
 * server skips the rest up to the sync; the caller rolls the transaction back.
 *
 * Loading is COPY in its binary form. Rows gather in a buffer, so that libpq is called for every
 * BUFFER bytes and not for every value; the server says at the end what was wrong.
 */
#include <endian.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/log.h"
#include "db/postgres.h"

#define BUFFER   (128 * 1024)
#define COPY_MAX 4096 /* of the COPY statement's text */

/* ---- pipeline ---- */

/* What can go wrong before anything is sent, and one round trip for each statement that is new to
 * this connection. */
static enum db_status prepare_all(struct postgres *pg, const struct db_call *calls, size_t n,
                                  int64_t until_ms)
{
    for (size_t i = 0; i < n; i++) {
        struct db_stmt *s = postgres_statement(pg, calls[i].sql);
        enum db_status status = postgres_prepare_now(s, until_ms);
        if (status != DB_DONE)
            return status;
        if (calls[i].n > (size_t)s->params) {
            snprintf(pg->message, sizeof pg->message,
                     "%s: an argument for a parameter that the statement does not have",
                     calls[i].sql->name);
            return DB_ERROR;
        }
    }
    return DB_DONE;
}

/* The values are copied: the statement is free for its next use at once. */
static bool queue(struct postgres *pg, const struct db_call *call)
{
    const struct db_ops *ops = pg->base.ops;
    struct db_stmt *s = postgres_statement(pg, call->sql);
    bool ok = true;

    for (size_t i = 0; ok && i < call->n; i++)
        ok = ops->bind(s, (int)i + 1, &call->args[i]);
    ok = ok && PQsendQueryPrepared(pg->c, s->name, s->params, s->values, s->lengths,
                                   postgres_formats, 1) == 1;
    ops->reset(s);
    return ok;
}

/* Notes the first error with the name of its statement. */
static enum db_status take(struct postgres *pg, struct db_call *call, const PGresult *r)
{
    char why[POSTGRES_WHY / 2];
    enum db_status status = postgres_link_status(pg, r);

    if (status == DB_DONE) {
        call->changed = strtoll(PQcmdTuples((PGresult *)(uintptr_t)r), NULL, 10);
        return DB_DONE;
    }
    snprintf(why, sizeof why, "%.200s", pg->message);
    snprintf(pg->message, sizeof pg->message, "%s: %s", call->sql->name, why);
    return status;
}

/* Results come one by one, each statement's followed by NULL, then the sync's. */
static enum db_status collect(struct postgres *pg, struct db_call *calls, size_t n,
                              int64_t until_ms)
{
    enum db_status status = DB_DONE;
    size_t at = 0;
    bool synced = false;

    while (!synced && pg->c) {
        PGresult *r;
        if (!postgres_link_next(pg->c, until_ms, &r))
            return postgres_link_no_answer(pg, until_ms);
        if (!r)
            at++;
        else if (PQresultStatus(r) == PGRES_PIPELINE_SYNC)
            synced = true;
        else if (status == DB_DONE && at < n)
            status = take(pg, &calls[at], r);
        PQclear(r);
        if (at > n + 1)
            return postgres_link_drop(pg, "more results than statements");
    }
    return status;
}

enum db_status postgres_bulk(struct db *db, struct db_call *calls, size_t n)
{
    struct postgres *pg = postgres_self(db);
    int64_t until_ms;
    enum db_status status;
    bool queued = true;

    if (!postgres_link_up(pg))
        return DB_AWAY;
    until_ms = postgres_link_until(pg);
    if ((status = prepare_all(pg, calls, n, until_ms)) != DB_DONE)
        return status;
    if (PQenterPipelineMode(pg->c) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    for (size_t i = 0; queued && i < n; i++)
        queued = queue(pg, &calls[i]);
    if (!queued || PQpipelineSync(pg->c) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    status = collect(pg, calls, n, until_ms);
    if (pg->c && PQexitPipelineMode(pg->c) == 0)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    if (pg->c)
        postgres_link_note_transaction(pg);
    return status;
}

/* ---- COPY ---- */

static enum db_status send_copy(struct postgres *pg, const char *p, size_t n)
{
    int64_t until_ms = postgres_link_until(pg);
    int unsent;

    if (PQputCopyData(pg->c, p, (int)n) != 1)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    while ((unsent = PQflush(pg->c)) > 0) {
        /* The server may have something to say, and stop reading until it has said it. */
        if (!postgres_link_poll(pg->c, true, until_ms) || PQconsumeInput(pg->c) == 0)
            return postgres_link_no_answer(pg, until_ms);
    }
    return unsent < 0 ? postgres_link_drop(pg, PQerrorMessage(pg->c)) : DB_DONE;
}

static enum db_status flush(struct postgres *pg)
{
    size_t n = pg->copy_n;

    pg->copy_n = 0;
    return n > 0 ? send_copy(pg, pg->copy, n) : DB_DONE;
}

static enum db_status put(struct postgres *pg, const void *p, size_t n)
{
    enum db_status status = DB_DONE;

    if (pg->copy_n + n > BUFFER)
        status = flush(pg);
    if (status != DB_DONE)
        return status;
    if (n > BUFFER)
        return send_copy(pg, p, n);
    if (n > 0)
        memcpy(pg->copy + pg->copy_n, p, n);
    pg->copy_n += n;
    return DB_DONE;
}

static void put_name(struct buf *b, str name)
{
    buf_char(b, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_char(b, '"');
        buf_char(b, name.p[i]);
    }
    buf_char(b, '"');
}

enum db_status postgres_bulk_load_begin(struct db *db, const char *table, const str *columns,
                                        size_t n)
{
    /* signature, flags, length of the header's extension */
    static const char header[19] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0\0";
    struct postgres *pg = postgres_self(db);
    char text[COPY_MAX];
    enum db_status status;
    struct buf b;
    PGresult *r;

    if (!postgres_link_up(pg))
        return DB_AWAY;
    buf_fixed(&b, text, sizeof text);
    BUF_LIT(&b, "COPY ");
    put_name(&b, str_from(table));
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i == 0 ? STR(" (") : STR(", "));
        put_name(&b, columns[i]);
    }
    BUF_LIT(&b, ") FROM STDIN (FORMAT binary)");
    buf_char(&b, 0);
    if (b.overflow || n == 0)
        fatal("the columns of %s are too many to load", table);
    status = postgres_link_text(pg, text, postgres_link_until(pg), &r);
    PQclear(r);
    if (!pg->copy && !(pg->copy = malloc(BUFFER)))
        fatal("out of memory");
    pg->copy_n = 0;
    return status == DB_DONE ? put(pg, header, sizeof header) : status;
}

/* The length and the bytes; -1 for NULL. */
static enum db_status put_value(struct postgres *pg, const struct db_arg *v)
{
    uint64_t i = htobe64((uint64_t)v->i);
    str bytes = v->type == DB_INT ? str_make((const char *)&i, sizeof i) : v->s;
    uint32_t n = htobe32(v->type == DB_NULL ? UINT32_MAX : (uint32_t)bytes.n);
    enum db_status status = put(pg, &n, sizeof n);

    return status == DB_DONE && v->type != DB_NULL ? put(pg, bytes.p, bytes.n) : status;
}

enum db_status postgres_bulk_load_row(struct db *db, const struct db_arg *values, size_t n)
{
    struct postgres *pg = postgres_self(db);
    uint16_t fields = htobe16((uint16_t)n);
    enum db_status status;

    if (!pg->c)
        return DB_AWAY;
    status = put(pg, &fields, sizeof fields);
    for (size_t i = 0; status == DB_DONE && i < n; i++)
        status = put_value(pg, &values[i]);
    return status;
}

enum db_status postgres_bulk_load_end(struct db *db)
{
    static const uint16_t trailer = UINT16_MAX;
    struct postgres *pg = postgres_self(db);
    enum db_status status;
    PGresult *r;

    if (!pg->c)
        return DB_AWAY;
    status = put(pg, &trailer, sizeof trailer);
    if (status == DB_DONE)
        status = flush(pg);
    if (status != DB_DONE)
        return status;
    if (PQputCopyEnd(pg->c, NULL) != 1)
        return postgres_link_drop(pg, PQerrorMessage(pg->c));
    status = postgres_link_finish(pg, postgres_link_until(pg), &r);
    PQclear(r);
    return status;
}
