/* jwk_set: the public keys of somebody else, a client (RFC 7517 5).
 *
 * A set is judged when it is registered, so that a defect is told to whoever can mend it, and every
 * key again when it is used (jwt_verify_jwks): what the store holds is not trusted to be sound.
 */
#ifndef CRYPTO_JWK_SET_H
#define CRYPTO_JWK_SET_H

#include "crypto/jwk.h"

#define JWK_SET_BYTES 32768
#define JWK_SET_KEYS  16

/* May this text be registered as a client's JWKS (security.md 41, 49)? At most 32 KiB and 16 keys,
 * none with private members, none symmetric; each RSA of 2048 to 4096 bits, EC P-256 on its curve
 * or Ed25519; keys with "use":"enc" may be of other kinds and are never used here. At least one can
 * verify a signature. ERR_INVALID_REQUEST, and in *why a sentence that names the key. */
enum err jwk_set_check(struct arena *a, str text, str *why);
/* The "keys" of a parsed set; NULL when it is no set. */
const struct json *jwk_set_keys(const struct json *set);

#endif
