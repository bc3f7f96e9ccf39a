/* backup: what is read of a store, in which order, and what is said of it in clear.
 *
 * A page of rows is in memory at a time. A row in the file is as table.h reads it, columns by name,
 * so a backup of one kind of store is one of the other.
 */
#include "store/backup.h"

#include <stdio.h>

#include "codec/dump.h"
#include "db/migrate.h"
#include "store/statements.h"

enum { PAGE = 500, RECORD_FIRST = 64 << 10, CATALOGUE_MAX = 16 << 20, PAGE_MAX = 1 << 30 };

static const struct sql sql[] = {
    {"backup.sealed", "SELECT sealed FROM key ORDER BY id"},
};

const struct sql_set backup_statements = {sql, sizeof sql / sizeof *sql};

_Static_assert((int)DUMP_COLUMNS == (int)TABLE_COLUMNS, "a row of a table is a row of a dump");

/* ---- what a backup holds ---- */

static bool is_kept(str name)
{
    return !str_eq(name, STR("change")) && !str_eq(name, STR("explanation"));
}

enum err backup_catalogue(struct db *db, struct arena *a, struct table **tables, size_t *n,
                          char *why, size_t why_size)
{
    size_t kept = 0;
    enum err e = table_list(db, a, tables, n, why, why_size);
    for (size_t i = 0; e == OK && i < *n; i++)
        if (is_kept((*tables)[i].name))
            (*tables)[kept++] = (*tables)[i];
    *n = kept;
    return e;
}

enum err backup_begin(struct db *db)
{
    const char *text = db->ops->shared ? "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"
                                       : "BEGIN DEFERRED TRANSACTION";
    return db->ops->exec(db, text) == DB_DONE ? OK : ERR_UNAVAILABLE;
}

void backup_end(struct db *db)
{
    db_rollback(db);
}

enum err backup_count_table(struct db *db, const struct table *t, int64_t *rows)
{
    return db_query_int(db, &t->count, NO_ARGS, rows);
}

enum err backup_count(struct db *db, struct arena *a, int64_t *rows, char *why, size_t why_size)
{
    struct table *tables;
    size_t n;
    int64_t some;
    enum err e = backup_catalogue(db, a, &tables, &n, why, why_size);
    *rows = 0;
    for (size_t i = 0; e == OK && i < n; i++)
        if ((e = backup_count_table(db, &tables[i], &some)) == OK)
            *rows += some;
    return e;
}

/* ---- facts ---- */

/* A sealed row begins with a version and the fingerprint (crypto/seal.h). */
static enum err add_master(struct backup_head *head, str sealed)
{
    if (sealed.n < SEAL_OVERHEAD)
        return OK; /* damaged; key_load_ring() says so to whoever opens it */
    const char *print = sealed.p + 1;
    for (size_t i = 0; i < head->masters_n; i++)
        if (ct_eq(head->masters[i], print, SEAL_FINGERPRINT_BYTES))
            return OK;
    if (head->masters_n == BACKUP_MASTERS)
        return ERR_CONFLICT;
    memcpy(head->masters[head->masters_n++], print, SEAL_FINGERPRINT_BYTES);
    return OK;
}

enum err backup_facts(struct db *db, struct backup_head *head)
{
    struct arena a;
    enum err e = OK;
    arena_init(&a, CATALOGUE_MAX);
    struct rows r = db_query(db, &sql[0], NO_ARGS);
    head->masters_n = 0;
    head->store = str_from(db->ops->name);
    while (e == OK && rows_next(&r))
        e = add_master(head, row_text(&r, 0, &a));
    enum err end = rows_end(&r);
    arena_free(&a);
    return end ? end : e;
}

/* ---- saving ---- */

struct save {
    struct db *db;
    struct stream_writer *stream;
    const struct table *table;
    struct backup_tables *tables;
    struct backup_table *sum; /* of the present table */
    struct buf bytes;         /* of the present record */
    backup_tick *tick;
    void *arg;
    char *why;
    size_t why_size;
};

static const enum dump_type dump_types[] = {
    [DB_NULL] = DUMP_NULL, [DB_INT] = DUMP_INT, [DB_TEXT] = DUMP_TEXT, [DB_BLOB] = DUMP_BLOB};

static enum err put_record(struct save *s, const struct dump_record *record)
{
    s->bytes.n = 0;
    if (!dump_write(&s->bytes, record)) {
        snprintf(s->why, s->why_size, "table %.*s has a row of more than 16 MiB",
                 STR_ARG(s->table->name));
        return ERR_CONFLICT;
    }
    return stream_write(s->stream, buf_str(&s->bytes));
}

struct backup_table *backup_add_table(struct backup_tables *tables, str name)
{
    ARENA_MORE(tables->arena, tables->list, tables->n, tables->room);
    struct backup_table *t = &tables->list[tables->n++];
    *t = (struct backup_table){.name = arena_dup(tables->arena, name)};
    return t;
}

static bool is_made(str table)
{
    char create[128];
    snprintf(create, sizeof create, "CREATE TABLE %.*s (", STR_ARG(table));
    for (const struct migration *m = migrations; m->number != 0; m++)
        if (strstr(m->text, create))
            return true;
    return false;
}

/* A table that no migration makes would be refused when it is restored. A store of a later version
 * may have tables that this program does not know. */
static enum err check_tables(struct save *s, const struct table *list, size_t n)
{
    int version;
    enum err e = migrate_version(s->db, &version);
    for (size_t i = 0; e == OK && version <= migrate_latest() && i < n; i++) {
        if (is_made(list[i].name))
            continue;
        snprintf(s->why, s->why_size,
                 "table %.*s is none of postern's: move it to another schema or database, or drop "
                 "it",
                 STR_ARG(list[i].name));
        return ERR_CONFLICT;
    }
    return e;
}

/* A value of another type than its column's: SQLite takes what it is given. */
static bool is_value(const struct column *c, const struct db_arg *v)
{
    return v->type == DB_NULL || v->type == c->type;
}

static enum err put_row(struct save *s, struct dump_record *record, const struct table_row *row)
{
    const struct table *t = s->table;
    record->kind = DUMP_ROW;
    record->n = t->columns_n;
    for (size_t i = 0; i < t->columns_n; i++) {
        const struct db_arg *v = &row->values[i];
        if (!is_value(&t->columns[i], v)) {
            snprintf(s->why, s->why_size, "table %.*s has a row whose column %.*s is damaged",
                     STR_ARG(t->name), STR_ARG(t->columns[i].name));
            return ERR_CONFLICT;
        }
        record->values[i] = (struct dump_value){dump_types[v->type], v->i, v->s};
    }
    s->sum->rows++;
    s->sum->digest += table_digest(t, row);
    return put_record(s, record);
}

/* The key of the last row, kept over the end of its page. */
static void keep_key(const struct table *t, struct arena *a, const struct table_row *row,
                     struct table_row *out)
{
    for (size_t i = 0; i < t->keys_n; i++) {
        struct db_arg *v = &out->values[t->key[i]];
        *v = row->values[t->key[i]];
        v->s = v->s.n ? arena_dup(a, v->s) : v->s;
    }
}

static enum err put_rows(struct save *s, struct dump_record *record)
{
    struct arena pages[2]; /* in turn: a page begins behind the last key of the one before */
    struct table_row *rows = NULL, last;
    size_t n = PAGE;
    enum err e = OK;
    arena_init(&pages[0], PAGE_MAX);
    arena_init(&pages[1], PAGE_MAX);
    for (size_t turn = 0; e == OK && n == PAGE; turn++) {
        struct arena *a = &pages[turn % 2];
        arena_reset(a);
        rows = ARENA_ARRAY(a, struct table_row, PAGE);
        e = table_page(s->db, a, s->table, turn ? &last : NULL, PAGE, rows, &n);
        for (size_t i = 0; e == OK && i < n; i++)
            e = put_row(s, record, &rows[i]);
        if (e == OK && n > 0)
            keep_key(s->table, a, &rows[n - 1], &last);
        s->tick(s->arg, (int64_t)n);
    }
    arena_free(&pages[0]);
    arena_free(&pages[1]);
    return e;
}

static enum err put_table(struct save *s, struct arena *a)
{
    struct dump_record *record = ARENA_NEW(a, struct dump_record);
    const struct table *t = s->table;
    record->kind = DUMP_TABLE;
    record->name = t->name;
    record->n = t->columns_n;
    for (size_t i = 0; i < t->columns_n; i++) {
        record->columns[i] =
            (struct dump_column){t->columns[i].name, dump_types[t->columns[i].type]};
    }
    s->sum = backup_add_table(s->tables, t->name);
    enum err e = put_record(s, record);
    if (e == OK)
        e = put_rows(s, record);
    record->kind = DUMP_SUM;
    record->rows = s->sum->rows;
    record->digest = s->sum->digest;
    s->tables->rows += s->sum->rows;
    return e ? e : put_record(s, record);
}

enum err backup_save(struct db *db, struct stream_writer *w, struct backup_tables *tables,
                     backup_tick *tick, void *arg, char *why, size_t why_size)
{
    struct save s = {.db = db,
                     .stream = w,
                     .tables = tables,
                     .tick = tick,
                     .arg = arg,
                     .why = why,
                     .why_size = why_size};
    struct arena a;
    struct table *list;
    size_t n;
    arena_init(&a, PAGE_MAX);
    buf_init(&s.bytes, &a, RECORD_FIRST, DUMP_RECORD_MAX + RECORD_FIRST);
    enum err e = backup_catalogue(db, tables->arena, &list, &n, why, why_size);
    e = e ? e : check_tables(&s, list, n);
    for (size_t i = 0; e == OK && i < n; i++) {
        s.table = &list[i];
        e = put_table(&s, &a);
    }
    if (e == OK)
        e = put_record(&s, &(struct dump_record){.kind = DUMP_END});
    arena_free(&a);
    return e ? e : stream_finish(w);
}
