/* group: groups of an organization, and the pages of their list.
 *
 * A list is asked for with or without a client and with or without a name; each of the four is a
 * statement of its own, so that each walks an index and none looks at rows it does not return.
 *
 * The documents of the Twine API give some lists no pages, so what an organization can hold is
 * bounded where a group is made: the insert counts, behind the lock on the organization's row.
 *
 * Left out on purpose: unique names. Ids identify.
 */
#include "store/group.h"

#include "base/limits.h"
#include "store/organization.h"
#include "store/statements.h"

/* The four kinds of list, in the order of which(): bit 0 a name, bit 1 a client. */
enum {
    LIST,
    LIST_NAME,
    LIST_CLIENT,
    LIST_CLIENT_NAME,
    COUNT,
    COUNT_NAME,
    COUNT_CLIENT,
    COUNT_CLIENT_NAME,
    IDS,
    LOAD,
    IS_OF_CLIENT,
    PUT,
    UPDATE,
    DELETE,
    DELETE_OF_CLIENTS
};

#define COLUMNS   "SELECT g.id, g.organization_id, g.name, g.bio, g.created_s "
#define OF_CLIENT "FROM client_group c JOIN groups g ON g.id = c.group_id "
#define PAGE      "ORDER BY g.id LIMIT $3 OFFSET $4"

static const struct sql sql[] = {
    [LIST] = {"group.list",
              COLUMNS "FROM groups g WHERE g.organization_id = $1 AND g.id > $2 " PAGE},
    [LIST_NAME] = {"group.list_name", COLUMNS "FROM groups g WHERE g.organization_id = $1 "
                                              "AND g.id > $2 AND g.name = $5 " PAGE},
    [LIST_CLIENT] = {"group.list_client", COLUMNS OF_CLIENT
                     "WHERE g.organization_id = $1 AND c.group_id > $2 AND c.client_id = $5 "
                     "ORDER BY c.group_id LIMIT $3 OFFSET $4"},
    [LIST_CLIENT_NAME] = {"group.list_client_name", COLUMNS OF_CLIENT
                          "WHERE g.organization_id = $1 AND c.group_id > $2 AND c.client_id = $5 "
                          "AND g.name = $6 ORDER BY c.group_id LIMIT $3 OFFSET $4"},
    [COUNT] = {"group.count", "SELECT COUNT(*) FROM groups g WHERE g.organization_id = $1"},
    [COUNT_NAME] = {"group.count_name",
                    "SELECT COUNT(*) FROM groups g WHERE g.organization_id = $1 AND g.name = $2"},
    [COUNT_CLIENT] = {"group.count_client", "SELECT COUNT(*) " OF_CLIENT
                                            "WHERE g.organization_id = $1 AND c.client_id = $2"},
    [COUNT_CLIENT_NAME] = {"group.count_client_name",
                           "SELECT COUNT(*) " OF_CLIENT
                           "WHERE g.organization_id = $1 AND c.client_id = $2 AND g.name = $3"},
    [IDS] = {"group.ids", "SELECT g.id FROM groups g WHERE g.organization_id = $1 "
                          "ORDER BY g.id LIMIT $2"},
    [LOAD] = {"group.load", COLUMNS "FROM groups g WHERE g.id = $1"},
    [IS_OF_CLIENT] = {"group.is_of_client", "SELECT COUNT(*) FROM client_group "
                                            "WHERE client_id = $1 AND group_id = $2"},
    [PUT] = {"group.put", "INSERT INTO groups (id, organization_id, name, bio, created_s) "
                          "SELECT $1, $2, $3, $4, $5 WHERE (SELECT COUNT(*) FROM groups o "
                          "WHERE o.organization_id = $2) < $6 ON CONFLICT DO NOTHING"},
    [UPDATE] = {"group.update", "UPDATE groups SET name = $3, bio = $4 "
                                "WHERE id = $1 AND organization_id = $2"},
    [DELETE] = {"group.delete", "DELETE FROM groups WHERE id = $1 AND organization_id = $2"},
    [DELETE_OF_CLIENTS] = {"group.delete_of_clients",
                           "DELETE FROM client_group WHERE group_id = $1"},
};

const struct sql_set group_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct group *out)
{
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->organization.b, sizeof out->organization.b);
    out->name = row_text(r, 2, a);
    out->bio = row_text(r, 3, a);
    out->created_s = row_int(r, 4);
}

enum err group_load(struct db *db, struct arena *a, const struct id *id, struct group *out)
{
    struct rows r = db_query(db, &sql[LOAD], ARGS(db_bytes(id)));

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

static int which(const struct group_query *q)
{
    return (q->client ? 2 : 0) + (q->name.p ? 1 : 0);
}

/* What the query filters by, behind `args`; how many there are then. */
static size_t add_filters(const struct group_query *q, struct db_arg *args, size_t n)
{
    if (q->client)
        args[n++] = db_bytes(q->client);
    if (q->name.p)
        args[n++] = db_text(q->name);
    return n;
}

enum err group_list(struct db *db, struct arena *a, const struct group_query *q, struct group **out,
                    size_t *n)
{
    static const struct id start;
    struct db_arg args[6] = {db_bytes(&q->organization), db_bytes(q->after ? q->after : &start),
                             db_int(q->limit < 0 ? INT64_MAX : q->limit), db_int(q->offset)};
    struct rows r = db_query(db, &sql[LIST + which(q)], args, add_filters(q, args, 4));
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

enum err group_count(struct db *db, const struct group_query *q, int64_t *count)
{
    struct db_arg args[3] = {db_bytes(&q->organization)};

    return db_query_int(db, &sql[COUNT + which(q)], args, add_filters(q, args, 1), count);
}

enum err group_ids(struct db *db, struct arena *a, const struct id *organization, int64_t limit,
                   struct id **out, size_t *n)
{
    struct rows r = db_query(db, &sql[IDS],
                             ARGS(db_bytes(organization), db_int(limit < 0 ? INT64_MAX : limit)));
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        row_bytes(&r, 0, (*out)[(*n)++].b, ID_BYTES);
    }
    return rows_end(&r);
}

enum err group_is_of_client(struct db *db, const struct id *group, const struct uid *client,
                            bool *yes)
{
    int64_t n;
    enum err e = db_query_int(db, &sql[IS_OF_CLIENT], ARGS(db_bytes(client), db_bytes(group)), &n);

    *yes = n > 0;
    return e;
}

/* Copies hold group ids by client, and a client of "all groups" depends on each of them. */
static void changed(struct effects *fx, const struct id *organization)
{
    effects_change(fx, DROP, CHANGE_GROUP, organization->b, sizeof organization->b);
}

void group_put(struct effects *fx, const struct group *g)
{
    organization_hold(fx, &g->organization);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&g->id), db_bytes(&g->organization), db_text(g->name),
                     db_text(g->bio), db_int(g->created_s), db_int(LIMIT_GROUPS)));
    changed(fx, &g->organization);
}

void group_update(struct effects *fx, const struct id *id, const struct id *organization, str name,
                  str bio)
{
    effects_add(fx, DROP, 1, &sql[UPDATE],
                ARGS(db_bytes(id), db_bytes(organization), db_text(name), db_text(bio)));
    changed(fx, organization);
}

void group_delete(struct effects *fx, const struct id *id, const struct id *organization)
{
    effects_add(fx, DROP, 1, &sql[DELETE], ARGS(db_bytes(id), db_bytes(organization)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_OF_CLIENTS], ARGS(db_bytes(id)));
    changed(fx, organization);
}
