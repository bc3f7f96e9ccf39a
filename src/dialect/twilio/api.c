/* api: the schemas of the Twilio dialect, named as in Twilio's own description. The operations
 * stand beside their handlers.
 */
#include "dialect/twilio/api.h"

#include <stddef.h>

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
    {"Error", "{\"type\":\"object\",\"properties\":{\"code\":{\"type\":\"integer\"},\"message\":{"
              "\"type\":\"string\"},\"more_info\":{\"type\":\"string\",\"format\":\"uri\"},"
              "\"status\":{\"type\":\"integer\"}},\"required\":[\"code\",\"message\",\"status\"]}"},
    {NULL, NULL},
};

const struct api api_twilio = {
    .title = "Twilio OAuth API: for machines",
    .description = "Tokens and keys in the shapes of the Twilio OAuth API, v1 and v2.",
    .document = "/v1/openapi.json",
    .basic = "The app's SID (OQ...) and secret, or the account's SID (AC...) and auth token.",
    .error_media = "application/json",
    .schemas = schemas,
};
