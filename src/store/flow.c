/* flow: authorizations that wait for a page of the company's own.
 *
 * A state machine in one column. Each step names the states that it may leave, so of two that come
 * at once one misses, and nothing is accepted twice or finished twice.
 */
#include "store/flow.h"

#include "store/expiry.h"
#include "store/pending.h"
#include "store/statements.h"

enum { LOAD, PUT, EVICT, ACCEPT, REJECT, FINISH, SWEEP };

static const struct sql sql[] = {
    [LOAD] = {"flow.load",
              "SELECT id, hash, client_id, sealed, state, user_id, scope, amr, acr, auth_s, "
              "remember, epoch, error, exp_s FROM flow WHERE id = $1"},
    [PUT] = {"flow.put", "INSERT INTO flow (id, hash, client_id, sealed, state, user_id, auth_s, "
                         "remember, epoch, exp_s) VALUES ($1, $2, $3, $4, 0, $5, $6, 0, 0, $7) "
                         "ON CONFLICT DO NOTHING"},
    [EVICT] = {"flow.evict", PENDING_EVICT("flow", "state = 0")},
    [ACCEPT] = {"flow.accept",
                "UPDATE flow SET state = 1, user_id = $2, scope = $3, amr = $4, acr = $5, "
                "auth_s = $6, remember = $7, epoch = $8 WHERE id = $1 AND state = 0"},
    [REJECT] = {"flow.reject", "UPDATE flow SET state = 2, error = $2 WHERE id = $1 AND state = 0"},
    [FINISH] = {"flow.finish", "UPDATE flow SET state = 3 WHERE id = $1 AND state IN (1, 2)"},
    [SWEEP] = {"flow.sweep", EXPIRY_SWEEP("flow", "id", "exp_s")},
};

const struct sql_set flow_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct flow_row *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->hash.b, sizeof out->hash.b);
    row_bytes(r, 2, out->client.b, sizeof out->client.b);
    out->sealed = row_text(r, 3, a);
    out->state = (enum flow_state)row_int(r, 4);
    row_bytes(r, 5, out->user.b, sizeof out->user.b);
    out->scope = row_text(r, 6, a);
    out->amr = row_text(r, 7, a);
    out->acr = row_text(r, 8, a);
    out->auth_s = row_int(r, 9);
    out->remember = row_int(r, 10) != 0;
    out->epoch = row_int(r, 11);
    out->error = row_text(r, 12, a);
    out->exp_s = row_int(r, 13);
}

enum err flow_load(struct db *db, struct arena *a, const struct id *id, struct flow_row *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

void flow_put(struct effects *fx, const struct flow_row *f)
{
    pending_evict(fx, &sql[EVICT], &f->client, &f->hash);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&f->id), db_bytes(&f->hash), db_bytes(&f->client),
                     db_some_text(f->sealed), db_bytes(&f->user), db_int(f->auth_s),
                     db_int(f->exp_s)));
}

void flow_accept(struct effects *fx, const struct flow_row *f)
{
    effects_add(fx, DROP, 1, &sql[ACCEPT],
                ARGS(db_bytes(&f->id), db_bytes(&f->user), db_some_text(f->scope),
                     db_some_text(f->amr), db_some_text(f->acr), db_int(f->auth_s),
                     db_int(f->remember), db_int(f->epoch)));
}

void flow_reject(struct effects *fx, const struct id *id, str error)
{
    effects_add(fx, DROP, 1, &sql[REJECT], ARGS(db_bytes(id), db_some_text(error)));
}

void flow_finish(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, 1, &sql[FINISH], ARGS(db_bytes(id)));
}

enum err flow_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
