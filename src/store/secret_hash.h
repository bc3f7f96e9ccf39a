/* secret_hash: how a machine's secret is stored: a keyed fast hash, bound to whom it belongs. */
#ifndef STORE_SECRET_HASH_H
#define STORE_SECRET_HASH_H

#include "crypto/signer.h"

/* HMAC-SHA-256(pepper, purpose ‖ id ‖ secret). The caller has refused a secret of more than
 * LIMIT_SECRET bytes; purpose has at most 32. ERR_UNAVAILABLE: the keys are away. */
enum err secret_hash(struct signer *s, const struct key *pepper, str purpose, const struct uid *id,
                     str secret, struct digest *out);
/* The secret proved right: see signer_keep(). For secrets that were drawn, never for those that
 * people chose: in memory the hash is without its pepper what the key of this process makes it. */
void secret_hash_keep(struct signer *s, const struct key *pepper, str purpose, const struct uid *id,
                      str secret, const struct digest *hash);

#endif
