/* copy_state: tables move_run, move_table and move_index of the target.
 *
 * What a transaction brings and how far that is are committed together, so a copy that dies
 * anywhere goes on at the right row. Every transaction begins with a look at who holds the copy: a
 * second run takes over, and the first one notices.
 *
 * Indexes other than those of primary keys are noted and dropped at the beginning. The plain ones
 * are made after the first pass, which is faster; the unique ones at the very end, because rows
 * arrive one by one: the key that became active may come before the one that it replaced.
 */
#include "store/copy_state.h"

#include <stdio.h>

#include "base/log.h"
#include "base/rand.h"
#include "store/copy_rows.h"

enum { SQLITE, POSTGRESQL };
enum { SOURCE, PUT_RUN, HOLD, GUARD, PUT_TABLE, READ_TABLE, SAVE, PUT_INDEX, LIST_INDEX };
enum { INDEXES = 512, NAME_BYTES = 16 };

static const struct sql sql[] = {
    [SOURCE] = {"copy.source", "SELECT id FROM move_run"},
    [PUT_RUN] = {"copy.put_run", "INSERT INTO move_run (id, holder) VALUES ($1, '')"},
    [HOLD] = {"copy.hold", "UPDATE move_run SET holder = $1"},
    [GUARD] = {"copy.guard", "UPDATE move_run SET holder = $1 WHERE holder = $1"},
    [PUT_TABLE] = {"copy.put_table", "INSERT INTO move_table (name, done, last, n, digest) "
                                     "VALUES ($1, 0, NULL, 0, 0)"},
    [READ_TABLE] = {"copy.read_table", "SELECT done, last, n, digest FROM move_table "
                                       "WHERE name = $1"},
    [SAVE] = {"copy.save", "UPDATE move_table SET done = $2, last = $3, n = $4, digest = $5 "
                           "WHERE name = $1"},
    [PUT_INDEX] = {"copy.put_index", "INSERT INTO move_index (name, text) VALUES ($1, $2)"},
    [LIST_INDEX] = {"copy.list_index", "SELECT name, text FROM move_index ORDER BY name"},
};

/* Those that somebody wrote a CREATE INDEX for. */
static const struct sql indexes[] = {
    [SQLITE] = {"copy.indexes", "SELECT name, sql FROM sqlite_master "
                                "WHERE type = 'index' AND sql IS NOT NULL ORDER BY name"},
    [POSTGRESQL] = {"copy.indexes",
                    "SELECT CAST(c.relname AS TEXT), pg_get_indexdef(c.oid) FROM pg_index i "
                    "JOIN pg_class c ON c.oid = i.indexrelid "
                    "JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE n.nspname = current_schema() AND NOT EXISTS "
                    "(SELECT 1 FROM pg_constraint x WHERE x.conindid = c.oid) "
                    "ORDER BY c.relname"},
};

static const char *const create =
    "CREATE TABLE move_run (id TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL);"
    "CREATE TABLE move_table (name TEXT NOT NULL PRIMARY KEY, done BIGINT NOT NULL, last TEXT, "
    "n BIGINT NOT NULL, digest BIGINT NOT NULL);"
    "CREATE TABLE move_index (name TEXT NOT NULL PRIMARY KEY, text TEXT NOT NULL)";

struct index {
    str name, text;
};

static enum err exec(struct db *db, const char *text)
{
    if (db->ops->exec(db, text) == DB_DONE)
        return OK;
    log_note(LOG_ERROR, "move", "%.80s: %s", text, db->ops->message(db));
    return ERR_UNAVAILABLE;
}

/* Ends the transaction that the caller began. */
static enum err end(struct db *db, enum err e)
{
    e = e ? e : db_commit(db);
    if (e)
        db_rollback(db);
    return e;
}

enum err copy_state_source(struct db *db, struct arena *a, str *id)
{
    bool there;
    enum err e = table_exists(db, STR("move_run"), &there);
    if (e || !there)
        return e ? e : ERR_ABSENT;
    struct rows r = db_query(db, &sql[SOURCE], NO_ARGS);
    if (rows_next(&r))
        *id = row_text(&r, 0, a);
    return rows_end_one(&r);
}

/* ---- indexes ---- */

static enum err list(struct db *db, struct arena *a, const struct sql *q, struct index *out,
                     size_t *n)
{
    struct rows r = db_query(db, q, NO_ARGS);
    for (*n = 0; *n < INDEXES && rows_next(&r); ++*n)
        out[*n] = (struct index){row_text(&r, 0, a), row_text(&r, 1, a)};
    return rows_end(&r);
}

static enum err drop_index(struct copy *c, str name)
{
    return exec(
        c->to, arena_cstr(&c->arena,
                          arena_printf(&c->arena, "DROP INDEX IF EXISTS \"%.*s\"", STR_ARG(name))));
}

static bool is_in(const struct index *all, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(all[i].name, name))
            return true;
    return false;
}

static bool is_unique(const struct index *x)
{
    return str_starts(x->text, STR("CREATE UNIQUE "));
}

static enum err note_indexes(struct copy *c)
{
    struct index *x = ARENA_ARRAY(&c->arena, struct index, INDEXES);
    size_t n;
    enum err e = list(c->to, &c->arena, &indexes[c->to->ops->shared ? POSTGRESQL : SQLITE], x, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = db_run(c->to, &sql[PUT_INDEX], ARGS(db_text(x[i].name), db_text(x[i].text)), NULL);
        e = e ? e : drop_index(c, x[i].name);
    }
    return e;
}

/* Each in a transaction of its own: one may take minutes. */
enum err copy_state_make_indexes(struct copy *c, bool unique)
{
    struct index *x = ARENA_ARRAY(&c->arena, struct index, INDEXES);
    struct index *made = ARENA_ARRAY(&c->arena, struct index, INDEXES);
    size_t n, made_n = 0;
    enum err e = list(c->to, &c->arena, &sql[LIST_INDEX], x, &n);
    e = e ? e
          : list(c->to, &c->arena, &indexes[c->to->ops->shared ? POSTGRESQL : SQLITE], made,
                 &made_n);
    for (size_t i = 0; e == OK && i < n; i++) {
        if (is_unique(&x[i]) != unique || is_in(made, made_n, x[i].name))
            continue;
        c->watch.tell(c->watch.arg, unique ? COPY_PAUSE : COPY_INDEX, x[i].name, (int64_t)i,
                      (int64_t)n);
        e = !unique && copy_rows_stopped(c) ? ERR_CONFLICT : copy_state_begin(c);
        if (e)
            break;
        e = end(c->to, exec(c->to, arena_cstr(&c->arena, x[i].text)));
    }
    return e;
}

enum err copy_state_drop_unique(struct copy *c)
{
    struct index *x = ARENA_ARRAY(&c->arena, struct index, INDEXES);
    size_t n;
    enum err e = list(c->to, &c->arena, &sql[LIST_INDEX], x, &n);
    for (size_t i = 0; e == OK && i < n; i++)
        if (is_unique(&x[i]))
            e = drop_index(c, x[i].name);
    return e;
}

/* ---- state ---- */

enum err copy_state_create(struct copy *c, str id)
{
    enum err e = db_begin(c->to);
    if (e)
        return e;
    e = exec(c->to, create);
    e = e ? e : db_run(c->to, &sql[PUT_RUN], ARGS(db_text(id)), NULL);
    for (size_t i = 0; e == OK && i < c->n; i++)
        e = db_run(c->to, &sql[PUT_TABLE], ARGS(db_text(c->tables[i].name)), NULL);
    return end(c->to, e ? e : note_indexes(c));
}

static enum err read_table(struct copy *c, size_t t)
{
    struct copy_table *s = &c->state[t];
    struct rows r = db_query(c->to, &sql[READ_TABLE], ARGS(db_text(c->tables[t].name)));
    if (rows_next(&r)) {
        s->done = row_int(&r, 0) != 0;
        s->last = row_text(&r, 1, &c->arena);
        s->n = row_int(&r, 2);
        s->digest = (uint64_t)row_int(&r, 3);
    }
    return rows_end_one(&r);
}

enum err copy_state_take(struct copy *c)
{
    uint8_t bytes[NAME_BYTES];
    struct buf b;
    enum err e;
    rand_bytes(bytes, sizeof bytes);
    buf_init(&b, &c->arena, 64, 64);
    buf_hex(&b, bytes, sizeof bytes);
    c->holder = buf_str(&b);
    e = db_run(c->to, &sql[HOLD], ARGS(db_text(c->holder)), NULL);
    for (size_t i = 0; e == OK && i < c->n; i++)
        e = read_table(c, i);
    return e;
}

static enum err taken_over(struct copy *c)
{
    snprintf(c->why, sizeof c->why, "another `postern move` has taken over");
    return ERR_CONFLICT;
}

enum err copy_state_begin(struct copy *c)
{
    int64_t changed = 0;
    enum err e = db_begin(c->to);
    e = e ? e : db_run(c->to, &sql[GUARD], ARGS(db_text(c->holder)), &changed);
    if (e) { /* another run that has ended took the table away */
        db_rollback(c->to);
        bool there = true;
        return table_exists(c->to, STR("move_run"), &there) == OK && !there ? taken_over(c) : e;
    }
    if (changed != 1) {
        db_rollback(c->to);
        return taken_over(c);
    }
    return OK;
}

enum err copy_state_commit(struct copy *c, size_t t, enum err e)
{
    const struct copy_table *s = &c->state[t];
    e = e ? e
          : db_run(c->to, &sql[SAVE],
                   ARGS(db_text(c->tables[t].name), db_int(s->done), db_text(s->last), db_int(s->n),
                        db_int((int64_t)s->digest)),
                   NULL);
    return end(c->to, e);
}

enum err copy_state_remove(struct copy *c)
{
    return exec(c->to, "DROP TABLE IF EXISTS move_index; DROP TABLE IF EXISTS move_table; "
                       "DROP TABLE IF EXISTS move_run");
}

/* ---- keys as text ---- */

str copy_state_key(struct arena *a, const struct table *t, const struct table_row *row)
{
    struct buf b;
    buf_init(&b, a, 128, 1 << 20);
    for (size_t i = 0; i < t->keys_n; i++) {
        const struct db_arg *v = &row->values[t->key[i]];
        if (i)
            buf_char(&b, ',');
        if (v->type == DB_INT)
            buf_i64(&b, v->i);
        else
            buf_hex(&b, v->s.p, v->s.n);
    }
    if (b.overflow)
        fatal("a key of table %.*s is too long", STR_ARG(t->name));
    return buf_str(&b);
}

static bool parse_hex(struct arena *a, str hex, str *out)
{
    char *p = arena_alloc(a, hex.n / 2 + 1);
    *out = str_make(p, hex.n / 2);
    return str_hex(hex, p, out->n);
}

bool copy_state_parse_key(struct arena *a, const struct table *t, str text, struct table_row *row)
{
    for (size_t i = 0; i < t->keys_n; i++) {
        struct db_arg *v = &row->values[t->key[i]];
        str word = text;
        if (!str_cut(text, ',', &word, &text) && i + 1 < t->keys_n)
            return false;
        v->type = t->columns[t->key[i]].type;
        if (v->type == DB_INT ? !str_i64(word, INT64_MIN, INT64_MAX, &v->i)
                              : !parse_hex(a, word, &v->s))
            return false;
    }
    return true;
}
