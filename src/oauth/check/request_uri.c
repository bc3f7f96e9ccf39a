/* request_uri: a request that was pushed (RFC 9126 4), instead of what stands in the URL.
 *
 * urn:ietf:params:oauth:request_uri:HANDLE names a row of pushed_request. It opens as often as a
 * browser likes until par.ttl is over, and is spent when the authorization is finished (security.md
 * 18). The row lives longer than that, since a page may stand open: how old it is, its id says.
 * With a pushed request all else in the URL is ignored, repeats among it (19).
 * Left out on purpose: fetching a request object from elsewhere (21); nothing here opens a
 * connection.
 */
#include "oauth/check/check.h"

/* One answer for every reason; the handle itself is a credential and is shown nowhere. */
static enum err refuse(struct rq *rq, const char *received)
{
    fail_at(rq, ERR_INVALID_REQUEST_URI,
            "The pushed request is unknown, used, expired or another client's.",
            STR("request_uri"));
    return fail_rule(rq, STR("a request_uri that this client was given, within its time"),
                     str_from(received));
}

static enum err external(struct rq *rq, struct authorize_request *ar)
{
    (void)redirect_uri_prove(rq, ar); /* so that the client hears of it */
    fail_at(rq, ERR_REQUEST_URI_NOT_SUPPORTED,
            "Request objects are not fetched; push the request instead.", STR("request_uri"));
    return fail_rule(rq, STR(AUTHORIZE_PUSHED_URN "..."), ar->request_uri);
}

static enum err judge(struct rq *rq, const struct authorize_request *ar, const struct digest *hash)
{
    const struct pushed_request *p = &ar->pushed;
    int64_t end_s = id_time_s(&p->id) + setting_int(rq->server->settings, par_ttl_s);

    if (!ct_digest_eq(hash, &p->hash))
        return refuse(rq, "a request_uri that was never given");
    if (!uid_eq(&p->client, &ar->client->client.id))
        return refuse(rq, "another client's request_uri");
    if (p->spent_s != 0)
        return refuse(rq, "a request_uri whose authorization is finished");
    if (rq->now_s >= (ar->reopened ? p->exp_s : end_s))
        return refuse(rq, "a request_uri that has expired");
    return OK;
}

static enum err open_pushed(struct rq *rq, struct authorize_request *ar)
{
    str text = str_sub(ar->request_uri, sizeof AUTHORIZE_PUSHED_URN - 1, ar->request_uri.n);
    struct handle handle;
    struct digest hash;
    enum err e;

    if (handle_parse(text, HANDLE_PUSHED, signer_ring(rq->t->signer), &handle) != OK)
        return refuse(rq, "no request_uri of ours");
    e = pushed_request_load(rq->t->db, rq->arena, &handle.id, &ar->pushed);
    if (e == ERR_ABSENT)
        return refuse(rq, "a request_uri that is not known, or no more");
    if (e != OK)
        return e;
    handle_digest(rq->t->hasher, &handle, &hash);
    if ((e = judge(rq, ar, &hash)) != OK)
        return e;
    ar->has_pushed = true;
    return ar->reopened ? OK : authorize_request_replace(rq, ar->pushed.params, ar);
}

enum err request_uri_rule(struct rq *rq, struct authorize_request *ar)
{
    uint64_t bit = authorize_request_bit("request_uri");

    if (ar->via == VIA_PAR) {
        if (ar->request_uri.p == NULL && !((ar->repeated | ar->unfit) & bit))
            return OK;
        fail_at(rq, ERR_INVALID_REQUEST, "A request_uri cannot be pushed.", STR("request_uri"));
        return fail_rule(rq, STR("the parameters themselves"),
                         STR("request_uri")); /* RFC 9126 2.1 */
    }
    if (ar->request_uri.p == NULL)
        return OK;
    if (!str_starts(ar->request_uri, STR(AUTHORIZE_PUSHED_URN)))
        return external(rq, ar);
    return open_pushed(rq, ar);
}
