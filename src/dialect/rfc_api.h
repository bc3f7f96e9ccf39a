/* rfc_api: what the standard dialect says of itself in /openapi.json. */
#ifndef DIALECT_RFC_API_H
#define DIALECT_RFC_API_H

#include "oauth/operation.h"

extern const struct api rfc_api;

#endif
