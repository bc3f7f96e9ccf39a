/* device_code: a device asks whether its person has decided (RFC 8628 3.4, 3.5).
 *
 * Every poll that finds nobody decided is written down, so the interval holds whatever node it
 * comes to, and over restarts. The approval is spent by a conditional statement: one answer.
 */
#include "store/device_code.h"
#include "oauth/grant/grant_type.h"
#include "oauth/token/user_tokens.h"

enum err device_code_need(struct rq *rq, const struct token_request *request)
{
    if (request->device_code.n == 0)
        return fail_at(rq, ERR_INVALID_REQUEST, "device_code is missing.", STR("device_code"));
    return OK;
}

static enum err dead(struct rq *rq)
{
    return fail(rq, ERR_INVALID_GRANT,
                "The device code is wrong, used, revoked or another client's.");
}

static enum err find(struct rq *rq, str text, struct device_code *d)
{
    struct digest digest;
    struct handle h;
    enum err e;

    if (handle_parse(text, HANDLE_DEVICE, signer_ring(rq->t->signer), &h) != OK)
        return dead(rq);
    if ((e = device_code_load(rq->t->db, rq->arena, &h.id, d)) != OK)
        return e == ERR_ABSENT ? dead(rq) : e;
    handle_digest(rq->t->hasher, &h, &digest);
    if (!token_proves(&d->hash, &digest) || !uid_eq(&d->client, &rq->client->client.id) ||
        d->dialect != (int)rq->dialect->id)
        return dead(rq);
    return OK;
}

static enum err wait(struct rq *rq, const struct device_code *d)
{
    bool too_early = d->polled_s != 0 && rq->now_s - d->polled_s < d->interval_s;

    if (too_early) {
        device_code_polled_early(&rq->fx, &d->id, rq->now_s);
        return fail(rq, ERR_SLOW_DOWN, "Too early: wait 5 seconds longer between requests.");
    }
    device_code_polled(&rq->fx, d, rq->now_s);
    return fail(rq, ERR_AUTHORIZATION_PENDING, "The person has not decided yet.");
}

/* OK: approved. */
static enum err judge(struct rq *rq, const struct device_code *d)
{
    if (d->state == DEVICE_SPENT)
        return dead(rq);
    if (d->exp_s <= rq->now_s)
        return fail(rq, ERR_EXPIRED_TOKEN, "The device code has expired; begin again.");
    if (d->state == DEVICE_DENIED)
        return fail(rq, ERR_ACCESS_DENIED, "The person said no.");
    return d->state == DEVICE_WAITING ? wait(rq, d) : OK;
}

enum err device_code_run(struct rq *rq, const struct token_request *request,
                         struct token_issued *out)
{
    struct device_code d;
    struct person who;
    int64_t end_s;
    enum err e;

    if ((e = find(rq, request->device_code, &d)) != OK)
        return e;
    if ((e = judge(rq, &d)) != OK)
        return e;
    if ((e = person_load(rq, rq->client, &d.grant, &who)) != OK)
        return e == ERR_INVALID_TOKEN ? dead(rq) : e;
    if ((e = user_tokens_first(rq, request, &who, (str){0}, out, &end_s)) != OK)
        return e;
    device_code_spend(&rq->fx, &d.id);
    return OK;
}
