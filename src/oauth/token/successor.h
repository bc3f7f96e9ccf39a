/* successor: the tokens that a spent refresh token led to, sealed under that token.
 *
 * A client that lost the answer to its refresh asks again within the grace window and gets the
 * same answer. Nobody else can open the seal: its key derives from the old token's secret, of
 * which the store has only a hash.
 */
#ifndef OAUTH_TOKEN_SUCCESSOR_H
#define OAUTH_TOKEN_SUCCESSOR_H

#include "oauth/issue.h"

/* What a replay needs beside the successor's row. */
str successor_seal(struct rq *rq, const struct handle *old, const struct token_issued *next);
/* Fills access, refresh and request_id of *out. ERR_SERVER_ERROR if the seal does not open. */
enum err successor_open(struct rq *rq, const struct handle *old, const struct token *old_row,
                        struct token_issued *out);

#endif
