/* secret_hash: how a machine's secret is stored: a keyed fast hash, bound to whom it belongs. */
#ifndef STORE_SECRET_HASH_H
#define STORE_SECRET_HASH_H

#include "crypto/signer.h"

/* HMAC-SHA-256(pepper, purpose ‖ id ‖ secret). The caller has refused a secret of more than
 * LIMIT_SECRET bytes; purpose has at most 32. ERR_UNAVAILABLE: the keys are away. */
enum err secret_hash(struct signer *s, const struct key *pepper, str purpose, const struct uid *id,
                     str secret, struct digest *out);
/* What is hashed, for signer_hmac_all and signer_keep. The latter for secrets that were drawn,
 * never for those that people chose: in memory the hash is without its pepper what the key of this
 * process makes it. */
str secret_hash_message(struct arena *a, str purpose, const struct uid *id, str secret);

#endif
