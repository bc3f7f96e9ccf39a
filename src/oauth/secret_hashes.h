/* secret_hashes: what a machine has shown, hashed under every pepper in force.
 *
 * The signer has the peppers. So that a flood of guesses does not hold up everybody else on its
 * worker by a question each, all guesses of a worker's turn are one question: the handler leaves
 * with ERR_SLOW, and runs again once the answer is there. A secret that proved right before costs
 * no question (signer_keep), so honest requests run once. A handler judges one secret, however
 * often: there is room for the hashes of one.
 */
#ifndef OAUTH_SECRET_HASHES_H
#define OAUTH_SECRET_HASHES_H

#include "crypto/signer.h"

struct rq;
struct server_thread;

/* Of one request. What has been asked for is there in the next run, unless that is elsewhere. */
struct secret_hashes {
    str message;
    struct digest *under; /* under[k] is of key k of the thread's ring; NULL: not there */
    bool asked;           /* it cost a question */
    bool wanted;          /* ... which is still to be put: FLOW_ASK */
};

/* The message under each key of the ring that is a pepper; (*out)[k] is of key k. The same work for
 * whatever message (security.md A32). ERR_SLOW: on a worker, the request runs again. Else the keys
 * are away or refuse, as signer_missed() says. */
enum err secret_hashes_get(struct rq *rq, str message, const struct digest **out);
/* The message proved right: the next time its hashes cost no question. */
void secret_hashes_keep(struct rq *rq);
/* Puts the questions of n requests (at least one) as one. outcome[i] OK: request i can run again,
 * on this thread and with this ring. */
void secret_hashes_ask(struct server_thread *t, struct rq **rqs, size_t n, enum err *outcome);

#endif
