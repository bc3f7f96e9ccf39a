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

struct rq;
struct server_thread;

/* The key that signs with that algorithm now. ERR_SERVER_ERROR without one; the log has what to do,
 * and for what it was wanted ("id_tokens"). */
enum err sign_find_key(struct rq *rq, enum jws_alg alg, const char *wanted_for,
                       const struct key **out);
/* Claims that no token can hold must be refused before anything is durable. */
bool sign_fits(const struct buf *claims);
/* Records what fills the next hole, at the present end of rq->res->body. */
void sign_leave_hole(struct rq *rq, const struct key *key, enum sign_profile profile, str claims);
/* The same for an id_token, whose claims get at_hash before they are signed. `access`: the opaque
 * access token; p == NULL: the JWT of the hole before. */
void sign_leave_id_token(struct rq *rq, const struct key *key, str claims, str access);
/* ,"NAME":"left half of the hash of text": c_hash (OIDC Core 3.3.2.11). */
void sign_put_hash(struct rq *rq, struct buf *b, str name, enum jws_alg alg, str text);

/* Fills every hole of n requests (at least one) by one question to the signer. outcome[i]: OK,
 * ERR_UNAVAILABLE (the keys are away) or ERR_SERVER_ERROR, of which the log has more. */
void sign_fill(struct server_thread *t, struct rq **rqs, size_t n, enum err *outcome);

#endif
