/* api: what the Twilio dialect says of itself in /v1/openapi.json. */
#ifndef DIALECT_TWILIO_API_H
#define DIALECT_TWILIO_API_H

#include "oauth/operation.h"

extern const struct api api_twilio;

#endif
