/* access_jwt: the claims of a JWT access token (RFC 9068 2.2).
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
