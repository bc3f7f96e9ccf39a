/* client: the row of a client, its secrets and its groups.
 *
 * Whatever hangs on a client is written after its row has been locked by an expectation, so
 * nothing is left behind when another process deletes it at the same time. Every function that
 * changes what caches hold tells so (CHANGE_CLIENT).
 *
 * Left out on purpose: tokens. They die with their client's row, enabled flag or epoch, and their
 * rows go when their time is over; deleting a client costs the same with any number of them.
 */
#include "store/client.h"

#include "base/rand.h"

#include "base/limits.h"
#include "store/consent.h"
#include "store/key.h"
#include "store/organization.h"
#include "store/relying_party.h"
#include "store/replay.h"
#include "store/secret_hash.h"
#include "store/statements.h"

enum {
    LOAD,
    LIST,
    LIST_ORGANIZATION,
    SECRETS,
    GROUPS,
    PUT,
    UPDATE,
    UPDATE_APP,
    HOLD_APP,
    HOLD,
    DELETE,
    DELETE_SECRETS,
    DELETE_GROUPS,
    HOLD_GROUP,
    PUT_GROUP,
    SET_ENABLED,
    REVOKE_ALL,
    TRIM_SECRETS,
    END_SECRETS,
    PUT_SECRET,
    REHASH,
    COUNT_BY_PEPPER
};

#define PURPOSE STR("client_secret")

#define COLUMNS                                                                                    \
    "SELECT id, organization_id, name, grants, scopes, all_groups, token_format, auth_method, "    \
    "rotation, introspect_organization, enabled, access_ttl_s, refresh_ttl_s, family_ttl_s, "      \
    "epoch, created_s, updated_s, created_by, description, owner, policy FROM client "

/* The one without an end is the newest. Ids do not tell: those that two processes make within a
 * second are in no order. */
#define NEWEST                                                                                     \
    "ORDER BY CASE WHEN exp_s = 0 THEN 0 ELSE 1 END, created_s DESC, exp_s DESC, id DESC "

static const struct sql sql[] = {
    [LOAD] = {"client.load", COLUMNS "WHERE id = $1"},
    [LIST] = {"client.list", COLUMNS "WHERE id > $1 ORDER BY id LIMIT $2"},
    [LIST_ORGANIZATION] = {"client.list_organization",
                           COLUMNS "WHERE organization_id = $3 AND id > $1 ORDER BY id LIMIT $2"},
    [SECRETS] = {"client.secrets",
                 "SELECT id, pepper_id, hash, argon2, created_s, exp_s FROM client_secret "
                 "WHERE client_id = $1 AND (exp_s = 0 OR exp_s > $2) " NEWEST "LIMIT 2"},
    [GROUPS] = {"client.groups",
                "SELECT group_id FROM client_group WHERE client_id = $1 ORDER BY group_id"},
    [PUT] = {"client.put",
             "INSERT INTO client (id, organization_id, name, grants, scopes, all_groups, "
             "token_format, auth_method, rotation, introspect_organization, enabled, "
             "access_ttl_s, refresh_ttl_s, family_ttl_s, epoch, created_s, updated_s, created_by, "
             "description, owner, policy) SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, "
             "$12, $13, $14, $15, $16, $17, $18, $19, $20, $21 "
             /* security.md 16: a client and a user are never the same subject */
             "WHERE NOT EXISTS (SELECT 1 FROM users WHERE users.id = $1) ON CONFLICT DO NOTHING"},
    [UPDATE] = {"client.update",
                "UPDATE client SET name = $2, grants = $3, scopes = $4, all_groups = $5, "
                "token_format = $6, auth_method = $7, rotation = $8, "
                "introspect_organization = $9, access_ttl_s = $10, refresh_ttl_s = $11, "
                "family_ttl_s = $12, updated_s = $13, description = $14, owner = $15, "
                "policy = $16 WHERE id = $1"},
    [UPDATE_APP] = {"client.update_app",
                    "UPDATE client SET name = $2, description = $3, owner = $4, policy = $5, "
                    "access_ttl_s = $6, updated_s = $7 WHERE id = $1"},
    [HOLD_APP] = {"client.hold_app",
                  "UPDATE client SET epoch = epoch WHERE id = $1 AND COALESCE(policy, '') = $2 "
                  "AND scopes = $3 AND grants = $4 AND all_groups = $5 "
                  "AND introspect_organization = $6"},
    [HOLD] = {"client.hold", "UPDATE client SET epoch = epoch WHERE id = $1"},
    [DELETE] = {"client.delete", "DELETE FROM client WHERE id = $1"},
    [DELETE_SECRETS] = {"client.delete_secrets", "DELETE FROM client_secret WHERE client_id = $1"},
    [DELETE_GROUPS] = {"client.delete_groups", "DELETE FROM client_group WHERE client_id = $1"},
    /* Locks the group if it is of the same organization as the client. */
    [HOLD_GROUP] = {"client.hold_group",
                    "UPDATE groups SET name = name WHERE id = $2 AND organization_id = "
                    "(SELECT organization_id FROM client WHERE client.id = $1)"},
    [PUT_GROUP] = {"client.put_group", "INSERT INTO client_group (client_id, group_id) "
                                       "VALUES ($1, $2) ON CONFLICT DO NOTHING"},
    [SET_ENABLED] = {"client.set_enabled", "UPDATE client SET enabled = $2 WHERE id = $1"},
    [REVOKE_ALL] = {"client.revoke_all", "UPDATE client SET epoch = epoch + 1 WHERE id = $1"},
    [TRIM_SECRETS] = {"client.trim_secrets",
                      "DELETE FROM client_secret WHERE client_id = $1 AND id <> "
                      "(SELECT s.id FROM client_secret s WHERE s.client_id = $1 " NEWEST
                      "LIMIT 1)"},
    [END_SECRETS] = {"client.end_secrets", "UPDATE client_secret SET exp_s = $2 "
                                           "WHERE client_id = $1 AND (exp_s = 0 OR exp_s > $2)"},
    [PUT_SECRET] = {"client.put_secret",
                    "INSERT INTO client_secret (client_id, id, pepper_id, hash, argon2, "
                    "created_s, exp_s) VALUES ($1, $2, $3, $4, $5, $6, $7) "
                    "ON CONFLICT DO NOTHING"},
    [REHASH] = {"client.rehash",
                "UPDATE client_secret SET pepper_id = $3, hash = $4, argon2 = NULL "
                "WHERE client_id = $1 AND id = $2 "
                "AND EXISTS (SELECT 1 FROM key WHERE key.id = $3 AND key.state = 1)"},
    [COUNT_BY_PEPPER] = {"client.count_by_pepper",
                         "SELECT COUNT(*) FROM client_secret "
                         "WHERE pepper_id = $1 AND (exp_s = 0 OR exp_s > $2)"},
};

const struct sql_set client_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct client *c)
{
    row_bytes(r, 0, c->id.b, sizeof c->id.b);
    row_bytes(r, 1, c->organization.b, sizeof c->organization.b);
    c->name = row_text(r, 2, a);
    c->grants = (uint32_t)row_int(r, 3);
    c->scopes = row_text(r, 4, a);
    c->all_groups = row_int(r, 5) != 0;
    c->token_format = (enum token_format)row_int(r, 6);
    c->auth_method = (enum client_auth_method)row_int(r, 7);
    c->rotation = (enum client_rotation)row_int(r, 8);
    c->introspect_organization = row_int(r, 9) != 0;
    c->enabled = row_int(r, 10) != 0;
    c->access_ttl_s = row_int(r, 11);
    c->refresh_ttl_s = row_int(r, 12);
    c->family_ttl_s = row_int(r, 13);
    c->epoch = row_int(r, 14);
    c->created_s = row_int(r, 15);
    c->updated_s = row_int(r, 16);
    c->created_by = row_text(r, 17, a);
    c->description = row_text(r, 18, a);
    c->owner = row_text(r, 19, a);
    c->policy = row_text(r, 20, a);
}

static enum err load_secrets(struct db *db, struct arena *a, int64_t now_s, struct client *c)
{
    struct rows r = db_query(db, &sql[SECRETS], ARGS(db_bytes(&c->id), db_int(now_s)));

    while (c->secrets_n < CLIENT_SECRETS && rows_next(&r)) {
        struct client_secret *s = &c->secrets[c->secrets_n++];
        row_bytes(&r, 0, s->id.b, sizeof s->id.b);
        row_bytes(&r, 1, s->pepper.b, sizeof s->pepper.b);
        row_bytes(&r, 2, s->hash.b, sizeof s->hash.b);
        s->argon2 = row_text(&r, 3, a);
        s->created_s = row_int(&r, 4);
        s->exp_s = row_int(&r, 5);
    }
    return rows_end(&r);
}

enum err client_load(struct db *db, struct arena *a, const struct uid *id, int64_t now_s,
                     struct client *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));
    bool found = rows_next(&r);
    enum err e;

    *out = (struct client){0}; /* not before the row has come: the id may be the one in *out */
    if (found)
        read_row(&r, a, out);
    e = rows_end_one(&r);
    return e == OK ? load_secrets(db, a, now_s, out) : e;
}

enum err client_list(struct db *db, struct arena *a, const struct id *organization,
                     const struct uid *after, int64_t limit, struct client **out, size_t *n)
{
    static const struct uid start;
    struct db_arg args[3] = {db_bytes(after ? after : &start),
                             db_int(limit < 0 ? INT64_MAX : limit)};
    if (organization)
        args[2] = db_bytes(organization);
    struct rows r =
        db_query(db, &sql[organization ? LIST_ORGANIZATION : LIST], args, organization ? 3 : 2);
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

enum err client_groups(struct db *db, struct arena *a, const struct uid *id, struct id **out,
                       size_t *n)
{
    struct rows r = db_query(db, &sql[GROUPS], ARGS(db_bytes(id)));
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        row_bytes(&r, 0, (*out)[(*n)++].b, ID_BYTES);
    }
    return rows_end(&r);
}

static void changed(struct effects *fx, const struct uid *id)
{
    effects_change(fx, DROP, CHANGE_CLIENT, id->b, sizeof id->b);
}

void client_put(struct effects *fx, const struct client *c)
{
    organization_hold(fx, &c->organization);
    replay_lock_subject(fx, &c->id);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&c->id), db_bytes(&c->organization), db_text(c->name),
                     db_int(c->grants), db_some_text(c->scopes), db_int(c->all_groups),
                     db_int(c->token_format), db_int(c->auth_method), db_int(c->rotation),
                     db_int(c->introspect_organization), db_int(c->enabled),
                     db_int(c->access_ttl_s), db_int(c->refresh_ttl_s), db_int(c->family_ttl_s),
                     db_int(c->epoch), db_int(c->created_s), db_int(c->updated_s),
                     db_text(c->created_by), db_text(c->description), db_text(c->owner),
                     db_text(c->policy)));
    changed(fx, &c->id);
}

int64_t client_first_epoch(void)
{
    uint64_t random;

    rand_bytes(&random, sizeof random);
    return (int64_t)(random >> 13); /* 51 bits: with its organization's below 2^53, as JSON needs */
}

void client_hold_app(struct effects *fx, const struct client *c)
{
    effects_add(fx, DROP, 1, &sql[HOLD_APP],
                ARGS(db_bytes(&c->id), db_some_text(c->policy), db_some_text(c->scopes),
                     db_int(c->grants), db_int(c->all_groups), db_int(c->introspect_organization)));
}

void client_update_app(struct effects *fx, const struct client *c)
{
    effects_add(fx, DROP, 1, &sql[UPDATE_APP],
                ARGS(db_bytes(&c->id), db_text(c->name), db_text(c->description), db_text(c->owner),
                     db_text(c->policy), db_int(c->access_ttl_s), db_int(c->updated_s)));
    changed(fx, &c->id);
}

void client_update(struct effects *fx, const struct client *c)
{
    effects_add(fx, DROP, 1, &sql[UPDATE],
                ARGS(db_bytes(&c->id), db_text(c->name), db_int(c->grants), db_some_text(c->scopes),
                     db_int(c->all_groups), db_int(c->token_format), db_int(c->auth_method),
                     db_int(c->rotation), db_int(c->introspect_organization),
                     db_int(c->access_ttl_s), db_int(c->refresh_ttl_s), db_int(c->family_ttl_s),
                     db_int(c->updated_s), db_text(c->description), db_text(c->owner),
                     db_text(c->policy)));
    changed(fx, &c->id);
}

void client_hold(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, 1, &sql[HOLD], ARGS(db_bytes(id)));
}

void client_delete(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, 1, &sql[DELETE], ARGS(db_bytes(id)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_SECRETS], ARGS(db_bytes(id)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_GROUPS], ARGS(db_bytes(id)));
    relying_party_delete(fx, id);
    consent_delete_of_client(fx, id);
    changed(fx, id);
}

void client_set_groups(struct effects *fx, const struct client *c, const struct id *groups,
                       size_t n)
{
    client_hold(fx, &c->id);
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_GROUPS], ARGS(db_bytes(&c->id)));
    for (size_t i = 0; i < n; i++) {
        effects_add(fx, DROP, 1, &sql[HOLD_GROUP], ARGS(db_bytes(&c->id), db_bytes(&groups[i])));
        effects_add(fx, DROP, EXPECT_ANY, &sql[PUT_GROUP],
                    ARGS(db_bytes(&c->id), db_bytes(&groups[i])));
    }
    changed(fx, &c->id);
}

void client_set_enabled(struct effects *fx, const struct uid *id, bool enabled)
{
    effects_add(fx, DROP, 1, &sql[SET_ENABLED], ARGS(db_bytes(id), db_int(enabled)));
    changed(fx, id);
}

void client_revoke_all(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, 1, &sql[REVOKE_ALL], ARGS(db_bytes(id)));
    changed(fx, id);
}

/* A secret is either a keyed hash or an argon2id string, never both. */
static struct db_arg pepper_of(const struct client_secret *s)
{
    return s->argon2.p ? db_null() : db_bytes(&s->pepper);
}

static struct db_arg hash_of(const struct client_secret *s)
{
    return s->argon2.p ? db_null() : db_bytes(&s->hash);
}

void client_put_secret(struct effects *fx, const struct uid *id, const struct client_secret *s,
                       int64_t old_exp_s)
{
    client_hold(fx, id);
    if (!s->argon2.p) /* a pepper cannot go while a secret comes to need it */
        key_hold(fx, &s->pepper, KEY_ACTIVE);
    effects_add(fx, DROP, EXPECT_ANY, &sql[TRIM_SECRETS], ARGS(db_bytes(id)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[END_SECRETS],
                ARGS(db_bytes(id), db_int(old_exp_s > 0 ? old_exp_s : 1)));
    effects_add(fx, DROP, 1, &sql[PUT_SECRET],
                ARGS(db_bytes(id), db_bytes(&s->id), pepper_of(s), hash_of(s), db_text(s->argon2),
                     db_int(s->created_s), db_int(s->exp_s)));
    changed(fx, id);
}

void client_rehash(struct effects *fx, const struct uid *id, const struct client_secret *s)
{
    /* The secret may have been replaced meanwhile, or the pepper retired; then there is nothing to
     * do, and no reason to keep the request from its token. */
    key_lock(fx, &s->pepper);
    effects_add(fx, DROP, EXPECT_ANY, &sql[REHASH],
                ARGS(db_bytes(id), db_bytes(&s->id), db_bytes(&s->pepper), db_bytes(&s->hash)));
    /* Copies that name the old pepper would rehash at every use. Other nodes' copies are as good
     * as before. */
    effects_change_here(fx, DROP, CHANGE_CLIENT, id->b, sizeof id->b);
}

enum err client_count_by_pepper(struct db *db, const struct uid *pepper, int64_t now_s,
                                int64_t *count)
{
    return db_query_int(db, &sql[COUNT_BY_PEPPER], ARGS(db_bytes(pepper), db_int(now_s)), count);
}

enum err client_hash_secret(struct signer *s, const struct key *pepper, const struct uid *id,
                            str secret, struct digest *out)
{
    return secret_hash(s, pepper, PURPOSE, id, secret, out);
}

str client_secret_message(struct arena *a, const struct uid *id, str secret)
{
    return secret_hash_message(a, PURPOSE, id, secret);
}
