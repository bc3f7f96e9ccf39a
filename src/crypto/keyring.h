/* keyring: all keys that are in force, as one immutable snapshot.
 *
 * store/key.c loads it, the server swaps it whole when a key changes. Threads hold a reference
 * each, and a signer with their own contexts.
 *
 * A signing key is `published` (in the JWKS, does not sign yet), `active` (one per algorithm
 * signs) or `retired` (in the JWKS until nothing signed by it can be alive). Peppers key the
 * hashes of client secrets. The shape key makes tokens that look like UUIDs. The pairwise key makes
 * subjects that differ from client to client; it never changes, since they would.
 */
#ifndef CRYPTO_KEYRING_H
#define CRYPTO_KEYRING_H

#include <stdatomic.h>

#include "base/id.h"
#include "crypto/hash.h"
#include "crypto/jws.h"
#include "crypto/seal.h"

enum key_use { KEY_SIGNING, KEY_PEPPER, KEY_SHAPE, KEY_PAIRWISE };
enum key_state { KEY_PUBLISHED, KEY_ACTIVE, KEY_RETIRED };

struct key {
    struct uid id; /* kid = "IC" + 32 hex digits */
    enum key_use use;
    enum key_state state;
    enum jws_alg alg;                             /* KEY_SIGNING */
    struct pkey *pkey;                            /* KEY_SIGNING */
    struct secret secret;                         /* KEY_SHAPE: 16 bytes, others: 32 */
    int64_t created_s, activated_s, retired_s;    /* 0: not yet */
    uint8_t sealed_under[SEAL_FINGERPRINT_BYTES]; /* which master key opened its row */
};

struct keyring {
    atomic_int refs;
    struct key *keys;
    size_t n;
    str jwks; /* the JWKS document, ready to send */
};

/* An array of n keys, zeroed, for keyring_new: since secrets lie in it by value, it is in the
 * library's secure heap if there is one (jwk_secure_heap). Ends the process when there is no room.
 */
struct key *keyring_array(size_t n);
/* Takes ownership of the keys (the array, of keyring_array or malloc'd, and what they hold); one
 * reference. */
struct keyring *keyring_new(struct key *keys, size_t n);
struct keyring *keyring_ref(struct keyring *ring);
void keyring_unref(struct keyring *ring);
/* The active key of that use (and algorithm, for signing), or NULL. */
const struct key *keyring_active(const struct keyring *ring, enum key_use use, enum jws_alg alg);
const struct key *keyring_find(const struct keyring *ring, enum key_use use, const struct uid *id);
/* By the kid of a token header: "IC" + 32 hex digits, exactly. */
const struct key *keyring_by_kid(const struct keyring *ring, str kid);
/* Writes the 34 characters of the kid. */
void keyring_kid(const struct key *key, char out[UID_SID_CHARS]);

#endif
