/* capture: triggers that note which rows changed, and refuse writes when the copy is complete.
 *
 * Every table T that is copied gets a table move_change_T (an id and the key's columns) and
 * triggers that add the key of each row that is inserted, updated or deleted, in the transaction of
 * the write. A reader takes some of these rows together with what they name, as of one snapshot,
 * brings that to the other store, and then deletes exactly the ids that it has read.
 *
 * No committed write is missed:
 * - Before the triggers are there, whatever is committed is seen by reads that begin afterwards; a
 *   write that is open meanwhile does not exist. SQLite has one writer. On PostgreSQL CREATE
 * TRIGGER takes a lock that waits for every transaction that has written the table, and whoever
 * comes later finds the trigger.
 * - Later writes commit together with their note. A note that is visible means that the write is.
 * - A note is deleted only after the row, as it was at the time of the note or later, has been made
 *   durable in the other store. Another write of the same row has a note of its own. So a row may
 *   arrive twice, never not at all; and since it is brought as a whole, twice is harmless.
 *
 * The freeze is a mark in move_source that the same triggers look at; it ends by itself, so that a
 * copy that dies leaves no store that refuses writes. On PostgreSQL it is set under locks that wait
 * for open writers; at READ COMMITTED the trigger's own query sees what was committed before it.
 * The end is decided under the same locks: only if no note is left is the store marked as moved.
 *
 * Left out on purpose: TRUNCATE and changes of the schema; the copy compares versions instead.
 */
#include "store/capture.h"

#include "base/log.h"
#include "base/rand.h"

enum { FORGET = 32, MOVE_ID = 16, REMAINS = 512 };
enum { SQLITE, POSTGRESQL };
enum { READ, PUT, THAW, MOVED };

static const struct sql sql[] = {
    [READ] = {"capture.read", "SELECT id, state, target FROM move_source"},
    [PUT] = {"capture.put", "INSERT INTO move_source (id, state, until_ms, target) "
                            "VALUES ($1, 1, 0, $2)"},
    [THAW] = {"capture.thaw", "UPDATE move_source SET state = 1, until_ms = 0 WHERE state = 2"},
    [MOVED] = {"capture.moved", "UPDATE move_source SET state = 3"},
};

#define NOW_SQLITE     "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)"
#define NOW_POSTGRESQL "CAST(EXTRACT(EPOCH FROM clock_timestamp()) * 1000 AS BIGINT)"

/* By the clock of the engine, which is the one that the triggers read. */
static const struct sql freeze[] = {
    [SQLITE] = {"capture.freeze",
                "UPDATE move_source SET state = 2, until_ms = " NOW_SQLITE " + $1 "
                "WHERE state <> 3"},
    [POSTGRESQL] = {"capture.freeze",
                    "UPDATE move_source SET state = 2, until_ms = " NOW_POSTGRESQL " + $1 "
                    "WHERE state <> 3"},
};

static const char *const create =
    "CREATE TABLE move_source (id TEXT NOT NULL PRIMARY KEY, state BIGINT NOT NULL, "
    "until_ms BIGINT NOT NULL, target TEXT NOT NULL)";

static int engine(const struct db *db)
{
    return db->ops->shared ? POSTGRESQL : SQLITE;
}

/* A text that is no prepared statement. What is in the way goes away: ERR_CONFLICT. */
static enum err exec(struct db *db, const char *text)
{
    enum db_status status = db->ops->exec(db, text);
    if (status == DB_DONE)
        return OK;
    if (status == DB_CONFLICT || status == DB_BUSY)
        return ERR_CONFLICT;
    log_note(LOG_ERROR, "move", "%.60s: %s", text, db->ops->message(db));
    return ERR_UNAVAILABLE;
}

static enum err exec_buf(struct db *db, struct arena *a, const struct buf *b)
{
    if (b->overflow)
        fatal("the triggers of a table are too long");
    return exec(db, arena_cstr(a, buf_str(b)));
}

static struct buf begin(struct arena *a)
{
    struct buf b;
    buf_init(&b, a, 1024, 65536);
    return b;
}

enum err capture_read(struct db *db, struct arena *a, struct capture_state *out)
{
    bool there;
    enum err e = table_exists(db, STR("move_source"), &there);
    if (e || !there)
        return e ? e : ERR_ABSENT;
    struct rows r = db_query(db, &sql[READ], NO_ARGS);
    if (rows_next(&r)) {
        out->id = row_text(&r, 0, a);
        out->phase = (enum capture_phase)row_int(&r, 1);
        out->target = row_text(&r, 2, a);
    }
    return rows_end_one(&r);
}

/* ---- statements ---- */

static str key_name(const struct table *t, size_t i)
{
    return t->columns[t->key[i]].name;
}

static void put_change_table(struct buf *b, const struct table *t)
{
    buf_printf(b, " \"move_change_%.*s\" ", STR_ARG(t->name));
}

/* Changes in the order in which the engine finds them, each with its row. PostgreSQL gets a form
 * that leaves no choice but one look-up by key for each: it knows nothing about a table as young as
 * this one, and might read all of the other. */
static struct sql page_of(struct arena *a, const struct table *t, int which)
{
    struct buf b = begin(a);
    BUF_LIT(&b, "SELECT c.id");
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(&b, ", c.k%zu", i);
    for (size_t i = 0; i < t->columns_n; i++)
        buf_printf(&b, ", t.\"%.*s\"", STR_ARG(t->columns[i].name));
    if (which == POSTGRESQL)
        BUF_LIT(&b, " FROM (SELECT * FROM");
    else
        BUF_LIT(&b, " FROM");
    put_change_table(&b, t);
    if (which == POSTGRESQL)
        buf_printf(&b, "LIMIT $1) c LEFT JOIN LATERAL (SELECT * FROM \"%.*s\" x WHERE ",
                   STR_ARG(t->name));
    else
        buf_printf(&b, "c LEFT JOIN \"%.*s\" t ON ", STR_ARG(t->name));
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(&b, "%s%s.\"%.*s\" = c.k%zu", i ? " AND " : "", which == POSTGRESQL ? "x" : "t",
                   STR_ARG(key_name(t, i)), i);
    buf_put(&b, which == POSTGRESQL ? STR(" LIMIT 1) t ON TRUE") : STR(" LIMIT $1"));
    return (struct sql){"capture.page", arena_cstr(a, buf_str(&b))};
}

static struct sql forget_of(struct arena *a, const struct table *t)
{
    struct buf b = begin(a);
    BUF_LIT(&b, "DELETE FROM");
    put_change_table(&b, t);
    BUF_LIT(&b, "WHERE id IN (");
    for (int i = 1; i <= FORGET; i++)
        buf_printf(&b, "%s$%d", i > 1 ? ", " : "", i);
    BUF_LIT(&b, ")");
    return (struct sql){"capture.forget", arena_cstr(a, buf_str(&b))};
}

static struct sql pending_of(struct capture *c, struct arena *a)
{
    struct buf b = begin(a);
    for (size_t i = 0; i < c->n; i++) {
        buf_printf(&b, "%sSELECT CAST(%zu AS BIGINT) WHERE EXISTS (SELECT 1 FROM",
                   i ? " UNION ALL " : "", i);
        put_change_table(&b, &c->tables[i]);
        BUF_LIT(&b, ")");
    }
    return (struct sql){"capture.pending", arena_cstr(a, buf_str(&b))};
}

static const char *lock_of(struct capture *c, struct arena *a)
{
    struct buf b = begin(a);
    if (engine(c->db) == SQLITE)
        return NULL;
    for (size_t i = 0; i < c->n; i++)
        buf_printf(&b, "%s\"%.*s\"", i ? ", " : "SET LOCAL lock_timeout = 1000; LOCK TABLE ",
                   STR_ARG(c->tables[i].name));
    BUF_LIT(&b, " IN SHARE ROW EXCLUSIVE MODE");
    return arena_cstr(a, buf_str(&b));
}

void capture_init(struct capture *c, struct db *db, struct arena *a, const struct table *tables,
                  size_t n)
{
    if (n > CAPTURE_TABLES)
        fatal("the store has more tables than a move has room for");
    *c = (struct capture){.db = db, .tables = tables, .n = n};
    c->pages = ARENA_ARRAY(a, struct sql, n);
    c->forget = ARENA_ARRAY(a, struct sql, n);
    for (size_t i = 0; i < n; i++) {
        c->pages[i] = page_of(a, &tables[i], engine(db));
        c->forget[i] = forget_of(a, &tables[i]);
    }
    c->pending = pending_of(c, a);
    c->lock = lock_of(c, a);
}

/* ---- triggers ---- */

static const char *column_type(enum db_type type, int which)
{
    if (type == DB_BLOB)
        return which == SQLITE ? "BLOB" : "BYTEA";
    return type == DB_TEXT ? "TEXT" : "BIGINT";
}

static enum err make_change_table(struct db *db, struct arena *a, const struct table *t)
{
    struct buf b = begin(a);
    BUF_LIT(&b, "CREATE TABLE");
    put_change_table(&b, t);
    /* PostgreSQL: no sequence, whose numbers would come from one place. */
    buf_put(&b, engine(db) == SQLITE
                    ? STR("(id INTEGER NOT NULL PRIMARY KEY")
                    : STR("(id BYTEA NOT NULL PRIMARY KEY DEFAULT uuid_send(gen_random_uuid())"));
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(&b, ", k%zu %s NOT NULL", i,
                   column_type(t->columns[t->key[i]].type, engine(db)));
    BUF_LIT(&b, ")");
    return exec_buf(db, a, &b);
}

/* "INSERT INTO move_change_T (k0, k1) " and the key of `row` (NEW, OLD) as a SELECT. */
static void put_note(struct buf *b, const struct table *t, const char *row)
{
    BUF_LIT(b, "INSERT INTO");
    put_change_table(b, t);
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(b, "%sk%zu", i ? ", " : "(", i);
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(b, "%s%s.\"%.*s\"", i ? ", " : ") SELECT ", row, STR_ARG(key_name(t, i)));
}

/* " WHERE the update has changed the key" */
static void put_key_changed(struct buf *b, const struct table *t)
{
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(b, "%sOLD.\"%.*s\" <> NEW.\"%.*s\"", i ? " OR " : " WHERE ",
                   STR_ARG(key_name(t, i)), STR_ARG(key_name(t, i)));
}

/* `text` between single quotes. */
static void put_literal(struct buf *b, const char *before, str text, const char *after)
{
    buf_printf(b, "'%s", before);
    for (size_t i = 0; i < text.n; i++)
        buf_put(b, text.p[i] == '\'' ? STR("''") : str_sub(text, i, i + 1));
    buf_printf(b, "%s'", after);
}

#define BEING_MOVED "the store is being moved to "
#define WAS_MOVED   "the store was moved to "
#define TRY_AGAIN   ": try again in a few seconds"
#define GO_THERE    ": use it there (setting db), with the same master key file"

static enum err make_sqlite_trigger(struct db *db, struct arena *a, const struct table *t,
                                    const char *verb, str target)
{
    struct buf b = begin(a);
    buf_printf(&b,
               "CREATE TRIGGER \"move_%s_%.*s\" AFTER %s ON \"%.*s\" BEGIN SELECT RAISE(ABORT, ",
               verb, STR_ARG(t->name), verb, STR_ARG(t->name));
    put_literal(&b, WAS_MOVED, target, GO_THERE);
    BUF_LIT(&b, ") FROM move_source WHERE state = 3; SELECT RAISE(ABORT, ");
    put_literal(&b, BEING_MOVED, target, TRY_AGAIN);
    BUF_LIT(&b, ") FROM move_source WHERE state = 2 AND until_ms > " NOW_SQLITE "; ");
    put_note(&b, t, strcmp(verb, "DELETE") == 0 ? "OLD" : "NEW");
    if (strcmp(verb, "UPDATE") == 0) {
        BUF_LIT(&b, "; ");
        put_note(&b, t, "OLD");
        put_key_changed(&b, t);
    }
    BUF_LIT(&b, "; END");
    return exec_buf(db, a, &b);
}

static enum err make_function(struct db *db, struct arena *a, const struct table *t, str target)
{
    struct buf b = begin(a);
    buf_printf(&b,
               "CREATE FUNCTION \"move_note_%.*s\"() RETURNS trigger LANGUAGE plpgsql AS "
               "$move$ DECLARE s BIGINT; u BIGINT; BEGIN "
               "SELECT state, until_ms INTO s, u FROM move_source; "
               "IF s = 3 THEN RAISE EXCEPTION USING MESSAGE = ",
               STR_ARG(t->name));
    put_literal(&b, WAS_MOVED, target, GO_THERE);
    BUF_LIT(&b,
            "; END IF; IF s = 2 AND u > " NOW_POSTGRESQL " THEN RAISE EXCEPTION USING MESSAGE = ");
    put_literal(&b, BEING_MOVED, target, TRY_AGAIN);
    BUF_LIT(&b, "; END IF; IF TG_OP <> 'DELETE' THEN ");
    put_note(&b, t, "NEW");
    BUF_LIT(&b, "; END IF; IF TG_OP = 'DELETE' THEN ");
    put_note(&b, t, "OLD");
    BUF_LIT(&b, "; ELSIF TG_OP = 'UPDATE' THEN ");
    put_note(&b, t, "OLD");
    put_key_changed(&b, t);
    BUF_LIT(&b, "; END IF; RETURN NULL; END $move$");
    return exec_buf(db, a, &b);
}

static enum err make_triggers(struct db *db, struct arena *a, const struct table *t, str target)
{
    static const char *const verbs[] = {"INSERT", "UPDATE", "DELETE"};
    enum err e = OK;
    if (engine(db) == SQLITE) {
        for (size_t i = 0; e == OK && i < 3; i++)
            e = make_sqlite_trigger(db, a, t, verbs[i], target);
        return e;
    }
    if ((e = make_function(db, a, t, target)))
        return e;
    struct buf b = begin(a);
    buf_printf(&b,
               "CREATE TRIGGER move_note AFTER INSERT OR UPDATE OR DELETE ON \"%.*s\" "
               "FOR EACH ROW EXECUTE FUNCTION \"move_note_%.*s\"()",
               STR_ARG(t->name), STR_ARG(t->name));
    return exec_buf(db, a, &b);
}

/* Ends the transaction that the caller began. */
static enum err end(struct db *db, enum err e)
{
    bool conflicted = db->conflicted;
    if (e == OK)
        e = exec(db, "COMMIT");
    if (e != OK)
        db_rollback(db);
    return e == ERR_UNAVAILABLE && conflicted ? ERR_CONFLICT : e;
}

enum err capture_install(struct capture *c, struct arena *a, str target)
{
    uint8_t id[MOVE_ID];
    struct buf hex = begin(a);
    enum err e = db_begin(c->db);
    rand_bytes(id, sizeof id);
    buf_hex(&hex, id, sizeof id);
    if (e)
        return e;
    /* All locks at once and in one order, or writers and we would wait for each other. */
    if (c->lock)
        e = exec(c->db, c->lock);
    e = e ? e : exec(c->db, create);
    e = e ? e : db_run(c->db, &sql[PUT], ARGS(db_text(buf_str(&hex)), db_text(target)), NULL);
    for (size_t i = 0; e == OK && i < c->n; i++) {
        e = make_change_table(c->db, a, &c->tables[i]);
        e = e ? e : make_triggers(c->db, a, &c->tables[i], target);
    }
    return end(c->db, e);
}

/* ---- taking it away ---- */

/* Texts that drop what a move has made here, in an order that works. */
static const struct sql remains[] = {
    [SQLITE] = {"capture.remains",
                "SELECT 'DROP ' || type || ' \"' || name || '\"' FROM sqlite_master "
                "WHERE type IN ('trigger', 'table') AND name LIKE 'move!_%' ESCAPE '!' "
                "ORDER BY type DESC"},
    [POSTGRESQL] = {"capture.remains",
                    "SELECT text FROM (SELECT 1 AS place, 'DROP TRIGGER move_note ON \"' || "
                    "c.relname || '\"' AS text FROM pg_trigger g JOIN pg_class c "
                    "ON c.oid = g.tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace "
                    "WHERE g.tgname = 'move_note' AND n.nspname = current_schema() "
                    "UNION ALL SELECT 2, 'DROP FUNCTION \"' || p.proname || '\"()' "
                    "FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace "
                    "WHERE p.proname LIKE 'move!_note!_%' ESCAPE '!' "
                    "AND n.nspname = current_schema() "
                    "UNION ALL SELECT 3, 'DROP TABLE \"' || table_name || '\"' "
                    "FROM information_schema.tables WHERE table_schema = current_schema() "
                    "AND table_name LIKE 'move!_%' ESCAPE '!') d ORDER BY place, text"},
};

enum err capture_remove(struct db *db, struct arena *a)
{
    str texts[REMAINS];
    size_t n = 0;
    enum err e = db_begin(db);
    if (e)
        return e;
    struct rows r = db_query(db, &remains[engine(db)], NO_ARGS);
    for (; n < REMAINS && rows_next(&r); n++)
        texts[n] = row_text(&r, 0, a);
    e = rows_end(&r);
    for (size_t i = 0; e == OK && i < n; i++)
        e = exec(db, arena_cstr(a, texts[i]));
    return end(db, e);
}

/* ---- use ---- */

enum err capture_page(struct capture *c, struct arena *a, size_t t, size_t max,
                      struct capture_change *changes, size_t *n)
{
    const struct table *table = &c->tables[t];
    struct rows r = db_query(c->db, &c->pages[t], ARGS(db_int((int64_t)max)));
    *n = 0;
    for (; *n < max && rows_next(&r); ++*n) {
        struct capture_change *x = &changes[*n];
        int at = 0;
        memset(x->key, 0, sizeof x->key);
        x->id = table_value(&r, at++, DB_BLOB, a);
        for (size_t i = 0; i < table->keys_n; i++)
            x->key[i] = table_value(&r, at++, table->columns[table->key[i]].type, a);
        table_values(&r, at, table, a, &x->row);
        x->present = x->row.values[table->key[0]].type != DB_NULL;
    }
    return rows_end(&r);
}

/* FORGET ids from `from` on; the last one stands in for those that there are not. */
static void fill(struct db_arg *ids, const struct capture_change *changes, size_t n, size_t from)
{
    for (size_t i = 0; i < FORGET; i++)
        ids[i] = changes[from + i < n ? from + i : n - 1].id;
}

enum err capture_forget(struct capture *c, size_t t, const struct capture_change *changes, size_t n)
{
    enum err e = n > 0 ? db_begin(c->db) : OK;
    for (size_t from = 0; e == OK && from < n; from += FORGET) {
        struct db_arg ids[FORGET];
        fill(ids, changes, n, from);
        e = db_run(c->db, &c->forget[t], ids, FORGET, NULL);
    }
    if (n > 0)
        e = end(c->db, e);
    return e;
}

enum err capture_freeze(struct capture *c, int64_t ms)
{
    enum err e = db_begin(c->db);
    if (e)
        return e;
    if (c->lock)
        e = exec(c->db, c->lock);
    e = e ? e : db_run(c->db, &freeze[engine(c->db)], ARGS(db_int(ms)), NULL);
    return end(c->db, e);
}

enum err capture_thaw(struct capture *c)
{
    return db_run(c->db, &sql[THAW], NO_ARGS, NULL);
}

enum err capture_pending(struct capture *c, bool *tables, size_t *n)
{
    struct rows r = db_query(c->db, &c->pending, NO_ARGS);
    memset(tables, 0, c->n * sizeof *tables);
    for (*n = 0; rows_next(&r); ++*n)
        tables[(size_t)row_int(&r, 0) % c->n] = true;
    return rows_end(&r);
}

enum err capture_finish(struct capture *c)
{
    bool tables[CAPTURE_TABLES];
    size_t left = 0;
    enum err e = db_begin(c->db);
    if (e)
        return e;
    if (c->lock)
        e = exec(c->db, c->lock);
    e = e ? e : capture_pending(c, tables, &left);
    if (e == OK && left > 0)
        e = ERR_CONFLICT;
    e = e ? e : db_run(c->db, &sql[MOVED], NO_ARGS, NULL);
    return end(c->db, e);
}
