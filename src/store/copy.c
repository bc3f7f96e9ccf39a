/* copy: `postern move`: judge both stores, bring everything, pause, hand over.
 *
 *     rows      every table page by page, while its changes are noted   (store/copy_rows.c)
 *     indexes   of the target, those that keep nothing apart
 *     changes   rounds, until one is small                              (store/copy_changes.c)
 *     verify    the target read back in full, against the sums; then more rounds
 *     pause     writes refused; last changes, counts of both stores, unique indexes; moved
 *
 * What is proven when it ends: every row of the target was read back after the first pass and was
 * what had been read from the source; every change since then is accounted for in number; at the
 * end, while nobody could write, both stores had the same number of rows in every table, which was
 * also the number that the copy has counted. Changes after the reading back are not read back.
 *
 * The order of the last steps makes every stop harmless: the target is complete before the source
 * is marked as moved, and refuses to be used until its own mark is gone, which is the last step. A
 * run that finds the source moved to this target does only that.
 */
#include "store/copy.h"

#include <stdio.h>

#include "db/migrate.h"
#include "store/copy_changes.h"
#include "store/copy_rows.h"
#include "store/copy_state.h"

enum { PAUSES = 5, INSTALLS = 10, PARAMS = 32, PAGE_CAP = 1 << 30 };

static const char *const unfinished = "this store is the target of a `postern move` that has not "
                                      "ended: run the same command again, or "
                                      "empty this store";

enum err copy_check_usable(struct db *db, char *why, size_t why_size)
{
    struct capture_state state = {0};
    struct arena a;
    str id;
    arena_init(&a, 1 << 16);
    enum err e = capture_read(db, &a, &state);
    bool moved = e == OK && state.phase == CAPTURE_MOVED;
    if (moved) {
        snprintf(
            why, why_size,
            "this store was moved to %.*s: use it there (setting db), with the same master key "
            "file",
            STR_ARG(state.target));
    }
    e = e == ERR_ABSENT || e == OK ? copy_state_source(db, &a, &id) : e;
    if (e == OK)
        snprintf(why, why_size, "%s", unfinished);
    arena_free(&a);
    return e == ERR_ABSENT ? moved ? ERR_CONFLICT : OK : e == OK ? ERR_CONFLICT : e;
}

void copy_init(struct copy *c)
{
    arena_init(&c->arena, 64 << 20);
    arena_init(&c->scratch, PAGE_CAP);
    copy_reader_init(&c->reader, &c->arena, PAGE_CAP);
}

void copy_free(struct copy *c)
{
    copy_reader_free(&c->reader);
    arena_free(&c->arena);
    arena_free(&c->scratch);
}

static enum err refuse(struct copy *c, const char *why)
{
    snprintf(c->why, sizeof c->why, "%s", why);
    return ERR_CONFLICT;
}

/* ---- the source ---- */

static enum err judge_source(struct copy *c)
{
    int version;
    str id;
    enum err e = migrate_version(c->from, &version);
    if (e)
        return e;
    if (version != migrate_latest()) {
        snprintf(c->why, sizeof c->why,
                 "the source has schema version %d, this program moves version %d: %s", version,
                 migrate_latest(),
                 version == 0                 ? "there is no store"
                 : version < migrate_latest() ? "run `postern migrate` on it first"
                                              : "install the postern that made it");
        return ERR_CONFLICT;
    }
    if ((e = copy_state_source(c->from, &c->arena, &id)) == OK)
        return refuse(c, "the source is itself the target of a move that has not ended");
    return e == ERR_ABSENT ? OK : e;
}

/* Rows by as many keys as a statement has room for: k = $1 OR k = $2 ... */
static struct sql many_of(struct arena *a, const struct table *t)
{
    struct buf b;
    size_t param = 1;
    str get = str_from(t->get.text), where = STR(" WHERE ");
    size_t at = 0;
    while (!str_starts(str_sub(get, at, get.n), where))
        at++;
    buf_init(&b, a, 4096, 65536);
    buf_put(&b, str_sub(get, 0, at + where.n));
    for (size_t i = 0; i < PARAMS / t->keys_n; i++)
        for (size_t k = 0; k < t->keys_n; k++, param++)
            buf_printf(&b, "%s\"%.*s\" = $%zu%s",
                       k   ? " AND "
                       : i ? " OR ("
                           : "(",
                       STR_ARG(t->columns[t->key[k]].name), param, k + 1 == t->keys_n ? ")" : "");
    return (struct sql){"copy.many", arena_cstr(a, buf_str(&b))};
}

static enum err read_source(struct copy *c)
{
    enum err e = table_list(c->from, &c->arena, &c->tables, &c->n, c->why, sizeof c->why);
    if (e)
        return e;
    c->state = ARENA_ARRAY(&c->arena, struct copy_table, c->n);
    c->many = ARENA_ARRAY(&c->arena, struct sql, c->n);
    c->changes_buffer = ARENA_ARRAY(&c->arena, struct capture_change, COPY_PAGE);
    for (size_t i = 0; i < c->n; i++)
        c->many[i] = many_of(&c->arena, &c->tables[i]);
    capture_init(&c->capture, c->from, &c->arena, c->tables, c->n);
    return OK;
}

/* ---- the target ---- */

static bool is_same_table(const struct table *a, const struct table *b)
{
    if (!str_eq(a->name, b->name) || a->columns_n != b->columns_n || a->keys_n != b->keys_n)
        return false;
    for (size_t i = 0; i < a->columns_n; i++)
        if (!str_eq(a->columns[i].name, b->columns[i].name) ||
            a->columns[i].type != b->columns[i].type)
            return false;
    return memcmp(a->key, b->key, a->keys_n * sizeof *a->key) == 0;
}

/* The i-th tables differ: the first name that is not in both, as tables are in their order. */
static str odd_name(const struct copy *c, const struct table *into, size_t n, size_t i)
{
    if (i >= n)
        return c->tables[i].name;
    if (i >= c->n)
        return into[i].name;
    return str_cmp(c->tables[i].name, into[i].name) < 0 ? c->tables[i].name : into[i].name;
}

static enum err compare_tables(struct copy *c)
{
    struct table *into;
    size_t n;
    enum err e = table_list(c->to, &c->arena, &into, &n, c->why, sizeof c->why);
    for (size_t i = 0; e == OK && (i < n || i < c->n); i++) {
        if (i < n && i < c->n && is_same_table(&into[i], &c->tables[i]))
            continue;
        snprintf(c->why, sizeof c->why,
                 "the two stores do not have the same table %.*s: one of them was changed by hand",
                 STR_ARG(odd_name(c, into, n, i)));
        return ERR_CONFLICT;
    }
    return e;
}

static enum err judge_empty(struct copy *c)
{
    struct table *into;
    struct table_row row;
    size_t n, found = 0;
    enum err e = table_list(c->to, &c->arena, &into, &n, c->why, sizeof c->why);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = table_page(c->to, &c->arena, &into[i], NULL, 1, &row, &found);
        if (e == OK && found > 0) {
            snprintf(c->why, sizeof c->why,
                     "the target is not empty (table %.*s has rows): name an empty database, or a "
                     "file that does not exist",
                     STR_ARG(into[i].name));
            return ERR_CONFLICT;
        }
    }
    return e;
}

/* An empty store of this version. */
static enum err prepare_target(struct copy *c)
{
    int applied;
    enum err e = judge_empty(c);
    if (e == OK && migrate_run(c->to, &applied, c->why, sizeof c->why))
        return ERR_CONFLICT;
    return e ? e : compare_tables(c);
}

/* Settings of the handle, which ends with the move: a cache for the inner pages of large tables,
 * and files for what indexes sort. */
static enum err tune(struct copy *c)
{
    if (c->to->ops->shared)
        return OK;
    return c->to->ops->exec(c->to, "PRAGMA cache_size=-16384; PRAGMA temp_store=FILE") == DB_DONE
               ? OK
               : ERR_UNAVAILABLE;
}

/* A file that only grows needs no log: new pages are written once, and undone by cutting them off.
 * Left as it is if somebody else has the file open; every handle that opens it later sets the log
 * anyhow. */
static void use_log(struct copy *c, bool on)
{
    if (!c->to->ops->shared)
        c->to->ops->exec(c->to, on ? "PRAGMA journal_mode=WAL" : "PRAGMA journal_mode=TRUNCATE");
}

/* ---- beginning ---- */

/* Writers of a shared store may be in the way for a moment. */
static enum err install(struct copy *c, struct capture_state *state)
{
    enum err e = ERR_CONFLICT;
    for (int i = 0; e == ERR_CONFLICT && i < INSTALLS; i++)
        e = capture_install(&c->capture, &c->arena, c->target);
    if (e == ERR_CONFLICT)
        return refuse(c, "the source is so busy that the move could not begin: try again");
    return e ? e : capture_read(c->from, &c->arena, state);
}

static enum err begin_new(struct copy *c, struct capture_state *state)
{
    enum err e = prepare_target(c);
    if (e == OK && !state->id.p)
        e = install(c, state);
    return e ? e : copy_state_create(c, state->id);
}

static enum err begin_again(struct copy *c, const struct capture_state *state, str id)
{
    if (!state->id.p || !str_eq(state->id, id))
        return refuse(c, "the target holds part of a move that was cancelled or of another store: "
                         "empty it, or name another target");
    c->resumed = true;
    return compare_tables(c);
}

static enum err refuse_other(struct copy *c, const struct capture_state *state)
{
    snprintf(c->why, sizeof c->why,
             state->phase == CAPTURE_MOVED
                 ? "the source was moved to %.*s already; `postern move --cancel --from` takes it "
                   "into use again, without what has happened there since"
                 : "the source is being moved to %.*s; end that first with `postern move --cancel "
                   "--from`",
             STR_ARG(state->target));
    return ERR_CONFLICT;
}

/* *moved: the source was handed over before; only the last step is missing. */
static enum err begin(struct copy *c, bool *moved)
{
    struct capture_state state = {0};
    str id = {0};
    enum err e = judge_source(c);
    e = e ? e : read_source(c);
    if (e)
        return e;
    e = capture_read(c->from, &c->arena, &state);
    if (e && e != ERR_ABSENT)
        return e;
    e = copy_state_source(c->to, &c->arena, &id);
    if (e && e != ERR_ABSENT)
        return e;
    if (e == OK)
        e = begin_again(c, &state, id);
    else if (state.id.p && (state.phase == CAPTURE_MOVED || !str_eq(state.target, c->target)))
        e = refuse_other(c, &state);
    else
        e = begin_new(c, &state);
    *moved = e == OK && state.phase == CAPTURE_MOVED;
    e = e ? e : tune(c);
    return e ? e : copy_state_take(c);
}

/* ---- all of it ---- */

static bool brought_before(const struct copy *c)
{
    for (size_t i = 0; i < c->n; i++)
        if (!c->state[i].done)
            return false;
    return true;
}

static enum err bring_all(struct copy *c)
{
    str differs;
    bool before = brought_before(c);
    c->watch.tell(c->watch.arg, COPY_COUNT, (str){0}, 0, 0);
    enum err e = copy_rows_count(c, &differs);
    e = e ? e : copy_state_drop_unique(c);
    use_log(c, false);
    e = e ? e : copy_rows_bring(c);
    if (e == OK && !before && c->to->ops->shared) /* before that it knows nothing of these tables */
        e = c->to->ops->exec(c->to, "ANALYZE") == DB_DONE ? OK : ERR_UNAVAILABLE;
    e = e ? e : copy_state_make_indexes(c, false);
    use_log(c, true);
    e = e ? e : copy_changes_bring(c);
    e = e ? e : copy_rows_verify(c);
    return e ? e : copy_changes_bring(c);
}

static enum err hand_over(struct copy *c)
{
    str differs;
    enum err e = copy_rows_count(c, &differs);
    if (e == OK && c->count_ms * 3 > c->max_pause_ms) {
        snprintf(c->why, sizeof c->why,
                 "counting the rows of both stores takes %lld ms, too long for a pause of %lld ms: "
                 "allow more with --max-pause",
                 (long long)c->count_ms, (long long)c->max_pause_ms);
        return ERR_CONFLICT;
    }
    e = e ? e : ERR_ABSENT;
    for (int i = 0; e == ERR_ABSENT && i < PAUSES; i++) {
        e = i > 0 ? copy_changes_bring(c) : OK;
        e = e ? e : copy_changes_pause(c);
    }
    if (e != ERR_ABSENT)
        return e;
    snprintf(c->why, sizeof c->why,
             "the rest could not be brought within a pause of %lld ms, tried %d times: try again "
             "when there are fewer writes, or allow more with --max-pause",
             (long long)c->max_pause_ms, PAUSES);
    return ERR_CONFLICT;
}

enum err copy_run(struct copy *c)
{
    bool moved = false;
    enum err e = begin(c, &moved);
    c->begun = e == OK;
    if (e == OK && !moved) {
        e = bring_all(c);
        e = e ? e : hand_over(c);
    }
    return e ? e : copy_state_remove(c);
}
