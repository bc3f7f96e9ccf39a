/* answer: what every answer of the Twilio dialect begins with. */
#ifndef DIALECT_TWILIO_ANSWER_H
#define DIALECT_TWILIO_ANSWER_H

#include "oauth/rq.h"

/* Status, media type JSON, no-store, X-Request-Id, Twilio-Request-Id and the CORS headers. */
void answer_twilio(struct rq *rq, int status);
/* Twilio-Request-Id and the CORS headers alone. */
void answer_twilio_headers(struct rq *rq);

#endif
