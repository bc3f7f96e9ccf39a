/* sign: what is to be signed after the commit, and the hole it fills.
 *
 * A handler records the profile and the claims and leaves a hole in the response. The worker
 * fills the holes once the effects are durable, so no valid JWT exists for a grant that was
 * rolled back, and reruns sign nothing.
 */
#ifndef OAUTH_SIGN_H
#define OAUTH_SIGN_H

#include "crypto/jwt.h"
#include "http/response.h"

struct sign_job {
    struct uid kid; /* looked up again when signing: the ring may have been swapped */
    str typ;        /* "at+jwt" */
    str claims;     /* JSON object, in the arena */
    size_t hole;    /* index into res->holes */
};

struct rq;

/* Records a job; the JWT will stand at the present end of rq->res->body. */
void sign_leave_hole(struct rq *rq, const struct key *key, str typ, str claims);
/* Fills every hole. ERR_SERVER_ERROR when the library fails. */
enum err sign_fill(struct rq *rq);

#endif
