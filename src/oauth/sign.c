/* sign: fills the holes of an answer with JWTs, once its effects are durable. */
#include "oauth/sign.h"

#include "base/limits.h"
#include "codec/b64url.h"
#include "codec/json.h"
#include "oauth/rq.h"

#define AT_HASH_ROOM 80   /* ,"at_hash":"..."} */
#define FRAME_ROOM   1024 /* header and signature of the largest key */

enum err sign_find_key(struct rq *rq, enum jws_alg alg, const char *wanted_for,
                       const struct key **out)
{
    const char *name = jws_algs[alg].name;

    *out = keyring_active(signer_ring(rq->t->signer), KEY_SIGNING, alg);
    if (*out != NULL)
        return OK;
    fail_detail(rq, arena_printf(rq->arena,
                                 "no active %s key for %s; run `postern key rotate --alg %s --now`",
                                 name, wanted_for, name));
    return fail(rq, ERR_SERVER_ERROR, "The server cannot sign the answer now.");
}

bool sign_fits(const struct buf *claims)
{
    return !claims->overflow &&
           B64URL_CHARS(claims->n + AT_HASH_ROOM) + FRAME_ROOM <= (size_t)LIMIT_JWT;
}

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

void sign_leave_id_token(struct rq *rq, const struct key *key, str claims, str access)
{
    size_t hole = rq->res->holes_n;
    struct sign_job *job = &rq->jobs[hole];

    if (access.p == NULL && hole == 0)
        fatal("an id_token without an access token before it");
    sign_leave_hole(rq, key, STR("JWT"), claims);
    job->at_hash = true;
    job->access = access;
    job->access_hole = hole - 1;
}

/* The hash is the one of the signature; Ed25519's is SHA-512. */
void sign_put_hash(struct rq *rq, struct buf *b, str name, enum jws_alg alg, str text)
{
    int bits = alg == JWS_EDDSA ? 512 : 256;
    uint8_t hash[64];

    hash_sha2(rq->t->hasher, bits, text, hash);
    json_key(b, name);
    buf_char(b, '"');
    b64url_write(b, hash, (size_t)bits / 16);
    buf_char(b, '"');
}

/* The claims of an id_token with what was missing. */
static str complete(struct rq *rq, const struct sign_job *job, enum jws_alg alg)
{
    str access = job->access.p != NULL ? job->access : rq->res->holes[job->access_hole].text;
    struct buf b;

    buf_init(&b, rq->arena, job->claims.n + AT_HASH_ROOM, LIMIT_JWT);
    buf_put(&b, job->claims);
    sign_put_hash(rq, &b, STR("at_hash"), alg, access);
    buf_char(&b, '}');
    return buf_str(&b);
}

static enum err fill(struct rq *rq, const struct sign_job *job)
{
    struct signer *signer = rq->t->signer;
    const struct key *key = keyring_find(signer_ring(signer), KEY_SIGNING, &job->kid);
    struct buf out;
    str claims;
    enum err e;

    if (key == NULL)
        return ERR_SERVER_ERROR;
    claims = job->at_hash ? complete(rq, job, key->alg) : job->claims;
    buf_init(&out, rq->arena, 256 + claims.n * 2, LIMIT_JWT);
    if ((e = jwt_sign(signer, key, job->typ, claims, &out)) != OK)
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
