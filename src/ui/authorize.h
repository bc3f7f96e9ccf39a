/* authorize: what the two authorization endpoints and the end of a session share. */
#ifndef UI_AUTHORIZE_H
#define UI_AUTHORIZE_H

#include "oauth/rq.h"

/* An authorization request by the rules of that dialect. */
enum err authorize_run(struct rq *rq, enum dialect_id dialect);
/* A POST of another site is answered with a redirect that brings cookies along: then *done. */
enum err authorize_again_by_get(struct rq *rq, bool *done);
/* Drops what a HEAD would have done. */
void authorize_head(struct rq *rq);

#endif
