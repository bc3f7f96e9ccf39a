/* signer: what crypto/jwt needs of a signer beside crypto/keyring.h. For crypto/ only.
 */
#ifndef CRYPTO_SIGNER_H
#define CRYPTO_SIGNER_H

#include "crypto/keyring.h"

/* The encoded header of a JWT by that key and of that type, with the dot behind it. Valid until
 * the next call; kept, so the same type costs nothing. The empty str when `typ` is too long or
 * the key is not of the signer's ring. */
str signer_header(struct signer *s, const struct key *key, str typ);

#endif
