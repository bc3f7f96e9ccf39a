/* api: what the Twine dialect says of itself in /pub/openapi.json, operation by operation. */
#ifndef DIALECT_TWINE_API_H
#define DIALECT_TWINE_API_H

#include "oauth/operation.h"

extern const struct api api_twine;
extern const struct operation api_twine_create_token, api_twine_token_groups,
    api_twine_token_organization, api_twine_organization, api_twine_groups, api_twine_create_group,
    api_twine_group;

#endif
