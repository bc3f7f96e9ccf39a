/* sign: fills the holes of an answer with JWTs, once its effects are durable. */
#include "oauth/sign.h"

#include "base/limits.h"
#include "oauth/rq.h"

void sign_leave_hole(struct rq *rq, const struct key *key, str typ, str claims)
{
    struct http_res *res = rq->res;

    if (res->holes_n == HTTP_HOLES)
        fatal("more than %d signatures in one answer", HTTP_HOLES);
    rq->jobs[res->holes_n] = (struct sign_job){
        .kid = key->id,
        .typ = typ,
        .claims = claims,
        .hole = res->holes_n,
    };
    res->holes[res->holes_n] = (struct http_hole){.at = res->body.n};
    res->holes_n++;
}

static enum err fill(struct rq *rq, const struct sign_job *job)
{
    struct signer *signer = rq->t->signer;
    const struct key *key = keyring_find(signer_ring(signer), KEY_SIGNING, &job->kid);
    struct buf out;
    enum err e;

    if (key == NULL)
        return ERR_SERVER_ERROR;
    buf_init(&out, rq->arena, 256 + job->claims.n * 2, LIMIT_JWT);
    if ((e = jwt_sign(signer, key, job->typ, job->claims, &out)) != OK)
        return e;
    if (out.overflow)
        return ERR_SERVER_ERROR;
    rq->res->holes[job->hole].text = buf_str(&out);
    return OK;
}

enum err sign_fill(struct rq *rq)
{
    enum err e;

    for (size_t i = 0; i < rq->res->holes_n; i++)
        if ((e = fill(rq, &rq->jobs[i])) != OK)
            return e;
    return OK;
}
