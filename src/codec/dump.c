/* dump: records of tables and rows, written and strictly read.
 *
 * The reader knows where it is: rows only in a table, as many values as it has columns, of their
 * types or null, a sum that counts them, names in order (so none comes twice). Digests are the
 * caller's, who knows how a row is summed up.
 */
#include "codec/dump.h"

enum { FRONT = 5 };

/* ---- writing ---- */

static void put_be(struct buf *b, uint64_t v, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--)
        buf_char(b, (char)(v >> 8 * i));
}

static void put_name(struct buf *b, str name)
{
    buf_char(b, (char)name.n);
    buf_put(b, name);
}

static void put_value(struct buf *b, const struct dump_value *v)
{
    buf_char(b, (char)v->type);
    if (v->type == DUMP_INT) {
        put_be(b, (uint64_t)v->i, 8);
    } else if (v->type != DUMP_NULL) {
        put_be(b, v->s.n, 4);
        buf_put(b, v->s);
    }
}

static void put_rest(struct buf *b, const struct dump_record *record)
{
    if (record->kind == DUMP_TABLE) {
        put_name(b, record->name);
        for (size_t i = 0; i < record->n; i++) {
            put_name(b, record->columns[i].name);
            buf_char(b, (char)record->columns[i].type);
        }
    } else if (record->kind == DUMP_ROW) {
        for (size_t i = 0; i < record->n; i++)
            put_value(b, &record->values[i]);
    } else if (record->kind == DUMP_SUM) {
        put_be(b, record->rows, 8);
        put_be(b, record->digest, 8);
    }
}

bool dump_write(struct buf *out, const struct dump_record *record)
{
    size_t at = out->n;
    buf_char(out, (char)record->kind);
    put_be(out, 0, 4);
    put_rest(out, record);
    if (out->overflow || out->n - at - FRONT > DUMP_RECORD_MAX)
        return false;
    size_t n = out->n - at - FRONT;
    for (int i = 0; i < 4; i++)
        out->p[at + 4 - (size_t)i] = (char)(n >> 8 * i);
    return true;
}

/* ---- reading ---- */

static bool take(str *rest, size_t n, str *out)
{
    if (rest->n < n)
        return false;
    *out = str_sub(*rest, 0, n);
    *rest = str_sub(*rest, n, rest->n);
    return true;
}

static bool take_be(str *rest, size_t bytes, uint64_t *out)
{
    str s;
    *out = 0;
    if (!take(rest, bytes, &s))
        return false;
    for (size_t i = 0; i < bytes; i++)
        *out = *out << 8 | (uint8_t)s.p[i];
    return true;
}

static bool take_name(str *rest, str *out)
{
    uint64_t n;
    if (!take_be(rest, 1, &n) || n == 0 || n > DUMP_NAME_MAX || !take(rest, (size_t)n, out))
        return false;
    for (size_t i = 0; i < out->n; i++) {
        char c = out->p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

static bool take_column(str *rest, struct dump_record *out)
{
    uint64_t type;
    if (out->n == DUMP_COLUMNS)
        return false;
    struct dump_column *c = &out->columns[out->n];
    if (!take_name(rest, &c->name) || !take_be(rest, 1, &type) || type < DUMP_INT ||
        type > DUMP_BLOB || (out->n > 0 && str_cmp(c[-1].name, c->name) >= 0))
        return false;
    c->type = (enum dump_type)type;
    out->n++;
    return true;
}

static bool read_table(struct dump_reader *r, str rest, struct dump_record *out)
{
    out->n = 0;
    if (r->in_table || !take_name(&rest, &out->name) ||
        str_cmp(str_make(r->last, r->last_n), out->name) >= 0)
        return false;
    while (rest.n > 0)
        if (!take_column(&rest, out))
            return false;
    for (size_t i = 0; i < out->n; i++)
        r->types[i] = out->columns[i].type;
    memcpy(r->last, out->name.p, out->name.n);
    r->last_n = out->name.n;
    r->n = out->n;
    r->rows = 0;
    r->in_table = true;
    return out->n > 0;
}

static bool take_value(str *rest, enum dump_type column, struct dump_value *out)
{
    uint64_t type, n;
    if (!take_be(rest, 1, &type) || (type != DUMP_NULL && type != column))
        return false;
    *out = (struct dump_value){.type = (enum dump_type)type};
    if (type == DUMP_NULL)
        return true;
    if (!take_be(rest, type == DUMP_INT ? 8 : 4, &n))
        return false;
    out->i = (int64_t)n;
    return type == DUMP_INT || take(rest, (size_t)n, &out->s);
}

static bool read_row(struct dump_reader *r, str rest, struct dump_record *out)
{
    if (!r->in_table)
        return false;
    out->n = r->n;
    for (size_t i = 0; i < r->n; i++)
        if (!take_value(&rest, r->types[i], &out->values[i]))
            return false;
    r->rows++;
    return rest.n == 0;
}

static bool read_sum(struct dump_reader *r, str rest, struct dump_record *out)
{
    bool ok = r->in_table && take_be(&rest, 8, &out->rows) && take_be(&rest, 8, &out->digest) &&
              rest.n == 0 && out->rows == r->rows;
    r->in_table = false;
    return ok;
}

/* Nothing may follow. */
static enum err read_end(struct dump_reader *r, str rest)
{
    char more;
    if (r->in_table || rest.n > 0)
        return ERR_INVALID_REQUEST;
    enum err e = r->source(r->arg, &more, 1);
    if (e == OK)
        return ERR_INVALID_REQUEST;
    return e == ERR_ABSENT ? OK : e;
}

static enum err read_bytes(struct dump_reader *r, void *out, size_t n)
{
    enum err e = r->source(r->arg, out, n);
    return e == ERR_ABSENT ? ERR_INVALID_REQUEST : e;
}

void dump_reader_init(struct dump_reader *r, dump_source *source, void *arg)
{
    *r = (struct dump_reader){.source = source, .arg = arg};
}

enum err dump_next(struct dump_reader *r, struct arena *a, struct dump_record *out)
{
    char front[FRONT];
    uint64_t n;
    enum err e = read_bytes(r, front, sizeof front);
    if (e != OK)
        return e;
    str length = str_make(front + 1, 4);
    take_be(&length, 4, &n);
    if (n > DUMP_RECORD_MAX)
        return ERR_INVALID_REQUEST;
    char *bytes = arena_alloc(a, (size_t)n + 1);
    if ((e = read_bytes(r, bytes, (size_t)n)) != OK)
        return e;
    str rest = str_make(bytes, (size_t)n);
    out->kind = (enum dump_kind)front[0];
    switch (front[0]) {
    case DUMP_TABLE:
        return read_table(r, rest, out) ? OK : ERR_INVALID_REQUEST;
    case DUMP_ROW:
        return read_row(r, rest, out) ? OK : ERR_INVALID_REQUEST;
    case DUMP_SUM:
        return read_sum(r, rest, out) ? OK : ERR_INVALID_REQUEST;
    case DUMP_END:
        return read_end(r, rest);
    default:
        return ERR_INVALID_REQUEST;
    }
}
