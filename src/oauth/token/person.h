/* person: who stands behind a grant of a user, as long as it is live.
 *
 * A code, a device code, a refresh token and an access token all lead to the same questions: is the
 * grant unrevoked and of this client, is its user there and enabled, has nobody revoked everything
 * of client, organization or user since? They are asked here.
 */
#ifndef OAUTH_TOKEN_PERSON_H
#define OAUTH_TOKEN_PERSON_H

#include "oauth/rq.h"
#include "store/user.h"
#include "store/user_grant.h"

struct person {
    struct user_grant grant;
    struct user user;
    int64_t epoch; /* client's + organization's + user's: what the tokens carry */
};

/* ERR_INVALID_TOKEN, one for all reasons; ERR_UNAVAILABLE. */
enum err person_load(struct rq *rq, const struct cached_client *client, const struct id *grant,
                     struct person *out);
/* The same from memory as far as it is there (store/person_cache.h), for JWTs only: whether the
 * grant has been revoked is asked of server.changes.revoked. On a shared store. */
enum err person_recall(struct rq *rq, const struct cached_client *client, const struct id *grant,
                       struct person *out);
/* The same for a grant that has been loaded into out->grant. */
enum err person_judge(struct rq *rq, const struct cached_client *client, struct person *out);

#endif
