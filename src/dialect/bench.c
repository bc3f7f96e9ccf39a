/* bench: two routes for script/bench, only with the setting bench_routes (DESIGN.md 7).
 *
 * /bench/http answers fixed bytes of the size of a JWT token answer: the least that a request can
 * cost. /bench/sign adds one signature, made here and now by a key that the thread drew when it
 * started and that signs nothing else: what a JWT costs beyond it is the price of asking for it.
 * Every figure is a ratio to these.
 */
#include "dialect/dialect.h"
#include "oauth/rq.h"

/* As long as the claims and the JWT of a client_credentials answer. */
#define CLAIMS_BYTES 330
#define JWT_BYTES    620

static str filler(struct rq *rq, size_t n)
{
    char *p = arena_alloc(rq->arena, n);

    memset(p, 'x', n);
    return str_make(p, n);
}

static void begin(struct rq *rq)
{
    rq_answer(rq, 200, STR("application/json"));
    BUF_LIT(&rq->res->body, "{\"access_token\":\"");
}

static void end(struct rq *rq)
{
    BUF_LIT(&rq->res->body, "\",\"token_type\":\"Bearer\",\"expires_in\":3600,"
                            "\"scope\":\"group organization\"}");
}

static enum err bench_http(struct rq *rq)
{
    begin(rq);
    buf_put(&rq->res->body, filler(rq, JWT_BYTES));
    end(rq);
    return OK;
}

static enum err bench_sign(struct rq *rq)
{
    const struct key *key = keyring_active(signer_ring(rq->t->bench), KEY_SIGNING, JWS_ES256);
    enum err e;

    begin(rq);
    e = jwt_sign(rq->t->bench, key, STR("at+jwt"), filler(rq, CLAIMS_BYTES), &rq->res->body);
    end(rq);
    return e;
}

static void refuse(struct rq *rq)
{
    dialect_rfc.refuse(rq);
}

static const struct route routes[] = {
    {
        .methods = HTTP_GET | HTTP_POST,
        .path = "/bench/http",
        .handler = bench_http,
        .name = "bench.http",
        .rate = RATE_FREE,
        .spec = "-",
    },
    {
        .methods = HTTP_GET | HTTP_POST,
        .path = "/bench/sign",
        .handler = bench_sign,
        .name = "bench.sign",
        .rate = RATE_FREE,
        .spec = "-",
    },
};

const struct dialect dialect_bench = {
    .id = DIALECT_BENCH,
    .name = "bench",
    .prefixes = (const char *const[]){"/bench/", NULL},
    .routes = routes,
    .routes_n = sizeof routes / sizeof *routes,
    .refuse = refuse,
};
