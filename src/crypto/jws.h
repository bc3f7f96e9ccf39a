/* jws: signatures in compact form (RFC 7515) over the algorithm table of crypto/jwk.
 *
 * The algorithm and the key come from our configuration, never from the header of the token
 * (RFC 8725 3.1, 3.2).
 */
#ifndef CRYPTO_JWS_H
#define CRYPTO_JWS_H

#include "crypto/jwk.h"

/* Signing and verifying contexts of one thread for one key; kept, since setting one up costs as
 * much as half a signature. */
struct jws_ctx;

struct jws_ctx *jws_open(enum jws_alg alg, const struct pkey *key);
/* One that verifies by a public JWK, which must fit the algorithm as with jwk_parse_public. NULL:
 * it does not, or the library fails. */
struct jws_ctx *jws_open_jwk(enum jws_alg alg, const struct json *jwk);
void jws_close(struct jws_ctx *ctx);
/* Raw JOSE signature (ES256: r ‖ s, 64 bytes). *n: in room, out used. ERR_SERVER_ERROR if the
 * library fails. */
enum err jws_sign(struct jws_ctx *ctx, str input, uint8_t *signature, size_t *n);
/* OK or ERR_INVALID_TOKEN. Lengths and ranges are checked first (security.md 48). */
enum err jws_verify(struct jws_ctx *ctx, str input, str signature);

#endif
