/* consent: what people have allowed applications, one row per person and application.
 *
 * Taking it back deletes the row first; an authorization that relied on it holds that row
 * (consent_hold), so it is either revoked with the others or finds nothing to rely on.
 */
#include "store/consent.h"

#include "store/client.h"
#include "store/statements.h"
#include "store/user_grant.h"

enum { LOAD, LIST, PUT, HOLD, REVOKE, DELETE_OF_CLIENT };

#define COLUMNS "SELECT user_id, client_id, scopes, created_s, updated_s FROM consent "

static const struct sql sql[] = {
    [LOAD] = {"consent.load", COLUMNS "WHERE user_id = $1 AND client_id = $2"},
    [LIST] = {"consent.list", COLUMNS "WHERE user_id = $1 ORDER BY client_id"},
    [PUT] = {"consent.put",
             "INSERT INTO consent (user_id, client_id, scopes, created_s, updated_s) "
             "VALUES ($1, $2, $3, $4, $5) ON CONFLICT (user_id, client_id) DO UPDATE SET "
             "scopes = excluded.scopes, updated_s = excluded.updated_s"},
    [HOLD] = {"consent.hold", "UPDATE consent SET scopes = scopes "
                              "WHERE user_id = $1 AND client_id = $2 AND scopes = $3"},
    [REVOKE] = {"consent.revoke", "DELETE FROM consent WHERE user_id = $1 AND client_id = $2"},
    [DELETE_OF_CLIENT] = {"consent.delete_of_client", "DELETE FROM consent WHERE client_id = $1"},
};

const struct sql_set consent_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct consent *out)
{
    row_bytes(r, 0, out->user.b, sizeof out->user.b);
    row_bytes(r, 1, out->client.b, sizeof out->client.b);
    out->scopes = row_text(r, 2, a);
    out->created_s = row_int(r, 3);
    out->updated_s = row_int(r, 4);
}

enum err consent_load(struct db *db, struct arena *a, const struct uid *user,
                      const struct uid *client, struct consent *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(user), db_bytes(client)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

enum err consent_list(struct db *db, struct arena *a, const struct uid *user, struct consent **out,
                      size_t *n)
{
    struct rows r = db_query(db, &sql[LIST], ARGS(db_bytes(user)));
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

void consent_put(struct effects *fx, const struct consent *c)
{
    client_hold(fx, &c->client); /* nothing stays for whoever comes to have that id */
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&c->user), db_bytes(&c->client), db_some_text(c->scopes),
                     db_int(c->created_s), db_int(c->updated_s)));
}

void consent_hold(struct effects *fx, const struct consent *c)
{
    effects_add(fx, DROP, 1, &sql[HOLD],
                ARGS(db_bytes(&c->user), db_bytes(&c->client), db_some_text(c->scopes)));
}

void consent_revoke(struct effects *fx, const struct uid *user, const struct uid *client,
                    int64_t now_s)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[REVOKE], ARGS(db_bytes(user), db_bytes(client)));
    user_grant_revoke_client(fx, user, client, now_s);
}

void consent_delete_of_client(struct effects *fx, const struct uid *client)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_OF_CLIENT], ARGS(db_bytes(client)));
}
