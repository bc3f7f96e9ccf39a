/* grant_type: the visible array of grants. */
#include "oauth/grant/grant_type.h"

#define IN(dialect) (1u << DIALECT_##dialect)

const struct grant_type grant_types[GRANT_TYPES] = {
    {
        .name = "client_credentials",
        .bit = GRANT_CLIENT_CREDENTIALS,
        .dialects = IN(RFC) | IN(TWINE) | IN(TWILIO),
        .spec = "RFC 6749 4.4",
        .need = client_credentials_need,
        .run = client_credentials_run,
    },
    {
        .name = "authorization_code",
        .bit = GRANT_AUTHORIZATION_CODE,
        .dialects = IN(RFC) | IN(TWILIO),
        .spec = "RFC 6749 4.1",
        .need = authorization_code_need,
        .run = authorization_code_run,
    },
    {
        .name = "urn:ietf:params:oauth:grant-type:device_code",
        .bit = GRANT_DEVICE_CODE,
        .dialects = IN(RFC) | IN(TWILIO),
        .spec = "RFC 8628 3.4",
        .need = device_code_need,
        .run = device_code_run,
    },
    {
        .name = "refresh_token",
        .bit = GRANT_REFRESH_TOKEN,
        .dialects = IN(RFC) | IN(TWINE) | IN(TWILIO),
        .spec = "RFC 6749 6",
        .need = refresh_token_need,
        .hold = refresh_token_hold,
        .run = refresh_token_run,
    },
};

const struct grant_type *grant_type_find(str name)
{
    for (size_t i = 0; i < GRANT_TYPES; i++)
        if (str_eq(name, str_from(grant_types[i].name)))
            return &grant_types[i];
    return NULL;
}
