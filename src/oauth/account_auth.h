/* account_auth: HTTP Basic with an account's SID and auth token.
 *
 * `challenge` is the WWW-Authenticate value of a refusal: each dialect has a realm of its own.
 */
#ifndef OAUTH_ACCOUNT_AUTH_H
#define OAUTH_ACCOUNT_AUTH_H

#include "oauth/rq.h"
#include "store/account.h"

/* OK without Authorization (*present is false then) and with a right pair. ERR_INVALID_CLIENT with
 * one text for every reason. */
enum err account_auth_optional(struct rq *rq, const char *challenge, bool *present,
                               struct account *out);
/* The refusal of a request that has no credentials where it needs some. */
enum err account_auth_missing(struct rq *rq, const char *challenge);
/* OK only with a right pair. */
enum err account_auth_require(struct rq *rq, const char *challenge, struct account *out);

#endif
