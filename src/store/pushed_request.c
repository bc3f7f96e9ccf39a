/* pushed_request: authorization requests that a client sent ahead (RFC 9126).
 *
 * A row lives until its time is over, spent or not, so that a request_uri that comes again is known
 * and answered as used, not as unknown.
 */
#include "store/pushed_request.h"

#include "store/expiry.h"
#include "store/pending.h"
#include "store/statements.h"

enum { LOAD, PUT, EVICT, SPEND, SWEEP };

static const struct sql sql[] = {
    [LOAD] = {"pushed_request.load", "SELECT id, hash, client_id, params, exp_s, spent_s "
                                     "FROM pushed_request WHERE id = $1"},
    [PUT] = {"pushed_request.put",
             "INSERT INTO pushed_request (id, hash, client_id, params, exp_s, spent_s) "
             "VALUES ($1, $2, $3, $4, $5, 0) ON CONFLICT DO NOTHING"},
    [EVICT] = {"pushed_request.evict", PENDING_EVICT("pushed_request", "spent_s = 0")},
    [SPEND] = {"pushed_request.spend",
               "UPDATE pushed_request SET spent_s = $2 WHERE id = $1 AND spent_s = 0"},
    [SWEEP] = {"pushed_request.sweep", EXPIRY_SWEEP("pushed_request", "id", "exp_s")},
};

const struct sql_set pushed_request_statements = {sql, sizeof sql / sizeof *sql};

enum err pushed_request_load(struct db *db, struct arena *a, const struct id *id,
                             struct pushed_request *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r)) {
        row_bytes(&r, 0, out->id.b, sizeof out->id.b);
        row_bytes(&r, 1, out->hash.b, sizeof out->hash.b);
        row_bytes(&r, 2, out->client.b, sizeof out->client.b);
        out->params = row_text(&r, 3, a);
        out->exp_s = row_int(&r, 4);
        out->spent_s = row_int(&r, 5);
    }
    return rows_end_one(&r);
}

void pushed_request_put(struct effects *fx, const struct pushed_request *p)
{
    pending_evict(fx, &sql[EVICT], &p->client, &p->hash);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&p->id), db_bytes(&p->hash), db_bytes(&p->client),
                     db_some_text(p->params), db_int(p->exp_s)));
}

void pushed_request_spend(struct effects *fx, const struct id *id, int64_t now_s)
{
    effects_add(fx, DROP, 1, &sql[SPEND], ARGS(db_bytes(id), db_int(now_s)));
}

enum err pushed_request_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
