/* twilio: the Twilio OAuth API's surface for machines, under /v1/ and /v2/.
 *
 * The dialect differs from the standard one in the wire only: names of parameters, statuses,
 * numbered errors, claims. Which client may have which token is decided by issue_token, for every
 * dialect alike. The hosts iam. and preview-iam.twilio.com have twins of /v1/token in snake_case,
 * which are the same path here.
 *
 * Left out on purpose: every Twilio resource that is not about who may have a token.
 */
#include "admin/openapi.h"
#include "dialect/dialect.h"
#include "dialect/twilio/api.h"
#include "dialect/twilio/claims.h"
#include "dialect/twilio/endpoints.h"

#define PREFLIGHT(where, label)                                                                    \
    {                                                                                              \
        .methods = HTTP_OPTIONS, .path = (where), .handler = cors_twilio, .name = (label),         \
        .rate = RATE_FREE, .spec = "Fetch 3.2.2"                                                   \
    }

#define APPS "/v1/Account/OAuthApps"

static const struct route routes[] = {
    {.methods = HTTP_POST,
     .path = "/v1/token",
     .handler = token_twilio_v1,
     .name = "twilio.token_v1",
     .rate = RATE_TOKEN,
     .body_max = LIMIT_TOKEN_BODY,
     .spec = "Twilio OauthV1Token CreateToken",
     .op = &token_twilio_operation_v1},
    PREFLIGHT("/v1/token", "twilio.token_v1_options"),
    {.methods = HTTP_POST,
     .path = "/v2/token",
     .handler = token_twilio_v2,
     .name = "twilio.token_v2",
     .rate = RATE_TOKEN,
     .body_max = LIMIT_TOKEN_BODY,
     .spec = "Twilio OauthV2Token CreateToken",
     .op = &token_twilio_operation_v2},
    PREFLIGHT("/v2/token", "twilio.token_v2_options"),
    {.methods = HTTP_GET,
     .path = "/v1/certs",
     .handler = certs_twilio,
     .name = "twilio.certs",
     .rate = RATE_FREE,
     .spec = "Twilio OauthV1 FetchCerts",
     .op = &certs_twilio_operation},
    PREFLIGHT("/v1/certs", "twilio.certs_options"),
    {.methods = HTTP_GET,
     .path = "/v1/openapi.json",
     .handler = openapi_document,
     .name = "twilio.openapi",
     .rate = RATE_FREE,
     .spec = "OpenAPI 3.1"},
    {.methods = HTTP_POST,
     .path = APPS "",
     .handler = apps_list_create,
     .name = "twilio.app_create",
     .rate = RATE_WRITE,
     .body_max = LIMIT_BODY,
     .spec = "Twilio IamV1 CreateOAuthApp",
     .op = &api_twilio_create_app},
    {.methods = HTTP_GET,
     .path = APPS "",
     .handler = apps_list_all,
     .name = "twilio.apps",
     .rate = RATE_READ,
     .spec = "Twilio IamV1 ListOAuthApp",
     .op = &api_twilio_apps},
    {.methods = HTTP_GET,
     .path = APPS "/{id}",
     .handler = apps_fetch,
     .name = "twilio.app",
     .rate = RATE_READ,
     .spec = "Twilio IamV1 FetchOAuthApp",
     .op = &api_twilio_app},
    {.methods = HTTP_PUT,
     .path = APPS "/{id}",
     .handler = apps_update,
     .name = "twilio.app_update",
     .rate = RATE_WRITE,
     .body_max = LIMIT_BODY,
     .spec = "Twilio IamV1 UpdateOAuthApp",
     .op = &api_twilio_update_app},
    {.methods = HTTP_DELETE,
     .path = APPS "/{id}",
     .handler = apps_delete,
     .name = "twilio.app_delete",
     .rate = RATE_WRITE,
     .spec = "Twilio IamV1 DeleteOAuthApp",
     .op = &api_twilio_delete_app},
    {.methods = HTTP_POST,
     .path = APPS "/{id}/secret",
     .handler = apps_secret,
     .name = "twilio.app_secret",
     .rate = RATE_WRITE,
     .body_max = LIMIT_BODY,
     .spec = "Twilio IamV1 rotate secret",
     .op = &api_twilio_app_secret},
    PREFLIGHT(APPS "", "twilio.apps_options"),
    PREFLIGHT(APPS "/{id}", "twilio.app_options"),
    PREFLIGHT(APPS "/{id}/secret", "twilio.app_secret_options"),
};

static const char *const prefixes[] = {"/v1/", "/v2/", NULL};

const struct dialect dialect_twilio = {
    .id = DIALECT_TWILIO,
    .name = "twilio",
    .prefixes = prefixes,
    .routes = routes,
    .routes_n = sizeof routes / sizeof *routes,
    .jwt = &claims_twilio,
    .refuse = refuse_twilio,
    .api = &api_twilio,
};
