/* health: /healthz says that the process answers, /readyz that it can issue: the store answers a
 * read and took the last write, and an active key and pepper are loaded. A load balancer asks the
 * second.
 */
#include "admin/health.h"

#include "codec/json.h"

static enum err answer(struct rq *rq, const char *status)
{
    rq_answer(rq, 200, STR("application/json"));
    json_open(&rq->res->body, '{');
    json_key_str(&rq->res->body, STR("status"), str_from(status));
    json_close(&rq->res->body, '}');
    return OK;
}

enum err health_live(struct rq *rq)
{
    return answer(rq, "ok");
}

enum err health_ready(struct rq *rq)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    enum jws_alg alg = (enum jws_alg)setting_int(rq->server->settings, access_token_alg);
    int64_t keys;

    if (key_count(rq->t->db, &keys) != OK)
        return fail(rq, ERR_UNAVAILABLE, "The store does not answer.");
    if (atomic_load(&rq->server->store_fails))
        return fail(rq, ERR_UNAVAILABLE, "The store could not take the last write.");
    if (keyring_active(ring, KEY_SIGNING, alg) == NULL ||
        keyring_active(ring, KEY_PEPPER, 0) == NULL)
        return fail(rq, ERR_UNAVAILABLE, "No key is active.");
    return answer(rq, "ready");
}
