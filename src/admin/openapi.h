/* openapi: the documents in which each dialect describes itself (OpenAPI 3.1). */
#ifndef ADMIN_OPENAPI_H
#define ADMIN_OPENAPI_H

#include "oauth/rq.h"

/* GET of a dialect's document: every route of rq->dialect that has an operation. */
enum err openapi_document(struct rq *rq);

#endif
