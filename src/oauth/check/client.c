/* client: who sends this request? (RFC 6749 4.1.1)
 *
 * Behind a browser the client only says who it is; at PAR and for a device it has authenticated.
 * Missing, repeated, unknown and disabled clients, and clients of machines, are all the same to the
 * person in front of the browser (security.md 4, 7, A34); `postern explain` tells them apart.
 */
#include "oauth/check/check.h"

static enum err refuse(struct rq *rq, str expected, str received)
{
    fail(rq, ERR_INVALID_REQUEST, CHECK_UNKNOWN_SENDER);
    return fail_rule(rq, expected, received);
}

static enum err find(struct rq *rq, struct authorize_request *ar)
{
    struct uid id;
    enum err e;

    if (ar->repeated & authorize_request_bit("client_id"))
        return refuse(rq, STR("client_id once"), STR("client_id twice"));
    if (ar->client_id.p == NULL)
        return refuse(rq, STR("client_id"), STR("none"));
    if (!uid_parse(ar->client_id, CLIENT_SID, &id, &ar->spelling))
        return refuse(rq, STR("a client id: a UUID, or OQ and 32 hex digits"), ar->client_id);
    e = client_cache_get(rq->t->clients, rq->t->db, &id, rq->now_s, &ar->client);
    if (e == ERR_ABSENT)
        return refuse(rq, STR("a client that exists"), ar->client_id);
    return e;
}

/* The client that authenticated; RFC 9126 2.1: a client_id beside that must be the same, which
 * client authentication has seen to. */
static void take(struct rq *rq, struct authorize_request *ar)
{
    struct uid id;

    ar->client = rq->client;
    (void)uid_parse(ar->client_id, CLIENT_SID, &id, &ar->spelling);
}

enum err client_rule(struct rq *rq, struct authorize_request *ar)
{
    enum err e;

    if (ar->via != VIA_AUTHORIZE)
        take(rq, ar);
    else if ((e = find(rq, ar)) != OK)
        return e;
    if (!ar->client->client.enabled)
        return refuse(rq, STR("a client that is enabled"), ar->client_id);
    if (!ar->client->rp.there && ar->via != VIA_DEVICE)
        return refuse(rq, STR("a client with a redirect URI"), ar->client_id);
    rq->client_id = ar->client->client.id; /* for the log */
    rq->has_client = true;
    return OK;
}
