/* copy_rows: the first pass over all tables, and the last look at what has arrived.
 *
 * A page of rows is read from the source by key and loaded into the target; some pages make one
 * transaction, together with the key of the last row, the number of rows and the sum of their
 * digests. A thread reads the next page meanwhile and sums it up (store/copy_reader.c), so memory
 * is two pages, whatever a table holds.
 *
 * What the reading back proves: the sum is made of rows as they came from the source, with each
 * change taking the row that it replaces out and the new one in. If the rows of the target give the
 * same number and sum, each of them is there as it was read, and no other.
 */
#include "store/copy_rows.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/copy_state.h"

enum { PAGES_PER_COMMIT = 10 };

bool copy_rows_stopped(struct copy *c)
{
    if (!c->stopped && c->watch.stop(c->watch.arg)) {
        c->stopped = true;
        snprintf(c->why, sizeof c->why, "stopped");
    }
    return c->stopped;
}

static enum err of_status(struct db *db, enum db_status status)
{
    if (status == DB_DONE)
        return OK;
    log_note(LOG_ERROR, "move", "loading a table: %s", db->ops->message(db));
    return ERR_UNAVAILABLE;
}

static enum err load_begin(struct copy *c, const struct table *t)
{
    str names[TABLE_COLUMNS];
    if (!c->to->ops->load_begin)
        return OK;
    for (size_t i = 0; i < t->columns_n; i++)
        names[i] = t->columns[i].name;
    return of_status(
        c->to, c->to->ops->load_begin(c->to, arena_cstr(&c->arena, t->name), names, t->columns_n));
}

static enum err load_row(struct copy *c, const struct table *t, const struct table_row *row)
{
    if (!c->to->ops->load_row)
        return db_run(c->to, &t->put, row->values, t->columns_n, NULL);
    return of_status(c->to, c->to->ops->load_row(c->to, row->values, t->columns_n));
}

static enum err load_end(struct copy *c)
{
    return c->to->ops->load_end ? of_status(c->to, c->to->ops->load_end(c->to)) : OK;
}

/* `done` rows of table t; those before it are through. */
static void tell(struct copy *c, enum copy_step step, size_t t, int64_t done)
{
    int64_t total = 0;
    for (size_t i = 0; i < c->n; i++) {
        done += i < t ? c->state[i].n : 0;
        total += c->state[i].expected;
    }
    c->watch.tell(c->watch.arg, step, c->tables[t].name, done, total);
}

static enum err load_page(struct copy *c, size_t t, const struct copy_page *p)
{
    const struct table *table = &c->tables[t];
    enum err e = p->outcome;
    for (size_t i = 0; e == OK && i < p->n; i++)
        e = load_row(c, table, &p->rows[i]);
    if (e)
        return e;
    c->state[t].digest += p->digest;
    c->state[t].done = p->n < COPY_PAGE;
    c->state[t].last = (str){0};
    if (!c->state[t].done) {
        arena_reset(&c->scratch);
        c->state[t].last = copy_state_key(&c->scratch, table, &p->rows[p->n - 1]);
    }
    c->state[t].n += (int64_t)p->n;
    c->rows += (int64_t)p->n;
    tell(c, COPY_ROWS, t, c->state[t].n);
    return OK;
}

static enum err bring_some(struct copy *c, size_t t)
{
    enum err e = copy_state_begin(c);
    if (e)
        return e;
    e = load_begin(c, &c->tables[t]);
    for (int i = 0; e == OK && i < PAGES_PER_COMMIT && !c->state[t].done; i++) {
        e = load_page(c, t, copy_reader_take(&c->reader));
        copy_reader_give(&c->reader);
    }
    e = e ? e : load_end(c);
    return copy_state_commit(c, t, e);
}

static enum err bring_table(struct copy *c, size_t t)
{
    struct table_row after = {0};
    struct copy_table *s = &c->state[t];
    bool has_after = s->last.p != NULL;
    enum err e = OK;
    if (has_after && !copy_state_parse_key(&c->arena, &c->tables[t], s->last, &after)) {
        snprintf(c->why, sizeof c->why, "the target's note of how far table %.*s is cannot be read",
                 STR_ARG(c->tables[t].name));
        return ERR_CONFLICT;
    }
    if (s->done)
        return OK;
    copy_reader_start(&c->reader, c->from, &c->tables[t], has_after ? &after : NULL, true);
    while (e == OK && !s->done)
        e = copy_rows_stopped(c) ? ERR_CONFLICT : bring_some(c, t);
    copy_reader_stop(&c->reader);
    return e;
}

enum err copy_rows_bring(struct copy *c)
{
    enum err e = OK;
    for (size_t t = 0; e == OK && t < c->n; t++)
        e = bring_table(c, t);
    return e;
}

/* ---- reading back ---- */

static enum err sum_of_target(struct copy *c, size_t t, int64_t *total, uint64_t *digest)
{
    const struct table *table = &c->tables[t];
    bool more = true;
    enum err e = OK;
    copy_reader_start(&c->reader, c->to, table, NULL, false);
    for (*total = 0, *digest = 0; e == OK && more;) {
        struct copy_page *p = copy_reader_take(&c->reader);
        e = copy_rows_stopped(c) ? ERR_CONFLICT : p->outcome;
        for (size_t i = 0; e == OK && i < p->n; i++)
            *digest += table_digest(table, &p->rows[i]);
        *total += (int64_t)p->n;
        more = p->n == COPY_PAGE;
        copy_reader_give(&c->reader);
        tell(c, COPY_VERIFY, t, *total);
    }
    copy_reader_stop(&c->reader);
    return e;
}

static enum err verify_table(struct copy *c, size_t t)
{
    int64_t total;
    uint64_t digest;
    enum err e = sum_of_target(c, t, &total, &digest);
    if (e || (total == c->state[t].n && digest == c->state[t].digest))
        return e;
    snprintf(
        c->why, sizeof c->why,
        "table %.*s of the target is not what was copied (%lld rows, %lld copied%s): something "
        "else has written to it, or its disk is faulty. Run `postern move --cancel --from` "
        "with the source, empty the target, and start again",
        STR_ARG(c->tables[t].name), (long long)total, (long long)c->state[t].n,
        total == c->state[t].n ? ", of other content" : "");
    return ERR_CONFLICT;
}

enum err copy_rows_verify(struct copy *c)
{
    enum err e = OK;
    for (size_t t = 0; e == OK && t < c->n; t++)
        e = verify_table(c, t);
    return e;
}

enum err copy_rows_count(struct copy *c, str *differs)
{
    int64_t start_ms = clock_mono_ms();
    enum err e = OK;
    *differs = (str){0};
    for (size_t t = 0; e == OK && t < c->n; t++) {
        int64_t from = 0, to = 0;
        e = db_query_int(c->from, &c->tables[t].count, NO_ARGS, &from);
        e = e ? e : db_query_int(c->to, &c->tables[t].count, NO_ARGS, &to);
        c->state[t].expected = from;
        if (from != to || to != c->state[t].n)
            *differs = c->tables[t].name;
    }
    c->count_ms = clock_mono_ms() - start_ms;
    return e;
}
