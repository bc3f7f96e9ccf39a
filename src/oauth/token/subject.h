/* subject: what a client is told that a user is called (OIDC Core 8).
 *
 * Public: the user's id, in the spelling of the request. Pairwise: base64url(HMAC-SHA-256(pairwise
 * key, sector ‖ 0 ‖ id)), so two sectors cannot compare notes. The pairwise key is made once and
 * never rotated: subs must stay.
 */
#ifndef OAUTH_TOKEN_SUBJECT_H
#define OAUTH_TOKEN_SUBJECT_H

#include "oauth/rq.h"
#include "store/user.h"

/* The sub of that user at that client, in the arena. */
str subject_of(struct rq *rq, const struct cached_client *client, const struct uid *user,
               enum spelling spelling);
/* The sid of that session: its id, or pairwise as the sub is, or sessions would tell what subs do
 * not. */
str subject_session(struct rq *rq, const struct cached_client *client, const struct id *session);

#endif
