/* vault: whatever can open the sealed keys of a store, make new ones, and compute with them.
 *
 * Two kinds. vault_local has the master key at hand and opens keys into this process: the
 * subcommands, the signer's own process, unit tests, and a server told to be one process. The
 * other kind (signer/door.h) asks the signer process: the keyring that it gives holds public keys
 * of KEY_SIGNING, the secret of KEY_SHAPE, and of all others nothing but who they are.
 */
#ifndef CRYPTO_VAULT_H
#define CRYPTO_VAULT_H

#include "crypto/keyring.h"
#include "crypto/seal.h"
#include "crypto/sign_rules.h"

/* A row of the table of keys. */
struct sealed_key {
    struct key key; /* without pkey and secret */
    str sealed;     /* seal_put under "key:<kid>" */
};

struct vault;

struct vault_ops {
    /* All keys of the store as a ring; the caller owns one reference. On failure `why` says which
     * key and what to do: ERR_FORBIDDEN (sealed under a master key that the vault lacks),
     * ERR_INVALID_REQUEST (damaged), ERR_UNAVAILABLE (the signer does not answer). */
    enum err (*open)(struct vault *v, const struct sealed_key *rows, size_t n,
                     struct keyring **out, char *why, size_t why_size);
    /* A new key for that row (use, alg, id), sealed under the same master key as `like` (NULL: the
     * first), in the arena. A signing key's public part goes nowhere: it is opened like any other.
     */
    enum err (*make)(struct vault *v, struct arena *a, const struct key *key,
                     const struct key *like, str *sealed);
    /* The calling thread's door to those keys; signer_close() ends it. NULL: no room for another
     * thread. */
    struct signer *(*signer)(struct vault *v, struct keyring *ring);
    void (*close)(struct vault *v);
};

struct vault {
    const struct vault_ops *ops;
};

/* The master key stays the caller's and must outlive the vault. */
struct vault *vault_local(const struct master_key *master, const struct sign_rules *rules);

#endif
