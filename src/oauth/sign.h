/* sign: what is to be signed after the commit, and the hole it fills.
 *
 * A handler records the profile and the claims and leaves a hole in the response. The worker
 * fills the holes once the effects are durable, so no valid JWT exists for a grant that was
 * rolled back, and reruns sign nothing.
 */
#ifndef OAUTH_SIGN_H
#define OAUTH_SIGN_H

#include "crypto/jwt.h"
#include "http/response.h"

struct sign_job {
    struct uid kid; /* looked up again when signing: the ring may have been swapped */
    str typ;        /* "at+jwt" */
    str claims;     /* JSON object, in the arena */
    size_t hole;    /* index into res->holes */
    /* An id_token waits for its access token: `claims` is an object still open, at_hash comes. */
    bool at_hash;
    str access;         /* the opaque access token; p == NULL: it is a JWT */
    size_t access_hole; /* then: the hole that it fills, filled before */
};

struct rq;

/* The key that signs with that algorithm now. ERR_SERVER_ERROR without one; the log has what to do,
 * and for what it was wanted ("id_tokens"). */
enum err sign_find_key(struct rq *rq, enum jws_alg alg, const char *wanted_for,
                       const struct key **out);
/* Claims that no token can hold must be refused before anything is durable. */
bool sign_fits(const struct buf *claims);
/* Records a job; the JWT will stand at the present end of rq->res->body. */
void sign_leave_hole(struct rq *rq, const struct key *key, str typ, str claims);
/* The same for an id_token, whose claims get at_hash before they are signed. `access`: the opaque
 * access token; p == NULL: the JWT of the hole before. */
void sign_leave_id_token(struct rq *rq, const struct key *key, str claims, str access);
/* ,"NAME":"left half of the hash of text": at_hash, c_hash (OIDC Core 3.1.3.6, 3.3.2.11). */
void sign_put_hash(struct rq *rq, struct buf *b, str name, enum jws_alg alg, str text);
/* Fills every hole. ERR_SERVER_ERROR when the library fails. */
enum err sign_fill(struct rq *rq);

#endif
