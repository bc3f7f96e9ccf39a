/* certs: GET /v1/certs: the keys that sign, in the shape of the legacy Twilio API: a JWK set with
 * its own URL.
 *
 * Anybody may read them. But who sends an account's credentials, as the libraries do, must send
 * the right ones: the legacy documents have this resource refuse with 401, 20003.
 */
#include "codec/json.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "oauth/account_auth.h"

enum err certs_twilio(struct rq *rq)
{
    str jwks = signer_ring(rq->t->signer)->jwks;
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf *b = &rq->res->body;
    struct account account;
    bool present;
    enum err e;

    if ((e = account_auth_optional(rq, ACCOUNT_CHALLENGE, &present, &account)) != OK)
        return e;
    if (str_ends(issuer, STR("/")))
        issuer.n--;
    http_res_header(rq->res, STR("Content-Type"), STR("application/json"));
    http_res_header(rq->res, STR("Cache-Control"),
                    arena_printf(rq->arena, "public, max-age=%lld",
                                 (long long)setting_int(rq->server->settings, jwks_max_age_s)));
    rq_request_id(rq);
    answer_twilio_headers(rq);
    buf_put(b, str_sub(jwks, 0, jwks.n - 1)); /* its closing brace comes after the URL */
    json_key_str(b, STR("url"), arena_printf(rq->arena, "%.*s/v1/certs", STR_ARG(issuer)));
    buf_char(b, '}');
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The public keys; Cache-Control says how long they may be kept.", "application/json",
     "oauth.v1.certs"},
    {401, "Account credentials were sent, and are wrong.", "application/json", "Error"},
    {0},
};

const struct operation certs_twilio_operation = {
    .id = "FetchCerts",
    .tag = "OauthV1Certs",
    .summary = "The public keys that verify the tokens",
    .auth = OP_AUTH_BASIC,
    .auth_optional = true,
    .answers = answers,
};
