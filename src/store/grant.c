/* grant: rows of revoked grants.
 *
 * A live grant has no row, so this table holds only what was revoked and not yet forgotten; each
 * token look-up joins it by primary key. Revoking again keeps the later end, and says when, since
 * nodes ask for what was written lately (store/revoked.h), and whoever was not told whether the
 * first time worked does it again.
 */
#include "store/grant.h"

#include "store/client.h"
#include "store/expiry.h"
#include "store/statements.h"

enum { REVOKE, IS_REVOKED, FORGET, SWEEP };

static const struct sql sql[] = {
    [REVOKE] = {"grant.revoke",
                "INSERT INTO grants (id, client_id, revoked_s, exp_s) VALUES ($1, $2, $3, $4) "
                "ON CONFLICT (id) DO UPDATE SET exp_s = excluded.exp_s, "
                "revoked_s = excluded.revoked_s WHERE excluded.exp_s >= grants.exp_s"},
    [IS_REVOKED] = {"grant.is_revoked", "SELECT COUNT(*) FROM grants WHERE id = $1"},
    [FORGET] = {"grant.forget", "DELETE FROM grants WHERE id = $1"},
    [SWEEP] = {"grant.sweep", EXPIRY_SWEEP("grants", "id", "exp_s")},
};

const struct sql_set grant_statements = {sql, sizeof sql / sizeof *sql};

void grant_tell(struct effects *fx, enum effect_life life, int64_t now_s)
{
    uint8_t subject[16];

    change_grants_subject(now_s, subject);
    effects_change(fx, life, CHANGE_GRANTS, subject, sizeof subject);
}

void grant_revoke(struct effects *fx, enum effect_life life, const struct id *grant,
                  const struct uid *client, int64_t now_s, int64_t end_s)
{
    effects_add(fx, life, EXPECT_ANY, &sql[REVOKE],
                ARGS(db_bytes(grant), db_bytes(client), db_int(now_s),
                     db_int(end_s + CLIENT_ACCESS_TTL_MAX_S)));
    grant_tell(fx, life, now_s);
}

enum err grant_is_revoked(struct db *db, const struct id *grant, bool *revoked)
{
    int64_t n;
    enum err e = db_query_int(db, &sql[IS_REVOKED], ARGS(db_bytes(grant)), &n);

    *revoked = n > 0;
    return e;
}

void grant_forget(struct effects *fx, const struct id *grant)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[FORGET], ARGS(db_bytes(grant)));
}

enum err grant_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
