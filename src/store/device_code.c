/* device_code: devices that wait for a person (RFC 8628).
 *
 * The device code is a handle; the user code is short enough to be guessed, so it is stored as a
 * hash under a pepper, which also is its index. Approving, denying and spending each name the state
 * that they may leave. A poll's time is kept whatever the answer is.
 */
#include "store/device_code.h"

#include "base/log.h"
#include "store/expiry.h"
#include "store/pending.h"
#include "store/statements.h"

#define SLOW_DOWN_S   5 /* RFC 8628 3.5 */
#define USER_CODE_MAX 64

enum { LOAD, FIND, PUT, EVICT, APPROVE, DENY, SPEND, POLLED, POLLED_EARLY, SWEEP };

#define COLUMNS                                                                                    \
    "SELECT id, hash, user_code_hash, client_id, dialect, spelling, scope, resources, state, "     \
    "grant_id, interval_s, polled_s, exp_s FROM device_code "

static const struct sql sql[] = {
    [LOAD] = {"device_code.load", COLUMNS "WHERE id = $1"},
    [FIND] = {"device_code.find", COLUMNS "WHERE user_code_hash = $1"},
    [PUT] = {"device_code.put",
             "INSERT INTO device_code (id, hash, user_code_hash, client_id, dialect, spelling, "
             "scope, resources, state, interval_s, polled_s, exp_s) VALUES ($1, $2, $3, $4, $5, "
             "$6, $7, $8, 0, $9, $10, $11) ON CONFLICT DO NOTHING"},
    [EVICT] = {"device_code.evict", PENDING_EVICT("device_code", "state = 0")},
    [APPROVE] = {"device_code.approve",
                 "UPDATE device_code SET state = 1, grant_id = $2 WHERE id = $1 AND state = 0"},
    [DENY] = {"device_code.deny", "UPDATE device_code SET state = 2 WHERE id = $1 AND state = 0"},
    [SPEND] = {"device_code.spend", "UPDATE device_code SET state = 3 WHERE id = $1 AND state = 1"},
    [POLLED] = {"device_code.polled",
                "UPDATE device_code SET polled_s = $2 WHERE id = $1 AND polled_s = $3"},
    [POLLED_EARLY] = {"device_code.polled_early",
                      "UPDATE device_code SET interval_s = interval_s + $3, polled_s = "
                      "CASE WHEN CAST($2 AS BIGINT) > polled_s THEN CAST($2 AS BIGINT) "
                      "ELSE polled_s END WHERE id = $1"},
    [SWEEP] = {"device_code.sweep", EXPIRY_SWEEP("device_code", "id", "exp_s")},
};

const struct sql_set device_code_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct device_code *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->hash.b, sizeof out->hash.b);
    row_bytes(r, 2, out->user_code.b, sizeof out->user_code.b);
    row_bytes(r, 3, out->client.b, sizeof out->client.b);
    out->dialect = (int)row_int(r, 4);
    out->spelling = (enum spelling)row_int(r, 5);
    out->scope = row_text(r, 6, a);
    out->resources = row_text(r, 7, a);
    out->state = (enum device_state)row_int(r, 8);
    row_bytes(r, 9, out->grant.b, sizeof out->grant.b);
    out->interval_s = row_int(r, 10);
    out->polled_s = row_int(r, 11);
    out->exp_s = row_int(r, 12);
}

static enum err load(struct db *db, struct arena *a, const struct sql *statement,
                     const struct db_arg *key, struct device_code *out)
{
    struct rows r = db_query(db, statement, key, 1);

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

enum err device_code_load(struct db *db, struct arena *a, const struct id *id,
                          struct device_code *out)
{
    struct db_arg arg = db_bytes(id);

    return load(db, a, &sql[LOAD], &arg, out);
}

enum err device_code_find(struct db *db, struct arena *a, const struct digest *user_code,
                          struct device_code *out)
{
    struct db_arg arg = db_bytes(user_code);

    return load(db, a, &sql[FIND], &arg, out);
}

void device_code_put(struct effects *fx, const struct device_code *d)
{
    pending_evict(fx, &sql[EVICT], &d->client, &d->hash);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&d->id), db_bytes(&d->hash), db_bytes(&d->user_code),
                     db_bytes(&d->client), db_int(d->dialect), db_int(d->spelling),
                     db_some_text(d->scope), db_some_text(d->resources), db_int(d->interval_s),
                     db_int(d->polled_s), db_int(d->exp_s)));
}

void device_code_approve(struct effects *fx, const struct id *id, const struct id *grant)
{
    effects_add(fx, DROP, 1, &sql[APPROVE], ARGS(db_bytes(id), db_bytes(grant)));
}

void device_code_deny(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, 1, &sql[DENY], ARGS(db_bytes(id)));
}

void device_code_spend(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, 1, &sql[SPEND], ARGS(db_bytes(id)));
}

void device_code_polled(struct effects *fx, const struct device_code *d, int64_t now_s)
{
    effects_add(fx, KEEP, 1, &sql[POLLED],
                ARGS(db_bytes(&d->id), db_int(now_s), db_int(d->polled_s)));
}

void device_code_polled_early(struct effects *fx, const struct id *id, int64_t now_s)
{
    effects_add(fx, KEEP, EXPECT_ANY, &sql[POLLED_EARLY],
                ARGS(db_bytes(id), db_int(now_s), db_int(SLOW_DOWN_S)));
}

enum err device_code_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}

enum err device_code_hash(struct signer *s, const struct key *pepper, str code, struct digest *out)
{
    char message[16 + USER_CODE_MAX];
    struct buf b;
    enum err e;

    if (code.n > USER_CODE_MAX)
        fatal("a user code of %zu bytes was not refused", code.n);
    buf_fixed(&b, message, sizeof message);
    BUF_LIT(&b, "user_code");
    buf_put(&b, code);
    e = signer_hmac(s, pepper, buf_str(&b), out);
    ct_wipe(message, b.n);
    return e;
}
