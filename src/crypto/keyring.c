/* keyring: the snapshot of all keys in force, shared by reference count.
 *
 * A ring never changes after keyring_new, so threads read it without a lock; only the counter is
 * atomic. The last holder wipes and frees everything. The JWKS document is written once, here,
 * from the public members of signing keys in every state (security.md 50: a retired key stays
 * published until store/ deletes it, and store/ knows how long its tokens live).
 * Look-ups are linear: a ring holds a handful of keys.
 */
#include "crypto/keyring.h"

#include <openssl/crypto.h>
#include <stdlib.h>

#include "base/log.h"

#define ENTRY_MAX 1024 /* an RSA entry of 4096 bits takes 800 */
#define KID_SID   "IC"

/* The document of RFC 7517 5, malloc'd. */
static str write_jwks(const struct key *keys, size_t n)
{
    struct arena a;
    struct buf b;
    size_t cap = (n + 1) * ENTRY_MAX;
    arena_init(&a, 4 * cap + 65536); /* growth leaves the smaller pieces behind */
    buf_init(&b, &a, ENTRY_MAX, cap);
    BUF_LIT(&b, "{\"keys\":[");
    for (size_t i = 0; i < n; i++) {
        char kid[UID_SID_CHARS];
        if (keys[i].use != KEY_SIGNING)
            continue;
        json_item(&b);
        keyring_kid(&keys[i], kid);
        jwk_write_entry(&b, keys[i].pkey, keys[i].alg, str_make(kid, sizeof kid));
    }
    BUF_LIT(&b, "]}");
    char *text = b.overflow ? NULL : malloc(b.n);
    if (!text)
        fatal("no memory for the JWKS document");
    memcpy(text, b.p, b.n);
    str out = str_make(text, b.n);
    arena_free(&a);
    return out;
}

struct key *keyring_array(size_t n)
{
    struct key *keys = OPENSSL_secure_zalloc((n ? n : 1) * sizeof *keys);
    if (!keys)
        fatal("no memory for a keyring");
    return keys;
}

struct keyring *keyring_new(struct key *keys, size_t n)
{
    struct keyring *ring = calloc(1, sizeof *ring);
    if (!ring)
        fatal("no memory for a keyring");
    atomic_init(&ring->refs, 1);
    ring->keys = keys;
    ring->n = n;
    ring->jwks = write_jwks(keys, n);
    return ring;
}

struct keyring *keyring_ref(struct keyring *ring)
{
    atomic_fetch_add_explicit(&ring->refs, 1, memory_order_relaxed);
    return ring;
}

void keyring_unref(struct keyring *ring)
{
    /* What other threads did with the ring happens before the last one frees it. */
    if (!ring || atomic_fetch_sub_explicit(&ring->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < ring->n; i++)
        jwk_free(ring->keys[i].pkey);
    OPENSSL_secure_clear_free(ring->keys, ring->n * sizeof *ring->keys);
    free((char *)ring->jwks.p);
    free(ring);
}

const struct key *keyring_active(const struct keyring *ring, enum key_use use, enum jws_alg alg)
{
    for (size_t i = 0; i < ring->n; i++) {
        const struct key *k = &ring->keys[i];
        if (k->use == use && k->state == KEY_ACTIVE && (use != KEY_SIGNING || k->alg == alg))
            return k;
    }
    return NULL;
}

const struct key *keyring_find(const struct keyring *ring, enum key_use use, const struct uid *id)
{
    for (size_t i = 0; i < ring->n; i++)
        if (ring->keys[i].use == use && uid_eq(&ring->keys[i].id, id))
            return &ring->keys[i];
    return NULL;
}

const struct key *keyring_by_kid(const struct keyring *ring, str kid)
{
    struct uid id;
    enum spelling spelling;
    char exact[UID_SID_CHARS];
    if (kid.n != UID_SID_CHARS || !uid_parse(kid, KID_SID, &id, &spelling))
        return NULL;
    const struct key *key = keyring_find(ring, KEY_SIGNING, &id);
    if (!key)
        return NULL;
    keyring_kid(key, exact); /* one spelling alone is ours: not "ic...", no capital digits */
    return str_eq(kid, str_make(exact, sizeof exact)) ? key : NULL;
}

void keyring_kid(const struct key *key, char out[UID_SID_CHARS])
{
    struct buf b;
    buf_fixed(&b, out, UID_SID_CHARS);
    uid_write(&b, &key->id, KID_SID, SPELLING_SID);
}
