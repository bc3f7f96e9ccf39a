/* account_auth: HTTP Basic with an account's SID and auth token. */
#ifndef DIALECT_TWILIO_ACCOUNT_AUTH_H
#define DIALECT_TWILIO_ACCOUNT_AUTH_H

#include "oauth/rq.h"
#include "store/account.h"

/* OK without Authorization (*present is false then) and with a right pair. ERR_INVALID_CLIENT:
 * code 20003, with one text for every reason. */
enum err account_auth_optional(struct rq *rq, bool *present, struct account *out);
/* The refusal of a request that has no credentials where it needs some. */
enum err account_auth_missing(struct rq *rq);

#endif
