/* record: audit rows (store/audit.h) of requests.
 *
 * A row goes with the effects of its request: no commit more than the request needs anyway. Only a
 * refusal that would write nothing costs one of its own, and only while its kind of event has room
 * (store/audit_gate.h); without room, or when the store does not take it, the refusal goes out all
 * the same. Rows name users and clients by id, never by what somebody typed.
 */
#ifndef OAUTH_RECORD_H
#define OAUTH_RECORD_H

#include "oauth/rq.h"

/* NULL, p == NULL: unknown, or of no interest. The client is the request's where there is one. */
struct record {
    const struct uid *user; /* who acted, if a person did */
    const struct uid *client, *subject_user;
    const struct id *organization;
    str account; /* who acted, if an account of an API did */
    str subject;
    str detail; /* a few words of ours */
};

/* With server_open: the node's name. */
void record_open(struct server *s);
/* It was done: holds if the handler returns OK. */
void record_done(struct rq *rq, enum audit_event event, const struct record *r);
/* It must be known whatever becomes of the request, which writes something in any case. */
void record_always(struct rq *rq, enum audit_event event, enum err result, const struct record *r);
/* It was refused because of `result`. One a request: the last one holds. */
void record_refused(struct rq *rq, enum audit_event event, enum err result, const struct record *r);

/* For the engine, before it looks whether something is to be committed: forgets the row of a
 * refusal that there is no room for. `away`: nothing can be written. */
void record_admit(struct rq *rq, bool away);
/* The commit failed: was it for such a row alone? Then the answer stands. */
bool record_is_spare(struct rq *rq);

#endif
