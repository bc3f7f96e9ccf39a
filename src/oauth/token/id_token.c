/* id_token: its claims, and reading one that comes back as a hint (OIDC Core 2, 3.1.3.6).
 *
 * Signed by the algorithm that the client registered, RS256 unless it says otherwise. It says who
 * signed in, when and how; the profile is for userinfo (oauth/token/claims.h). A refresh repeats
 * iss, sub, aud, azp and auth_time (12.2), and no nonce. A fixed hour of life: who wants to know
 * later whether somebody is signed in asks again with prompt=none.
 *
 * An id_token is told from an access token of the same typ by its aud, which is a client, and by
 * the epoch that only access tokens carry (security.md 46).
 */
#include "oauth/token/id_token.h"

#include "codec/json.h"
#include "oauth/check/check.h"
#include "oauth/token/claims.h"
#include "oauth/token/jwt_profile.h"
#include "oauth/token/subject.h"

#define LIFE_S 3600

static void put_sign_in(struct rq *rq, struct buf *b, const struct user_grant *g)
{
    json_key_i64(b, STR("auth_time"), g->auth_s);
    if (g->acr.n > 0)
        json_key_str(b, STR("acr"), g->acr);
    if (g->amr.n > 0)
        jwt_profile_put_words(b, STR("amr"), g->amr);
    if (g->has_session)
        json_key_str(b, STR("sid"), subject_session(rq, rq->client, &g->session));
}

/* All but at_hash, and open for it. */
static void write(struct rq *rq, struct buf *out, const struct user_grant *g, const struct user *u,
                  const struct token *row, str code, enum jws_alg alg)
{
    const struct cached_client *client = rq->client;

    json_open(out, '{');
    json_key_str(out, STR("iss"), setting_text(rq->server->settings, issuer));
    json_key_str(out, STR("sub"), subject_of(rq, client, &u->id, row->spelling));
    jwt_profile_put_client(out, STR("aud"), row, row->spelling);
    jwt_profile_put_client(out, STR("azp"), row, row->spelling);
    json_key_i64(out, STR("iat"), row->issued_s);
    json_key_i64(out, STR("exp"), row->issued_s + LIFE_S);
    put_sign_in(rq, out, g);
    if (code.p != NULL && g->nonce.p != NULL)
        json_key_str(out, STR("nonce"), g->nonce);
    if (code.p != NULL)
        sign_put_hash(rq, out, STR("c_hash"), alg, code);
    claims_put(rq, out, CLAIMS_ID_TOKEN, client, u, g);
}

enum err id_token_prepare(struct rq *rq, const struct user_grant *g, const struct user *u,
                          const struct token *row, str code, struct token_issued *out)
{
    enum jws_alg alg = rq->client->rp.id_token_alg;
    struct buf claims;
    enum err e;

    if (!scope_has(row->scope, STR("openid")))
        return OK;
    if ((e = sign_find_key(rq, alg, "id_tokens", &out->id_key)) != OK)
        return e;
    buf_init(&claims, rq->arena, 1024, LIMIT_JWT);
    write(rq, &claims, g, u, row, code, alg);
    if (!sign_fits(&claims))
        return fail(rq, ERR_SERVER_ERROR, "The claims of the user do not fit into a token.");
    out->has_id_token = true;
    out->id_claims = buf_str(&claims);
    return OK;
}

static enum err read_claims(struct rq *rq, const struct jwt *jwt, struct id_token_facts *out)
{
    const struct json *c = jwt->claims;
    enum spelling spelling;

    if (!str_eq(json_get_str(c, STR("iss")), setting_text(rq->server->settings, issuer)))
        return ERR_INVALID_TOKEN;
    if (json_get(c, STR("epoch")) != NULL || !jwt_time(jwt, STR("exp"), &out->exp_s) ||
        !uid_parse(json_get_str(c, STR("aud")), CLIENT_SID, &out->client, &spelling))
        return ERR_INVALID_TOKEN;
    out->sub = json_get_str(c, STR("sub"));
    out->has_session = id_parse(json_get_str(c, STR("sid")), &out->session);
    return out->sub.n > 0 ? OK : ERR_INVALID_TOKEN;
}

enum err id_token_read(struct rq *rq, str token, struct id_token_facts *out)
{
    struct jwt jwt;
    enum err e;

    *out = (struct id_token_facts){0};
    if ((e = jwt_parse(rq->arena, token, &jwt)) != OK)
        return e;
    if (jwt_verify(rq->t->signer, &jwt, STR("JWT")) != OK)
        return ERR_INVALID_TOKEN;
    return read_claims(rq, &jwt, out);
}
