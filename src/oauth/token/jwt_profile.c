/* jwt_profile: reads a JWT access token of whichever dialect, by the typ in its header.
 *
 * `epoch` is ours: it makes "revoke everything of this client" one counter (DESIGN.md 5). A
 * machine's JWT is a grant of its own, so `jti` is also the id that a revocation flips.
 */
#include "oauth/token/jwt_profile.h"

#include "codec/json.h"

void jwt_profile_put_client(struct buf *b, str name, const struct token *row, enum spelling as)
{
    json_key(b, name);
    buf_char(b, '"');
    uid_write(b, &row->client, CLIENT_SID, as);
    buf_char(b, '"');
}

void jwt_profile_put_id(struct buf *b, const struct token *row)
{
    BUF_LIT(b, ",\"jti\":\"");
    id_write(b, &row->id);
    BUF_LIT(b, "\",\"epoch\":");
    buf_i64(b, row->epoch);
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

/* The dialect whose JWTs are of this type and which one of our keys has signed. Its typ is
 * compared before the signature, so at most one signature is checked. */
static const struct dialect *dialect_of(struct rq *rq, const struct jwt *jwt)
{
    for (const struct dialect *const *d = rq->server->dialects; *d != NULL; d++)
        if ((*d)->jwt != NULL && jwt_verify(rq->t->signer, jwt, str_from((*d)->jwt->typ)) == OK)
            return *d;
    return NULL;
}

enum err jwt_profile_read(struct rq *rq, str token, struct jwt_facts *out)
{
    str issuer = setting_text(rq->server->settings, issuer);
    const struct dialect *dialect;
    const struct json *epoch;
    struct jwt jwt;
    enum err e;

    if ((e = jwt_parse(rq->arena, token, &jwt)) != OK)
        return e;
    if ((dialect = dialect_of(rq, &jwt)) == NULL)
        return ERR_INVALID_TOKEN;
    if (!str_eq(json_get_str(jwt.claims, STR("iss")), issuer) || !audience_is_ours(&jwt, issuer) ||
        !times_are_right(&jwt, rq->now_s, out))
        return ERR_INVALID_TOKEN;
    epoch = json_get(jwt.claims, STR("epoch"));
    if (!json_is(epoch, JSON_INT_T) || !id_parse(json_get_str(jwt.claims, STR("jti")), &out->id))
        return ERR_INVALID_TOKEN;
    out->epoch = epoch->i;
    out->dialect = (int)dialect->id;
    return dialect->jwt->read(rq, &jwt, out);
}
