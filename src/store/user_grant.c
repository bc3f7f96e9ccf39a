/* user_grant: authorizations by people, from the code to the last token.
 *
 * A code is spent by one conditional statement. To revoke many grants at once takes two: the first
 * locks the rows and ends their codes (code_exp_s), so that no code is spent behind its back; the
 * second, which sees what was spent before, writes the rows of `grants`. Those stay for the longest
 * life of an access token beyond the grant's end, when nothing of it can be alive (store/grant.c).
 *
 * Sign-out spares grants with offline access, but not those whose code nobody has redeemed yet:
 * what has not left the browser ends with its session.
 */
#include "store/user_grant.h"

#include "store/client.h"
#include "store/expiry.h"
#include "store/grant.h"
#include "store/statements.h"

enum {
    LOAD,
    PUT,
    SPEND,
    SWEEP,
    MOVE_SESSION,
    STOP_SESSION,
    REVOKE_SESSION,
    STOP_USER,
    REVOKE_USER,
    STOP_CLIENT,
    REVOKE_CLIENT
};

#define STOP "UPDATE user_grant SET code_exp_s = CASE WHEN spent_s = 0 THEN 0 ELSE code_exp_s END "
#define REVOKE                                                                                     \
    "INSERT INTO grants (id, client_id, revoked_s, exp_s) "                                        \
    "SELECT id, client_id, $2, exp_s + $3 FROM user_grant "
#define AGAIN                                                                                      \
    "ON CONFLICT (id) DO UPDATE SET exp_s = excluded.exp_s, revoked_s = excluded.revoked_s "       \
    "WHERE excluded.exp_s >= grants.exp_s"

/* A device's grant has no code. */
#define ENDS_WITH_SESSION       "(offline = 0 OR (spent_s = 0 AND code_hash IS NOT NULL)) "
#define OF_SESSION              "WHERE session_id = $1 AND " ENDS_WITH_SESSION
#define OF_CLIENT(user, client) "WHERE user_id = $" #user " AND client_id = $" #client " "
#define OF_USER(user, but, offline)                                                                \
    "WHERE user_id = $" #user " AND (session_id IS NULL OR session_id <> $" #but ") "              \
    "AND (CAST($" #offline " AS BIGINT) = 1 OR " ENDS_WITH_SESSION ") "

static const struct sql sql[] = {
    [LOAD] = {"user_grant.load",
              "SELECT u.id, u.client_id, u.user_id, u.session_id, u.dialect, u.spelling, u.scope, "
              "u.resources, u.claims, u.nonce, u.auth_s, u.amr, u.acr, u.offline, u.epoch, "
              "u.created_s, u.code_hash, u.code_exp_s, u.redirect_uri, u.challenge, u.spent_s, "
              "u.exp_s, g.id FROM user_grant u LEFT JOIN grants g ON g.id = u.id WHERE u.id = $1"},
    [PUT] = {"user_grant.put",
             "INSERT INTO user_grant (id, client_id, user_id, session_id, dialect, spelling, "
             "scope, resources, claims, nonce, auth_s, amr, acr, offline, epoch, created_s, "
             "code_hash, code_exp_s, redirect_uri, challenge, spent_s, exp_s) VALUES ($1, $2, $3, "
             "$4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, "
             "$22) ON CONFLICT DO NOTHING"},
    [SPEND] = {"user_grant.spend", "UPDATE user_grant SET spent_s = $2, exp_s = $3 "
                                   "WHERE id = $1 AND spent_s = 0 AND code_exp_s > $2"},
    [SWEEP] = {"user_grant.sweep", EXPIRY_SWEEP("user_grant", "id", "exp_s")},
    [MOVE_SESSION] = {"user_grant.move_session",
                      "UPDATE user_grant SET session_id = $2 WHERE session_id = $1"},
    [STOP_SESSION] = {"user_grant.stop_session", STOP OF_SESSION},
    [REVOKE_SESSION] = {"user_grant.revoke_session", REVOKE OF_SESSION AGAIN},
    [STOP_USER] = {"user_grant.stop_user", STOP OF_USER(1, 2, 3)},
    [REVOKE_USER] = {"user_grant.revoke_user", REVOKE OF_USER(1, 4, 5) AGAIN},
    [STOP_CLIENT] = {"user_grant.stop_client", STOP OF_CLIENT(1, 2)},
    [REVOKE_CLIENT] = {"user_grant.revoke_client", REVOKE OF_CLIENT(1, 4) AGAIN},
};

const struct sql_set user_grant_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct user_grant *out)
{
    *out = (struct user_grant){0};
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->client.b, sizeof out->client.b);
    row_bytes(r, 2, out->user.b, sizeof out->user.b);
    out->has_session = row_bytes(r, 3, out->session.b, sizeof out->session.b);
    out->dialect = (int)row_int(r, 4);
    out->spelling = (enum spelling)row_int(r, 5);
    out->scope = row_text(r, 6, a);
    out->resources = row_text(r, 7, a);
    out->claims = row_text(r, 8, a);
    out->nonce = row_text(r, 9, a);
    out->auth_s = row_int(r, 10);
    out->amr = row_text(r, 11, a);
    out->acr = row_text(r, 12, a);
    out->offline = row_int(r, 13) != 0;
    out->epoch = row_int(r, 14);
    out->created_s = row_int(r, 15);
    out->has_code = row_bytes(r, 16, out->code.b, sizeof out->code.b);
    out->code_exp_s = row_int(r, 17);
    out->redirect_uri = row_text(r, 18, a);
    out->challenge = row_text(r, 19, a);
    out->spent_s = row_int(r, 20);
    out->exp_s = row_int(r, 21);
    out->revoked = !row_is_null(r, 22);
}

enum err user_grant_load(struct db *db, struct arena *a, const struct id *id,
                         struct user_grant *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

void user_grant_put(struct effects *fx, const struct user_grant *g)
{
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&g->id), db_bytes(&g->client), db_bytes(&g->user),
                     g->has_session ? db_bytes(&g->session) : db_null(), db_int(g->dialect),
                     db_int(g->spelling), db_some_text(g->scope), db_some_text(g->resources),
                     db_some_text(g->claims), db_text(g->nonce), db_int(g->auth_s),
                     db_some_text(g->amr), db_some_text(g->acr), db_int(g->offline),
                     db_int(g->epoch), db_int(g->created_s),
                     g->has_code ? db_bytes(&g->code) : db_null(),
                     db_int(g->has_code ? g->code_exp_s : 0), db_text(g->redirect_uri),
                     db_text(g->challenge), db_int(g->spent_s), db_int(g->exp_s)));
}

void user_grant_spend(struct effects *fx, const struct id *id, int64_t now_s, int64_t exp_s)
{
    effects_add(fx, DROP, 1, &sql[SPEND], ARGS(db_bytes(id), db_int(now_s), db_int(exp_s)));
}

enum err user_grant_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}

void user_grant_revoke_session(struct effects *fx, const struct id *session, int64_t now_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[STOP_SESSION], ARGS(db_bytes(session)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[REVOKE_SESSION],
                ARGS(db_bytes(session), db_int(now_s), db_int(CLIENT_ACCESS_TTL_MAX_S)));
    grant_tell(fx, DROP, now_s);
}

void user_grant_move_session(struct effects *fx, const struct id *from, const struct id *to)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[MOVE_SESSION], ARGS(db_bytes(from), db_bytes(to)));
}

void user_grant_revoke_user(struct effects *fx, const struct uid *user,
                            const struct id *but_session, bool offline, int64_t now_s)
{
    struct db_arg but = but_session ? db_bytes(but_session) : db_blob("", 0); /* no session's id */

    effects_add(fx, DROP, EXPECT_ANY, &sql[STOP_USER], ARGS(db_bytes(user), but, db_int(offline)));
    effects_add(
        fx, DROP, EXPECT_ANY, &sql[REVOKE_USER],
        ARGS(db_bytes(user), db_int(now_s), db_int(CLIENT_ACCESS_TTL_MAX_S), but, db_int(offline)));
    grant_tell(fx, DROP, now_s);
}

void user_grant_revoke_client(struct effects *fx, const struct uid *user, const struct uid *client,
                              int64_t now_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[STOP_CLIENT], ARGS(db_bytes(user), db_bytes(client)));
    effects_add(
        fx, DROP, EXPECT_ANY, &sql[REVOKE_CLIENT],
        ARGS(db_bytes(user), db_int(now_s), db_int(CLIENT_ACCESS_TTL_MAX_S), db_bytes(client)));
    grant_tell(fx, DROP, now_s);
}
