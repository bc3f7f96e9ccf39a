/* introspect: POST /oauth2/introspect (RFC 7662): what is this token?
 *
 * The token's own client may ask, and a client that may introspect its organization. For anybody
 * else, and for whatever is not live, the answer is exactly {"active":false} (2.2). So it is for
 * an id_token, which is no credential.
 *
 * A person is called as the token's client calls him. The user name is for those who may know it:
 * not for a client that was given a pairwise subject instead, and did not get the profile.
 */
#include "codec/json.h"
#include "oauth/check/check.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/endpoint/token_param.h"
#include "oauth/token/bearer.h"
#include "oauth/token/jwt_profile.h"
#include "oauth/token/subject.h"

static bool may_see(const struct client *asker, const struct bearer *b)
{
    const struct client *owner = &b->client->client;

    return uid_eq(&asker->id, &owner->id) ||
           (asker->introspect_organization && id_eq(&asker->organization, &owner->organization));
}

static bool may_see_username(const struct bearer *t, const struct client *asker)
{
    return asker->introspect_organization || !t->client->rp.pairwise ||
           scope_has(t->scope, STR("profile"));
}

static void put_person(struct rq *rq, struct buf *b, const struct bearer *t)
{
    const struct user_grant *g = &t->who->grant;

    json_key_str(b, STR("sub"), subject_of(rq, t->client, &t->who->user.id, t->spelling));
    if (may_see_username(t, &rq->client->client))
        json_key_str(b, STR("username"), t->who->user.username);
    json_key_i64(b, STR("auth_time"), g->auth_s);
    if (g->acr.n > 0)
        json_key_str(b, STR("acr"), g->acr);
}

static void put_audience(struct buf *b, str audience)
{
    if (str_find(audience, ' ', 0) == audience.n)
        json_key_str(b, STR("aud"), audience);
    else
        jwt_profile_put_words(b, STR("aud"), audience);
}

static void answer_active(struct rq *rq, const struct bearer *t)
{
    struct buf *b = &rq->res->body;

    BUF_LIT(b, "{\"active\":true");
    if (t->scope.n > 0)
        json_key_str(b, STR("scope"), t->scope);
    bearer_put_client(b, STR("client_id"), t);
    if (t->who != NULL)
        put_person(rq, b, t);
    else
        bearer_put_client(b, STR("sub"), t);
    if (!t->is_refresh)
        json_key_str(b, STR("token_type"), STR("Bearer"));
    json_key_i64(b, STR("exp"), t->exp_s);
    json_key_i64(b, STR("iat"), t->issued_s);
    put_audience(b, t->audience);
    json_key_str(b, STR("iss"), setting_text(rq->server->settings, issuer));
    BUF_LIT(b, ",\"jti\":\"");
    id_write(b, &t->id);
    BUF_LIT(b, "\"}");
}

enum err introspect_endpoint(struct rq *rq)
{
    struct bearer t;
    str token;
    enum err e;

    if ((e = token_param_read(rq, CLIENT_AUTH_PROOF, &token)) != OK)
        return e;
    e = bearer_resolve(rq, token, true, &t);
    if (e != OK && e != ERR_INVALID_TOKEN)
        return e;
    rq_answer(rq, 200, STR("application/json"));
    if (e == OK && !t.spent && may_see(&rq->client->client, &t))
        answer_active(rq, &t);
    else
        BUF_LIT(&rq->res->body, "{\"active\":false}");
    return OK;
}

static const struct op_answer answers[] = {
    {200, "What the token is, or only that it is not active.", "application/json", "Introspection"},
    {401, "The client is unknown or its credentials are wrong.", "application/json", "Error"},
    {0},
};

const struct operation introspect_operation = {
    .id = "introspectToken",
    .tag = "OAuth",
    .summary = "Say what a token is",
    .auth = OP_AUTH_BASIC | OP_AUTH_FORM,
    .form = token_param_table,
    .form_n = TOKEN_PARAM_N,
    .answers = answers,
};
