/* api: what the Twilio dialect says of itself in /v1/openapi.json. */
#ifndef DIALECT_TWILIO_API_H
#define DIALECT_TWILIO_API_H

#include "oauth/operation.h"

extern const struct api api_twilio;
extern const struct operation api_twilio_create_app, api_twilio_apps, api_twilio_app,
    api_twilio_update_app, api_twilio_delete_app, api_twilio_app_secret;

#endif
