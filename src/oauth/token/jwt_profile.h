/* jwt_profile: what a dialect's JWT access tokens say, and in which words.
 *
 * The standard dialect writes RFC 9068 (typ at+jwt), Twilio's writes claims of its own (typ JWT).
 * A token's typ tells the profile, and so the dialect whose resources take it. What every JWT of
 * ours must prove (signature, issuer, audience, time, jti, epoch) is judged here, once.
 */
#ifndef OAUTH_TOKEN_JWT_PROFILE_H
#define OAUTH_TOKEN_JWT_PROFILE_H

#include "crypto/jwt.h"
#include "oauth/rq.h"
#include "oauth/token/verified.h"
#include "store/token.h"

struct jwt_profile {
    const char *typ; /* "at+jwt" */
    /* The claims for that row: a JSON object in the request's arena. */
    str (*write)(struct rq *rq, const struct token *row);
    /* What the profile names in its own words: client, spelling and scope of *out. The rest has
     * been judged. ERR_INVALID_TOKEN. */
    enum err (*read)(struct rq *rq, const struct jwt *jwt, struct jwt_facts *out);
};

/* RFC 9068: the standard dialect's. */
extern const struct jwt_profile jwt_profile_rfc9068;

/* A JWT of ours by signature, issuer and audience (RFC 9068 4), in its time now. Whether it has
 * been revoked is not asked. ERR_INVALID_TOKEN. */
enum err jwt_profile_read(struct rq *rq, str token, struct jwt_facts *out);

/* For writers: ,"NAME":"id of the client". */
void jwt_profile_put_client(struct buf *b, str name, const struct token *row, enum spelling as);
/* For writers: ,"jti":"id of the token","epoch":N. */
void jwt_profile_put_id(struct buf *b, const struct token *row);

#endif
