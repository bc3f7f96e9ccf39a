/* discovery: GET /v1/.well-known/openid-configuration, and the same without the dot, as it was
 * before December 2022.
 *
 * The legacy document has spellings of its own (jwk_uri, response_type_supported,
 * subject_type_supported); the names of OIDC Discovery 3 stand beside them. Of what the example
 * lists, only what is so here: no answer of the authorization endpoint holds a token. Open to all,
 * but account credentials that are sent must be right, as at /v1/certs.
 */
#include "codec/json.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/endpoints.h"
#include "oauth/account_auth.h"
#include "oauth/grant/grant_type.h"

static const char *const response_types[] = {"code", NULL};
static const char *const legacy_subjects[] = {"account_sid", "user_sid", NULL};
static const char *const subjects[] = {"public", "pairwise", NULL};
static const char *const scopes[] = {"openid", "profile", "email", "offline_access", NULL};
static const char *const claims[] = {"act", "aud", "cid", "exp", "iat", "iss",
                                     "jti", "nbf", "scp", "sub", NULL};
static const char *const methods[] = {"S256", NULL};
static const char *const auth_methods[] = {"client_secret_basic", "client_secret_post", "none",
                                           NULL};

static str base_of(const struct rq *rq)
{
    str issuer = setting_text(rq->server->settings, issuer);

    if (str_ends(issuer, STR("/")))
        issuer.n--;
    return issuer;
}

static void put_url(struct rq *rq, const char *name, const char *path)
{
    struct buf *b = &rq->res->body;

    json_key(b, str_from(name));
    buf_char(b, '"');
    buf_put(b, base_of(rq));
    buf_put(b, str_from(path));
    buf_char(b, '"');
}

static void put_words(struct buf *b, const char *name, const char *const *words)
{
    json_key(b, str_from(name));
    json_open(b, '[');
    for (; *words != NULL; words++) {
        json_item(b);
        json_str(b, str_from(*words));
    }
    json_close(b, ']');
}

static void put_algs(struct buf *b)
{
    json_key(b, STR("id_token_signing_alg_values_supported"));
    json_open(b, '[');
    for (size_t i = 0; i < JWS_ALGS; i++) {
        json_item(b);
        json_str(b, str_from(jws_algs[i].name));
    }
    json_close(b, ']');
}

static void put_grants(struct buf *b)
{
    json_key(b, STR("grant_types_supported"));
    json_open(b, '[');
    for (size_t i = 0; i < GRANT_TYPES; i++) {
        if (!(grant_types[i].dialects & (1u << DIALECT_TWILIO)))
            continue;
        json_item(b);
        json_str(b, str_from(grant_types[i].name));
    }
    json_close(b, ']');
}

static void put_endpoints(struct rq *rq)
{
    put_url(rq, "authorization_endpoint", "/v1/authorize");
    put_url(rq, "device_authorization_endpoint", "/v1/device/code");
    put_url(rq, "token_endpoint", "/v1/token");
    put_url(rq, "userinfo_endpoint", "/v1/userinfo");
    if (setting_int(rq->server->settings, dialect_rfc))
        put_url(rq, "revocation_endpoint", "/oauth2/revoke");
    put_url(rq, "jwk_uri", "/v1/certs");
    put_url(rq, "jwks_uri", "/v1/certs");
    put_url(rq, "url", "/v1/.well-known/openid-configuration");
}

enum err discovery_twilio(struct rq *rq)
{
    struct buf *b = &rq->res->body;
    struct account account;
    bool present;
    enum err e;

    if ((e = account_auth_optional(rq, ACCOUNT_CHALLENGE, &present, &account)) != OK)
        return e;
    answer_twilio(rq, 200);
    json_open(b, '{');
    json_key_str(b, STR("issuer"), setting_text(rq->server->settings, issuer));
    put_endpoints(rq);
    put_words(b, "response_type_supported", response_types);
    put_words(b, "response_types_supported", response_types);
    put_words(b, "subject_type_supported", legacy_subjects);
    put_words(b, "subject_types_supported", subjects);
    put_algs(b);
    put_words(b, "scopes_supported", scopes);
    put_words(b, "claims_supported", claims);
    put_grants(b);
    put_words(b, "code_challenge_methods_supported", methods);
    put_words(b, "token_endpoint_auth_methods_supported", auth_methods);
    json_key_bool(b, STR("authorization_response_iss_parameter_supported"), true);
    json_close(b, '}');
    return OK;
}

static const struct op_answer answers[] = {
    {200, "Where everything is.", "application/json", "oauth.v1.openid_discovery"},
    {401, "Account credentials were sent, and are wrong.", "application/json", "Error"},
    {0},
};

const struct operation discovery_twilio_operation = {
    .id = "FetchOpenidDiscovery",
    .tag = "OauthV1OpenidDiscovery",
    .summary = "What the legacy API offers, and where",
    .auth = OP_AUTH_BASIC,
    .auth_optional = true,
    .answers = answers,
};
