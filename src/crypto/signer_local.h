/* signer_local: the signer that has the keys in its own memory. For crypto/signer.c only. */
#ifndef CRYPTO_SIGNER_LOCAL_H
#define CRYPTO_SIGNER_LOCAL_H

#include "crypto/signer.h"

extern const struct signer_ops signer_local_ops;

/* Its door, for a signer `s` that is being opened; lives until ops.close. rules may be NULL. */
void *signer_local_new(struct signer *s, const struct sign_rules *rules);

#endif
