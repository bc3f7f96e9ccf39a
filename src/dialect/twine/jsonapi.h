/* jsonapi: the documents of the Twine dialect (JSON:API 1.0), written straight into the answer. */
#ifndef DIALECT_TWINE_JSONAPI_H
#define DIALECT_TWINE_JSONAPI_H

#include "oauth/rq.h"
#include "store/group.h"
#include "store/organization.h"

#define JSONAPI_NO_COUNT (-1)

/* True when the answer goes out as application/json: Accept names it and nothing that matches
 * application/vnd.api+json. */
bool jsonapi_plain(const struct http_req *req);
/* Starts an answer in the media type that the request accepts; the body is still empty. */
void jsonapi_answer(struct rq *rq, int status);
/* "{"meta":{"req_id":...,"count":N}", left open for the members that follow. */
void jsonapi_meta(struct buf *b, const struct uid *req_id, int64_t count);
/* Whole resource objects with their own links. */
void jsonapi_group(struct buf *b, const struct group *g);
void jsonapi_organization(struct buf *b, const struct organization *o);
/* Resource identifiers of n groups, separated by commas: {"type":"group","id":...},... */
void jsonapi_group_ids(struct buf *b, const struct id *ids, size_t n);
/* 200 with one organization as primary data. */
void jsonapi_send_organization(struct rq *rq, const struct organization *o);
/* `status` with one group as primary data. */
void jsonapi_send_group(struct rq *rq, int status, const struct group *g);

#endif
