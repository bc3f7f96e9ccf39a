/* signer: one thread's signing and verifying contexts over one keyring.
 *
 * A slot per key of the ring holds the contexts (made when first used: most threads never touch
 * most keys) and the last JWT header written with that key, already encoded, since a key signs
 * one type of token nearly always. A new ring gets a new signer.
 * Not thread-safe on purpose: one signer per thread.
 */
#include "crypto/signer.h"

#include <stdlib.h>

#include "base/log.h"
#include "codec/b64url.h"

#define TYP_MAX    64
#define HEADER_MAX 256

struct slot {
    struct jws_ctx *ctx;
    char typ[TYP_MAX]; /* of the header below */
    size_t typ_n;
    char header[HEADER_MAX];
    size_t header_n; /* 0: none yet */
};

struct signer {
    struct keyring *ring;
    struct slot *slots; /* one per key, in the ring's order */
};

struct signer *signer_open(struct keyring *ring)
{
    struct signer *s = calloc(1, sizeof *s);
    struct slot *slots = calloc(ring->n + 1, sizeof *slots);
    if (!s || !slots)
        fatal("no memory for a signer");
    s->ring = keyring_ref(ring);
    s->slots = slots;
    return s;
}

void signer_close(struct signer *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->ring->n; i++)
        jws_close(s->slots[i].ctx);
    free(s->slots);
    keyring_unref(s->ring);
    free(s);
}

struct keyring *signer_ring(struct signer *s)
{
    return s->ring;
}

/* NULL unless the key is a signing key of this very ring: a pointer into an older ring would name
 * another key's slot. */
static struct slot *slot_of(struct signer *s, const struct key *key)
{
    uintptr_t first = (uintptr_t)s->ring->keys, at = (uintptr_t)key;
    if (at < first || at >= (uintptr_t)(s->ring->keys + s->ring->n) || key->use != KEY_SIGNING)
        return NULL;
    return &s->slots[key - s->ring->keys];
}

struct jws_ctx *signer_ctx(struct signer *s, const struct key *key)
{
    struct slot *slot = slot_of(s, key);
    if (!slot)
        return NULL;
    if (!slot->ctx)
        slot->ctx = jws_open(key->alg, key->pkey);
    return slot->ctx;
}

/* RFC 7515 4.1: alg, kid, typ. */
static bool write_header(struct slot *slot, const struct key *key, str typ)
{
    char text[HEADER_MAX], kid[UID_SID_CHARS];
    struct buf json, out;
    buf_fixed(&json, text, sizeof text);
    keyring_kid(key, kid);
    json_open(&json, '{');
    json_key_str(&json, STR("alg"), str_from(jws_algs[key->alg].name));
    json_key_str(&json, STR("kid"), str_make(kid, sizeof kid));
    json_key_str(&json, STR("typ"), typ);
    json_close(&json, '}');
    buf_fixed(&out, slot->header, sizeof slot->header);
    b64url_write(&out, json.p, json.n);
    buf_char(&out, '.');
    if (json.overflow || out.overflow)
        return false;
    memcpy(slot->typ, typ.p, typ.n);
    slot->typ_n = typ.n;
    slot->header_n = out.n;
    return true;
}

str signer_header(struct signer *s, const struct key *key, str typ)
{
    struct slot *slot = slot_of(s, key);
    if (!slot || typ.n == 0 || typ.n > TYP_MAX)
        return str_make(NULL, 0);
    if (slot->header_n == 0 || !str_eq(str_make(slot->typ, slot->typ_n), typ)) {
        slot->header_n = 0;
        if (!write_header(slot, key, typ))
            return str_make(NULL, 0);
    }
    return str_make(slot->header, slot->header_n);
}
