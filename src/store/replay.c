/* replay: a set of digests that have been used once.
 *
 * Kept even if the request is refused afterwards: what has been shown is used. Of two at once the
 * second insert misses; that request runs again and finds the digest.
 */
#include "store/replay.h"

#include "store/expiry.h"
#include "store/statements.h"

enum { SEEN, PUT, LOCK, UNLOCK, SWEEP };

static const struct sql sql[] = {
    [SEEN] = {"replay.seen", "SELECT COUNT(*) FROM replay WHERE digest = $1"},
    [PUT] = {"replay.put", "INSERT INTO replay (digest, exp_s) VALUES ($1, $2) "
                           "ON CONFLICT DO NOTHING"},
    [LOCK] = {"replay.lock", "INSERT INTO replay (digest, exp_s) VALUES ($1, 0) "
                             "ON CONFLICT DO NOTHING"},
    [UNLOCK] = {"replay.unlock", "DELETE FROM replay WHERE digest = $1"},
    [SWEEP] = {"replay.sweep", EXPIRY_SWEEP("replay", "digest", "exp_s")},
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

/* Nobody else ever sees the row; but whoever inserts the same key waits for the end of whoever made
 * it, and his next statements see what that one did. An id is shorter than any digest. */
void replay_lock_subject(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, 1, &sql[LOCK], ARGS(db_bytes(id)));
    effects_add(fx, DROP, 1, &sql[UNLOCK], ARGS(db_bytes(id)));
}

enum err replay_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
