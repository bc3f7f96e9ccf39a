/* session: browsers in which people are signed in.
 *
 * A row is found by its id and proven by the hash of the handle in the cookie. Whoever relies on a
 * session holds its row (session_hold), so nothing is granted under one that ends at the same time:
 * ending deletes the row first and revokes what hangs on it behind that lock.
 *
 * Left out on purpose: judging. Whether a session is still live is the reader's business, who knows
 * the time and what the client demands (max_age).
 */
#include "store/session.h"

#include "store/expiry.h"
#include "store/statements.h"
#include "store/user_grant.h"

enum { LOAD, LIST, HOLD_USER, PUT, HOLD, END, END_ALL, SWEEP };

#define COLUMNS                                                                                    \
    "SELECT id, hash, user_id, auth_s, amr, acr, agent, peer, seen_s, exp_s, end_s FROM session "

static const struct sql sql[] = {
    [LOAD] = {"session.load", COLUMNS "WHERE id = $1"},
    [LIST] = {"session.list",
              COLUMNS "WHERE user_id = $1 AND exp_s > $2 AND end_s > $2 ORDER BY id DESC"},
    [HOLD_USER] = {"session.hold_user",
                   "UPDATE users SET epoch = epoch WHERE id = $1 AND enabled = 1"},
    [PUT] = {"session.put",
             "INSERT INTO session (id, hash, user_id, auth_s, amr, acr, agent, peer, seen_s, "
             "exp_s, end_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) "
             "ON CONFLICT DO NOTHING"},
    /* Of two requests at once the later use counts, and the end stands. */
    [HOLD] = {"session.hold",
              "UPDATE session SET "
              "seen_s = CASE WHEN CAST($2 AS BIGINT) > seen_s THEN CAST($2 AS BIGINT) "
              "ELSE seen_s END, "
              "exp_s = CASE WHEN CAST($3 AS BIGINT) > end_s THEN end_s "
              "WHEN CAST($3 AS BIGINT) > exp_s THEN CAST($3 AS BIGINT) ELSE exp_s END "
              "WHERE id = $1"},
    [END] = {"session.end", "DELETE FROM session WHERE id = $1"},
    [END_ALL] = {"session.end_all", "DELETE FROM session WHERE user_id = $1 AND id <> $2"},
    [SWEEP] = {"session.sweep", EXPIRY_SWEEP("session", "id", "exp_s")},
};

const struct sql_set session_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct session *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->hash.b, sizeof out->hash.b);
    row_bytes(r, 2, out->user.b, sizeof out->user.b);
    out->auth_s = row_int(r, 3);
    out->amr = row_text(r, 4, a);
    out->acr = row_text(r, 5, a);
    out->agent = row_text(r, 6, a);
    out->peer = row_text(r, 7, a);
    out->seen_s = row_int(r, 8);
    out->exp_s = row_int(r, 9);
    out->end_s = row_int(r, 10);
}

enum err session_load(struct db *db, struct arena *a, const struct id *id, struct session *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

enum err session_list(struct db *db, struct arena *a, const struct uid *user, int64_t now_s,
                      struct session **out, size_t *n)
{
    struct rows r = db_query(db, &sql[LIST], ARGS(db_bytes(user), db_int(now_s)));
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

void session_put(struct effects *fx, const struct session *s)
{
    int64_t exp_s = s->exp_s < s->end_s ? s->exp_s : s->end_s;

    effects_add(fx, DROP, 1, &sql[HOLD_USER], ARGS(db_bytes(&s->user)));
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&s->id), db_bytes(&s->hash), db_bytes(&s->user), db_int(s->auth_s),
                     db_some_text(s->amr), db_some_text(s->acr), db_some_text(s->agent),
                     db_some_text(s->peer), db_int(s->seen_s), db_int(exp_s), db_int(s->end_s)));
}

void session_hold(struct effects *fx, const struct id *id, int64_t seen_s, int64_t exp_s)
{
    effects_add(fx, DROP, 1, &sql[HOLD], ARGS(db_bytes(id), db_int(seen_s), db_int(exp_s)));
}

void session_end(struct effects *fx, const struct id *id, int64_t now_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[END], ARGS(db_bytes(id)));
    user_grant_revoke_session(fx, id, now_s);
}

void session_replace(struct effects *fx, const struct id *old, const struct id *fresh)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[END], ARGS(db_bytes(old)));
    user_grant_move_session(fx, old, fresh);
}

void session_end_all(struct effects *fx, const struct uid *user, const struct id *but, bool offline,
                     int64_t now_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[END_ALL],
                ARGS(db_bytes(user), but ? db_bytes(but) : db_blob("", 0)));
    user_grant_revoke_user(fx, user, but, offline, now_s);
}

enum err session_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}
