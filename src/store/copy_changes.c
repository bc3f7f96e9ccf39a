/* copy_changes: rounds of changes, and the pause at the end.
 *
 * A page of changes is brought in one transaction of the target: the rows that they name are read
 * there, to take them out of the sum of digests, and replaced, added or deleted. Only then are the
 * changes forgotten in the source (store/capture.c says why nothing is missed).
 *
 * The pause is bounded from both sides: before it begins, by what counting has cost; while it
 * lasts, by a look at the clock before each page. If it would be too long it ends, and there are
 * more rounds. The freeze ends by itself after the same time, so a dead copy does no more harm than
 * that; if it should end too early, the note of whatever was written is found before the source is
 * marked as moved.
 */
#include "store/copy_changes.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/log.h"
#include "store/copy_rows.h"
#include "store/copy_state.h"

enum { FEW = 500, PAGES_PER_TURN = 20, CALLS = 500, PARAMS = 32 };

/* The order of the keys of two changes of one table; any order will do. */
static int compare(const void *a, const void *b)
{
    const struct capture_change *x = *(struct capture_change *const *)a;
    const struct capture_change *y = *(struct capture_change *const *)b;
    for (size_t i = 0; i < TABLE_KEYS; i++) {
        if (x->key[i].type == DB_INT && x->key[i].i != y->key[i].i)
            return x->key[i].i < y->key[i].i ? -1 : 1;
        int order = x->key[i].s.n ? str_cmp(x->key[i].s, y->key[i].s) : -(y->key[i].s.n > 0);
        if (order)
            return order;
    }
    return 0;
}

/* Each key once. Their rows are of one snapshot, so any change of a key stands for all. */
static size_t distinct(struct copy *c, struct arena *a, size_t n, struct capture_change ***out)
{
    struct capture_change **list = ARENA_ARRAY(a, struct capture_change *, n);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++)
        list[i] = &c->changes_buffer[i];
    qsort(list, n, sizeof *list, compare);
    for (size_t i = 0; i < n; i++)
        if (kept == 0 || compare(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    *out = list;
    return kept;
}

/* Takes the target's rows of these keys out of the table's sum. */
static enum err take_out(struct copy *c, struct arena *a, size_t t, struct capture_change **list,
                         size_t n)
{
    const struct table *table = &c->tables[t];
    size_t per = PARAMS / table->keys_n;
    enum err e = OK;
    for (size_t from = 0; e == OK && from < n; from += per) {
        struct db_arg keys[PARAMS];
        for (size_t i = 0; i < per; i++) /* the last key fills up what is left */
            memcpy(&keys[i * table->keys_n], list[from + i < n ? from + i : n - 1]->key,
                   table->keys_n * sizeof *keys);
        struct rows r = db_query(c->to, &c->many[t], keys, per * table->keys_n);
        while (rows_next(&r)) {
            struct table_row row;
            table_values(&r, 0, table, a, &row);
            c->state[t].digest -= table_digest(table, &row);
            c->state[t].n--;
        }
        e = rows_end(&r);
    }
    return e;
}

/* In one trip per CALLS where the driver can. */
static enum err run_all(struct copy *c, struct db_call *calls, size_t n)
{
    enum err e = OK;
    for (size_t i = 0; !c->to->ops->bulk && e == OK && i < n; i++)
        e = db_run(c->to, calls[i].sql, calls[i].args, calls[i].n, NULL);
    for (size_t i = 0; c->to->ops->bulk && e == OK && i < n; i += CALLS) {
        if (c->to->ops->bulk(c->to, &calls[i], n - i < CALLS ? n - i : CALLS) != DB_DONE) {
            log_note(LOG_ERROR, "move", "bringing changes: %s", c->to->ops->message(c->to));
            e = ERR_UNAVAILABLE;
        }
    }
    return e;
}

static enum err put_in(struct copy *c, struct arena *a, size_t t, struct capture_change **list,
                       size_t n)
{
    const struct table *table = &c->tables[t];
    struct db_call *calls = ARENA_ARRAY(a, struct db_call, n);
    for (size_t i = 0; i < n; i++) {
        struct capture_change *x = list[i];
        calls[i] = x->present ? (struct db_call){&table->put, x->row.values, table->columns_n, 0}
                              : (struct db_call){&table->drop, x->key, table->keys_n, 0};
        if (x->present) {
            c->state[t].digest += table_digest(table, &x->row);
            c->state[t].n++;
        }
    }
    return run_all(c, calls, n);
}

/* One page of changes of one table; *n: how many. */
static enum err bring_page(struct copy *c, size_t t, size_t *n)
{
    struct arena *a = &c->scratch;
    struct capture_change **list;
    arena_reset(a);
    enum err e = capture_page(&c->capture, a, t, COPY_PAGE, c->changes_buffer, n);
    if (e || *n == 0)
        return e;
    size_t keys = distinct(c, a, *n, &list);
    if ((e = copy_state_begin(c)))
        return e;
    struct copy_table before = c->state[t];
    e = take_out(c, a, t, list, keys);
    e = copy_state_commit(c, t, e ? e : put_in(c, a, t, list, keys));
    if (e)
        c->state[t] = before;
    else
        e = capture_forget(&c->capture, t, c->changes_buffer, *n);
    if (e == ERR_CONFLICT) /* they come once more */
        e = OK;
    c->changes += e ? 0 : (int64_t)*n;
    return e;
}

/* A look at every table that has changes; *n: how many were brought. Ends early at the deadline
 * (0: there is none). */
static enum err bring_round(struct copy *c, int64_t until_ms, int64_t *n)
{
    bool tables[CAPTURE_TABLES];
    size_t waiting, page;
    enum err e = capture_pending(&c->capture, tables, &waiting);
    *n = 0;
    for (size_t t = 0; e == OK && t < c->n; t++) {
        page = tables[t] ? COPY_PAGE : 0;
        for (int i = 0; e == OK && page == COPY_PAGE && i < PAGES_PER_TURN; i++) {
            if (until_ms ? clock_mono_ms() > until_ms : copy_rows_stopped(c))
                return until_ms ? OK : ERR_CONFLICT;
            e = bring_page(c, t, &page);
            *n += (int64_t)page;
            c->watch.tell(c->watch.arg, until_ms ? COPY_PAUSE : COPY_CHANGES, (str){0}, c->changes,
                          0);
        }
    }
    return e;
}

enum err copy_changes_bring(struct copy *c)
{
    int64_t n = FEW;
    enum err e = OK;
    for (int i = 0; e == OK && n >= FEW && i < c->max_rounds; i++)
        e = bring_round(c, 0, &n);
    return e;
}

/* ---- the pause ---- */

/* Everything that is left, unless it gets too late: ERR_ABSENT. */
static enum err bring_rest(struct copy *c, int64_t until_ms)
{
    int64_t n = 1;
    enum err e = OK;
    while (e == OK && n > 0) {
        if (clock_mono_ms() > until_ms)
            return ERR_ABSENT;
        e = bring_round(c, until_ms, &n);
    }
    return e;
}

/* ERR_ABSENT: writers came in, since the freeze ended while rows were counted. */
static enum err compare_counts(struct copy *c)
{
    str differs;
    bool tables[CAPTURE_TABLES];
    size_t waiting = 0;
    enum err e = copy_rows_count(c, &differs);
    if (e == OK && differs.p)
        e = capture_pending(&c->capture, tables, &waiting);
    if (e || !differs.p)
        return e;
    if (waiting > 0)
        return ERR_ABSENT;
    snprintf(c->why, sizeof c->why,
             "table %.*s does not have the same number of rows in both stores: something else has "
             "written to the target. Run `postern move --cancel --from` with the source, empty the "
             "target, and start again",
             STR_ARG(differs));
    return ERR_CONFLICT;
}

/* Writes are refused while this runs. */
static enum err finish(struct copy *c, int64_t start_ms)
{
    /* What follows the changes: counts, a few small indexes, the mark; and as much again. */
    int64_t until_ms = start_ms + c->max_pause_ms - 2 * c->count_ms - c->max_pause_ms / 5;
    enum err e = bring_rest(c, until_ms);
    e = e ? e : compare_counts(c);
    e = e ? e : copy_state_make_indexes(c, true);
    if (e)
        return e;
    if (clock_mono_ms() - start_ms > c->max_pause_ms)
        return ERR_ABSENT;
    e = capture_finish(&c->capture);
    return e == ERR_CONFLICT ? ERR_ABSENT : e;
}

enum err copy_changes_pause(struct copy *c)
{
    int64_t start_ms = clock_mono_ms();
    enum err e = capture_freeze(&c->capture, c->max_pause_ms);
    c->pauses++;
    c->watch.tell(c->watch.arg, COPY_PAUSE, (str){0}, 0, 0);
    if (e)
        return e == ERR_CONFLICT ? ERR_ABSENT : e;
    e = finish(c, start_ms);
    c->pause_ms = clock_mono_ms() - start_ms;
    if (e == OK)
        return OK;
    /* A store that failed may fail again here: then the freeze ends by itself. */
    enum err thawed = capture_thaw(&c->capture);
    if (e == ERR_ABSENT)
        e = copy_state_drop_unique(c);
    if (e)
        return e;
    return thawed ? thawed : ERR_ABSENT;
}
