/* misbehave: a server that is slow, refuses, or issues short-lived tokens, because the settings
 * fault.* ask for it: so that a team can test how its own client takes that.
 */
#ifndef OAUTH_MISBEHAVE_H
#define OAUTH_MISBEHAVE_H

#include "oauth/server.h"

/* Checks fault.routes against the route tables and, when anything is switched on, says so loudly in
 * the log and sets s->misbehaves. */
enum err misbehave_open(struct server *s, char *why, size_t why_size);
/* The fate of a routed request: OK, with rq->late when its answer shall be held back, or the
 * refusal that fault.status asks for. Drawn once; a rerun meets the same fate. */
enum err misbehave(struct rq *rq);
/* The life of an access token, cut to fault.token_ttl. */
int64_t misbehave_ttl_s(const struct server *s, int64_t ttl_s);

#endif
