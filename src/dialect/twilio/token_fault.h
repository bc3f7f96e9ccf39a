/* token_fault: which of Twilio's numbers fits an access token that was refused. */
#ifndef DIALECT_TWILIO_TOKEN_FAULT_H
#define DIALECT_TWILIO_TOKEN_FAULT_H

#include "oauth/rq.h"

/* The code: not a JWT, not signed by us, over, not begun, or (revoked and so on) invalid. */
int token_fault(struct rq *rq, str token);

#endif
