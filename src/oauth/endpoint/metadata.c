/* metadata: GET /.well-known/oauth-authorization-server (RFC 8414) and openid-configuration (OIDC
 * Discovery 3): one document under two names.
 *
 * Endpoints come from the route table, grants and authentication methods from theirs, so the
 * document cannot name what is not there. What does not change while the server runs is made at
 * start; the algorithms that sign are those that have an active key when somebody asks. An issuer
 * has no path (config/settings_check.c).
 */
#include "oauth/endpoint/metadata.h"

#include "codec/json.h"
#include "oauth/client_auth/client_auth.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/grant/grant_type.h"
#include "oauth/token/claims.h"

static const struct dialect *standard(const struct server *s)
{
    for (const struct dialect *const *d = s->dialects; *d != NULL; d++)
        if ((*d)->id == DIALECT_RFC)
            return *d;
    return NULL;
}

/* An array; `values` ends with NULL. */
static void put_list(struct buf *b, const char *name, const char *const *values)
{
    json_key(b, str_from(name));
    json_open(b, '[');
    for (; *values != NULL; values++) {
        json_item(b);
        json_str(b, str_from(*values));
    }
    json_close(b, ']');
}

#define LIST(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool has_endpoint(const struct server *s, const char *member)
{
    const struct dialect *d = standard(s);

    for (size_t i = 0; d != NULL && i < d->routes_n; i++)
        if (d->routes[i].metadata != NULL && strcmp(d->routes[i].metadata, member) == 0)
            return true;
    return false;
}

static void put_endpoints(struct buf *b, const struct server *s, str issuer)
{
    const struct dialect *d = standard(s);
    str base = issuer;

    if (str_ends(base, STR("/")))
        base.n--;
    for (size_t i = 0; d != NULL && i < d->routes_n; i++) {
        if (d->routes[i].metadata == NULL)
            continue;
        json_key(b, str_from(d->routes[i].metadata));
        buf_char(b, '"');
        buf_put(b, base);
        buf_put(b, str_from(d->routes[i].path));
        buf_char(b, '"');
    }
}

static void put_grants(struct buf *b)
{
    json_key(b, STR("grant_types_supported"));
    json_open(b, '[');
    for (size_t i = 0; i < GRANT_TYPES; i++) {
        if (!(grant_types[i].dialects & (1u << DIALECT_RFC)))
            continue;
        json_item(b);
        json_str(b, str_from(grant_types[i].name));
    }
    json_close(b, ']');
}

/* RFC 8414 2: what is signed names its algorithms. */
static void put_signing_algs(struct buf *b, str endpoint)
{
    static const enum jws_alg algs[] = {JWS_PS256, JWS_ES256, JWS_EDDSA}; /* JWT_ALGS_FAPI */
    char name[96];
    struct buf key;

    buf_fixed(&key, name, sizeof name);
    buf_put(&key, endpoint);
    BUF_LIT(&key, "_endpoint_auth_signing_alg_values_supported");
    json_key(b, buf_str(&key));
    json_open(b, '[');
    for (size_t i = 0; i < sizeof algs / sizeof *algs; i++) {
        json_item(b);
        json_str(b, str_from(jws_algs[algs[i]].name));
    }
    json_close(b, ']');
}

static void put_auth_methods(struct buf *b, str endpoint, enum client_auth_at at)
{
    bool is_signed = false;
    char name[96];
    struct buf key;

    buf_fixed(&key, name, sizeof name);
    buf_put(&key, endpoint);
    BUF_LIT(&key, "_endpoint_auth_methods_supported");
    json_key(b, buf_str(&key));
    json_open(b, '[');
    for (size_t i = 0; i < CLIENT_AUTH_METHODS; i++) {
        if (!(client_auth_methods[i].at & (unsigned)at))
            continue;
        json_item(b);
        json_str(b, str_from(client_auth_methods[i].name));
        is_signed = is_signed || client_auth_methods[i].is_signed;
    }
    json_close(b, ']');
    if (is_signed)
        put_signing_algs(b, endpoint);
}

/* RFC 9126 5, RFC 9101 10.5; `none` is not among them. */
static void put_requests(struct buf *b, const struct server *s)
{
    json_key_bool(b, STR("require_pushed_authorization_requests"),
                  setting_int(s->settings, par_required) != 0);
    json_key(b, STR("request_object_signing_alg_values_supported"));
    json_open(b, '[');
    for (size_t i = 0; i < JWS_ALGS; i++) {
        json_item(b);
        json_str(b, str_from(jws_algs[i].name));
    }
    json_close(b, ']');
    json_key_bool(b, STR("request_parameter_supported"), true);
    json_key_bool(b, STR("request_uri_parameter_supported"), false);
}

/* OIDC Discovery 3, RFC 9207 3. */
static void put_authorization(struct buf *b, const struct server *s)
{
    put_list(b, "response_types_supported", LIST("code"));
    put_list(b, "response_modes_supported", LIST("query", "form_post"));
    put_list(b, "code_challenge_methods_supported", LIST("S256")); /* security.md 71 */
    put_list(b, "prompt_values_supported", LIST("none", "login", "consent", "select_account"));
    put_list(b, "acr_values_supported", LIST("pwd"));
    put_list(b, "scopes_supported",
             LIST("openid", "profile", "email", "address", "phone", "offline_access"));
    put_list(b, "subject_types_supported", LIST("public", "pairwise"));
    json_key_bool(b, STR("authorization_response_iss_parameter_supported"), true);
    json_key_bool(b, STR("claims_parameter_supported"), true);
    put_requests(b, s);
}

static void put_claims(struct buf *b)
{
    static const char *const of_the_protocol[] = {
        "sub", "iss", "aud", "azp", "exp", "iat", "auth_time", "acr", "amr", "nonce", "sid", NULL,
    };

    put_list(b, "claim_types_supported", LIST("normal"));
    json_key(b, STR("claims_supported"));
    json_open(b, '[');
    for (const char *const *c = of_the_protocol; *c != NULL; c++) {
        json_item(b);
        json_str(b, str_from(*c));
    }
    for (const char *const *c = claims_standard; *c != NULL; c++) {
        json_item(b);
        json_str(b, str_from(*c));
    }
    json_close(b, ']');
}

/* Those that have an active key. */
static void put_active_algs(struct buf *b, const char *name, const struct keyring *ring)
{
    json_key(b, str_from(name));
    json_open(b, '[');
    for (size_t i = 0; i < JWS_ALGS; i++) {
        if (keyring_active(ring, KEY_SIGNING, (enum jws_alg)i) == NULL)
            continue;
        json_item(b);
        json_str(b, str_from(jws_algs[i].name));
    }
    json_close(b, ']');
}

/* OIDC Discovery 3: the languages of the pages, which are not ours to know. */
static void put_locales(struct buf *b, str tags)
{
    str tag;

    if (tags.n == 0)
        return;
    json_key(b, STR("ui_locales_supported"));
    json_open(b, '[');
    while (str_next(&tags, ' ', &tag)) {
        json_item(b);
        json_str(b, tag);
    }
    json_close(b, ']');
}

str metadata_make(struct arena *a, const struct server *s)
{
    str issuer = setting_text(s->settings, issuer);
    struct buf b;

    buf_init(&b, a, 4096, 65536);
    json_open(&b, '{');
    json_key_str(&b, STR("issuer"), issuer);
    put_endpoints(&b, s, issuer);
    put_grants(&b);
    put_auth_methods(&b, STR("token"), AT_TOKEN);
    put_auth_methods(&b, STR("introspection"), AT_INTROSPECTION);
    put_auth_methods(&b, STR("revocation"), AT_REVOCATION);
    if (has_endpoint(s, "authorization_endpoint"))
        put_authorization(&b, s);
    else
        put_list(&b, "response_types_supported", (const char *const[]){NULL}); /* RFC 8414 2 */
    put_claims(&b);
    return buf_str(&b);
}

enum err metadata_endpoint(struct rq *rq)
{
    const struct keyring *ring = signer_ring(rq->t->signer);

    http_res_header(rq->res, STR("Content-Type"), STR("application/json"));
    http_res_header(rq->res, STR("Cache-Control"), STR("public, max-age=3600"));
    rq_request_id(rq);
    buf_put(&rq->res->body, rq->server->metadata);
    put_locales(&rq->res->body, rq->server->ui_locales);
    put_active_algs(&rq->res->body, "id_token_signing_alg_values_supported", ring);
    put_active_algs(&rq->res->body, "userinfo_signing_alg_values_supported", ring);
    json_close(&rq->res->body, '}');
    return OK;
}

static const struct op_answer answers[] = {
    {200, "The server's metadata.", "application/json", "Metadata"},
    {0},
};

const struct operation metadata_operation = {
    .id = "fetchMetadata",
    .tag = "Discovery",
    .summary = "What this server offers, and where",
    .answers = answers,
};

const struct operation metadata_openid_operation = {
    .id = "fetchOpenidConfiguration",
    .tag = "Discovery",
    .summary = "The same for relying parties (OpenID Connect Discovery)",
    .answers = answers,
};
