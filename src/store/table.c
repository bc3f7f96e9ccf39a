/* table: the catalogue of a store, read as it is, and a page of rows in key order.
 *
 * Columns are kept in the order of their names, whatever order an engine has them in, so that a row
 * of one store is a row of the other and has the same digest in both. A page is read by key, never
 * by offset: its cost does not grow with its place. How an engine orders text does not matter,
 * since a page is ordered and continued by the same engine.
 *
 * Left out on purpose: constraints other than the primary key, and whatever a table of ours never
 * has (generated columns, other types): it is refused by name rather than copied in part.
 */
#include "store/table.h"

#include <endian.h>
#include <stdio.h>

#include "base/log.h"
#include "crypto/hash.h"

enum { SQLITE, POSTGRESQL };
enum { DIRECT_MAX = 256, PER_VALUE = 1 + 8 + DIRECT_MAX, NAME_MAX_CHARS = 63 };

/* table, column, type, place in the primary key from 1 (0: not in it) */
static const struct sql catalogue[] = {
    [SQLITE] = {"table.columns",
                "SELECT m.name, c.name, c.type, c.pk "
                "FROM sqlite_master m, pragma_table_info(m.name) c "
                "WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite!_%' ESCAPE '!' "
                "ORDER BY m.name, c.name"},
    [POSTGRESQL] = {"table.columns",
                    "SELECT CAST(c.table_name AS TEXT), CAST(c.column_name AS TEXT), "
                    "UPPER(CAST(c.data_type AS TEXT)), "
                    "CAST(COALESCE(k.ordinal_position, 0) AS BIGINT) "
                    "FROM information_schema.tables t "
                    "JOIN information_schema.columns c ON c.table_schema = t.table_schema "
                    "AND c.table_name = t.table_name "
                    "LEFT JOIN information_schema.table_constraints p "
                    "ON p.table_schema = t.table_schema AND p.table_name = t.table_name "
                    "AND p.constraint_type = 'PRIMARY KEY' "
                    "LEFT JOIN information_schema.key_column_usage k "
                    "ON k.constraint_schema = p.constraint_schema "
                    "AND k.constraint_name = p.constraint_name AND k.table_name = t.table_name "
                    "AND k.column_name = c.column_name "
                    "WHERE t.table_schema = current_schema() AND t.table_type = 'BASE TABLE' "
                    "ORDER BY CAST(c.table_name AS TEXT) COLLATE \"C\", "
                    "CAST(c.column_name AS TEXT) COLLATE \"C\""},
};

static const struct sql exists[] = {
    [SQLITE] = {"table.exists", "SELECT COUNT(*) FROM sqlite_master "
                                "WHERE type = 'table' AND name = $1"},
    [POSTGRESQL] = {"table.exists", "SELECT COUNT(*) FROM information_schema.tables "
                                    "WHERE table_schema = current_schema() AND table_name = $1"},
};

static bool is_left_out(str name)
{
    return str_starts(name, STR("move_")) || str_eq(name, STR("schema_version")) ||
           str_eq(name, STR("lease"));
}

/* DB_NULL: none that a table of ours has. */
static enum db_type type_of(str type)
{
    if (str_eq(type, STR("TEXT")))
        return DB_TEXT;
    if (str_eq(type, STR("BLOB")) || str_eq(type, STR("BYTEA")))
        return DB_BLOB;
    return str_eq(type, STR("BIGINT")) || str_eq(type, STR("INTEGER")) ? DB_INT : DB_NULL;
}

/* Names become SQL, between quotes. */
static bool is_name(str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return name.n > 0 && name.n <= NAME_MAX_CHARS;
}

/* False: a table of ours has no such column. */
static bool add_column(struct table *t, str name, str type, size_t place)
{
    enum db_type known = type_of(type);
    if (t->columns_n == TABLE_COLUMNS || place > TABLE_KEYS || known == DB_NULL || !is_name(name))
        return false;
    if (place > 0) {
        t->key[place - 1] = t->columns_n;
        t->keys_n++;
    }
    t->columns[t->columns_n++] = (struct column){name, known};
    return true;
}

static enum err foreign(str table, char *why, size_t why_size)
{
    snprintf(why, why_size,
             "table %.*s is none of postern's: move it to another schema or database, or drop it",
             STR_ARG(table));
    return ERR_CONFLICT;
}

/* ---- statements ---- */

static str name_of(const struct table *t, size_t i)
{
    return t->columns[i].name;
}

static void put_columns(struct buf *b, const struct table *t)
{
    for (size_t i = 0; i < t->columns_n; i++)
        buf_printf(b, "%s\"%.*s\"", i ? ", " : "", STR_ARG(name_of(t, i)));
}

static void put_keys(struct buf *b, const struct table *t)
{
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(b, "%s\"%.*s\"", i ? ", " : "", STR_ARG(name_of(t, t->key[i])));
}

static void put_params(struct buf *b, size_t n)
{
    for (size_t i = 1; i <= n; i++)
        buf_printf(b, "%s$%zu", i > 1 ? ", " : "", i);
}

static void put_by_key(struct buf *b, const struct table *t)
{
    for (size_t i = 0; i < t->keys_n; i++)
        buf_printf(b, "%s\"%.*s\" = $%zu", i ? " AND " : " WHERE ", STR_ARG(name_of(t, t->key[i])),
                   i + 1);
}

static bool is_key(const struct table *t, size_t column)
{
    for (size_t i = 0; i < t->keys_n; i++)
        if (t->key[i] == column)
            return true;
    return false;
}

static void put_insert(struct buf *b, const struct table *t)
{
    const char *before = ") DO UPDATE SET ";
    buf_printf(b, "INSERT INTO \"%.*s\" (", STR_ARG(t->name));
    put_columns(b, t);
    BUF_LIT(b, ") VALUES (");
    put_params(b, t->columns_n);
    BUF_LIT(b, ") ON CONFLICT (");
    put_keys(b, t);
    for (size_t i = 0; i < t->columns_n; i++) {
        if (is_key(t, i))
            continue;
        buf_printf(b, "%s\"%.*s\" = excluded.\"%.*s\"", before, STR_ARG(name_of(t, i)),
                   STR_ARG(name_of(t, i)));
        before = ", ";
    }
    if (t->keys_n == t->columns_n)
        BUF_LIT(b, ") DO NOTHING");
}

static void put_select(struct buf *b, const struct table *t)
{
    BUF_LIT(b, "SELECT ");
    put_columns(b, t);
    buf_printf(b, " FROM \"%.*s\"", STR_ARG(t->name));
}

static void put_page(struct buf *b, const struct table *t, bool next)
{
    put_select(b, t);
    if (next) {
        BUF_LIT(b, " WHERE (");
        put_keys(b, t);
        BUF_LIT(b, ") > (");
        put_params(b, t->keys_n);
        BUF_LIT(b, ")");
    }
    BUF_LIT(b, " ORDER BY ");
    put_keys(b, t);
    buf_printf(b, " LIMIT $%zu", next ? t->keys_n + 1 : 1);
}

static struct buf begin(struct arena *a)
{
    struct buf b;
    buf_init(&b, a, 512, 16384);
    return b;
}

static struct sql end(struct arena *a, const struct table *t, const char *verb, struct buf *b)
{
    if (b->overflow)
        fatal("the statements of table %.*s are too long", STR_ARG(t->name));
    str name = arena_printf(a, "%.*s.%s", STR_ARG(t->name), verb);
    return (struct sql){arena_cstr(a, name), arena_cstr(a, buf_str(b))};
}

static void make_statements(struct arena *a, struct table *t)
{
    struct buf b = begin(a);
    put_page(&b, t, false);
    t->first = end(a, t, "first", &b);
    b = begin(a);
    put_page(&b, t, true);
    t->next = end(a, t, "next", &b);
    b = begin(a);
    put_select(&b, t);
    put_by_key(&b, t);
    t->get = end(a, t, "get", &b);
    b = begin(a);
    put_insert(&b, t);
    t->put = end(a, t, "put", &b);
    b = begin(a);
    buf_printf(&b, "DELETE FROM \"%.*s\"", STR_ARG(t->name));
    put_by_key(&b, t);
    t->drop = end(a, t, "drop", &b);
    b = begin(a);
    buf_printf(&b, "SELECT COUNT(*) FROM \"%.*s\"", STR_ARG(t->name));
    t->count = end(a, t, "count", &b);
}

/* ---- reading ---- */

enum err table_list(struct db *db, struct arena *a, struct table **out, size_t *n, char *why,
                    size_t why_size)
{
    size_t room = 0;
    str other = {0};
    struct rows r = db_query(db, &catalogue[db->ops->shared ? POSTGRESQL : SQLITE], NO_ARGS);
    *out = NULL;
    *n = 0;
    while (rows_next(&r)) {
        str name = row_text(&r, 0, a);
        if (is_left_out(name))
            continue;
        if (*n == 0 || !str_eq((*out)[*n - 1].name, name)) {
            ARENA_MORE(a, *out, *n, room);
            (*out)[*n] = (struct table){.name = name};
            ++*n;
        }
        if (!add_column(&(*out)[*n - 1], row_text(&r, 1, a), row_text(&r, 2, a),
                        (size_t)row_int(&r, 3)))
            other = name;
    }
    enum err e = rows_end(&r);
    for (size_t i = 0; i < *n; i++)
        if ((*out)[i].keys_n == 0 || !is_name((*out)[i].name))
            other = (*out)[i].name;
    if (e == OK && other.p)
        return foreign(other, why, why_size);
    for (size_t i = 0; e == OK && i < *n; i++)
        make_statements(a, &(*out)[i]);
    return e;
}

/* SQLite keeps a value as it was bound, so the column's type is what counts. */
struct db_arg table_value(struct rows *r, int at, enum db_type type, struct arena *a)
{
    struct db_arg v = {0};
    v.type = r->db->ops->column(r->stmt, at, &v.i, &v.s);
    if (v.type == DB_TEXT || v.type == DB_BLOB) {
        v.type = type == DB_TEXT ? DB_TEXT : DB_BLOB;
        v.s = v.s.n ? arena_dup(a, v.s) : STR("");
    }
    return v;
}

void table_values(struct rows *r, int at, const struct table *t, struct arena *a,
                  struct table_row *row)
{
    size_t total = 0;
    for (size_t i = 0; i < t->columns_n; i++) {
        struct db_arg *v = &row->values[i];
        v->s = STR("");
        v->type = r->db->ops->column(r->stmt, at + (int)i, &v->i, &v->s);
        if (v->type == DB_TEXT || v->type == DB_BLOB) {
            v->type = t->columns[i].type == DB_TEXT ? DB_TEXT : DB_BLOB;
            total += v->s.n;
        }
    }
    /* One piece of memory for the row: this runs for every row of the store. */
    char *p = arena_alloc(a, total + 1);
    for (size_t i = 0; i < t->columns_n; i++) {
        struct db_arg *v = &row->values[i];
        if (v->type == DB_INT || v->type == DB_NULL)
            continue;
        if (v->s.n > 0)
            memcpy(p, v->s.p, v->s.n);
        v->s.p = p;
        p += v->s.n;
    }
}

enum err table_page(struct db *db, struct arena *a, const struct table *t,
                    const struct table_row *after, size_t max, struct table_row *rows, size_t *n)
{
    struct db_arg args[TABLE_KEYS + 1];
    size_t args_n = 0;
    for (size_t i = 0; after && i < t->keys_n; i++)
        args[args_n++] = after->values[t->key[i]];
    args[args_n++] = db_int((int64_t)max);
    *n = 0;
    struct rows r = db_query(db, after ? &t->next : &t->first, args, args_n);
    for (; *n < max && rows_next(&r); ++*n)
        table_values(&r, 0, t, a, &rows[*n]);
    return rows_end(&r);
}

enum err table_get(struct db *db, struct arena *a, const struct table *t, const struct db_arg *key,
                   struct table_row *row)
{
    struct rows r = db_query(db, &t->get, key, t->keys_n);
    if (rows_next(&r))
        table_values(&r, 0, t, a, row);
    return rows_end_one(&r);
}

enum err table_exists(struct db *db, str name, bool *out)
{
    int64_t n;
    enum err e =
        db_query_int(db, &exists[db->ops->shared ? POSTGRESQL : SQLITE], ARGS(db_text(name)), &n);
    *out = n > 0;
    return e;
}

/* ---- digest ---- */

static char *put_u64(char *p, uint64_t v)
{
    v = htobe64(v);
    memcpy(p, &v, sizeof v);
    return p + sizeof v;
}

/* Type, length or number, bytes: no two lists of values look the same. Long values stand in by
 * their hash, so that everything fits one buffer and is hashed in one call. */
static char *put_value(struct hasher *h, char *p, const struct db_arg *v)
{
    struct digest digest;
    *p++ = (char)v->type;
    if (v->type == DB_NULL)
        return p;
    p = put_u64(p, v->type == DB_INT ? (uint64_t)v->i : v->s.n);
    if (v->type == DB_INT || v->s.n == 0)
        return p;
    if (v->s.n <= DIRECT_MAX) {
        memcpy(p, v->s.p, v->s.n);
        return p + v->s.n;
    }
    hash_sha256(h, &v->s, 1, &digest);
    memcpy(p, digest.b, sizeof digest.b);
    return p + sizeof digest.b;
}

/* One for each thread that copies. */
static _Thread_local struct hasher *hasher;

void table_digest_end(void)
{
    hash_close(hasher);
    hasher = NULL;
}

uint64_t table_digest(const struct table *t, const struct table_row *row)
{
    /* Not on the stack, where it would be cleared for each row. */
    static _Thread_local char buffer[NAME_MAX_CHARS + 1 + TABLE_COLUMNS * PER_VALUE];
    struct digest digest;
    char *p = buffer;
    if (!hasher)
        hasher = hash_open();
    memcpy(p, t->name.p, t->name.n);
    p += t->name.n;
    *p++ = 0;
    for (size_t i = 0; i < t->columns_n; i++)
        p = put_value(hasher, p, &row->values[i]);
    hash_sha256(hasher, &(str){buffer, (size_t)(p - buffer)}, 1, &digest);
    uint64_t sum;
    memcpy(&sum, digest.b, sizeof sum);
    return be64toh(sum);
}
