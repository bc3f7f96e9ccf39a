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
/* As jws_open_jwk; good until the next call. NULL also where memory was so short that the reserve
 * had to help (base/heap.h): it is not for what stays. */
struct jws_ctx *jws_kept_get(struct jws_kept *k, enum jws_alg alg, const struct json *jwk);

#endif
