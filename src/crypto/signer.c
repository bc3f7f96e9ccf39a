/* signer: what a thread keeps on its side of the door, whatever is behind it.
 *
 * A slot per key of the ring holds the contexts (made when first used: most threads never touch
 * most keys) and the last JWT header written with that key, already encoded, since a key signs
 * one type of token nearly always.
 *
 * Where a question costs a switch to another process, answers are kept that will be wanted again:
 * the sealing keys of these days, and the hashes of machine secrets that proved right. The latter
 * lie in a table of fixed size, each at a place and under a tag that an HMAC with a key of this
 * signer gives, so the table shows neither secrets nor whose they are; a new one overwrites the one
 * that was there. All of it is wiped when the signer is closed. With the keys in this process the
 * hash itself is as cheap as the look-up, so nothing is kept then.
 */
#include "crypto/signer.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "codec/b64url.h"
#include "crypto/signer_local.h"

#define TYP_MAX    64
#define HEADER_MAX 256
#define KEPT       4096 /* hashes; a power of two */
#define SUBKEYS    16   /* days of peppers */

struct slot {
    struct jws_ctx *ctx;
    char typ[TYP_MAX]; /* of the header below */
    size_t typ_n;
    char header[HEADER_MAX];
    size_t header_n; /* 0: none yet */
};

struct kept {
    uint8_t tag[16]; /* all zeros: none */
    struct digest hash;
};

struct subkey {
    const struct key *pepper; /* NULL: none */
    int64_t day;
    uint8_t key[32];
};

struct signer {
    struct keyring *ring;
    const struct signer_ops *ops;
    void *door;
    struct slot *slots; /* one per key, in the ring's order */
    struct subkey subkeys[SUBKEYS];
    size_t subkeys_next; /* which one goes next */
    bool missed;
    /* Behind a real door only, else NULL: */
    struct kept *kept;
    struct hasher *hasher;
    struct secret own; /* the key of the tags */
};

static struct signer *open_ring(struct keyring *ring)
{
    struct signer *s = calloc(1, sizeof *s);
    struct slot *slots = calloc(ring->n + 1, sizeof *slots);
    if (!s || !slots)
        fatal("no memory for a signer");
    s->ring = keyring_ref(ring);
    s->slots = slots;
    return s;
}

struct signer *signer_open(struct keyring *ring, const struct sign_rules *rules)
{
    struct signer *s = open_ring(ring);
    s->ops = &signer_local_ops;
    s->door = signer_local_new(s, rules);
    return s;
}

struct signer *signer_open_door(struct keyring *ring, const struct signer_ops *ops, void *door)
{
    struct signer *s = open_ring(ring);
    uint8_t own[32];
    s->ops = ops;
    s->door = door;
    s->kept = calloc(KEPT, sizeof *s->kept);
    if (!s->kept)
        fatal("no memory for a signer");
    s->hasher = hash_open();
    rand_bytes(own, sizeof own);
    ct_secret_set(&s->own, own, sizeof own);
    ct_wipe(own, sizeof own);
    return s;
}

void signer_close(struct signer *s)
{
    if (!s)
        return;
    s->ops->close(s->door);
    for (size_t i = 0; i < s->ring->n; i++)
        jws_close(s->slots[i].ctx);
    free(s->slots);
    if (s->kept)
        ct_wipe(s->kept, KEPT * sizeof *s->kept);
    free(s->kept);
    hash_close(s->hasher);
    keyring_unref(s->ring);
    ct_wipe(s, sizeof *s);
    free(s);
}

struct keyring *signer_ring(struct signer *s)
{
    return s->ring;
}

void signer_begin(struct signer *s)
{
    s->missed = false;
}

bool signer_missed(const struct signer *s)
{
    return s->missed;
}

/* ---- JWTs ---- */

void signer_sign(struct signer *s, struct sign_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        items[i].e = ERR_SERVER_ERROR;
        items[i].jwt = str_make(NULL, 0);
    }
    s->ops->sign(s->door, items, n);
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

/* ---- keyed hashes ---- */

/* The place of that hash, and the tag that is there if it is. */
static struct kept *place_of(struct signer *s, const struct key *key, str message, uint8_t tag[16])
{
    char text[UID_BYTES + SIGNER_MESSAGE_MAX];
    struct digest d;
    uint32_t at;
    memcpy(text, key->id.b, UID_BYTES);
    memcpy(text + UID_BYTES, message.p, message.n);
    hash_hmac(s->hasher, &s->own, str_make(text, UID_BYTES + message.n), &d);
    ct_wipe(text, UID_BYTES + message.n);
    memcpy(tag, d.b, 16);
    memcpy(&at, d.b + 16, sizeof at);
    return &s->kept[at % KEPT];
}

static bool is_kept(struct signer *s, const struct key *key, str message, struct digest *out)
{
    uint8_t tag[16];
    if (!s->kept || message.n > SIGNER_MESSAGE_MAX)
        return false;
    const struct kept *k = place_of(s, key, message, tag);
    bool there = ct_eq(k->tag, tag, sizeof tag);
    if (there)
        *out = k->hash;
    return there;
}

void signer_hmac_all(struct signer *s, struct hash_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        items[i].e = ERR_SERVER_ERROR;
    s->ops->hmac(s->door, items, n);
    for (size_t i = 0; i < n; i++) {
        if (items[i].e == OK)
            continue;
        items[i].hash = (struct digest){{0}};
        s->missed = true;
    }
}

enum err signer_hmac(struct signer *s, const struct key *key, str message, struct digest *out)
{
    struct hash_item item = {.key = key, .message = message};
    if (is_kept(s, key, message, out))
        return OK;
    signer_hmac_all(s, &item, 1);
    *out = item.hash;
    ct_wipe(&item.hash, sizeof item.hash);
    return item.e;
}

bool signer_hmac_known(struct signer *s, const struct key *key, str message, struct digest *out)
{
    return s->kept ? is_kept(s, key, message, out) : signer_hmac(s, key, message, out) == OK;
}

void signer_keep(struct signer *s, const struct key *key, str message, const struct digest *hash)
{
    if (!s->kept || message.n > SIGNER_MESSAGE_MAX)
        return;
    uint8_t tag[16];
    struct kept *k = place_of(s, key, message, tag);
    memcpy(k->tag, tag, sizeof tag);
    k->hash = *hash;
}

/* ---- sealing keys ---- */

enum err signer_subkey(struct signer *s, const struct key *pepper, int64_t day, uint8_t out[32])
{
    enum err e;
    for (size_t i = 0; i < SUBKEYS; i++) {
        if (s->subkeys[i].pepper == pepper && s->subkeys[i].day == day) {
            memcpy(out, s->subkeys[i].key, 32);
            return OK;
        }
    }
    if ((e = s->ops->subkey(s->door, pepper, day, out)) != OK) {
        memset(out, 0, 32);
        s->missed = true;
        return e;
    }
    struct subkey *k = &s->subkeys[s->subkeys_next++ % SUBKEYS];
    *k = (struct subkey){.pepper = pepper, .day = day};
    memcpy(k->key, out, sizeof k->key);
    return OK;
}
