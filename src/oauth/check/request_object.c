/* request_object: a request that the client has signed (RFC 9101), by value.
 *
 * It is verified with the client's registered keys, must be meant for this server and name its
 * time (security.md 20, openid.md 3.6), and then replaces what stood outside: nothing outside it is
 * looked at any more but client_id (RFC 9101 6.3). PAR takes it alike and keeps what was inside.
 * Left out on purpose: encrypted objects (JWE), and merging with the parameters outside, which OIDC
 * Core 6.1 allows and RFC 9101 forbids.
 */
#include "oauth/check/check.h"

#include "codec/url.h"
#include "crypto/jwt.h"

#define SPAN_MAX_S 3600 /* from nbf to exp, and the age of nbf */

static enum err refuse(struct rq *rq, struct authorize_request *ar, const char *expected,
                       const char *received)
{
    (void)redirect_uri_prove(rq, ar); /* the one outside, so that the client hears of it */
    fail_at(rq, ERR_INVALID_REQUEST_OBJECT,
            "The request object is not well signed, not for this server or not in its time.",
            STR("request"));
    return fail_rule(rq, str_from(expected), str_from(received));
}

/* The claim names this client, in either spelling. */
static bool names_client(const struct authorize_request *ar, str id)
{
    enum spelling spelling;
    struct uid uid;

    return uid_parse(id, CLIENT_SID, &uid, &spelling) && uid_eq(&uid, &ar->client->client.id);
}

static const char *fault_of_time(struct rq *rq, const struct jwt *jwt)
{
    int64_t exp_s, nbf_s;

    if (!jwt_time(jwt, STR("exp"), &exp_s) || !jwt_time(jwt, STR("nbf"), &nbf_s))
        return "no exp or no nbf";
    if (exp_s <= rq->now_s)
        return "an exp that has passed";
    if (jwt_lies_ahead(jwt, STR("nbf"), rq->now_s))
        return "an nbf that lies ahead";
    if (nbf_s < rq->now_s - SPAN_MAX_S)
        return "an nbf of more than an hour ago";
    if (exp_s - nbf_s > SPAN_MAX_S)
        return "more than an hour from nbf to exp";
    if (jwt_lies_ahead(jwt, STR("iat"), rq->now_s))
        return "an iat that lies ahead";
    return NULL;
}

/* What is wrong with what it says of itself, or NULL. */
static const char *fault_of(struct rq *rq, const struct authorize_request *ar,
                            const struct jwt *jwt)
{
    const struct json *client_id = json_get(jwt->claims, STR("client_id"));

    if (!jwt_is_of_kind(jwt, STR("oauth-authz-req+jwt"))) /* RFC 9101 10.8, security.md 46 */
        return "a typ of another kind of JWT";
    if (!jwt_audience_has(jwt, setting_text(rq->server->settings, issuer)))
        return "an aud that is not the issuer";
    if (!names_client(ar, json_get_str(jwt->claims, STR("iss"))))
        return "an iss that is not the client";
    if (names_client(ar, json_get_str(jwt->claims, STR("sub")))) /* RFC 9101 10.8 */
        return "a sub that is the client, as in a client assertion";
    if (client_id != NULL && !names_client(ar, client_id->s)) /* RFC 9101 5 */
        return "a client_id that is not the one outside";
    if (json_get(jwt->claims, STR("request")) != NULL ||
        json_get(jwt->claims, STR("request_uri")) != NULL) /* RFC 9101 4 */
        return "request or request_uri inside";
    return fault_of_time(rq, jwt);
}

static void put_pair(struct buf *b, const char *name, str value)
{
    if (b->n > 0)
        buf_char(b, '&');
    buf_put(b, str_from(name));
    buf_char(b, '=');
    url_encode(b, value);
}

/* One member as parameters: text, a number, the claims as JSON, several resources. */
static bool put_member(struct rq *rq, struct buf *b, const char *name, const struct json *v)
{
    struct buf text;

    if (json_is(v, JSON_STR_T)) {
        put_pair(b, name, v->s);
        return true;
    }
    if (json_is(v, JSON_INT_T)) {
        put_pair(b, name, arena_printf(rq->arena, "%lld", (long long)v->i));
        return true;
    }
    if (json_is(v, JSON_OBJECT_T) && strcmp(name, "claims") == 0) {
        buf_init(&text, rq->arena, 256, LIMIT_JWT);
        json_value(&text, v);
        put_pair(b, name, buf_str(&text));
        return true;
    }
    if (!json_is(v, JSON_ARRAY_T) || strcmp(name, "resource") != 0)
        return false;
    for (const struct json *one = v->first; one != NULL; one = one->next)
        if (!json_is(one, JSON_STR_T) || !put_member(rq, b, name, one))
            return false;
    return true;
}

static bool write_members(struct rq *rq, const struct json *claims, struct buf *b)
{
    for (size_t i = 0; i < authorize_params_n; i++) {
        const struct json *v = json_get(claims, str_from(authorize_params[i].name));
        if (v != NULL && !put_member(rq, b, authorize_params[i].name, v))
            return false;
    }
    return !b->overflow;
}

static enum err unwrap(struct rq *rq, struct authorize_request *ar)
{
    struct json *jwks = NULL;
    struct jwt jwt;
    struct buf text;
    const char *fault;

    if (ar->client->rp.jwks.n == 0 || json_parse(rq->arena, ar->client->rp.jwks, &jwks) != OK)
        return refuse(rq, ar, "a client with registered keys", "a client without");
    if (jwt_parse(rq->arena, ar->request, &jwt) != OK)
        return refuse(rq, ar, "a JWT signed with PS256, ES256, EdDSA or RS256", "none of these");
    if (jwt_verify_jwks(rq->t->kept, &jwt, jwks, JWT_ALGS_ANY) != OK)
        return refuse(rq, ar, "a signature by one of the client's keys", "another signature");
    if ((fault = fault_of(rq, ar, &jwt)) != NULL)
        return refuse(rq, ar, "iss = client_id, aud = issuer, exp and nbf within an hour", fault);
    buf_init(&text, rq->arena, 1024, LIMIT_BODY);
    if (!write_members(rq, jwt.claims, &text))
        return refuse(rq, ar, "parameters as strings", "a member of another type");
    return authorize_request_replace(rq, buf_str(&text), ar);
}

static enum err unsigned_refused(struct rq *rq, struct authorize_request *ar)
{
    (void)redirect_uri_prove(rq, ar);
    fail_at(rq, ERR_INVALID_REQUEST, "This client must sign its requests.", STR("request"));
    return fail_rule(rq, STR("a request object (RFC 9101)"), STR("plain parameters"));
}

enum err request_object_rule(struct rq *rq, struct authorize_request *ar)
{
    if (ar->has_pushed || ar->reopened) /* judged when it was pushed, or before the first page */
        return OK;
    if (ar->request.p != NULL)
        return unwrap(rq, ar);
    if (ar->client->rp.request_object == REQUEST_OBJECT_REQUIRED)
        return unsigned_refused(rq, ar);
    return OK;
}
