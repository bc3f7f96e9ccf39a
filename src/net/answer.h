/* answer: the bytes of a response on their way to the client. */
#ifndef NET_ANSWER_H
#define NET_ANSWER_H

#include "net/conn.h"

/* Writes the exchange's response and sends what the socket takes. */
void answer_send(struct conn *c);
/* The socket takes more. */
void answer_flush(struct conn *c);
/* The answer has left or was given up: what it held of the budget of unsent bytes is free. */
void answer_release(struct conn *c);
/* Lets the application word a refusal and sends it. `closing`: nothing may follow on this
 * connection, its framing is lost. */
void answer_refuse(struct conn *c, enum err e, const char *reason, bool closing);
/* Refuses the request for what its source has failed at before: 429, Retry-After. */
void answer_refuse_source(struct conn *c, int retry_s, bool closing);
/* "100 Continue" (RFC 9110 10.1.1); false when the socket does not take it. */
bool answer_continue(struct conn *c);

#endif
