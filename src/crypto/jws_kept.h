/* jws_kept: verifying contexts for the public keys of others, kept by one thread.
 *
 * To make one out of a JWK costs nearly as much as to check a signature with it, and a client signs
 * with the same key again and again.
 */
#ifndef CRYPTO_JWS_KEPT_H
#define CRYPTO_JWS_KEPT_H

#include "crypto/jws.h"

struct jws_kept;

struct jws_kept *jws_kept_open(void);
void jws_kept_close(struct jws_kept *k); /* NULL is fine */
/* A context for that key, which must fit the algorithm as with jwk_parse_public; NULL: it does not.
 * Good until the next call. */
struct jws_ctx *jws_kept_get(struct jws_kept *k, const struct json *jwk, enum jws_alg alg);
/* The same for the caller alone, who closes it. */
struct jws_ctx *jws_kept_never(const struct json *jwk, enum jws_alg alg);

#endif
