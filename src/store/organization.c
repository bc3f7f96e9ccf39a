/* organization: the tenant's row and its end.
 *
 * Whoever adds something to an organization locks its row first (organization_hold), so that
 * nothing is added to one that is being deleted. Deleting removes clients and users with what hangs
 * on them, and groups; tokens are not touched: without their client they are dead, and housekeeping
 * takes them away when their time is over.
 */
#include "store/organization.h"

#include "store/account.h"
#include "store/statements.h"

enum {
    LOAD,
    LIST,
    PUT,
    HOLD,
    RENAME,
    REVOKE_ALL,
    DELETE,
    DELETE_FIRST, /* from here on: what goes with it, in this order */
    /* Whoever adds something to a client or user locks that row; behind these, nobody does. */
    LOCK_CLIENTS = DELETE_FIRST,
    LOCK_USERS,
    DELETE_SECRETS,
    DELETE_CLIENT_GROUPS,
    DELETE_RELYING_PARTIES,
    DELETE_ORIGINS,
    DELETE_CLIENTS,
    DELETE_LOGINS,
    DELETE_SESSIONS,
    DELETE_CONSENTS, /* behind the sessions: who allows something holds one */
    DELETE_USERS,
    DELETE_GROUPS
};

#define OF_ITS_CLIENTS "IN (SELECT id FROM client WHERE organization_id = $1)"
#define OF_ITS_USERS   "IN (SELECT id FROM users WHERE organization_id = $1)"

#define COLUMNS                                                                                    \
    "SELECT o.id, o.name, o.epoch, o.created_s, a.id FROM organization o "                         \
    "LEFT JOIN account a ON a.organization_id = o.id "

static const struct sql sql[] = {
    [LOAD] = {"organization.load", COLUMNS "WHERE o.id = $1"},
    [LIST] = {"organization.list", COLUMNS "ORDER BY o.id"},
    [PUT] = {"organization.put", "INSERT INTO organization (id, name, epoch, created_s) "
                                 "VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING"},
    [HOLD] = {"organization.hold", "UPDATE organization SET epoch = epoch WHERE id = $1"},
    [RENAME] = {"organization.rename", "UPDATE organization SET name = $2 WHERE id = $1"},
    [REVOKE_ALL] = {"organization.revoke_all",
                    "UPDATE organization SET epoch = epoch + 1 WHERE id = $1"},
    [DELETE] = {"organization.delete", "DELETE FROM organization WHERE id = $1"},
    [LOCK_CLIENTS] = {"organization.lock_clients",
                      "UPDATE client SET epoch = epoch WHERE organization_id = $1"},
    [LOCK_USERS] = {"organization.lock_users",
                    "UPDATE users SET epoch = epoch WHERE organization_id = $1"},
    [DELETE_SECRETS] = {"organization.delete_secrets",
                        "DELETE FROM client_secret WHERE client_id " OF_ITS_CLIENTS},
    [DELETE_CLIENT_GROUPS] = {"organization.delete_client_groups",
                              "DELETE FROM client_group WHERE client_id " OF_ITS_CLIENTS},
    [DELETE_RELYING_PARTIES] = {"organization.delete_relying_parties",
                                "DELETE FROM relying_party WHERE client_id " OF_ITS_CLIENTS},
    [DELETE_ORIGINS] = {"organization.delete_origins",
                        "DELETE FROM client_origin WHERE client_id " OF_ITS_CLIENTS},
    [DELETE_CLIENTS] = {"organization.delete_clients",
                        "DELETE FROM client WHERE organization_id = $1"},
    [DELETE_LOGINS] = {"organization.delete_logins",
                       "DELETE FROM login WHERE user_id " OF_ITS_USERS},
    [DELETE_SESSIONS] = {"organization.delete_sessions",
                         "DELETE FROM session WHERE user_id " OF_ITS_USERS},
    [DELETE_CONSENTS] = {"organization.delete_consents",
                         "DELETE FROM consent WHERE user_id " OF_ITS_USERS},
    [DELETE_USERS] = {"organization.delete_users", "DELETE FROM users WHERE organization_id = $1"},
    [DELETE_GROUPS] = {"organization.delete_groups",
                       "DELETE FROM groups WHERE organization_id = $1"},
};

const struct sql_set organization_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct organization *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    out->name = row_text(r, 1, a);
    out->epoch = row_int(r, 2);
    out->created_s = row_int(r, 3);
    row_bytes(r, 4, out->account.b, sizeof out->account.b);
}

enum err organization_load(struct db *db, struct arena *a, const struct id *id,
                           struct organization *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

enum err organization_list(struct db *db, struct arena *a, struct organization **out, size_t *n)
{
    struct rows r = db_query(db, &sql[LIST], NO_ARGS);
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

void organization_put(struct effects *fx, const struct organization *o)
{
    static const struct uid none;
    struct uid account = uid_eq(&o->account, &none) ? uid_new() : o->account;

    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&o->id), db_text(o->name), db_int(o->epoch), db_int(o->created_s)));
    account_put(fx, &account, &o->id, o->created_s);
}

void organization_hold(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, 1, &sql[HOLD], ARGS(db_bytes(id)));
}

static void changed(struct effects *fx, const struct id *id)
{
    effects_change(fx, DROP, CHANGE_ORGANIZATION, id->b, sizeof id->b);
}

void organization_rename(struct effects *fx, const struct id *id, str name)
{
    effects_add(fx, DROP, 1, &sql[RENAME], ARGS(db_bytes(id), db_text(name)));
    changed(fx, id);
}

void organization_revoke_all(struct effects *fx, const struct id *id)
{
    effects_add(fx, DROP, 1, &sql[REVOKE_ALL], ARGS(db_bytes(id)));
    changed(fx, id);
}

void organization_delete(struct effects *fx, const struct id *id)
{
    /* The organization first: it locks out whoever would add to it. */
    effects_add(fx, DROP, 1, &sql[DELETE], ARGS(db_bytes(id)));
    for (size_t i = DELETE_FIRST; i < sizeof sql / sizeof *sql; i++)
        effects_add(fx, DROP, EXPECT_ANY, &sql[i], ARGS(db_bytes(id)));
    account_delete_of(fx, id);
    changed(fx, id);
}
