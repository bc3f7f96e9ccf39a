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
#include "oauth/token/person.h"
#include "oauth/token/verified.h"
#include "store/token.h"

struct jwt_profile {
    enum sign_profile profile; /* and so the typ */
    /* Appends the claims for that row of the authenticated client, a JSON object. who: NULL for a
     * machine's token. */
    void (*write)(struct rq *rq, struct buf *out, const struct token *row,
                  const struct person *who);
    /* What the profile names in its own words: client, spelling and scope of *out. The rest has
     * been judged. ERR_INVALID_TOKEN. */
    enum err (*read)(struct rq *rq, const struct jwt *jwt, struct jwt_facts *out);
};

/* RFC 9068: the standard dialect's. */
extern const struct jwt_profile jwt_profile_rfc9068;

/* A JWT of ours by signature and issuer (RFC 9068 4), in its time now. For whom it is, is for the
 * caller to judge (out->audience), as is whether it has been revoked. ERR_INVALID_TOKEN. */
enum err jwt_profile_read(struct rq *rq, str token, struct jwt_facts *out);

/* For writers: ,"NAME":"id of the client". */
void jwt_profile_put_client(struct buf *b, str name, const struct token *row, enum spelling as);
/* For writers: ,"jti":"id of the token","epoch":N, and the grant of a person (N is 0 then). */
void jwt_profile_put_id(struct buf *b, const struct token *row);
/* For writers: ,"aud":the issuer, or the resources of the token. */
void jwt_profile_put_audience(struct rq *rq, struct buf *b, const struct token *row);
/* For writers: ,"sub":the user as the client knows him, or the client itself. */
void jwt_profile_put_subject(struct rq *rq, struct buf *b, const struct token *row,
                             const struct person *who, enum spelling as);
/* For writers: ,"NAME":["word",...] of a space separated list. */
void jwt_profile_put_words(struct buf *b, str name, str words);

#endif
