/* serve_excess: ends all tokens of a client of which too many grants have been revoked one by one
 * (DESIGN.md 5).
 *
 * Whoever issues and revokes in a loop would fill the memory of every node. Raising the client's
 * epoch ends every token of it, the live ones too, and is logged; then the rows say nothing that
 * the epoch does not say. They are deleted some time later, when each node knows the epoch, by
 * their ids, which are in memory; the table has no index by client, which each revocation would pay
 * for. A holder of the lease that dies between the two leaves it to the next one, since each node
 * remembers which rows are of no use.
 */
#include "cmd/serve_excess.h"

#include "store/client.h"
#include "store/grant.h"

enum { REST_S = 60, CLIENTS = 16, ROWS = 500, FX_MOST = 1 << 20 };

static void note(const struct uid *client)
{
    char id[UID_UUID_CHARS];
    struct log_line l;
    struct buf b;
    buf_fixed(&b, id, sizeof id);
    uid_write(&b, client, CLIENT_SID, SPELLING_UUID);
    log_begin(&l, LOG_WARN, "revoked");
    log_str(&l, "message",
            STR("more of this client's grants have been revoked one by one than nodes keep in "
                "memory: all its tokens are ended, it gets new ones by asking"));
    log_str(&l, "client_id", buf_str(&b));
    log_int(&l, "limit", REVOKED_PER_CLIENT);
    log_end(&l);
}

static enum commit_outcome commit(struct serve_house *h, struct effects *fx)
{
    return commit_apart(h->db, &h->server->changes, h->ids, &h->server->clock, fx);
}

static void raise_epoch(struct serve_house *h, struct arena *a, const struct uid *client)
{
    struct effects fx;
    effects_init(&fx, a);
    client_revoke_all(&fx, client);
    effects_change(&fx, DROP, CHANGE_EXCESS, client->b, sizeof client->b);
    enum commit_outcome outcome = commit(h, &fx);
    if (outcome == COMMIT_DONE)
        note(client);
    else if (outcome == COMMIT_MISSED) /* the client was deleted, and its tokens are dead by that */
        revoked_forget(h->server->changes.revoked, client);
}

/* Deletes some rows that say nothing any more; true when there were any. */
static bool delete_some(struct serve_house *h, struct arena *a)
{
    struct revoked *r = h->server->changes.revoked;
    struct id ids[ROWS];
    struct effects fx;
    size_t n = revoked_needless(r, ids, ROWS);
    effects_init(&fx, a);
    for (size_t i = 0; i < n; i++)
        grant_forget(&fx, &ids[i]);
    if (n == 0 || commit(h, &fx) != COMMIT_DONE)
        return false;
    revoked_drop(r, ids, n);
    return true;
}

bool serve_excess(struct serve_house *h, int64_t now_s)
{
    struct uid clients[CLIENTS];
    struct arena arena;
    if (now_s < h->excess_s)
        return false;
    arena_init(&arena, FX_MOST);
    size_t n = revoked_excess(h->server->changes.revoked, clients, CLIENTS);
    for (size_t i = 0; i < n; i++)
        raise_epoch(h, &arena, &clients[i]);
    bool more = delete_some(h, &arena);
    h->excess_s = more ? now_s : now_s + REST_S;
    arena_free(&arena);
    return more;
}
