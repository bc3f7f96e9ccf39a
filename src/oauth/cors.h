/* cors: which pages of browsers may read an answer (Fetch 3.2; security.md 10, 57, A30).
 *
 * A single-page app calls the token endpoint, revocation, userinfo, the keys and the metadata from
 * its own origin. Routes say whose origins they let in: those registered for the client that the
 * request is of, or, where no client is known (preflights, public documents), for any client. That
 * origin alone is named, never *, and never with credentials: no cookie is read on these paths.
 */
#ifndef OAUTH_CORS_H
#define OAUTH_CORS_H

#include "oauth/rq.h"

/* Which origin may read the answer to this request: into rq->allow_origin. After the handler has
 * run, as it may have found the client. */
void cors_decide(struct rq *rq);
/* The headers of the answer or refusal. */
void cors_write(struct rq *rq);
/* OPTIONS: a browser asks before it sends (Fetch 3.2.2). */
enum err cors_preflight(struct rq *rq);

#endif
