/* migrate_plan: takes a migration apart for people, without running any of it.
 *
 * A schema file is plain DDL and DML: statements end at a semicolon outside quotes, and the table
 * is the word behind TABLE, ON, UPDATE, INTO or FROM. That is all the SQL that is understood here.
 *
 * Left out on purpose: how long a statement takes. Rows are what an operator can compare with a
 * trial on a copy.
 */
#include "db/migrate_plan.h"

#include "base/buf.h"

enum { ESTIMATE_FROM = 100000 };

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* Where the statement at the front of `text` ends. */
static size_t statement_end(str text)
{
    bool quoted = false;
    size_t i = 0;

    for (; i < text.n && (quoted || text.p[i] != ';'); i++)
        quoted ^= text.p[i] == '\'';
    return i;
}

static str on_one_line(struct arena *a, str text)
{
    struct buf b;

    buf_init(&b, a, text.n + 1, text.n + 1);
    for (size_t i = 0; i < text.n; i++)
        if (!is_space(text.p[i]))
            buf_char(&b, text.p[i]);
        else if (b.n > 0 && b.p[b.n - 1] != ' ')
            buf_char(&b, ' ');
    return str_trim(buf_str(&b));
}

static bool is_one_of(str word, const char *const *words)
{
    for (; *words; words++)
        if (str_eq_nocase(word, str_from(*words)))
            return true;
    return false;
}

/* The word behind the first one that announces a table. */
static void find_table(struct migrate_statement *s)
{
    static const char *const before[] = {"TABLE", "ON", "UPDATE", "INTO", "FROM", NULL};
    static const char *const between[] = {"IF", "NOT", "EXISTS", "ONLY", NULL};
    str rest = s->text, word, name = {0};
    bool announced = false;

    while (name.n == 0 && str_next(&rest, ' ', &word))
        if (announced && !is_one_of(word, between))
            name = str_sub(word, 0, str_find(word, '(', 0));
        else
            announced = announced || is_one_of(word, before);
    s->table = name;
    s->makes = str_starts(s->text, STR("CREATE TABLE "));
}

bool migrate_plan_next(struct arena *a, str *text, struct migrate_statement *out)
{
    *out = (struct migrate_statement){0};
    while (text->n > 0 && out->text.n == 0) {
        size_t end = statement_end(*text);
        out->text = on_one_line(a, str_sub(*text, 0, end));
        *text = str_sub(*text, end + 1, text->n);
    }
    find_table(out);
    return out->text.n > 0;
}

enum { HAS_SQLITE, HAS_POSTGRESQL, ESTIMATE };

static const struct sql sql[] = {
    [HAS_SQLITE] = {"migrate_plan.has",
                    "SELECT COUNT(*) FROM sqlite_master WHERE type = 'table' AND name = $1"},
    [HAS_POSTGRESQL] = {"migrate_plan.has", "SELECT COUNT(*) FROM pg_catalog.pg_class "
                                            "WHERE oid = to_regclass(CAST($1 AS TEXT))"},
    [ESTIMATE] = {"migrate_plan.estimate", "SELECT CAST(reltuples AS BIGINT) FROM "
                                           "pg_catalog.pg_class "
                                           "WHERE oid = to_regclass(CAST($1 AS TEXT))"},
};

static enum err count(struct db *db, struct arena *a, str table, int64_t *rows)
{
    struct sql *q = ARENA_NEW(a, struct sql);
    str text = arena_printf(a, "SELECT COUNT(*) FROM %.*s", STR_ARG(table));

    *q = (struct sql){"migrate_plan.count", arena_cstr(a, text)};
    return db_query_int(db, q, NO_ARGS, rows);
}

enum err migrate_plan_rows(struct db *db, struct arena *a, str table, int64_t *rows,
                           bool *estimated)
{
    bool sqlite = strcmp(db->ops->name, "sqlite") == 0;
    int64_t there, about = 0;
    enum err e =
        db_query_int(db, &sql[sqlite ? HAS_SQLITE : HAS_POSTGRESQL], ARGS(db_text(table)), &there);

    *rows = -1;
    *estimated = false;
    if (e == OK && there > 0 && !sqlite)
        e = db_query_int(db, &sql[ESTIMATE], ARGS(db_text(table)), &about);
    if (e != OK || there == 0)
        return e;
    *estimated = about >= ESTIMATE_FROM;
    *rows = about;
    return *estimated ? OK : count(db, a, table, rows);
}
