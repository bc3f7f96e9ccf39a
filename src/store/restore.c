/* restore: what is believed of a backup, and how its rows get into a store.
 *
 * The file is read twice by the same reader: once to check all of it, once to load it, and what the
 * first reading would refuse the second one refuses as well, in a transaction that is then undone.
 * Rows are loaded by the store's own catalogue: the file's names are compared with it and never
 * become SQL.
 */
#include "store/restore.h"

#include <stdio.h>

#include "base/rand.h"
#include "codec/dump.h"
#include "store/statements.h"

enum { TICK = 500, CATALOGUE_MAX = 16 << 20, ROWS_MAX = 1 << 30 };

enum { CLIENT_EPOCHS, USER_EPOCHS, SESSIONS };

/* Epochs are random numbers of 51 bits: moved on by another one, round a circle. */
static const struct sql sql[] = {
    [CLIENT_EPOCHS] = {"restore.client_epochs",
                       "UPDATE client SET epoch = (epoch + $1) % 2251799813685248"},
    [USER_EPOCHS] = {"restore.user_epochs",
                     "UPDATE users SET epoch = (epoch + $1) % 2251799813685248"},
    [SESSIONS] = {"restore.sessions", "DELETE FROM session"},
};

const struct sql_set restore_statements = {sql, sizeof sql / sizeof *sql};

static const enum db_type db_types[] = {
    [DUMP_NULL] = DB_NULL, [DUMP_INT] = DB_INT, [DUMP_TEXT] = DB_TEXT, [DUMP_BLOB] = DB_BLOB};

/* ---- records ---- */

struct take {
    struct dump_reader reader;
    struct dump_record record;
    struct arena arena; /* of the records; reset now and then */
    struct arena head;  /* of the present table's record */
    struct table table; /* as the file has it: name and number of columns */
    uint64_t digest;
    size_t rows; /* since the last tick */
    backup_tick *tick;
    void *arg;
    char *why;
    size_t why_size;
};

static enum err source(void *arg, void *out, size_t n)
{
    return stream_read(arg, out, n);
}

static void take_begin(struct take *t, struct stream_reader *r, backup_tick *tick, void *arg)
{
    dump_reader_init(&t->reader, source, r);
    arena_init(&t->arena, ROWS_MAX);
    arena_init(&t->head, CATALOGUE_MAX);
    t->tick = tick;
    t->arg = arg;
}

static void take_end(struct take *t)
{
    t->tick(t->arg, (int64_t)t->rows);
    arena_free(&t->arena);
    arena_free(&t->head);
}

static enum err damaged(struct take *t, const char *what)
{
    snprintf(t->why, t->why_size, "is damaged: %s", what);
    return ERR_INVALID_REQUEST;
}

/* The values of the record, as a store takes them. */
static void to_row(const struct take *t, struct table_row *row)
{
    for (size_t i = 0; i < t->record.n; i++) {
        const struct dump_value *v = &t->record.values[i];
        row->values[i] = (struct db_arg){db_types[v->type], v->i, v->s};
        if (v->type > DUMP_INT) {
            row->values[i].i = 0;
            row->values[i].s = v->s.n ? v->s : STR("");
        }
    }
}

/* The next record; a table's stays until the next table. What it says about rows has been checked
 * when it returns. */
static enum err take_next(struct take *t, struct table_row *row)
{
    if (t->rows == TICK) {
        t->tick(t->arg, TICK);
        t->rows = 0;
        arena_reset(&t->arena);
    }
    enum err e = dump_next(&t->reader, &t->arena, &t->record);
    if (e == ERR_INVALID_REQUEST)
        return damaged(t, "it was cut, changed, or joined with another file");
    if (e != OK)
        return e;
    if (t->record.kind == DUMP_TABLE) {
        arena_reset(&t->head);
        t->table.name = arena_dup(&t->head, t->record.name);
        t->table.columns_n = t->record.n;
        t->digest = 0;
    } else if (t->record.kind == DUMP_ROW) {
        to_row(t, row);
        t->digest += table_digest(&t->table, row);
        t->rows++;
    } else if (t->record.kind == DUMP_SUM && t->record.digest != t->digest) {
        return damaged(t, "rows and their digest differ");
    }
    return OK;
}

enum err restore_check(struct stream_reader *r, struct backup_tables *tables, backup_tick *tick,
                       void *arg, char *why, size_t why_size)
{
    struct take *t = ARENA_NEW(tables->arena, struct take);
    struct table_row *row = ARENA_NEW(tables->arena, struct table_row);
    enum err e;
    t->why = why;
    t->why_size = why_size;
    take_begin(t, r, tick, arg);
    while ((e = take_next(t, row)) == OK && t->record.kind != DUMP_END) {
        if (t->record.kind != DUMP_SUM)
            continue;
        struct backup_table *sum = backup_add_table(tables, t->table.name);
        sum->rows = t->record.rows;
        sum->digest = t->record.digest;
        tables->rows += sum->rows;
    }
    take_end(t);
    return e;
}

/* ---- loading ---- */

struct load {
    struct take take;
    struct db *db;
    struct table *tables;
    size_t n, at; /* at: the next one that the file must have */
    struct table_row row;
    str names[TABLE_COLUMNS];
};

enum err restore_is_empty(struct db *db, struct arena *a, char *why, size_t why_size)
{
    struct table *tables;
    size_t n;
    int64_t rows = 0;
    enum err e = backup_catalogue(db, a, &tables, &n, why, why_size);
    for (size_t i = 0; e == OK && i < n; i++) {
        e = backup_count_table(db, &tables[i], &rows);
        if (e == OK && rows > 0) {
            snprintf(why, why_size, "table %.*s has %lld rows", STR_ARG(tables[i].name),
                     (long long)rows);
            e = ERR_CONFLICT;
        }
    }
    return e;
}

/* Exactly the columns of the store's table. */
static bool is_same_table(const struct table *t, const struct dump_record *record)
{
    if (!str_eq(t->name, record->name) || t->columns_n != record->n)
        return false;
    for (size_t i = 0; i < record->n; i++)
        if (!str_eq(t->columns[i].name, record->columns[i].name) ||
            t->columns[i].type != db_types[record->columns[i].type])
            return false;
    return true;
}

static enum err other_tables(struct load *l)
{
    snprintf(l->take.why, l->take.why_size,
             "does not hold the tables that its schema version has: it is from a store that was "
             "changed by hand, or from another program");
    return ERR_INVALID_REQUEST;
}

static enum err status(enum db_status s)
{
    return s == DB_DONE ? OK : ERR_UNAVAILABLE;
}

static enum err load_table(struct load *l)
{
    if (l->at == l->n || !is_same_table(&l->tables[l->at], &l->take.record))
        return other_tables(l);
    const struct table *t = &l->tables[l->at];
    if (!l->db->ops->load_begin)
        return OK;
    for (size_t i = 0; i < t->columns_n; i++)
        l->names[i] = t->columns[i].name;
    const char *name = arena_cstr(&l->take.head, t->name);
    return status(l->db->ops->load_begin(l->db, name, l->names, t->columns_n));
}

static enum err load_row(struct load *l)
{
    const struct table *t = &l->tables[l->at];
    if (l->db->ops->load_begin)
        return status(l->db->ops->load_row(l->db, l->row.values, t->columns_n));
    return db_run(l->db, &t->put, l->row.values, t->columns_n, NULL);
}

/* What the store holds now must be what the file said. */
static enum err load_sum(struct load *l)
{
    const struct table *t = &l->tables[l->at++];
    int64_t rows;
    enum err e = l->db->ops->load_begin ? status(l->db->ops->load_end(l->db)) : OK;
    if (e == OK && (e = backup_count_table(l->db, t, &rows)) == OK &&
        (uint64_t)rows != l->take.record.rows)
        e = damaged(&l->take, "it has several rows of one key");
    return e;
}

static enum err load_record(struct load *l)
{
    switch (l->take.record.kind) {
    case DUMP_TABLE:
        return load_table(l);
    case DUMP_ROW:
        return load_row(l);
    case DUMP_SUM:
        return load_sum(l);
    case DUMP_END:
        break;
    }
    return l->at == l->n ? OK : other_tables(l);
}

enum err restore_load(struct db *db, struct arena *a, struct stream_reader *r, backup_tick *tick,
                      void *arg, char *why, size_t why_size)
{
    struct load *l = ARENA_NEW(a, struct load);
    l->db = db;
    l->take.why = why;
    l->take.why_size = why_size;
    enum err e = backup_catalogue(db, a, &l->tables, &l->n, why, why_size);
    take_begin(&l->take, r, tick, arg);
    while (e == OK && (e = take_next(&l->take, &l->row)) == OK) {
        e = load_record(l);
        if (l->take.record.kind == DUMP_END)
            break;
    }
    take_end(&l->take);
    return e;
}

/* ---- what a backup must not bring back ---- */

static enum err shift(struct db *db, const struct sql *q)
{
    uint64_t random;
    rand_bytes(&random, sizeof random);
    return db_run(db, q, ARGS(db_int((int64_t)(random >> 13) | 1)), NULL);
}

enum err restore_new_epochs(struct db *db)
{
    enum err e = shift(db, &sql[CLIENT_EPOCHS]);
    if (e == OK)
        e = shift(db, &sql[USER_EPOCHS]);
    return e ? e : db_run(db, &sql[SESSIONS], NO_ARGS, NULL);
}
