/* jwt_profile_rfc9068: the claims of a JWT access token of the standard dialect (RFC 9068 2.2). */
#include "codec/json.h"
#include "oauth/token/claims.h"
#include "oauth/token/jwt_profile.h"

/* How the person signed in (RFC 9068 2.2.1), and what the client's mapping says of him. */
static void put_person(struct rq *rq, struct buf *b, const struct person *who)
{
    json_key_i64(b, STR("auth_time"), who->grant.auth_s);
    if (who->grant.acr.n > 0)
        json_key_str(b, STR("acr"), who->grant.acr);
    if (who->grant.amr.n > 0)
        jwt_profile_put_words(b, STR("amr"), who->grant.amr);
    claims_put(rq, b, CLAIMS_ACCESS_TOKEN, rq->client, &who->user, &who->grant);
}

static void write(struct rq *rq, struct buf *out, const struct token *row, const struct person *who)
{
    json_open(out, '{');
    json_key_str(out, STR("iss"), setting_text(rq->server->settings, issuer));
    jwt_profile_put_audience(rq, out, row);
    jwt_profile_put_subject(rq, out, row, who, row->spelling);
    jwt_profile_put_client(out, STR("client_id"), row, row->spelling);
    json_key_i64(out, STR("iat"), row->issued_s);
    json_key_i64(out, STR("exp"), row->access_exp_s);
    if (row->scope.n > 0)
        json_key_str(out, STR("scope"), row->scope);
    if (who != NULL)
        put_person(rq, out, who);
    jwt_profile_put_id(out, row);
    json_close(out, '}');
}

static enum err read(struct rq *rq, const struct jwt *jwt, struct jwt_facts *out)
{
    str client = json_get_str(jwt->claims, STR("client_id"));

    (void)rq;
    if (!uid_parse(client, CLIENT_SID, &out->client, &out->spelling))
        return ERR_INVALID_TOKEN;
    out->scope = json_get_str(jwt->claims, STR("scope"));
    return OK;
}

const struct jwt_profile jwt_profile_rfc9068 = {
    .profile = SIGN_ACCESS, .write = write, .read = read};
