/* bearer: from a presented token to what it grants.
 *
 * Whatever is wrong with a token, the answer is the same (security.md A33). A token is judged by
 * its own time, its epoch, its client and the state of its grant; an opaque one also by its hash,
 * a JWT by its signature.
 */
#include "oauth/token/bearer.h"

#include "oauth/check/check.h"
#include "store/grant.h"

/* The client of the token: known, enabled, of the epoch that the token carries. */
static enum err find_client(struct rq *rq, const struct uid *id, int64_t epoch, struct bearer *out)
{
    enum err e = client_cache_get(rq->t->clients, rq->t->db, id, rq->now_s, &out->client);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if (!out->client->client.enabled || out->client->epoch != epoch)
        return ERR_INVALID_TOKEN;
    return OK;
}

/* Which of the row's two tokens is it, and is that one live? */
static enum err judge_row(struct rq *rq, const struct handle *h, const struct token *row,
                          struct bearer *out)
{
    const struct digest *expected = h->kind == HANDLE_ACCESS ? &row->access : &row->refresh;
    struct digest digest;

    out->is_refresh = h->kind == HANDLE_REFRESH;
    out->exp_s = out->is_refresh ? row->refresh_exp_s : row->access_exp_s;
    out->spent = out->is_refresh && row->spent_s != 0;
    handle_digest(rq->t->hasher, h, &digest);
    if (!ct_digest_eq(&digest, expected) || out->exp_s <= rq->now_s || row->revoked)
        return ERR_INVALID_TOKEN;
    return OK;
}

static enum err resolve_handle(struct rq *rq, str token, enum handle_kind kind, struct bearer *out)
{
    struct handle h;
    struct token row;
    enum err e;

    if ((e = handle_parse(token, kind, signer_ring(rq->t->signer), &h)) != OK)
        return e;
    if ((e = token_load(rq->t->db, rq->arena, &h.id, &row)) != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if ((e = judge_row(rq, &h, &row, out)) != OK)
        return e;
    out->id = row.id;
    out->grant = row.grant;
    out->scope = row.scope;
    out->dialect = row.dialect;
    out->spelling = row.spelling;
    out->issued_s = row.issued_s;
    out->family_exp_s = row.family_exp_s;
    out->audience = setting_text(rq->server->settings, issuer);
    return find_client(rq, &row.client, row.epoch, out);
}

static bool audience_is_ours(const struct jwt *jwt, str issuer)
{
    const struct json *aud = json_get(jwt->claims, STR("aud"));

    return json_is(aud, JSON_STR_T) && str_eq(aud->s, issuer);
}

/* Times, issuer and audience (RFC 9068 4), and the claims that are ours. */
static enum err judge_claims(struct rq *rq, const struct jwt *jwt, struct uid *client,
                             int64_t *epoch, struct bearer *out)
{
    str issuer = setting_text(rq->server->settings, issuer);
    const struct json *n = json_get(jwt->claims, STR("epoch"));
    int64_t nbf_s;

    if (!str_eq(json_get_str(jwt->claims, STR("iss")), issuer) || !audience_is_ours(jwt, issuer))
        return ERR_INVALID_TOKEN;
    if (!jwt_time(jwt, STR("exp"), &out->exp_s) || !jwt_time(jwt, STR("iat"), &out->issued_s))
        return ERR_INVALID_TOKEN;
    if (out->exp_s <= rq->now_s || !json_is(n, JSON_INT_T))
        return ERR_INVALID_TOKEN;
    if (json_get(jwt->claims, STR("nbf")) != NULL &&
        (!jwt_time(jwt, STR("nbf"), &nbf_s) || nbf_s > rq->now_s)) /* RFC 7519 4.1.5 */
        return ERR_INVALID_TOKEN;
    if (!id_parse(json_get_str(jwt->claims, STR("jti")), &out->id) ||
        !uid_parse(json_get_str(jwt->claims, STR("client_id")), CLIENT_SID, client, &out->spelling))
        return ERR_INVALID_TOKEN;
    *epoch = n->i;
    return OK;
}

static enum err resolve_jwt(struct rq *rq, str token, struct bearer *out)
{
    struct jwt jwt;
    struct uid client;
    int64_t epoch;
    bool revoked;
    enum err e;

    if ((e = jwt_parse(rq->arena, token, &jwt)) != OK)
        return e;
    if ((e = jwt_verify(rq->t->signer, &jwt, STR("at+jwt"))) != OK)
        return e;
    if ((e = judge_claims(rq, &jwt, &client, &epoch, out)) != OK)
        return e;
    out->jwt = true;
    out->dialect = DIALECT_RFC;
    out->grant = out->id;
    out->family_exp_s = out->exp_s;
    out->scope = json_get_str(jwt.claims, STR("scope"));
    out->audience = json_get_str(jwt.claims, STR("aud"));
    if ((e = find_client(rq, &client, epoch, out)) != OK)
        return e;
    if ((e = grant_is_revoked(rq->t->db, &out->grant, &revoked)) != OK)
        return e;
    return revoked ? ERR_INVALID_TOKEN : OK;
}

enum err bearer_resolve(struct rq *rq, str token, bool refresh, struct bearer *out)
{
    enum err e;

    *out = (struct bearer){0};
    if (str_find(token, '.', 0) < token.n)
        return resolve_jwt(rq, token, out);
    e = resolve_handle(rq, token, HANDLE_ACCESS, out);
    if (e == ERR_INVALID_TOKEN && refresh)
        e = resolve_handle(rq, token, HANDLE_REFRESH, out);
    return e;
}

/* RFC 6750 3: a challenge; the error code only if a token was sent. */
static enum err invalid(struct rq *rq, bool sent)
{
    str challenge = arena_printf(rq->arena, "Bearer realm=\"%s\"%s", rq->dialect->name,
                                 sent ? ", error=\"invalid_token\"" : "");

    rq->failure.challenge = arena_cstr(rq->arena, challenge);
    return fail(rq, ERR_INVALID_TOKEN, "A valid bearer token is required");
}

enum err bearer_require(struct rq *rq, struct bearer *out)
{
    size_t count;
    str value = http_header_get(rq->req, STR("Authorization"), &count);
    str scheme, token;
    enum err e;

    if (count != 1 || !str_cut(value, ' ', &scheme, &token) ||
        !str_eq_nocase(scheme, STR("Bearer"))) /* RFC 6750 2.1 */
        return invalid(rq, value.n > 0);
    e = bearer_resolve(rq, str_trim(token), false, out);
    if (e == ERR_INVALID_TOKEN || (e == OK && out->dialect != (int)rq->dialect->id))
        return invalid(rq, true);
    if (e == OK)
        rq_client(rq, out->client);
    return e;
}

enum err bearer_need_scope(struct rq *rq, const struct bearer *b, str word)
{
    if (scope_has(b->scope, word))
        return OK;
    return fail_at(rq, ERR_INSUFFICIENT_SCOPE, "The token does not have the scope for this.", word);
}
