/* user_tokens: the first tokens of a grant of a person, whether a code or a device code led to it.
 */
#ifndef OAUTH_TOKEN_USER_TOKENS_H
#define OAUTH_TOKEN_USER_TOKENS_H

#include "oauth/token/token_pair.h"

/* Leaves to the grant what the client may still have of its scope. ERR_INVALID_GRANT: nothing. */
enum err user_tokens_narrow(struct rq *rq, struct person *who);
/* Narrows the grant; then: access token, refresh token if it is due, id_token if openid was
 * granted; records their row. code: what was redeemed; p == NULL: none. *end_s: when the last of
 * them is surely dead. */
enum err user_tokens_first(struct rq *rq, const struct token_request *request, struct person *who,
                           str code, struct token_issued *out, int64_t *end_s);

#endif
