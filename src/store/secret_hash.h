/* secret_hash: how a machine's secret is stored: a keyed fast hash, bound to whom it belongs. */
#ifndef STORE_SECRET_HASH_H
#define STORE_SECRET_HASH_H

#include "crypto/keyring.h"

/* HMAC-SHA-256(pepper, purpose ‖ id ‖ secret). The caller has refused a secret of more than
 * LIMIT_SECRET bytes; purpose has at most 32. */
void secret_hash(struct hasher *h, const struct key *pepper, str purpose, const struct uid *id,
                 str secret, struct digest *out);

#endif
