/* health: /healthz says that the process answers, /readyz that it can issue: the store answers a
 * read and took the last write, no stop was asked for, and an active key and pepper are loaded. A
 * load balancer asks the second.
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

/* A shared store is polled all the time, so nothing is read here: the poll says how it is. Half the
 * age at which requests are refused, so that a balancer turns away before its clients notice. */
static enum err check_shared(struct rq *rq)
{
    struct server *s = rq->server;
    int64_t age_ms = clock_mono_ms() - atomic_load(&s->heard_ms);

    if (atomic_load(&s->store_away))
        return fail(rq, ERR_UNAVAILABLE, "The store does not answer.");
    if (age_ms > setting_int(s->settings, db_max_age_s) * 1000 / 2)
        return fail(rq, ERR_UNAVAILABLE, "This node has not heard from its store for long.");
    return OK;
}

static enum err check_own(struct rq *rq)
{
    int64_t keys;

    if (key_count(rq->t->db, &keys) != OK)
        return fail(rq, ERR_UNAVAILABLE, "The store does not answer.");
    return OK;
}

/* How long the last poll of a shared store took: slow is not away, but somebody should look. */
static enum err answer_ready(struct rq *rq)
{
    struct server *s = rq->server;
    struct buf *b = &rq->res->body;

    if (!s->shared)
        return answer(rq, "ready");
    rq_answer(rq, 200, STR("application/json"));
    json_open(b, '{');
    json_key_str(b, STR("status"), STR("ready"));
    json_key_i64(b, STR("store_ms"), (int64_t)atomic_load(&s->metrics.polls.last_us) / 1000);
    json_close(b, '}');
    return OK;
}

enum err health_ready(struct rq *rq)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    enum jws_alg alg = (enum jws_alg)setting_int(rq->server->settings, access_token_alg);
    enum err e;

    if (atomic_load(&rq->server->leaving))
        return fail(rq, ERR_UNAVAILABLE, "The server is about to stop.");
    if ((e = rq->server->shared ? check_shared(rq) : check_own(rq)) != OK)
        return e;
    if (atomic_load(&rq->server->store_fails))
        return fail(rq, ERR_UNAVAILABLE, "The store could not take the last write.");
    if (keyring_active(ring, KEY_SIGNING, alg) == NULL ||
        keyring_active(ring, KEY_PEPPER, 0) == NULL)
        return fail(rq, ERR_UNAVAILABLE, "No key is active.");
    return answer_ready(rq);
}
