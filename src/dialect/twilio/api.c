/* api: the schemas of the Twilio dialect, named as in Twilio's own description, and the operations
 * of OAuth apps. Those that take a form stand beside their handlers.
 */
#include "dialect/twilio/api.h"

#include <stddef.h>

#define JSON "application/json"

/* The account's own credentials, or the token of an app whose policy allows it. */
#define REFUSED                                                                                    \
    {401, "Neither the account nor an app of it.", JSON, "Error"},                                 \
    {                                                                                              \
        403, "The app's policy does not allow that.", JSON, "Error"                                \
    }

static const struct op_schema schemas[] = {
    {"oauth.v1.token", "{\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\"}"
                       ",\"refresh_token\":{\"type\":[\"string\",\"null\"]},\"id_token\":{\"type\":"
                       "[\"string\",\"null\"]},\"token_type\":{\"type\":\"string\"},\"expires_in\":"
                       "{\"type\":\"integer\",\"format\":\"int64\"}},\"required\":[\"access_"
                       "token\",\"token_type\",\"expires_in\",\"refresh_token\",\"id_token\"]}"},
    {"oauth.v2.token",
     "{\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\"},\"refresh_"
     "token\":{\"type\":\"string\"},\"id_token\":{\"type\":\"string\"},\"token_type\":{\"type\":"
     "\"string\"},\"expires_in\":{\"type\":\"integer\",\"format\":\"int64\"},\"scope\":{\"type\":"
     "\"string\"}},\"required\":[\"access_token\",\"token_type\",\"expires_in\"]}"},
    {"oauth.v1.certs",
     "{\"type\":\"object\",\"properties\":{\"keys\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"object\",\"properties\":{\"kty\":{\"type\":\"string\"},\"kid\":{\"type\":\"string\"},"
     "\"use\":{\"type\":\"string\"},\"alg\":{\"type\":\"string\"},\"crv\":{\"type\":\"string\"},"
     "\"x\":{\"type\":\"string\"},\"y\":{\"type\":\"string\"},\"n\":{\"type\":\"string\"},\"e\":{"
     "\"type\":\"string\"},\"key_ops\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},"
     "\"required\":[\"kty\",\"kid\",\"alg\"]}},\"url\":{\"type\":\"string\",\"format\":\"uri\"}},"
     "\"required\":[\"keys\"]}"},
    {"oauth.v1.authorize", "{\"type\":\"object\",\"properties\":{\"redirect_to\":{\"type\":"
                           "\"string\",\"format\":\"uri\"}},\"required\":[\"redirect_to\"]}"},
    {"oauth.v1.device_code",
     "{\"type\":\"object\",\"properties\":{\"device_code\":{\"type\":\"string\"},\"user_code\":{"
     "\"type\":\"string\"},\"verification_uri\":{\"type\":\"string\",\"format\":\"uri\"},"
     "\"verification_uri_complete\":{\"type\":\"string\",\"format\":\"uri\"},\"expires_in\":{"
     "\"type\":\"integer\"},\"interval\":{\"type\":\"integer\"}},\"required\":[\"device_code\","
     "\"user_code\",\"verification_uri\",\"expires_in\",\"interval\"]}"},
    {"oauth.v1.user_info",
     "{\"type\":\"object\",\"properties\":{\"user_sid\":{\"type\":\"string\",\"pattern\":\"^US[0-"
     "9a-fA-F]{32}$\"},\"first_name\":{\"type\":[\"string\",\"null\"]},\"last_name\":{\"type\":["
     "\"string\",\"null\"]},\"friendly_name\":{\"type\":[\"string\",\"null\"]},\"email\":{\"type\":"
     "[\"string\",\"null\"]},\"url\":{\"type\":\"string\",\"format\":\"uri\"}},\"required\":["
     "\"user_sid\",\"url\"]}"},
    {"oauth.v1.openid_discovery",
     "{\"type\":\"object\",\"properties\":{\"issuer\":{\"type\":\"string\",\"format\":\"uri\"},"
     "\"authorization_endpoint\":{\"type\":\"string\",\"format\":\"uri\"},\"device_authorization_"
     "endpoint\":{\"type\":\"string\",\"format\":\"uri\"},\"token_endpoint\":{\"type\":\"string\","
     "\"format\":\"uri\"},\"userinfo_endpoint\":{\"type\":\"string\",\"format\":\"uri\"},"
     "\"revocation_endpoint\":{\"type\":\"string\",\"format\":\"uri\"},\"jwk_uri\":{\"type\":"
     "\"string\",\"format\":\"uri\"},\"jwks_uri\":{\"type\":\"string\",\"format\":\"uri\"},\"url\":"
     "{\"type\":\"string\",\"format\":\"uri\"},\"response_type_supported\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}},\"response_types_supported\":{\"type\":\"array\",\"items\":{"
     "\"type\":\"string\"}},\"subject_type_supported\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\"}},\"subject_types_supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}"
     ",\"id_token_signing_alg_values_supported\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\"}},\"scopes_supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},"
     "\"claims_supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"grant_types_"
     "supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"code_challenge_methods_"
     "supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"token_endpoint_auth_"
     "methods_supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"required\":["
     "\"issuer\",\"authorization_endpoint\",\"token_endpoint\",\"jwk_uri\",\"url\"]}"},
    {"Error", "{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"integer\"},\"message\":{"
              "\"type\":\"string\"},\"more_info\":{\"type\":\"string\",\"format\":\"uri\"},"
              "\"status\":{\"type\":\"integer\"}},\"required\":[\"code\",\"message\",\"status\"]}"},
    {"iam.v1.app",
     "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\"},\"sid\":{\"type\":"
     "\"string\",\"pattern\":\"^OQ[0-9a-fA-F]{32}$\"},\"friendly_name\":{\"type\":\"string\"},"
     "\"description\":{\"type\":[\"string\",\"null\"]},\"owner_sid\":{\"type\":[\"string\","
     "\"null\"]},\"created_by\":{\"type\":[\"string\",\"null\"]},\"date_created\":{\"type\":"
     "\"string\",\"format\":\"date-time\"},\"date_updated\":{\"type\":\"string\",\"format\":\"date-"
     "time\"},\"secret\":{\"type\":\"string\"},\"status\":{\"type\":\"string\",\"enum\":["
     "\"INACTIVE\",\"ACTIVE\"]},\"policy\":{\"anyOf\":[{\"type\":\"object\",\"properties\":{"
     "\"allow\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"deny\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}}}},{\"type\":\"null\"}]},\"access_token_ttl\":{\"type\":"
     "\"integer\"}},\"required\":[\"type\",\"sid\",\"friendly_name\",\"status\",\"policy\","
     "\"access_token_ttl\"]}"},
    {"iam.v1.apps",
     "{\"type\":\"object\",\"properties\":{\"oauth_apps\":{\"type\":\"array\",\"items\":{\"$ref\":"
     "\"#/components/schemas/"
     "iam.v1.app\"}},\"meta\":{\"type\":\"object\",\"properties\":{\"page\":{\"type\":\"integer\"},"
     "\"page_size\":{\"type\":\"integer\"},\"first_page_url\":{\"type\":\"string\",\"format\":"
     "\"uri\"},\"previous_page_url\":{\"type\":[\"string\",\"null\"]},\"url\":{\"type\":\"string\","
     "\"format\":\"uri\"},\"next_page_url\":{\"type\":[\"string\",\"null\"]},\"key\":{\"type\":"
     "\"string\"}},\"required\":[\"page\",\"page_size\",\"key\"]}},\"required\":[\"oauth_apps\","
     "\"meta\"]}"},
    {"iam.v1.create_app",
     "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"Client "
     "Credential\"]},\"friendly_name\":{\"type\":\"string\",\"maxLength\":200},\"owner_sid\":{"
     "\"type\":\"string\",\"maxLength\":64},\"description\":{\"type\":\"string\",\"maxLength\":"
     "1500},\"policy\":{\"type\":\"object\",\"properties\":{\"allow\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}},\"deny\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}"
     "}}},\"access_token_ttl\":{\"type\":\"integer\",\"minimum\":60,\"maximum\":2592000},\"client_"
     "sid\":{\"type\":\"string\",\"pattern\":\"^OQ[0-9a-fA-F]{32}$\"}},\"required\":[\"friendly_"
     "name\"]}"},
    {"iam.v1.update_app",
     "{\"type\":\"object\",\"properties\":{\"type\":{\"type\":\"string\",\"enum\":[\"Client "
     "Credential\"]},\"friendly_name\":{\"type\":\"string\",\"maxLength\":200},\"owner_sid\":{"
     "\"type\":\"string\",\"maxLength\":64},\"description\":{\"type\":\"string\",\"maxLength\":"
     "1500},\"policy\":{\"type\":\"object\",\"properties\":{\"allow\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}},\"deny\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}"
     "}}},\"access_token_ttl\":{\"type\":\"integer\",\"minimum\":60,\"maximum\":2592000}}}"},
    {"iam.v1.rotate_secret", "{\"type\":\"object\",\"properties\":{\"grace_period_days\":{\"type\":"
                             "\"integer\",\"minimum\":0,\"maximum\":30}}}"},
    {NULL, NULL},
};

const struct api api_twilio = {
    .title = "Twilio OAuth API",
    .description = "Tokens and keys in the shapes of the Twilio OAuth API, v1 and v2.",
    .document = "/v1/openapi.json",
    .basic = "The app's SID (OQ...) and secret, or the account's SID (AC...) and auth token.",
    .error_media = "application/json",
    .schemas = schemas,
};

static const struct op_param app_sid[] = {
    {"path", "id", true, "{\"type\":\"string\",\"pattern\":\"^OQ[0-9a-fA-F]{32}$\"}",
     "The SID of the app."},
    {0},
};

static const struct op_param pages[] = {
    {"query", "PageSize", false, "{\"type\":\"integer\",\"minimum\":1,\"maximum\":1000}",
     "Most apps in the answer; 50 unless said, never more than 100."},
    {"query", "Page", false, "{\"type\":\"integer\",\"minimum\":0}", "Counts along in the links."},
    {"query", "PageToken", false, "{\"type\":\"string\"}", "From next_page_url."},
    {0},
};

static const struct op_body create_bodies[] = {{JSON, "iam.v1.create_app"}, {0}};
static const struct op_body update_bodies[] = {{JSON, "iam.v1.update_app"}, {0}};
static const struct op_body secret_bodies[] = {{JSON, "iam.v1.rotate_secret"}, {0}};

static const struct op_answer create_app_answers[] = {
    {201, "The app, with its secret, which is shown this once.", JSON, "iam.v1.app"},
    {400, "A member is missing or wrong.", JSON, "Error"},
    REFUSED,
    {0},
};

const struct operation api_twilio_create_app = {
    .id = "CreateOAuthApp",
    .tag = "IamV1OAuthApps",
    .summary = "Register an OAuth app",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .bodies = create_bodies,
    .answers = create_app_answers,
};

static const struct op_answer apps_answers[] = {
    {200, "The apps.", JSON, "iam.v1.apps"},
    REFUSED,
    {0},
};

const struct operation api_twilio_apps = {
    .id = "ListOAuthApp",
    .tag = "IamV1OAuthApps",
    .summary = "The OAuth apps of the account",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .params = pages,
    .answers = apps_answers,
};

static const struct op_answer app_answers[] = {
    {200, "The app.", JSON, "iam.v1.app"},
    {404, "No such app of this account.", JSON, "Error"},
    REFUSED,
    {0},
};

const struct operation api_twilio_app = {
    .id = "FetchOAuthApp",
    .tag = "IamV1OAuthApps",
    .summary = "An OAuth app",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .params = app_sid,
    .answers = app_answers,
};

static const struct op_answer update_app_answers[] = {
    {200, "The app as it is now.", JSON, "iam.v1.app"},
    {400, "A member is wrong.", JSON, "Error"},
    {404, "No such app of this account.", JSON, "Error"},
    REFUSED,
    {0},
};

const struct operation api_twilio_update_app = {
    .id = "UpdateOAuthApp",
    .tag = "IamV1OAuthApps",
    .summary = "Change an OAuth app",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .bodies = update_bodies,
    .params = app_sid,
    .answers = update_app_answers,
};

static const struct op_answer delete_app_answers[] = {
    {204, "It is gone, and its tokens with it.", NULL, NULL},
    {404, "No such app of this account.", JSON, "Error"},
    REFUSED,
    {0},
};

const struct operation api_twilio_delete_app = {
    .id = "DeleteOAuthApp",
    .tag = "IamV1OAuthApps",
    .summary = "Delete an OAuth app",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .params = app_sid,
    .answers = delete_app_answers,
};

static const struct op_answer app_secret_answers[] = {
    {201, "The app, with the new secret; the old one lives on for the days of grace.", JSON,
     "iam.v1.app"},
    {404, "No such app of this account.", JSON, "Error"},
    REFUSED,
    {0},
};

const struct operation api_twilio_app_secret = {
    .id = "RotateOAuthAppSecret",
    .tag = "IamV1OAuthApps",
    .summary = "Give an OAuth app a new secret",
    .auth = OP_AUTH_BASIC | OP_AUTH_BEARER,
    .bodies = secret_bodies,
    .body_optional = true,
    .params = app_sid,
    .answers = app_secret_answers,
};
