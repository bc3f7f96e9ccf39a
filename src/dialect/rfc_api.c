/* rfc_api: the schemas of the standard dialect (RFC 6749 5, RFC 7662 2.2, RFC 7517, RFC 8414 2). */
#include "dialect/rfc_api.h"

static const struct op_schema schemas[] = {
    {"Token", "{\"type\":\"object\",\"properties\":{\"access_token\":{\"type\":\"string\"},\"token_"
              "type\":{\"type\":\"string\",\"enum\":[\"Bearer\"]},\"expires_in\":{\"type\":"
              "\"integer\"},\"refresh_token\":{\"type\":\"string\"},\"id_token\":{\"type\":"
              "\"string\"},\"scope\":{\"type\":\"string\"}},\"required\":[\"access_token\",\"token_"
              "type\",\"expires_in\"]}"},
    {"Pushed",
     "{\"type\":\"object\",\"properties\":{\"request_uri\":{\"type\":\"string\"},"
     "\"expires_in\":{\"type\":\"integer\"}},\"required\":[\"request_uri\",\"expires_in\"]"
     "}"},
    {"DeviceCodes",
     "{\"type\":\"object\",\"properties\":{\"device_code\":{\"type\":\"string\"},"
     "\"user_code\":{\"type\":\"string\"},\"verification_uri\":{\"type\":\"string\","
     "\"format\":\"uri\"},\"verification_uri_complete\":{\"type\":\"string\",\"format\":"
     "\"uri\"},\"expires_in\":{\"type\":\"integer\"},\"interval\":{\"type\":\"integer\"}},"
     "\"required\":[\"device_code\",\"user_code\",\"verification_uri\",\"expires_in\"]}"},
    {"Introspection",
     "{\"type\":\"object\",\"properties\":{\"active\":{\"type\":\"boolean\"},\"scope\":{\"type\":"
     "\"string\"},\"client_id\":{\"type\":\"string\"},\"sub\":{\"type\":\"string\"},\"token_type\":"
     "{\"type\":\"string\"},\"exp\":{\"type\":\"integer\"},\"iat\":{\"type\":\"integer\"},\"aud\":{"
     "\"type\":[\"string\",\"array\"]},\"username\":{\"type\":\"string\"},"
     "\"auth_time\":{\"type\":\"integer\"},\"acr\":{\"type\":\"string\"},\"iss\":{\"type\":"
     "\"string\",\"format\":\"uri\"},\"jti\":{\"type\":"
     "\"string\"}},\"required\":[\"active\"]}"},
    {"Userinfo", "{\"type\":\"object\",\"properties\":{\"sub\":{\"type\":\"string\"}},"
                 "\"required\":[\"sub\"]}"},
    {"SignedUserinfo", "{\"type\":\"string\"}"},
    {"Empty", "{\"type\":\"object\"}"},
    {"Keys", "{\"type\":\"object\",\"properties\":{\"keys\":{\"type\":\"array\",\"items\":{"
             "\"type\":\"object\",\"properties\":{\"kty\":{\"type\":\"string\"},\"kid\":{\"type\":"
             "\"string\"},\"use\":{\"type\":\"string\"},\"alg\":{\"type\":\"string\"},\"crv\":{"
             "\"type\":\"string\"},\"x\":{\"type\":\"string\"},\"y\":{\"type\":\"string\"},\"n\":{"
             "\"type\":\"string\"},\"e\":{\"type\":\"string\"}},\"required\":[\"kty\",\"kid\","
             "\"use\",\"alg\"]}}},\"required\":[\"keys\"]}"},
    {"Metadata",
     "{\"type\":\"object\",\"properties\":{\"issuer\":{\"type\":\"string\",\"format\":\"uri\"},"
     "\"token_endpoint\":{\"type\":\"string\",\"format\":\"uri\"},\"introspection_endpoint\":{"
     "\"type\":\"string\",\"format\":\"uri\"},\"revocation_endpoint\":{\"type\":\"string\","
     "\"format\":\"uri\"},\"jwks_uri\":{\"type\":\"string\",\"format\":\"uri\"},\"response_types_"
     "supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"grant_types_supported\":{"
     "\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"token_endpoint_auth_methods_"
     "supported\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}}},\"required\":[\"issuer\","
     "\"token_endpoint\",\"jwks_uri\",\"response_types_supported\"]}"},
    {"Flow",
     "{\"type\":\"object\",\"properties\":{\"client\":{\"type\":\"object\",\"properties\":{"
     "\"client_id\":{\"type\":\"string\",\"format\":\"uuid\"},\"client_sid\":{\"type\":\"string\"},"
     "\"name\":{\"type\":\"string\"},\"logo_uri\":{\"type\":[\"string\",\"null\"]},\"policy_uri\":{"
     "\"type\":[\"string\",\"null\"]},\"tos_uri\":{\"type\":[\"string\",\"null\"]},\"trusted\":{"
     "\"type\":\"boolean\"}},\"required\":[\"client_id\",\"client_sid\",\"name\"]},"
     "\"organization\":{\"type\":\"object\",\"properties\":{\"id\":{\"type\":\"string\"},\"name\":{"
     "\"type\":\"string\"}},\"required\":[\"id\",\"name\"]},\"scopes\":{\"type\":\"array\","
     "\"items\":{\"type\":\"string\"}},\"resources\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\"}},\"redirect_uri\":{\"type\":\"string\"},\"login_hint\":{\"type\":[\"string\","
     "\"null\"]},\"ui_locales\":{\"type\":[\"string\",\"null\"]},\"acr_values\":{\"type\":["
     "\"string\",\"null\"]},\"prompt\":{\"type\":[\"string\",\"null\"]},\"display\":{\"type\":["
     "\"string\",\"null\"]},\"max_age\":{\"type\":[\"integer\",\"null\"]},\"hinted_subject\":{"
     "\"type\":[\"string\",\"null\"]},\"new_scopes\":{\"type\":\"array\",\"items\":{\"type\":"
     "\"string\"}},\"signed_in\":{\"type\":[\"object\",\"null\"],\"properties\":{\"subject\":{"
     "\"type\":\"string\",\"format\":\"uuid\"},\"username\":{\"type\":\"string\"},\"auth_time\":{"
     "\"type\":\"integer\"}}},\"expires_at\":{\"type\":\"string\",\"format\":\"date-time\"}},"
     "\"required\":[\"client\",\"organization\",\"scopes\",\"new_scopes\",\"signed_in\",\"expires_"
     "at\"]}"},
    {"FlowAccept",
     "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"subject\":{\"type\":"
     "\"string\",\"description\":\"id of the user: UUID or "
     "US...\"},\"scope\":{\"type\":\"string\",\"description\":\"what was allowed; absent: all that "
     "was "
     "asked\"},\"amr\":{\"type\":\"array\",\"items\":{\"type\":\"string\"}},\"acr\":{"
     "\"type\":\"string\",\"minLength\":1,\"maxLength\":100,\"default\":\"pwd\"},\"auth_time\":{"
     "\"type\":\"integer\"},\"remember\":{\"type\":\"boolean\"}},\"required\":[\"subject\"]}"},
    {"FlowReject", "{\"type\":\"object\",\"additionalProperties\":false,\"properties\":{\"error\":{"
                   "\"type\":\"string\",\"default\":\"access_denied\"},\"error_description\":{"
                   "\"type\":\"string\",\"maxLength\":200}}}"},
    {"FlowDecided", "{\"type\":\"object\",\"properties\":{\"redirect_to\":{\"type\":\"string\","
                    "\"format\":\"uri\"}},\"required\":[\"redirect_to\"]}"},
    {"Error", "{\"type\":\"object\",\"properties\":{\"error\":{\"type\":\"string\"},\"error_"
              "description\":{\"type\":\"string\"}},\"required\":[\"error\"]}"},
    {NULL, NULL},
};

const struct api rfc_api = {
    .title = "OAuth 2.0",
    .description = "Tokens, introspection, revocation, keys and metadata as the RFCs have them.",
    .document = "/openapi.json",
    .basic = "Client id and secret, each percent-encoded first (RFC 6749 2.3.1).",
    .error_media = "application/json",
    .schemas = schemas,
};
