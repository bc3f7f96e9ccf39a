/* bearer: from a presented access token to what it grants. */
#ifndef OAUTH_TOKEN_BEARER_H
#define OAUTH_TOKEN_BEARER_H

#include "oauth/rq.h"
#include "oauth/token/person.h"
#include "store/token.h"

struct bearer {
    const struct cached_client *client;
    struct id id; /* token id (row or jti) */
    struct id grant;
    str scope;
    int dialect;
    enum spelling spelling;
    bool jwt;
    bool is_refresh; /* bearer_resolve only */
    bool spent;      /* a refresh token that has been used */
    int64_t issued_s, exp_s;
    int64_t family_exp_s;     /* when the grant's last token is surely dead */
    str audience;             /* the issuer, or resources (RFC 8707), separated by spaces */
    bool for_issuer;          /* the issuer is among them: it opens resources of our own */
    const struct person *who; /* in the arena; NULL: a machine's */
};

/* Any token of ours, whatever its format: found, in time, epoch right, grant live, client
 * enabled. ERR_INVALID_TOKEN (one answer for all reasons, security.md A33), ERR_UNAVAILABLE.
 * Refresh tokens too when `refresh` is set. */
enum err bearer_resolve(struct rq *rq, str token, bool refresh, struct bearer *out);
/* The Authorization header of a resource request: exactly one "Bearer" (any case) token of this
 * dialect, and for the issuer (RFC 9068 4). ERR_INVALID_TOKEN. Never from the query or the body
 * (security.md 36). */
enum err bearer_require(struct rq *rq, struct bearer *out);
/* ERR_INSUFFICIENT_SCOPE unless the token's scope has that word. */
enum err bearer_need_scope(struct rq *rq, const struct bearer *b, str word);
/* For writers: ,"NAME":"id of the token's client", as the token spells it. */
void bearer_put_client(struct buf *b, str name, const struct bearer *t);

#endif
