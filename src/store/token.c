/* token: one row for an access token and its refresh token.
 *
 * The primary key, the locator, ascends with time, so an insert touches the last page of the table
 * and of its one index. The row carries exp_s, the time when both tokens have ended; the sweep
 * walks that index. A spent row stays until then, so that a replay is recognized.
 *
 * A digest is stored only for the tokens that live here: a row whose access token is a JWT has its
 * end but no access hash, and no string proves itself as that token. The end serves the replay of
 * a refresh, which gives the same JWT again.
 */
#include "store/token.h"

#include "store/expiry.h"
#include "store/statements.h"

enum { LOAD, PUT, SPEND, EXTEND, END_ACCESS, SWEEP, COUNT };

static const struct sql sql[] = {
    [LOAD] = {"token.load",
              "SELECT t.id, t.grant_id, t.client_id, t.scope, t.spelling, t.shape, t.dialect, "
              "t.epoch, t.issued_s, t.access_exp_s, t.refresh_exp_s, t.family_exp_s, "
              "t.access_hash, t.refresh_hash, t.spent_s, t.successor, t.sealed, g.id, t.is_user, "
              "t.resources "
              "FROM token t LEFT JOIN grants g ON g.id = t.grant_id "
              "WHERE t.locator = $1 AND t.id = $2"},
    [PUT] = {"token.put",
             "INSERT INTO token (locator, id, grant_id, client_id, scope, spelling, shape, "
             "dialect, epoch, issued_s, access_exp_s, refresh_exp_s, family_exp_s, access_hash, "
             "refresh_hash, spent_s, exp_s, is_user, resources) VALUES ($1, $2, $3, $4, $5, $6, "
             "$7, $8, $9, $10, $11, $12, $13, $14, $15, 0, $16, $17, $18) ON CONFLICT DO NOTHING"},
    [SPEND] = {"token.spend", "UPDATE token SET spent_s = $3, successor = $4, sealed = $5 "
                              "WHERE locator = $1 AND id = $2 AND spent_s = 0"},
    [EXTEND] = {"token.extend", "UPDATE token SET refresh_exp_s = $3, "
                                "exp_s = CASE WHEN exp_s > $3 THEN exp_s ELSE $3 END "
                                "WHERE locator = $1 AND id = $2 AND refresh_exp_s < $3 "
                                "AND family_exp_s >= $3"},
    [END_ACCESS] = {"token.end_access", "UPDATE token SET access_exp_s = 0, access_hash = NULL "
                                        "WHERE locator = $1 AND id = $2"},
    [SWEEP] = {"token.sweep", EXPIRY_SWEEP("token", "locator", "exp_s")},
    [COUNT] = {"token.count", "SELECT COUNT(*) FROM token"},
};

const struct sql_set token_statements = {sql, sizeof sql / sizeof *sql};

static uint32_t number(const uint8_t b[4])
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Where the row lies: the id's time, then its other 8 bytes added up, which grows with the id's
 * counter. Two ids may meet there; then the second put misses and is tried with another id. */
static struct db_arg locator(const struct id *id)
{
    uint32_t rest = number(id->b + 4) + number(id->b + 8);

    return db_int((int64_t)((uint64_t)number(id->b) << 32 | rest));
}

static void read_row(struct rows *r, struct arena *a, struct token *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->grant.b, sizeof out->grant.b);
    row_bytes(r, 2, out->client.b, sizeof out->client.b);
    out->scope = row_text(r, 3, a);
    out->spelling = (enum spelling)row_int(r, 4);
    out->shape = (enum handle_shape)row_int(r, 5);
    out->dialect = (int)row_int(r, 6);
    out->epoch = row_int(r, 7);
    out->issued_s = row_int(r, 8);
    out->access_exp_s = row_int(r, 9);
    out->refresh_exp_s = row_int(r, 10);
    out->family_exp_s = row_int(r, 11);
    row_bytes(r, 12, out->access.b, sizeof out->access.b);
    /* Without its digest a token can never be proven, so its time does not count either. */
    if (!row_bytes(r, 13, out->refresh.b, sizeof out->refresh.b))
        out->refresh_exp_s = 0;
    out->spent_s = row_int(r, 14);
    row_bytes(r, 15, out->successor.b, sizeof out->successor.b);
    out->sealed = row_text(r, 16, a);
    out->revoked = !row_is_null(r, 17);
    out->is_user = row_int(r, 18) != 0;
    out->resources = row_text(r, 19, a);
    if (!out->resources.p)
        out->resources = STR("");
}

enum err token_load(struct db *db, struct arena *a, const struct id *id, struct token *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(locator(id), db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

static bool is_there(const struct digest *d)
{
    static const struct digest none;

    return !ct_digest_eq(d, &none);
}

bool token_proves(const struct digest *stored, const struct digest *shown)
{
    return is_there(stored) && ct_digest_eq(stored, shown);
}

bool token_is_opaque(const struct token *t)
{
    return is_there(&t->access);
}

static struct db_arg digest_of(const struct digest *d, int64_t exp_s)
{
    return exp_s && is_there(d) ? db_bytes(d) : db_null();
}

void token_put(struct effects *fx, const struct token *t)
{
    int64_t exp_s = t->access_exp_s > t->refresh_exp_s ? t->access_exp_s : t->refresh_exp_s;

    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(locator(&t->id), db_bytes(&t->id), db_bytes(&t->grant), db_bytes(&t->client),
                     db_text(t->scope), db_int(t->spelling), db_int(t->shape), db_int(t->dialect),
                     db_int(t->epoch), db_int(t->issued_s), db_int(t->access_exp_s),
                     db_int(t->refresh_exp_s), db_int(t->family_exp_s),
                     digest_of(&t->access, t->access_exp_s),
                     digest_of(&t->refresh, t->refresh_exp_s), db_int(exp_s), db_int(t->is_user),
                     t->resources.n ? db_text(t->resources) : db_null()));
}

void token_spend(struct effects *fx, const struct id *id, int64_t now_s, const struct id *successor,
                 str sealed)
{
    effects_add(fx, DROP, 1, &sql[SPEND],
                ARGS(locator(id), db_bytes(id), db_int(now_s), db_bytes(successor),
                     db_blob(sealed.p, sealed.n)));
}

void token_extend(struct effects *fx, const struct id *id, int64_t refresh_exp_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[EXTEND],
                ARGS(locator(id), db_bytes(id), db_int(refresh_exp_s)));
}

void token_end_access(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[END_ACCESS], ARGS(locator(id), db_bytes(id)));
}

enum err token_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted)
{
    return db_run(db, &sql[SWEEP], ARGS(db_int(now_s), db_int(limit)), deleted);
}

enum err token_count(struct db *db, int64_t *count)
{
    struct rows r = db_query(db, &sql[COUNT], NO_ARGS);

    *count = rows_next(&r) ? row_int(&r, 0) : 0;
    return rows_end(&r);
}
