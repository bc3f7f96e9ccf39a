/* token_pair: making the tokens that a grant gives, recording them, and filling token_issued.
 *
 * A token is described by its row (store/token.h), whether or not the row is written: a JWT takes
 * its claims from the same members, so that a replay makes the same JWT again.
 */
#ifndef OAUTH_TOKEN_TOKEN_PAIR_H
#define OAUTH_TOKEN_TOKEN_PAIR_H

#include "oauth/issue.h"
#include "oauth/token/person.h"

/* A row for the authenticated client: id, times, epoch, spelling. A family of its own. */
void token_pair_begin(struct rq *rq, const struct token_request *request, struct token *row);
/* The same for a grant of a person: all of its scope, and of its resources those that the request
 * names (RFC 8707 2.2). ERR_INVALID_TARGET. */
enum err token_pair_begin_user(struct rq *rq, const struct token_request *request,
                               const struct person *who, struct token *row);
/* The dialect's format of access tokens, or the client's. */
enum token_format token_pair_format(const struct rq *rq, const struct token_request *request);
/* Draws an opaque access token, or prepares a JWT, by format. who: NULL for a machine. */
enum err token_pair_access(struct rq *rq, enum token_format format, struct token *row,
                           const struct person *who, struct token_issued *out);
/* Draws a refresh token. */
void token_pair_refresh(struct rq *rq, struct token *row, struct token_issued *out);
/* Records the row if it holds anything. */
void token_pair_put(struct rq *rq, const struct token *row, const struct token_issued *out);
/* The answer that led to the row, once more: what it says, and its JWT if that is what it has. The
 * caller has opened the handles. */
enum err token_pair_again(struct rq *rq, struct token *row, const struct person *who,
                          struct token_issued *out);
/* What the row says, into the answer: id, scope, lifetime. */
void token_pair_describe(const struct token *row, struct token_issued *out);

#endif
