/* explanation: the ring of refusals that `postern explain` reads.
 *
 * A slot is written over when its process comes round to it; processes that ended leave rows, which
 * go after a day.
 */
#include "store/explanation.h"

#include "store/statements.h"

#define NODE_BYTES 5
#define KEEP_S     86400

enum { PUT, FIND, SWEEP };

static const struct sql sql[] = {
    [PUT] = {"explanation.put",
             "INSERT INTO explanation (node, slot, id, at_s, what) VALUES ($1, $2, $3, $4, $5) "
             "ON CONFLICT (node, slot) DO UPDATE SET id = excluded.id, at_s = excluded.at_s, "
             "what = excluded.what"},
    [FIND] = {"explanation.find", "SELECT id, at_s, what FROM explanation WHERE id = $1 "
                                  "ORDER BY at_s DESC LIMIT 1"},
    [SWEEP] = {"explanation.sweep",
               "DELETE FROM explanation WHERE (node, slot) IN "
               "(SELECT node, slot FROM explanation WHERE at_s <= $1 ORDER BY at_s LIMIT $2)"},
};

const struct sql_set explanation_statements = {sql, sizeof sql / sizeof *sql};

void explanation_put(struct effects *fx, const uint8_t node[5], int64_t slot,
                     const struct explanation *x)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[PUT],
                ARGS(db_blob(node, NODE_BYTES), db_int(slot), db_bytes(&x->id), db_int(x->at_s),
                     db_text(x->what.p ? x->what : STR("{}"))));
}

enum err explanation_find(struct db *db, struct arena *a, const struct uid *id,
                          struct explanation *out)
{
    struct rows r = db_query(db, &sql[FIND], ARGS(db_bytes(id)));

    if (rows_next(&r)) {
        row_bytes(&r, 0, out->id.b, sizeof out->id.b);
        out->at_s = row_int(&r, 1);
        out->what = row_text(&r, 2, a);
    }
    return rows_end_one(&r);
}

enum err explanation_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s - KEEP_S), db_int(limit)), deleted);
}
