/* key: signing keys, peppers, the shape key and the pairwise key, sealed under the master key. */
#ifndef STORE_KEY_H
#define STORE_KEY_H

#include "crypto/keyring.h"
#include "crypto/vault.h"
#include "store/effects.h"

/* All keys, as far as the vault lets them be seen. Errors and `why` are the vault's, or why the
 * store could not be read. The caller owns one reference. */
enum err key_load(struct db *db, struct vault *vault, struct keyring **out, char *why,
                  size_t why_size);
/* The same by a master key at hand. ERR_FORBIDDEN: a row is sealed under a master key that we do
 * not hold; `why` says which fingerprint. The caller owns one reference. */
enum err key_load_ring(struct db *db, const struct master_key *master, struct keyring **out,
                       char *why, size_t why_size);
/* Of two master keys, puts the one in front that seals the keys of the store. A node whose file
 * still has both lines must not go on to seal under the old one, nor begin with the new one too
 * early. */
void key_choose_master(struct master_key *master, const struct keyring *ring);
/* Makes a key of that use and algorithm in that state, sealed under master->keys[0]; it misses when
 * another master key seals the keys of the store. One key of a use and algorithm is active:
 * putting a second one misses, so retire the first before, in the same set. */
enum err key_put_new(struct effects *fx, struct arena *a, const struct master_key *master,
                     enum key_use use, enum jws_alg alg, enum key_state state, int64_t now_s,
                     struct uid *id);
/* Makes and publishes the signing key that shall follow `old`, sealed as that is. Expects that
 * `old` is active and that no key of its algorithm is published already: of two processes that do
 * it at once, one does.
 */
enum err key_put_successor(struct effects *fx, struct arena *a, const struct master_key *master,
                           const struct key *old, int64_t now_s, struct uid *id);
/* The same through a vault, whose errors and `why` it gives. */
enum err key_put_next(struct effects *fx, struct arena *a, struct vault *vault,
                      const struct key *old, int64_t now_s, struct uid *id, char *why,
                      size_t why_size);
/* Expects that the key is in `from`, and, to become active, that no other of its use and algorithm
 * is. */
void key_set_state(struct effects *fx, const struct uid *id, enum key_state from, enum key_state to,
                   int64_t now_s);
/* Expects that the key is in that state and keeps it there until the commit, for whoever relies on
 * it. */
void key_hold(struct effects *fx, const struct uid *id, enum key_state state);
/* Keeps the key as it is until the commit, if it is there. */
void key_lock(struct effects *fx, const struct uid *id);
/* Expects that the key is retired and no live client secret, auth token or password needs it. */
void key_delete(struct effects *fx, const struct uid *id, int64_t now_s);
/* Seals every row again under master->keys[0]; *n: rows resealed. Every process reads its keys
 * again: one that lacks the new master key says so now, not when it is started again. */
enum err key_reseal(struct db *db, struct effects *fx, struct arena *a,
                    const struct master_key *master, size_t *n);
/* First start: one active ES256 key, one pepper, one shape key, one pairwise key. Only into an
 * empty table. */
enum err key_put_first(struct effects *fx, struct arena *a, const struct master_key *master,
                       int64_t now_s);
enum err key_count(struct db *db, int64_t *n);
enum err key_count_use(struct db *db, enum key_use use, int64_t *n);
/* Signing keys of that algorithm, whatever their state. */
enum err key_count_alg(struct db *db, enum jws_alg alg, int64_t *n);

#endif
