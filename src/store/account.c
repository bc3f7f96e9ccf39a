/* account: one row per organization, with the hash of its auth token and of the one before.
 *
 * Two tokens at most, so they are columns and no table. Ids are random, but may be brought along
 * by who moves to Postern; a unique index keeps an organization from having two accounts.
 *
 * Left out on purpose: a cache. Accounts prove themselves where apps are administered, which is
 * rare; the token endpoints know the account from the client's organization.
 */
#include "store/account.h"

#include "base/limits.h"
#include "store/key.h"
#include "store/secret_hash.h"
#include "store/statements.h"
#include "store/user.h"

enum {
    LOAD,
    LOAD_OF,
    PUT,
    PUT_TOKEN,
    REHASH,
    REHASH_OLD,
    DELETE_OF,
    WITHOUT,
    COUNT_BY_PEPPER,
    SET_OWNER,
    NO_OWNER
};

#define PURPOSE STR("account_token")

#define COLUMNS                                                                                    \
    "SELECT id, organization_id, created_s, pepper_id, hash, old_pepper_id, old_hash, old_exp_s, " \
    "owner_user_id FROM account "

static const struct sql sql[] = {
    [LOAD] = {"account.load", COLUMNS "WHERE id = $1"},
    [LOAD_OF] = {"account.load_of", COLUMNS "WHERE organization_id = $1"},
    [PUT] = {"account.put", "INSERT INTO account (id, organization_id, created_s, old_exp_s) "
                            "VALUES ($1, $2, $3, 0) ON CONFLICT DO NOTHING"},
    [PUT_TOKEN] = {"account.put_token",
                   "UPDATE account SET old_pepper_id = pepper_id, old_hash = hash, old_exp_s = $4, "
                   "pepper_id = $2, hash = $3 WHERE id = $1"},
    [REHASH] = {"account.rehash",
                "UPDATE account SET pepper_id = $4, hash = $5 "
                "WHERE id = $1 AND pepper_id = $2 AND hash = $3 "
                "AND EXISTS (SELECT 1 FROM key WHERE key.id = $4 AND key.state = 1)"},
    [REHASH_OLD] = {"account.rehash_old",
                    "UPDATE account SET old_pepper_id = $4, old_hash = $5 "
                    "WHERE id = $1 AND old_pepper_id = $2 AND old_hash = $3 "
                    "AND EXISTS (SELECT 1 FROM key WHERE key.id = $4 AND key.state = 1)"},
    [DELETE_OF] = {"account.delete_of", "DELETE FROM account WHERE organization_id = $1"},
    [WITHOUT] = {"account.without",
                 "SELECT o.id FROM organization o LEFT JOIN account a ON a.organization_id = o.id "
                 "WHERE a.id IS NULL ORDER BY o.id LIMIT $1"},
    [COUNT_BY_PEPPER] = {"account.count_by_pepper",
                         "SELECT COUNT(*) FROM account WHERE pepper_id = $1 "
                         "OR (old_pepper_id = $1 AND old_exp_s > $2)"},
    [SET_OWNER] =
        {"account.set_owner",
         "UPDATE account SET owner_user_id = $2 WHERE id = $1 AND EXISTS (SELECT 1 FROM "
         "users WHERE users.id = $2 AND users.organization_id = account.organization_id)"},
    [NO_OWNER] = {"account.no_owner", "UPDATE account SET owner_user_id = NULL WHERE id = $1"},
};

const struct sql_set account_statements = {sql, sizeof sql / sizeof *sql};

static void read_token(struct rows *r, int column, struct account_token *out)
{
    out->there = row_bytes(r, column, out->pepper.b, sizeof out->pepper.b) &&
                 row_bytes(r, column + 1, out->hash.b, sizeof out->hash.b);
}

static enum err load(struct db *db, const struct sql *statement, const struct db_arg *id,
                     struct account *out)
{
    struct rows r = db_query(db, statement, id, 1);
    bool found = rows_next(&r);

    *out = (struct account){0}; /* not before the row has come: the id may be the one in *out */
    if (found) {
        row_bytes(&r, 0, out->id.b, sizeof out->id.b);
        row_bytes(&r, 1, out->organization.b, sizeof out->organization.b);
        out->created_s = row_int(&r, 2);
        read_token(&r, 3, &out->token);
        read_token(&r, 5, &out->old);
        out->old_exp_s = row_int(&r, 7);
        out->has_owner = row_bytes(&r, 8, out->owner.b, sizeof out->owner.b);
    }
    return rows_end_one(&r);
}

enum err account_load(struct db *db, const struct uid *id, struct account *out)
{
    struct db_arg arg = db_bytes(id);

    return load(db, &sql[LOAD], &arg, out);
}

enum err account_load_of(struct db *db, const struct id *organization, struct account *out)
{
    struct db_arg arg = db_bytes(organization);

    return load(db, &sql[LOAD_OF], &arg, out);
}

void account_put(struct effects *fx, const struct uid *id, const struct id *organization,
                 int64_t created_s)
{
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(id), db_bytes(organization), db_int(created_s)));
}

void account_put_token(struct effects *fx, const struct uid *id, const struct account_token *token,
                       int64_t old_exp_s)
{
    key_hold(fx, &token->pepper, KEY_ACTIVE); /* it cannot go while a token comes to need it */
    effects_add(
        fx, DROP, 1, &sql[PUT_TOKEN],
        ARGS(db_bytes(id), db_bytes(&token->pepper), db_bytes(&token->hash), db_int(old_exp_s)));
}

void account_rehash(struct effects *fx, const struct uid *id, const struct account_token *before,
                    const struct account_token *after)
{
    key_lock(fx, &after->pepper);
    for (size_t i = REHASH; i <= REHASH_OLD; i++)
        effects_add(fx, DROP, EXPECT_ANY, &sql[i],
                    ARGS(db_bytes(id), db_bytes(&before->pepper), db_bytes(&before->hash),
                         db_bytes(&after->pepper), db_bytes(&after->hash)));
}

void account_set_owner(struct effects *fx, const struct uid *id, const struct uid *user)
{
    if (!user) {
        effects_add(fx, DROP, 1, &sql[NO_OWNER], ARGS(db_bytes(id)));
        return;
    }
    user_hold(fx, user); /* he cannot go meanwhile */
    effects_add(fx, DROP, 1, &sql[SET_OWNER], ARGS(db_bytes(id), db_bytes(user)));
}

void account_delete_of(struct effects *fx, const struct id *organization)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_OF], ARGS(db_bytes(organization)));
}

enum err account_fill(struct db *db, struct effects *fx, int64_t limit, int64_t now_s, size_t *n)
{
    struct rows r = db_query(db, &sql[WITHOUT], ARGS(db_int(limit)));
    struct id organization;
    struct uid id;

    *n = 0;
    while (rows_next(&r)) {
        row_bytes(&r, 0, organization.b, sizeof organization.b);
        id = uid_new();
        /* Another process may be at the same work: then its account stands. */
        effects_add(fx, DROP, EXPECT_ANY, &sql[PUT],
                    ARGS(db_bytes(&id), db_bytes(&organization), db_int(now_s)));
        effects_change(fx, DROP, CHANGE_ORGANIZATION, organization.b, sizeof organization.b);
        (*n)++;
    }
    return rows_end(&r);
}

enum err account_count_by_pepper(struct db *db, const struct uid *pepper, int64_t now_s,
                                 int64_t *count)
{
    return db_query_int(db, &sql[COUNT_BY_PEPPER], ARGS(db_bytes(pepper), db_int(now_s)), count);
}

enum err account_hash_token(struct signer *s, const struct key *pepper, const struct uid *id,
                            str token, struct digest *out)
{
    return secret_hash(s, pepper, PURPOSE, id, token, out);
}

str account_token_message(struct arena *a, const struct uid *id, str token)
{
    return secret_hash_message(a, PURPOSE, id, token);
}
