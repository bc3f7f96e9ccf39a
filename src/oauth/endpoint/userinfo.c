/* userinfo: GET and POST /oauth2/userinfo (OIDC Core 5.3): who is the person of this access token?
 *
 * The token comes in the Authorization header and nowhere else (security.md 36; RFC 6750 2.2 and
 * 2.3 are left out on purpose). What is said follows the scope of this very token, which may be
 * narrower than its grant's. JSON, or a JWT when the client registered an algorithm: without exp,
 * so that it is nothing to a reader of tokens.
 */
#include "codec/json.h"
#include "oauth/check/check.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/token/bearer.h"
#include "oauth/token/claims.h"
#include "oauth/token/subject.h"

/* RFC 6750 3.1. A machine's token has no person behind it, whatever its scope. */
static enum err need_openid(struct rq *rq, const struct bearer *t)
{
    if (t->who != NULL && scope_has(t->scope, STR("openid")))
        return OK;
    rq->failure.challenge =
        "Bearer realm=\"standard\", error=\"insufficient_scope\", scope=\"openid\"";
    return fail_at(rq, ERR_INSUFFICIENT_SCOPE,
                   "The token is not one of a person with scope openid.", STR("openid"));
}

static void put_claims(struct rq *rq, struct buf *b, const struct bearer *t)
{
    struct user_grant narrowed = t->who->grant;

    narrowed.scope = t->scope;
    json_key_str(b, STR("sub"), subject_of(rq, t->client, &t->who->user.id, t->spelling));
    claims_put(rq, b, CLAIMS_USERINFO, t->client, &t->who->user, &narrowed);
}

static void answer_json(struct rq *rq, const struct bearer *t)
{
    rq_answer(rq, 200, STR("application/json"));
    json_open(&rq->res->body, '{');
    put_claims(rq, &rq->res->body, t);
    json_close(&rq->res->body, '}');
}

/* OIDC Core 5.3.2: iss and aud beside the claims. */
static enum err answer_jwt(struct rq *rq, const struct bearer *t, enum jws_alg alg)
{
    const struct key *key;
    struct buf b;
    enum err e;

    if ((e = sign_find_key(rq, alg, "userinfo", &key)) != OK)
        return e;
    buf_init(&b, rq->arena, 1024, LIMIT_JWT);
    json_open(&b, '{');
    json_key_str(&b, STR("iss"), setting_text(rq->server->settings, issuer));
    bearer_put_client(&b, STR("aud"), t);
    json_key_i64(&b, STR("iat"), rq->now_s);
    put_claims(rq, &b, t);
    json_close(&b, '}');
    if (!sign_fits(&b))
        return fail(rq, ERR_SERVER_ERROR, "The claims do not fit into a token.");
    rq_answer(rq, 200, STR("application/jwt"));
    sign_leave_hole(rq, key, SIGN_USERINFO, buf_str(&b));
    return OK;
}

enum err userinfo_endpoint(struct rq *rq)
{
    struct bearer t;
    enum err e;

    if ((e = bearer_require(rq, &t)) != OK)
        return e;
    if ((e = need_openid(rq, &t)) != OK)
        return e;
    if (t.client->rp.userinfo_alg != USERINFO_JSON)
        return answer_jwt(rq, &t, (enum jws_alg)t.client->rp.userinfo_alg);
    answer_json(rq, &t);
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The claims that the token's scope gives.", "application/json", "Userinfo"},
    {200, "The same, signed, for a client that registered for that.", "application/jwt",
     "SignedUserinfo"},
    {401, "The token is missing, unknown, expired or revoked.", "application/json", "Error"},
    {403, "The token does not have the scope openid.", "application/json", "Error"},
    {0},
};

const struct operation userinfo_operation = {
    .id = "fetchUserinfo",
    .tag = "OpenID Connect",
    .summary = "Say who the person of an access token is",
    .auth = OP_AUTH_BEARER,
    .answers = answers,
};
