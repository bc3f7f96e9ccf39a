/* replay: a set of digests that have been used once.
 *
 * Kept even if the request is refused afterwards: what has been shown is used. Of two at once the
 * second insert misses; that request runs again and finds the digest.
 */
#include "store/replay.h"

#include "store/statements.h"

enum { SEEN, PUT, SWEEP };

static const struct sql sql[] = {
    [SEEN] = {"replay.seen", "SELECT COUNT(*) FROM replay WHERE digest = $1"},
    [PUT] = {"replay.put", "INSERT INTO replay (digest, exp_s) VALUES ($1, $2) "
                           "ON CONFLICT DO NOTHING"},
    [SWEEP] = {"replay.sweep",
               "DELETE FROM replay WHERE digest IN "
               "(SELECT digest FROM replay WHERE exp_s <= $1 ORDER BY exp_s LIMIT $2)"},
};

const struct sql_set replay_statements = {sql, sizeof sql / sizeof *sql};

enum err replay_seen(struct db *db, const struct digest *d, bool *seen)
{
    int64_t n;
    enum err e = db_query_int(db, &sql[SEEN], ARGS(db_bytes(d)), &n);

    *seen = n > 0;
    return e;
}

void replay_put(struct effects *fx, const struct digest *d, int64_t exp_s)
{
    effects_add(fx, KEEP, 1, &sql[PUT], ARGS(db_bytes(d), db_int(exp_s)));
}

enum err replay_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
