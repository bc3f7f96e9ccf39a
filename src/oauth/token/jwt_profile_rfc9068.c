/* jwt_profile_rfc9068: the claims of a JWT access token of the standard dialect (RFC 9068 2.2). */
#include "codec/json.h"
#include "oauth/token/jwt_profile.h"

static str write(struct rq *rq, const struct token *row)
{
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf b;

    buf_init(&b, rq->arena, 512 + issuer.n * 2 + row->scope.n, LIMIT_JWT);
    json_open(&b, '{');
    json_key_str(&b, STR("iss"), issuer);
    json_key_str(&b, STR("aud"), issuer);
    jwt_profile_put_client(&b, STR("sub"), row, row->spelling);
    jwt_profile_put_client(&b, STR("client_id"), row, row->spelling);
    json_key_i64(&b, STR("iat"), row->issued_s);
    json_key_i64(&b, STR("exp"), row->access_exp_s);
    if (row->scope.n > 0)
        json_key_str(&b, STR("scope"), row->scope);
    jwt_profile_put_id(&b, row);
    json_close(&b, '}');
    return buf_str(&b);
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

const struct jwt_profile jwt_profile_rfc9068 = {.typ = "at+jwt", .write = write, .read = read};
