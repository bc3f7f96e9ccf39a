/* endpoints: the handlers of the Twine dialect, one file each. The route table is in twine.c. */
#ifndef DIALECT_TWINE_ENDPOINTS_H
#define DIALECT_TWINE_ENDPOINTS_H

#include "oauth/rq.h"

enum err token_twine(struct rq *rq);              /* POST /pub/oauth/token */
enum err token_groups_twine(struct rq *rq);       /* GET /pub/oauth/token/{id}/groups */
enum err token_organization_twine(struct rq *rq); /* GET /pub/oauth/token/{id}/organization */
enum err organization_twine(struct rq *rq);       /* GET /pub/organization/{id} */
enum err groups_twine_list(struct rq *rq);        /* GET /pub/group */
enum err groups_twine_create(struct rq *rq);      /* POST /pub/group */
enum err group_twine(struct rq *rq);              /* GET /pub/group/{id} */
/* Writes rq->failure as an error document. */
void refuse_twine(struct rq *rq);

#endif
