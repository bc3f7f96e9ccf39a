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
    enum err (*open)(struct vault *v, const struct sealed_key *rows, size_t n, struct keyring **out,
                     char *why, size_t why_size);
    /* A new key for that row (use, alg, id), sealed under the same master key as `like` (NULL: the
     * first), in the arena. A signing key's public part goes nowhere: it is opened like any other.
     * `why` as above. */
    enum err (*make)(struct vault *v, struct arena *a, const struct key *key,
                     const struct key *like, str *sealed, char *why, size_t why_size);
    /* The calling thread's door to those keys; signer_close() ends it. NULL: no room for another
     * thread. */
    struct signer *(*signer)(struct vault *v, struct keyring *ring);
    void (*close)(struct vault *v);
};

struct vault {
    const struct vault_ops *ops;
};

/* The master key stays the caller's and must outlive the vault. `rules`: what may be signed;
 * copied, its strings are not. NULL for a vault of which no signer is wanted. */
struct vault *vault_local(const struct master_key *master, const struct sign_rules *rules);
/* Reads the master key; errors and `why` are those of seal_read_master(). */
typedef enum err vault_read(void *arg, struct master_key *out, char *why, size_t why_size);
/* As vault_local, with the master key read when it is needed and wiped behind that. */
struct vault *vault_reader(vault_read *read, void *arg, const struct sign_rules *rules);
/* A vault_reader() of the file at `path`, which must outlive it. */
struct vault *vault_file(const char *path, const struct sign_rules *rules);
/* NULL is fine. */
void vault_close(struct vault *v);
/* Which key this is and what to do, when opening it failed so. `master_path`: for messages. */
void vault_explain(enum err e, const struct sealed_key *row, const char *master_path, char *why,
                   size_t why_size);
#define VAULT_CONTEXT (4 + UID_SID_CHARS)
/* "key:<kid>", under which a key is sealed. */
str vault_context(const struct key *key, char out[VAULT_CONTEXT]);

#endif
