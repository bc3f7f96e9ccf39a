/* api: operations and schemas of the Twine dialect, with the operationIds and names of the Twine
 * API's own description.
 *
 * Answers are application/json in place of the JSON:API type when the client accepts only that;
 * their shape is the same.
 */
#include "dialect/twine/api.h"

#include <stddef.h>

#define JSONAPI "application/vnd.api+json"
#define JSON    "application/json"
#define ID      "{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"}"
#define TEXT    "{\"type\":\"string\"}"
#define NUMBER  "{\"type\":\"integer\",\"minimum\":0}"

/* What every resource behind a bearer token may be refused with. */
#define REFUSED                                                                                    \
    {401, "No valid bearer token.", JSONAPI, "Error"},                                             \
    {                                                                                              \
        403, "The token does not reach this.", JSONAPI, "Error"                                    \
    }

static const struct op_schema schemas[] = {
    {"TokenAttributes",
     "{\"type\":\"object\",\"properties\":{\"grant_type\":{\"type\":\"string\",\"enum\":[\"client_"
     "credentials\",\"refresh_token\"]},\"client_id\":{\"type\":\"string\"},\"client_secret\":{"
     "\"type\":\"string\"},\"refresh_token\":{\"type\":\"string\"}},\"required\":[\"grant_type\","
     "\"client_id\"]}"},
    {"CreateTokenRequest",
     "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"object\",\"properties\":{\"type\":{"
     "\"type\":\"string\",\"enum\":[\"token\",\"oauth/token\"]},\"attributes\":{\"$ref\":\"#/"
     "components/schemas/"
     "TokenAttributes\"}},\"required\":[\"attributes\"]}},\"required\":[\"data\"]}"},
    {"CreateTokenRequestJson",
     "{\"anyOf\":[{\"$ref\":\"#/components/schemas/CreateTokenRequest\"},{\"$ref\":\"#/components/"
     "schemas/TokenAttributes\"}]}"},
    {"CreateTokenResponse",
     "{\"type\":\"object\",\"properties\":{\"meta\":{\"$ref\":\"#/components/schemas/"
     "Meta\"},\"data\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":"
     "[\"token\",\"oauth/"
     "token\"]},\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"},\"attributes\":{"
     "\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\"},\"refresh_token\":"
     "{\"type\":\"string\"},\"token_type\":{\"type\":\"string\",\"enum\":[\"bearer\"]},\"expires_"
     "in\":{\"type\":\"integer\"}},\"required\":[\"access_token\",\"refresh_token\",\"token_type\","
     "\"expires_in\"]},\"relationships\":{\"type\":\"object\",\"properties\":{\"groups\":{\"type\":"
     "\"object\",\"properties\":{\"data\":{\"type\":\"array\",\"items\":{\"type\":\"object\","
     "\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"group\"]},\"id\":{\"type\":"
     "\"string\",\"pattern\":\"^[0-9a-f]{24}$\"}},\"required\":[\"type\",\"id\"]}},\"links\":{"
     "\"type\":\"object\",\"properties\":{\"related\":{\"type\":\"string\"}},\"required\":["
     "\"related\"]}},\"required\":[\"data\",\"links\"]},\"organization\":{\"type\":\"object\","
     "\"properties\":{\"data\":{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\","
     "\"enum\":[\"organization\"]},\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"}},"
     "\"required\":[\"type\",\"id\"]},\"links\":{\"type\":\"object\",\"properties\":{\"related\":{"
     "\"type\":\"string\"}},\"required\":[\"related\"]}},\"required\":[\"data\",\"links\"]}},"
     "\"required\":[\"groups\",\"organization\"]}},\"required\":[\"type\",\"id\",\"attributes\","
     "\"relationships\"]},\"included\":{\"type\":\"array\",\"items\":{\"anyOf\":[{\"$ref\":\"#/"
     "components/schemas/Group\"},{\"$ref\":\"#/components/schemas/"
     "Organization\"}]}}},\"required\":[\"meta\",\"data\"]}"},
    {"Group", "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":["
              "\"group\"]},\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$\"},"
              "\"attributes\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":\"string\"},"
              "\"bio\":{\"type\":\"string\"}},\"required\":[\"name\"]},\"links\":{\"type\":"
              "\"object\",\"properties\":{\"self\":{\"type\":\"string\"}},\"required\":[\"self\"]}}"
              ",\"required\":[\"type\",\"id\",\"attributes\",\"links\"]}"},
    {"Organization", "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":["
                     "\"organization\"]},\"id\":{\"type\":\"string\",\"pattern\":\"^[0-9a-f]{24}$"
                     "\"},\"attributes\":{\"type\":\"object\",\"properties\":{\"name\":{\"type\":"
                     "\"string\"}},\"required\":[\"name\"]},\"links\":{\"type\":\"object\","
                     "\"properties\":{\"self\":{\"type\":\"string\"}},\"required\":[\"self\"]}},"
                     "\"required\":[\"type\",\"id\",\"attributes\",\"links\"]}"},
    {"FetchGroupsResponse",
     "{\"type\":\"object\",\"properties\":{\"meta\":{\"type\":\"object\",\"properties\":{\"req_"
     "id\":{\"type\":\"string\",\"format\":\"uuid\"},\"count\":{\"type\":\"integer\"}},"
     "\"required\":[\"req_id\",\"count\"]},\"links\":{\"type\":\"object\",\"additionalProperties\":"
     "{\"type\":[\"string\",\"null\"]}},\"data\":{\"type\":\"array\",\"items\":{\"$ref\":\"#/"
     "components/schemas/Group\"}}},\"required\":[\"meta\",\"links\",\"data\"]}"},
    {"FetchGroupResponse", "{\"type\":\"object\",\"properties\":{\"meta\":{\"$ref\":\"#/components/"
                           "schemas/Meta\"},\"data\":{\"$ref\":\"#/components/schemas/"
                           "Group\"}},\"required\":[\"meta\",\"data\"]}"},
    {"FetchOrganizationResponse", "{\"type\":\"object\",\"properties\":{\"meta\":{\"$ref\":\"#/"
                                  "components/schemas/Meta\"},\"data\":{\"$ref\":\"#/components/"
                                  "schemas/Organization\"}},\"required\":[\"meta\",\"data\"]}"},
    {"CreateGroupRequest",
     "{\"type\":\"object\",\"properties\":{\"data\":{\"type\":\"object\",\"properties\":{\"type\":{"
     "\"type\":\"string\",\"enum\":[\"group\"]},\"attributes\":{\"type\":\"object\",\"properties\":"
     "{\"name\":{\"type\":\"string\",\"minLength\":1,\"maxLength\":200},\"bio\":{\"type\":"
     "\"string\",\"maxLength\":1500}},\"required\":[\"name\"]}},\"required\":[\"attributes\"]}},"
     "\"required\":[\"data\"]}"},
    {"Meta", "{\"type\":\"object\",\"properties\":{\"req_id\":{\"type\":\"string\",\"format\":"
             "\"uuid\"}},\"required\":[\"req_id\"]}"},
    {"Error",
     "{\"type\":\"object\",\"properties\":{\"meta\":{\"$ref\":\"#/components/schemas/"
     "Meta\"},\"errors\":{\"type\":\"array\",\"items\":{\"type\":\"object\",\"properties\":{"
     "\"code\":{\"type\":\"string\",\"enum\":[\"Unauthorized\",\"InvalidCredentials\","
     "\"InvalidGrantType\",\"InvalidBodyParameter\",\"InvalidParameter\",\"Forbidden\","
     "\"ResourceNotFound\"]},\"title\":{\"type\":\"string\"},\"detail\":{\"type\":\"string\"},"
     "\"status\":{\"type\":\"string\"},\"source\":{\"type\":\"object\",\"properties\":{"
     "\"parameter\":{\"type\":\"string\"},\"pointer\":{\"type\":\"string\"}}}},\"required\":["
     "\"code\",\"detail\",\"status\"]}}},\"required\":[\"meta\",\"errors\"]}"},
    {NULL, NULL},
};

const struct api api_twine = {
    .title = "Twine API: tokens and what they point to",
    .description = "Token pairs, organizations and groups in the shapes of the Twine Health API.",
    .document = "/pub/openapi.json",
    .basic = "",
    .error_media = JSONAPI,
    .schemas = schemas,
};

static const struct op_param path_id[] = {
    {"path", "id", true, ID, "Its id."},
    {0},
};

static const struct op_param include[] = {
    {"query", "include", false, TEXT,
     "What to include in the answer: groups, organization, or both with a comma between."},
    {0},
};

static const struct op_body token_bodies[] = {
    {JSONAPI, "CreateTokenRequest"},
    {JSON, "CreateTokenRequestJson"},
    {0},
};

static const struct op_answer token_answers[] = {
    {200, "The token, for clients that accept application/json only.", JSON, "CreateTokenResponse"},
    {201, "The token.", JSONAPI, "CreateTokenResponse"},
    {401, "Wrong credentials or refresh token.", JSONAPI, "Error"},
    {403, "The media type of the body, or a disabled client.", JSONAPI, "Error"},
    {409, "A parameter is missing or wrong.", JSONAPI, "Error"},
    {0},
};

const struct operation api_twine_create_token = {
    .id = "createToken",
    .tag = "oauth",
    .summary = "Create a token",
    .bodies = token_bodies,
    .params = include,
    .answers = token_answers,
};

static const struct op_answer groups_answers[] = {
    {200, "The groups.", JSONAPI, "FetchGroupsResponse"},
    REFUSED,
    {0},
};

const struct operation api_twine_token_groups = {
    .id = "fetchTokenGroups",
    .tag = "oauth",
    .summary = "The groups that a token reaches",
    .auth = OP_AUTH_BEARER,
    .params = path_id,
    .answers = groups_answers,
};

static const struct op_answer organization_answers[] = {
    {200, "The organization.", JSONAPI, "FetchOrganizationResponse"},
    REFUSED,
    {0},
};

const struct operation api_twine_token_organization = {
    .id = "fetchTokenOrganization",
    .tag = "oauth",
    .summary = "The organization that a token reaches",
    .auth = OP_AUTH_BEARER,
    .params = path_id,
    .answers = organization_answers,
};

const struct operation api_twine_organization = {
    .id = "fetchOrganization",
    .tag = "organization",
    .summary = "An organization",
    .auth = OP_AUTH_BEARER,
    .params = path_id,
    .answers = organization_answers,
};

static const struct op_param groups_params[] = {
    {"query", "filter[organization]", true, ID, "The organization; the token's own."},
    {"query", "filter[name]", false, TEXT, "Only groups of exactly this name."},
    {"query", "page[number]", false, NUMBER, "Which page, from 1; with page[size]."},
    {"query", "page[size]", false, NUMBER, "Groups on a page."},
    {"query", "page[limit]", false, NUMBER, "Most groups in the answer; with page[after]."},
    {"query", "page[after]", false, ID, "The last group of the answer before."},
    {0},
};

static const struct op_answer list_answers[] = {
    {200, "The groups.", JSONAPI, "FetchGroupsResponse"},
    REFUSED,
    {409, "A query parameter is missing or wrong.", JSONAPI, "Error"},
    {0},
};

const struct operation api_twine_groups = {
    .id = "fetchGroups",
    .tag = "group",
    .summary = "The groups of the organization",
    .auth = OP_AUTH_BEARER,
    .params = groups_params,
    .answers = list_answers,
};

static const struct op_body group_bodies[] = {
    {JSONAPI, "CreateGroupRequest"},
    {JSON, "CreateGroupRequest"},
    {0},
};

static const struct op_answer create_answers[] = {
    {201, "The new group.", JSONAPI, "FetchGroupResponse"},
    REFUSED,
    {409, "The body is missing, malformed or of the wrong shape.", JSONAPI, "Error"},
    {0},
};

const struct operation api_twine_create_group = {
    .id = "createGroup",
    .tag = "group",
    .summary = "Create a group",
    .auth = OP_AUTH_BEARER,
    .bodies = group_bodies,
    .answers = create_answers,
};

static const struct op_answer group_answers[] = {
    {200, "The group.", JSONAPI, "FetchGroupResponse"},
    REFUSED,
    {0},
};

const struct operation api_twine_group = {
    .id = "fetchGroup",
    .tag = "group",
    .summary = "A group",
    .auth = OP_AUTH_BEARER,
    .params = path_id,
    .answers = group_answers,
};
