/* jwks: GET /oauth2/jwks (RFC 7517 5): the public keys, with the time for which they may be kept.
 *
 * A node that has not heard from its store for long goes on serving what it knows, which verifies
 * what it has verified so far, but nobody shall keep that: there may be a new key by now, which
 * signs as soon as no copy without it is kept any more (cmd/serve_keys.c).
 */
#include "oauth/endpoint/endpoint.h"

enum err jwks_endpoint(struct rq *rq)
{
    int64_t max_age_s =
        server_is_deaf(rq->server) ? 0 : setting_int(rq->server->settings, jwks_max_age_s);
    str max_age = arena_printf(rq->arena, "public, max-age=%lld", (long long)max_age_s);

    http_res_header(rq->res, STR("Content-Type"), STR("application/jwk-set+json"));
    http_res_header(rq->res, STR("Cache-Control"), max_age);
    rq_request_id(rq);
    buf_put(&rq->res->body, signer_ring(rq->t->signer)->jwks);
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The public keys; Cache-Control says how long they may be kept.",
     "application/jwk-set+json", "Keys"},
    {0},
};

const struct operation jwks_operation = {
    .id = "fetchKeys",
    .tag = "Discovery",
    .summary = "The public keys that verify the tokens",
    .answers = answers,
};
