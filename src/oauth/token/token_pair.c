/* token_pair: draws tokens and records their row (DESIGN.md 5).
 *
 * The common case of a machine with a JWT writes nothing: its row is only a description. A JWT with
 * a refresh token has a row that knows the end of the JWT but no hash of it, so that a replay can
 * make it again. Handles are drawn here, hashed, and live in clear in the request's arena alone.
 */
#include "oauth/token/token_pair.h"

#include "oauth/check/check.h"
#include "oauth/token/jwt_profile.h"

#include "oauth/misbehave.h"

static const struct key *shape_key(struct rq *rq)
{
    return keyring_active(signer_ring(rq->t->signer), KEY_SHAPE, 0);
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void token_pair_begin(struct rq *rq, const struct token_request *request, struct token *row)
{
    const struct cached_client *c = rq->client;
    struct id id = id_next(&rq->server->ids, rq->now_s);

    *row = (struct token){
        .id = handle_row_id(request->shape, shape_key(rq), id),
        .client = c->client.id,
        .spelling = request->spelling,
        .shape = request->shape,
        .dialect = (int)rq->dialect->id,
        .epoch = c->epoch,
        .issued_s = rq->now_s,
        .family_exp_s = rq->now_s + c->client.family_ttl_s,
    };
    row->grant = row->id;
}

/* Without offline access the family ends with the session, at the latest when that must. */
static int64_t family_end_s(const struct rq *rq, const struct user_grant *g)
{
    int64_t end_s = rq->now_s + rq->client->client.family_ttl_s;

    if (!g->offline)
        end_s = earlier(end_s, g->auth_s + setting_int(rq->server->settings, session_max_s));
    return g->has_code ? end_s : earlier(end_s, g->exp_s); /* a device's row has its end already */
}

/* Who asked to know the person may ask userinfo, which is the issuer's, whatever else the token is
 * for (RFC 8707 2.2: then by a token of its own). */
static enum err choose_resources(struct rq *rq, const struct token_request *request,
                                 const struct user_grant *g, struct token *row)
{
    str issuer = setting_text(rq->server->settings, issuer);

    row->resources = g->resources;
    if (request->resource.p == NULL)
        return OK;
    if (g->resources.n > 0 && scope_has(g->scope, STR("openid")) &&
        str_eq(request->resource, issuer)) {
        row->resources = (str){0};
        return OK;
    }
    return check_resource_within(rq, request->resource, g->resources, &row->resources);
}

/* And the client may name them still. */
static enum err set_resources(struct rq *rq, const struct token_request *request,
                              const struct user_grant *g, struct token *row)
{
    enum err e = choose_resources(rq, request, g, row);

    return e == OK ? check_resource(rq, row->resources) : e;
}

enum err token_pair_begin_user(struct rq *rq, const struct token_request *request,
                               const struct person *who, struct token *row)
{
    const struct user_grant *g = &who->grant;

    token_pair_begin(rq, request, row);
    row->is_user = true;
    row->grant = g->id;
    row->scope = g->scope;
    row->epoch = who->epoch;
    /* sub and aud stay as the authorization request spelled the client, whatever this one does */
    row->spelling = rq->dialect->id == DIALECT_TWILIO ? SPELLING_SID : g->spelling;
    row->family_exp_s = family_end_s(rq, g);
    return set_resources(rq, request, g, row);
}

enum token_format token_pair_format(const struct rq *rq, const struct token_request *request)
{
    return request->format_from_client ? rq->client->client.token_format : request->format;
}

static enum err prepare_jwt(struct rq *rq, struct token *row, const struct person *who,
                            struct token_issued *out)
{
    enum jws_alg alg = (enum jws_alg)setting_int(rq->server->settings, access_token_alg);
    struct buf claims;
    enum err e;

    if ((e = sign_find_key(rq, alg, "access tokens", &out->key)) != OK)
        return e;
    out->jwt = true;
    buf_init(&claims, rq->arena, 768, LIMIT_JWT);
    rq->dialect->jwt->write(rq, &claims, row, who);
    if (!sign_fits(&claims))
        return fail(rq, ERR_SERVER_ERROR, "The claims do not fit into a token.");
    out->claims = buf_str(&claims);
    return OK;
}

enum err token_pair_access(struct rq *rq, enum token_format format, struct token *row,
                           const struct person *who, struct token_issued *out)
{
    int64_t ttl_s = misbehave_ttl_s(rq->server, rq->client->client.access_ttl_s);
    int64_t exp_s = earlier(row->issued_s + ttl_s, row->family_exp_s);

    row->access_exp_s = exp_s;
    token_pair_describe(row, out);
    if (format == TOKEN_JWT)
        return prepare_jwt(rq, row, who, out);
    handle_new(HANDLE_ACCESS, row->shape, shape_key(rq), &row->id, &out->access);
    handle_digest(rq->t->hasher, &out->access, &row->access);
    return OK;
}

void token_pair_refresh(struct rq *rq, struct token *row, struct token_issued *out)
{
    row->refresh_exp_s =
        earlier(row->issued_s + rq->client->client.refresh_ttl_s, row->family_exp_s);
    handle_new(HANDLE_REFRESH, row->shape, shape_key(rq), &row->id, &out->refresh);
    handle_digest(rq->t->hasher, &out->refresh, &row->refresh);
    out->has_refresh = true;
    out->refresh_exp_s = row->refresh_exp_s;
}

void token_pair_put(struct rq *rq, const struct token *row, const struct token_issued *out)
{
    if (out->jwt && row->refresh_exp_s == 0)
        return; /* a JWT proves itself */
    token_put(&rq->fx, row);
}

enum err token_pair_again(struct rq *rq, struct token *row, const struct person *who,
                          struct token_issued *out)
{
    token_pair_describe(row, out);
    return token_is_opaque(row) ? OK : prepare_jwt(rq, row, who, out);
}

void token_pair_describe(const struct token *row, struct token_issued *out)
{
    out->id = row->id;
    out->scope = row->scope;
    out->shape = row->shape;
    out->expires_in_s = row->access_exp_s - row->issued_s;
    out->refresh_exp_s = row->refresh_exp_s;
}
