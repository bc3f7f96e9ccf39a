/* claims: the JWT access tokens of the Twilio dialect. */
#ifndef DIALECT_TWILIO_CLAIMS_H
#define DIALECT_TWILIO_CLAIMS_H

#include "oauth/token/jwt_profile.h"

extern const struct jwt_profile claims_twilio;

#endif
