/* private_key_jwt: a client proves itself by a JWT that it has signed (RFC 7523 2.2, 3).
 *
 * The key is one of its registered ones, the algorithm one of FAPI 2.0 5.4.1. Whom the assertion is
 * for is the client's policy (security.md 37): the issuer as a plain string, or, for OpenID clients
 * of before, the endpoint too. It is good for five minutes at most and once: its jti goes into the
 * store after the signature was verified, so that nobody can spend another's, and before the answer
 * leaves, so that it holds after a restart and for every node (39).
 * Every refusal is one answer; the log and `postern explain` have the reason.
 * Left out on purpose: client_secret_jwt (a symmetric key is no proof to others than the client).
 */
#include "crypto/jwt.h"
#include "oauth/client_auth/client_auth.h"
#include "store/replay.h"

#define LIFE_MAX_S 300 /* security.md 40 */
#define JTI_MAX    255

static enum err refuse(struct rq *rq, const char *why)
{
    fail_detail(rq, str_from(why));
    return ERR_INVALID_CLIENT;
}

/* RFC 7523 3: iss and sub are the client, and so is client_id when it is sent. */
static bool names_one(const struct credentials *c, const struct jwt *jwt, struct uid *id,
                      enum spelling *spelling)
{
    enum spelling sub_spelling, id_spelling;
    struct uid sub, outside;

    if (!uid_parse(json_get_str(jwt->claims, STR("iss")), CLIENT_SID, id, spelling) ||
        !uid_parse(json_get_str(jwt->claims, STR("sub")), CLIENT_SID, &sub, &sub_spelling) ||
        !uid_eq(id, &sub))
        return false;
    if (c->client_id.p == NULL)
        return true;
    if (!uid_parse(c->client_id, CLIENT_SID, &outside, &id_spelling) || !uid_eq(id, &outside))
        return false;
    *spelling = id_spelling;
    return true;
}

static bool is_for_us(struct rq *rq, const struct cached_client *client, const struct jwt *jwt)
{
    str issuer = setting_text(rq->server->settings, issuer);
    str here = arena_printf(rq->arena, "%.*s%.*s", STR_ARG(issuer), STR_ARG(rq->req->path));
    str token = arena_printf(rq->arena, "%.*s/oauth2/token", STR_ARG(issuer));

    if (client->rp.assertion_audience == ASSERTION_ISSUER)
        return jwt_audience_is(jwt, issuer);
    return jwt_audience_has(jwt, issuer) || jwt_audience_has(jwt, here) ||
           jwt_audience_has(jwt, token);
}

/* What is wrong with its times, or NULL. */
static const char *fault_of_time(struct rq *rq, const struct jwt *jwt, int64_t *exp_s)
{
    if (!jwt_time(jwt, STR("exp"), exp_s))
        return "the assertion has no exp";
    if (*exp_s <= rq->now_s || *exp_s > rq->now_s + LIFE_MAX_S)
        return "the assertion's exp has passed or is more than 5 minutes ahead";
    if (jwt_lies_ahead(jwt, STR("nbf"), rq->now_s))
        return "the assertion's nbf lies ahead";
    if (jwt_lies_ahead(jwt, STR("iat"), rq->now_s))
        return "the assertion's iat lies ahead";
    return NULL;
}

static enum err verify(struct rq *rq, const struct cached_client *client, const struct jwt *jwt)
{
    struct json *jwks = NULL;

    if (client->client.auth_method != CLIENT_AUTH_PRIVATE_KEY_JWT || !client->rp.there)
        return refuse(rq, "the client is not registered for private_key_jwt");
    if (json_parse(rq->arena, client->rp.jwks, &jwks) != OK)
        return refuse(rq, "the client has no keys");
    if (jwt_verify_jwks(rq->t->kept, jwt, jwks, JWT_ALGS_FAPI) != OK)
        return refuse(rq, "no key of the client verifies the assertion");
    return OK;
}

static enum err find(struct rq *rq, const struct uid *id, bool again,
                     const struct cached_client **out)
{
    enum err e = client_auth_find(rq, id, again, out);

    return e == OK && *out == NULL ? refuse(rq, "the assertion's client is unknown") : e;
}

/* What verify() goes by is the same: the verdict would be, too. */
static bool is_as_before(const struct cached_client *a, const struct cached_client *b)
{
    return a->client.auth_method == b->client.auth_method && a->rp.there == b->rp.there &&
           str_eq(a->rp.jwks, b->rp.jwks);
}

/* With its keys as the cache has them, else as they are now. */
static enum err verify_fresh(struct rq *rq, const struct uid *id, const struct jwt *jwt,
                             const struct cached_client **out)
{
    const struct cached_client *known;
    enum err e;

    if ((e = find(rq, id, false, out)) != OK || (e = verify(rq, *out, jwt)) != ERR_INVALID_CLIENT)
        return e;
    known = *out;
    if ((e = find(rq, id, true, out)) != OK)
        return e;
    return is_as_before(known, *out) ? ERR_INVALID_CLIENT : verify(rq, *out, jwt);
}

/* Once (RFC 7523 3, security.md 39). KEEP: it is used up whatever else comes of the request. */
static enum err use_up(struct rq *rq, const struct uid *client, str jti, int64_t exp_s)
{
    str pieces[] = {STR("client_assertion"), {(const char *)client->b, UID_BYTES}, jti};
    struct digest digest;
    bool seen = false;
    enum err e;

    hash_sha256(rq->t->hasher, pieces, 3, &digest);
    if ((e = replay_seen(rq->t->db, &digest, &seen)) != OK)
        return e;
    if (seen)
        return refuse(rq, "the assertion was used before");
    replay_put(&rq->fx, &digest, exp_s + JWT_AHEAD_S);
    return OK;
}

enum err private_key_jwt_check(struct rq *rq, struct credentials *c,
                               const struct cached_client **out)
{
    struct jwt jwt;
    struct uid id;
    str jti;
    int64_t exp_s = 0;
    const char *fault;
    enum err e;

    if (!str_eq(c->assertion_type, STR(CLIENT_AUTH_ASSERTION_TYPE)))
        return refuse(rq, "the client_assertion_type is not that of a JWT");
    if (jwt_parse(rq->arena, c->assertion, &jwt) != OK ||
        !jwt_is_of_kind(&jwt, STR("client-authentication+jwt"))) /* security.md 42 */
        return refuse(rq, "the assertion is no JWT of this kind");
    if (!names_one(c, &jwt, &id, &c->spelling))
        return refuse(rq, "iss and sub of the assertion are not the client");
    if ((e = verify_fresh(rq, &id, &jwt, out)) != OK)
        return e;
    if (!is_for_us(rq, *out, &jwt))
        return refuse(rq, "the assertion's aud is not what this client's policy wants");
    if ((fault = fault_of_time(rq, &jwt, &exp_s)) != NULL)
        return refuse(rq, fault);
    jti = json_get_str(jwt.claims, STR("jti"));
    if (jti.n == 0 || jti.n > JTI_MAX)
        return refuse(rq, "the assertion has no jti, or a long one");
    if ((e = use_up(rq, &id, jti, exp_s)) != OK)
        return e;
    c->proven = true;
    return OK;
}
