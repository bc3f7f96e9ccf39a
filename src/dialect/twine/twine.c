/* twine: the Twine Health API's surface for tokens and what they point to, under /pub/.
 *
 * The dialect differs from the standard one in the wire only: JSON:API documents instead of
 * forms, its own error codes and statuses, a refresh token with every access token. Which client
 * may have which token is decided by issue_token, for every dialect alike.
 *
 * Left out on purpose: CORS (the Twine API is for servers), so OPTIONS is a method that no path
 * takes; and every resource that is not about who may see what (patients, actions, ...).
 */
#include "admin/openapi.h"
#include "dialect/dialect.h"
#include "dialect/twine/api.h"
#include "dialect/twine/endpoints.h"

static const struct route routes[] = {
    {.methods = HTTP_POST,
     .path = "/pub/oauth/token",
     .handler = token_twine,
     .name = "twine.token",
     .rate = RATE_TOKEN,
     .body_max = LIMIT_TOKEN_BODY,
     .spec = "Twine 7.18.0 createToken",
     .op = &api_twine_create_token},
    {.methods = HTTP_GET,
     .path = "/pub/oauth/token/{id}/groups",
     .handler = token_groups_twine,
     .name = "twine.token_groups",
     .rate = RATE_READ,
     .spec = "Twine 7.18.0 fetchTokenGroups",
     .op = &api_twine_token_groups},
    {.methods = HTTP_GET,
     .path = "/pub/oauth/token/{id}/organization",
     .handler = token_organization_twine,
     .name = "twine.token_organization",
     .rate = RATE_READ,
     .spec = "Twine 7.18.0 fetchTokenOrganization",
     .op = &api_twine_token_organization},
    {.methods = HTTP_GET,
     .path = "/pub/organization/{id}",
     .handler = organization_twine,
     .name = "twine.organization",
     .rate = RATE_READ,
     .spec = "Twine 7.18.0 fetchOrganization",
     .op = &api_twine_organization},
    {.methods = HTTP_GET,
     .path = "/pub/group",
     .handler = groups_twine_list,
     .name = "twine.groups",
     .rate = RATE_READ,
     .spec = "Twine 7.18.0 fetchGroups",
     .op = &api_twine_groups},
    {.methods = HTTP_POST,
     .path = "/pub/group",
     .handler = groups_twine_create,
     .name = "twine.group_create",
     .rate = RATE_WRITE,
     .body_max = LIMIT_BODY,
     .spec = "Twine 7.18.0 createGroup",
     .op = &api_twine_create_group},
    {.methods = HTTP_GET,
     .path = "/pub/group/{id}",
     .handler = group_twine,
     .name = "twine.group",
     .rate = RATE_READ,
     .spec = "Twine 7.18.0 fetchGroup",
     .op = &api_twine_group},
    {.methods = HTTP_GET,
     .path = "/pub/openapi.json",
     .handler = openapi_document,
     .name = "twine.openapi",
     .rate = RATE_FREE,
     .spec = "OpenAPI 3.1"},
};

const struct dialect dialect_twine = {
    .id = DIALECT_TWINE,
    .name = "twine",
    .prefixes = (const char *const[]){"/pub/", NULL},
    .routes = routes,
    .routes_n = sizeof routes / sizeof *routes,
    .refuse = refuse_twine,
    .api = &api_twine,
};
