/* signer: one thread's door to the keys of a ring: JWTs, keyed hashes, sealing keys.
 *
 * Behind it are the keys themselves (signer_open, in one process) or a process that has them
 * (signer/door.h). Callers see no difference but that the latter may be away: ERR_UNAVAILABLE.
 * Not thread-safe on purpose: one signer per thread. A new ring gets a new signer.
 */
#ifndef CRYPTO_SIGNER_H
#define CRYPTO_SIGNER_H

#include "base/arena.h"
#include "crypto/keyring.h"
#include "crypto/sign_rules.h"

/* One JWT to be signed. */
struct sign_item {
    struct uid kid;
    enum sign_profile profile;
    str claims; /* a JSON object; at_hash: still open, ,"at_hash":"..."} comes behind it */
    bool at_hash;
    str access;       /* what at_hash is of; p == NULL: the JWT of the item before this one */
    struct arena *to; /* where the JWT shall lie */
    enum err e;       /* OK, ERR_FORBIDDEN (against the rules), ERR_SERVER_ERROR, ERR_UNAVAILABLE */
    str jwt;          /* OK: the JWT */
};

/* One keyed hash that is wanted: HMAC-SHA-256 under a pepper or the pairwise key of the ring. */
struct hash_item {
    const struct key *key;
    str message; /* at most SIGNER_MESSAGE_MAX bytes */
    enum err e;  /* OK, ERR_FORBIDDEN (a longer one, another key), ERR_UNAVAILABLE, ... */
    struct digest hash;
};

/* What is behind the door. `door` is the backend's own; called from the signer's thread only. */
struct signer_ops {
    /* Sets e of each item, and jwt when that is OK. */
    void (*sign)(void *door, struct sign_item *items, size_t n);
    /* Sets e of each item, and hash when that is OK. */
    void (*hmac)(void *door, struct hash_item *items, size_t n);
    /* The sealing key of that pepper for that day (SIGNER_DAY_S long, counted from the epoch). Days
     * older than SIGNER_DAYS_BACK and later than tomorrow are refused: ERR_FORBIDDEN. */
    enum err (*subkey)(void *door, const struct key *pepper, int64_t day, uint8_t out[32]);
    void (*close)(void *door);
};

#define SIGNER_MESSAGE_MAX 2048
#define SIGNER_DAY_S       86400
/* What is sealed lives for a day at most (flow.ttl, a form's token), so it is of today or of
 * yesterday; one more for clocks of nodes that differ about midnight. */
#define SIGNER_DAYS_BACK 2

struct signer;

/* The ring has the secrets themselves. Both hold a reference to the ring. The rules stay the
 * caller's; NULL: it signs nothing (for subcommands, which only hash). */
struct signer *signer_open(struct keyring *ring, const struct sign_rules *rules);
struct signer *signer_open_door(struct keyring *ring, const struct signer_ops *ops, void *door);
void signer_close(struct signer *s);
struct keyring *signer_ring(struct signer *s);

/* Signs n items, in their order; each gets its own outcome. */
void signer_sign(struct signer *s, struct sign_item *items, size_t n);
/* n hashes by one question; each gets its own outcome, all zeros on failure. */
void signer_hmac_all(struct signer *s, struct hash_item *items, size_t n);
/* One, from memory if signer_keep was told of it. All zeros on failure. */
enum err signer_hmac(struct signer *s, const struct key *key, str message, struct digest *out);
/* The hash if that costs no question: kept, or the keys are in this process. Else false. */
bool signer_hmac_known(struct signer *s, const struct key *key, str message, struct digest *out);
/* That hash proved right (a secret matched it): kept under a key of this signer alone, so that the
 * same secret costs no question next time. What was wrong is never kept, and nothing that a person
 * chose may be. Does nothing where the keys are in this process. */
void signer_keep(struct signer *s, const struct key *key, str message, const struct digest *hash);
/* Kept while the signer lives. All zeros on failure. */
enum err signer_subkey(struct signer *s, const struct key *pepper, int64_t day, uint8_t out[32]);
/* Since signer_begin, has a hash or a sealing key not been given? Whatever came of it, the answer
 * must be that the keys were away. */
void signer_begin(struct signer *s);
bool signer_missed(const struct signer *s);
/* Verifying contexts of that key (public), made on first use. NULL unless it is a signing key of
 * this very ring. */
struct jws_ctx *signer_ctx(struct signer *s, const struct key *key);
/* For jwt_sign: the encoded header of a JWT by that key and of that type, with the dot behind it.
 * Valid until the next call; kept, so the same type costs nothing. The empty str when `typ` is too
 * long or the key is not of the signer's ring. */
str signer_header(struct signer *s, const struct key *key, str typ);

#endif
