/* reach: which groups a token may see. They are its client's, live, not frozen at issue. */
#ifndef DIALECT_TWINE_REACH_H
#define DIALECT_TWINE_REACH_H

#include "oauth/rq.h"
#include "oauth/token/bearer.h"
#include "store/group.h"

/* A Bearer token of this dialect whose scope has that word. 401, 403. */
enum err reach_require(struct rq *rq, str scope, struct bearer *out);
/* The token named by {id} must be the bearer's own, or a live one of the same client; 403 for
 * every other, without a difference; 404 when it is no id. */
enum err reach_token(struct rq *rq, const struct bearer *b, struct id *id);
/* All groups that the client may see. */
struct group_query reach_groups(const struct cached_client *c);
/* Their ids: from the client's cached entry where it has them. */
enum err reach_group_ids(struct rq *rq, const struct cached_client *c, const struct id **ids,
                         size_t *n);
/* Whether it may see this one. */
enum err reach_group(struct rq *rq, const struct cached_client *c, const struct group *g,
                     bool *yes);

#endif
