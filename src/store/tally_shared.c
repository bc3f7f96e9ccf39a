/* tally_shared: rows and bytes of the tables of a PostgreSQL store, as its catalogue has them.
 *
 * pg_class.reltuples is what the last vacuum or analyze saw; a table that neither has visited says
 * -1 there, and the cumulative statistics are asked instead. Sizes are sums of file sizes. So one
 * query tells all, and it reads no table of ours.
 *
 * The statement is not in the list of store/statements.h: SQLite has no such catalogue.
 */
#include <string.h>

#include "store/tally.h"

static const struct sql look = {
    "tally.shared",
    "SELECT CAST(c.relname AS TEXT), CAST(CASE WHEN c.reltuples >= 0 THEN c.reltuples "
    "ELSE pg_stat_get_live_tuples(c.oid) END AS BIGINT), pg_total_relation_size(c.oid) "
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = current_schema() AND c.relkind = 'r'",
};

static void keep(struct tally *t, str table, int64_t rows, int64_t bytes)
{
    for (size_t i = 0; i < TALLY_TABLES; i++) {
        if (!str_eq(table, str_from(tally_tables[i])))
            continue;
        atomic_store_explicit(&t->rows[i], rows, memory_order_relaxed);
        atomic_store_explicit(&t->bytes[i], bytes, memory_order_relaxed);
    }
}

enum err tally_shared(struct tally *t, struct db *db, int64_t now_s, int64_t rest_s)
{
    struct arena scratch;
    struct rows r;
    enum err e;

    if (now_s < t->next_s)
        return OK;
    t->next_s = now_s + rest_s;
    arena_init(&scratch, 1 << 16);
    r = db_query(db, &look, NO_ARGS);
    while (rows_next(&r))
        keep(t, row_text(&r, 0, &scratch), row_int(&r, 1), row_int(&r, 2));
    e = rows_end(&r);
    arena_free(&scratch);
    return e;
}
