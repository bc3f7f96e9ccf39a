/* access_jwt: a JWT access token (RFC 9068): its claims written, and read back.
 *
 * `epoch` is ours: it makes "revoke everything of this client" one counter (DESIGN.md 5). A
 * machine's JWT is a grant of its own, so `jti` is also the id that a revocation flips.
 */
#include "codec/json.h"
#include "oauth/token/token_pair.h"

static void put_id(struct buf *b, const struct id *id)
{
    BUF_LIT(b, ",\"jti\":\"");
    id_write(b, id);
    buf_char(b, '"');
}

static void put_client(struct buf *b, str name, const struct token *row)
{
    json_key(b, name);
    buf_char(b, '"');
    uid_write(b, &row->client, CLIENT_SID, row->spelling);
    buf_char(b, '"');
}

str access_jwt_claims(struct rq *rq, const struct token *row)
{
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf b;

    buf_init(&b, rq->arena, 512 + issuer.n * 2 + row->scope.n, LIMIT_JWT);
    json_open(&b, '{');
    json_key_str(&b, STR("iss"), issuer);
    json_key_str(&b, STR("aud"), issuer);
    put_client(&b, STR("sub"), row);
    put_client(&b, STR("client_id"), row);
    json_key_i64(&b, STR("iat"), row->issued_s);
    json_key_i64(&b, STR("exp"), row->access_exp_s);
    put_id(&b, &row->id);
    if (row->scope.n > 0)
        json_key_str(&b, STR("scope"), row->scope);
    json_key_i64(&b, STR("epoch"), row->epoch);
    json_close(&b, '}');
    return buf_str(&b);
}

static bool audience_is_ours(const struct jwt *jwt, str issuer)
{
    const struct json *aud = json_get(jwt->claims, STR("aud"));

    return json_is(aud, JSON_STR_T) && str_eq(aud->s, issuer);
}

static bool times_are_right(const struct jwt *jwt, int64_t now_s, struct jwt_facts *out)
{
    int64_t nbf_s;

    if (!jwt_time(jwt, STR("exp"), &out->exp_s) || !jwt_time(jwt, STR("iat"), &out->issued_s))
        return false;
    if (json_get(jwt->claims, STR("nbf")) != NULL &&
        (!jwt_time(jwt, STR("nbf"), &nbf_s) || nbf_s > now_s)) /* RFC 7519 4.1.5 */
        return false;
    return out->exp_s > now_s;
}

enum err access_jwt_read(struct rq *rq, str token, struct jwt_facts *out)
{
    str issuer = setting_text(rq->server->settings, issuer);
    const struct json *epoch;
    struct jwt jwt;
    enum err e;

    if ((e = jwt_parse(rq->arena, token, &jwt)) != OK)
        return e;
    if ((e = jwt_verify(rq->t->signer, &jwt, STR("at+jwt"))) != OK)
        return e;
    if (!str_eq(json_get_str(jwt.claims, STR("iss")), issuer) || !audience_is_ours(&jwt, issuer) ||
        !times_are_right(&jwt, rq->now_s, out))
        return ERR_INVALID_TOKEN;
    epoch = json_get(jwt.claims, STR("epoch"));
    if (!json_is(epoch, JSON_INT_T) || !id_parse(json_get_str(jwt.claims, STR("jti")), &out->id) ||
        !uid_parse(json_get_str(jwt.claims, STR("client_id")), CLIENT_SID, &out->client,
                   &out->spelling))
        return ERR_INVALID_TOKEN;
    out->epoch = epoch->i;
    out->scope = json_get_str(jwt.claims, STR("scope"));
    return OK;
}
