/* rfc: the standard dialect: RFC 6749 and its family under /oauth2, metadata at the root.
 *
 * It owns every path that no other dialect claims, so it also answers for health and for what is
 * not there, and for the pages. Errors are the JSON of RFC 6749 5.2, or a page for people.
 */
#include "admin/docs.h"
#include "admin/flows.h"
#include "admin/health.h"
#include "admin/metrics.h"
#include "admin/openapi.h"
#include "codec/json.h"
#include "dialect/dialect.h"
#include "dialect/rfc_api.h"
#include "oauth/cors.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/token/jwt_profile.h"
#include "ui/ui.h"

/* A browser asks first whether its page may call. */
#define PREFLIGHT(where, label)                                                                    \
    {                                                                                              \
        .methods = HTTP_OPTIONS, .path = (where), .handler = cors_preflight, .name = (label),      \
        .rate = RATE_FREE, .spec = "Fetch 3.2.2", .cors = CORS_OF_ANY                              \
    }

static const struct route routes[] = {
    {
        .methods = HTTP_POST,
        .path = "/oauth2/token",
        .handler = token_endpoint,
        .name = "token",
        .rate = RATE_TOKEN,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "RFC 6749 3.2",
        .metadata = "token_endpoint",
        .op = &token_operation,
        .cors = CORS_OF_CLIENT,
    },
    PREFLIGHT("/oauth2/token", "token_options"),
    {
        .methods = HTTP_POST,
        .path = "/oauth2/par",
        .handler = par_endpoint,
        .name = "par",
        .rate = RATE_WRITE,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "RFC 9126 2",
        .metadata = "pushed_authorization_request_endpoint",
        .op = &par_operation,
    },
    {
        .methods = HTTP_POST,
        .path = "/oauth2/device_authorization",
        .handler = device_authorization_endpoint,
        .name = "device_authorization",
        .rate = RATE_WRITE,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "RFC 8628 3.1",
        .metadata = "device_authorization_endpoint",
        .op = &device_authorization_operation,
    },
    {
        .methods = HTTP_GET | HTTP_POST,
        .path = "/oauth2/authorize",
        .handler = ui_authorize,
        .name = "authorize",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "RFC 6749 3.1",
        .metadata = "authorization_endpoint",
        .page = true,
    },
    {
        .methods = HTTP_GET | HTTP_POST,
        .path = "/oauth2/logout",
        .handler = ui_logout,
        .name = "logout",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "OIDC RP-Initiated Logout 1.0 2",
        .metadata = "end_session_endpoint",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/oauth2/introspect",
        .handler = introspect_endpoint,
        .name = "introspect",
        .rate = RATE_READ,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "RFC 7662 2",
        .metadata = "introspection_endpoint",
        .op = &introspect_operation,
    },
    {
        .methods = HTTP_POST,
        .path = "/oauth2/revoke",
        .handler = revoke_endpoint,
        .name = "revoke",
        .rate = RATE_WRITE,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "RFC 7009 2",
        .metadata = "revocation_endpoint",
        .op = &revoke_operation,
        .cors = CORS_OF_CLIENT,
    },
    PREFLIGHT("/oauth2/revoke", "revoke_options"),
    {
        .methods = HTTP_GET,
        .path = "/oauth2/userinfo",
        .handler = userinfo_endpoint,
        .name = "userinfo",
        .rate = RATE_READ,
        .spec = "OIDC Core 5.3",
        .metadata = "userinfo_endpoint",
        .op = &userinfo_operation,
        .cors = CORS_OF_CLIENT,
    },
    {
        .methods = HTTP_POST,
        .path = "/oauth2/userinfo",
        .handler = userinfo_endpoint,
        .name = "userinfo_post",
        .rate = RATE_READ,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "OIDC Core 5.3.1",
        .cors = CORS_OF_CLIENT,
    },
    PREFLIGHT("/oauth2/userinfo", "userinfo_options"),
    {
        .methods = HTTP_GET,
        .path = "/oauth2/jwks",
        .handler = jwks_endpoint,
        .name = "jwks",
        .rate = RATE_FREE,
        .spec = "RFC 7517 5",
        .metadata = "jwks_uri",
        .op = &jwks_operation,
        .cors = CORS_OF_ANY,
    },
    PREFLIGHT("/oauth2/jwks", "jwks_options"),
    {
        .methods = HTTP_GET,
        .path = "/.well-known/oauth-authorization-server",
        .handler = metadata_endpoint,
        .name = "metadata",
        .rate = RATE_FREE,
        .spec = "RFC 8414 3",
        .op = &metadata_operation,
        .cors = CORS_OF_ANY,
    },
    PREFLIGHT("/.well-known/oauth-authorization-server", "metadata_options"),
    {
        .methods = HTTP_GET,
        .path = "/.well-known/openid-configuration",
        .handler = metadata_endpoint,
        .name = "openid_configuration",
        .rate = RATE_FREE,
        .spec = "OIDC Discovery 4",
        .cors = CORS_OF_ANY,
        .op = &metadata_openid_operation,
    },
    PREFLIGHT("/.well-known/openid-configuration", "openid_configuration_options"),
    {
        .methods = HTTP_GET,
        .path = "/openapi.json",
        .handler = openapi_document,
        .name = "openapi",
        .rate = RATE_FREE,
        .spec = "OpenAPI 3.1",
    },
    {
        .methods = HTTP_GET,
        .path = "/docs",
        .handler = docs_page,
        .name = "docs",
        .rate = RATE_FREE,
        .spec = "HTML",
    },
    {
        .methods = HTTP_GET,
        .path = "/docs/docs.css",
        .handler = docs_style,
        .name = "docs_css",
        .rate = RATE_FREE,
        .spec = "CSS",
    },
    {
        .methods = HTTP_GET,
        .path = "/docs/docs.js",
        .handler = docs_script,
        .name = "docs_js",
        .rate = RATE_FREE,
        .spec = "ECMAScript",
    },
    {
        .methods = HTTP_GET,
        .path = "/sign-in",
        .handler = ui_start,
        .name = "sign_in_start",
        .rate = RATE_WRITE,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/sign-in",
        .handler = ui_sign_in,
        .name = "sign_in",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/choose",
        .handler = ui_choose,
        .name = "choose",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/consent",
        .handler = ui_consent,
        .name = "consent",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_GET,
        .path = "/continue",
        .handler = ui_continue,
        .name = "continue",
        .rate = RATE_WRITE,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_GET,
        .path = "/device",
        .handler = ui_device,
        .name = "device",
        .rate = RATE_READ,
        .spec = "RFC 8628 3.3",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/device",
        .handler = ui_device_post,
        .name = "device_post",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "RFC 8628 3.3",
        .page = true,
    },
    {
        .methods = HTTP_GET,
        .path = "/account",
        .handler = ui_account,
        .name = "account",
        .rate = RATE_READ,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/account",
        .handler = ui_account_post,
        .name = "account_post",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_POST,
        .path = "/sign-out",
        .handler = ui_logout_post,
        .name = "sign_out",
        .rate = RATE_WRITE,
        .body_max = LIMIT_BODY,
        .spec = "HTML",
        .page = true,
    },
    {
        .methods = HTTP_GET,
        .path = "/assets/{id}",
        .handler = ui_asset,
        .name = "asset",
        .rate = RATE_FREE,
        .spec = "HTML",
    },
    {
        .methods = HTTP_GET,
        .path = "/admin/flows/{id}",
        .handler = flows_get,
        .name = "flow",
        .rate = RATE_READ,
        .spec = "-",
        .op = &flows_get_operation,
    },
    {
        .methods = HTTP_POST,
        .path = "/admin/flows/{id}/accept",
        .handler = flows_accept,
        .name = "flow_accept",
        .rate = RATE_WRITE,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "-",
        .op = &flows_accept_operation,
    },
    {
        .methods = HTTP_POST,
        .path = "/admin/flows/{id}/reject",
        .handler = flows_reject,
        .name = "flow_reject",
        .rate = RATE_WRITE,
        .body_max = LIMIT_TOKEN_BODY,
        .spec = "-",
        .op = &flows_reject_operation,
    },
    {
        .methods = HTTP_GET,
        .path = "/healthz",
        .handler = health_live,
        .name = "healthz",
        .rate = RATE_FREE,
        .spec = "-",
    },
    {
        .methods = HTTP_GET,
        .path = "/readyz",
        .handler = health_ready,
        .name = "readyz",
        .rate = RATE_FREE,
        .spec = "-",
    },
    {
        .methods = HTTP_GET,
        .path = "/metrics",
        .handler = metrics_scrape,
        .name = "metrics",
        .rate = RATE_FREE,
        .spec = "Prometheus text format 0.0.4",
    },
};

#define ROUTES      (sizeof routes / sizeof *routes)
#define BARE_ROUTES 17 /* the last ones: pages, which serve other dialects, too, and health */

/* A person looks at it: the route is a page, or there is none and a browser asks. */
static bool wants_page(const struct rq *rq)
{
    str types = http_header_get(rq->req, STR("Accept"), NULL), type;

    if (rq->server->ui == NULL || rq->route != NULL)
        return rq->server->ui != NULL && rq->route->page;
    while (str_next(&types, ',', &type))
        if (str_starts(str_trim(type), STR("text/html")))
            return true;
    return false;
}

/* For `postern explain`; OAuth's own errors have no further members (X-Request-Id has it). */
static void put_request_id(struct rq *rq, struct buf *b)
{
    json_key(b, STR("request_id"));
    buf_char(b, '"');
    uid_write(b, &rq->request_id, "", SPELLING_UUID);
    buf_char(b, '"');
}

static void refuse_json(struct rq *rq)
{
    const struct failure *f = &rq->failure;
    const struct err_info *info = err_info(f->e);
    struct buf *b = &rq->res->body;

    rq_answer(rq, info->status, STR("application/json"));
    if (f->challenge != NULL)
        http_res_header(rq->res, STR("WWW-Authenticate"), str_from(f->challenge));
    json_open(b, '{');
    json_key_str(b, STR("error"), str_from(info->wire));
    if (f->text != NULL)
        json_key_str(b, STR("error_description"), str_from(f->text));
    if (str_starts(rq->req->path, STR("/admin/")))
        put_request_id(rq, b);
    json_close(b, '}');
}

static void refuse(struct rq *rq)
{
    if (wants_page(rq))
        ui_refuse(rq);
    else
        refuse_json(rq);
}

static const char *const prefixes[] = {"", NULL};

const struct dialect dialect_rfc = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = prefixes,
    .routes = routes,
    .routes_n = ROUTES,
    .jwt = &jwt_profile_rfc9068,
    .refuse = refuse,
    .api = &rfc_api,
};

const struct dialect dialect_bare = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = prefixes,
    .routes = routes + ROUTES - BARE_ROUTES,
    .routes_n = BARE_ROUTES,
    .jwt = &jwt_profile_rfc9068,
    .refuse = refuse,
};
