/* signer_local: signs, hashes and derives with the keys of the ring itself.
 *
 * The signer's process runs this, and so does everything that is one process: subcommands, tests,
 * a server told to be. It judges what it is asked by the same rules wherever it runs: claims by
 * sign_rules, keys by their use, days by the clock.
 *
 * A sealing key comes of HKDF and not of an HMAC under the pepper, since whoever may ask for such
 * HMACs of any text could ask for that one.
 */
#include "crypto/signer_local.h"

#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "codec/b64url.h"
#include "crypto/jwt.h"

#define AT_HASH_ROOM 80 /* ,"at_hash":"..."} */

struct local {
    struct signer *s;
    const struct sign_rules *rules;
    struct hasher *hasher;
};

void *signer_local_new(struct signer *s, const struct sign_rules *rules)
{
    struct local *l = calloc(1, sizeof *l);
    if (!l)
        fatal("no memory for a signer");
    *l = (struct local){.s = s, .rules = rules, .hasher = hash_open()};
    return l;
}

static void close_local(void *door)
{
    struct local *l = door;
    hash_close(l->hasher);
    free(l);
}

static int64_t now_of(const struct local *l)
{
    static const struct clock system_clock;
    return clock_now_s(l->rules && l->rules->clock ? l->rules->clock : &system_clock);
}

/* ---- JWTs ---- */

/* The claims with what was missing: the left half of the hash that goes with the signature, which
 * is SHA-512 for Ed25519 (OIDC Core 3.1.3.6). */
static str complete(struct local *l, const struct sign_item *item, enum jws_alg alg, str access)
{
    int bits = alg == JWS_EDDSA ? 512 : 256;
    uint8_t hash[64];
    struct buf b;
    buf_init(&b, item->to, item->claims.n + AT_HASH_ROOM, LIMIT_JWT);
    buf_put(&b, item->claims);
    hash_sha2(l->hasher, bits, access, hash);
    json_key(&b, STR("at_hash"));
    buf_char(&b, '"');
    b64url_write(&b, hash, (size_t)bits / 16);
    BUF_LIT(&b, "\"}");
    return b.overflow ? str_make(NULL, 0) : buf_str(&b);
}

/* What its at_hash is of. The item before may have failed, or not be there. */
static enum err find_access(const struct sign_item *items, size_t i, str *out)
{
    *out = items[i].access;
    if (!items[i].at_hash || out->p)
        return OK;
    if (i == 0)
        return ERR_SERVER_ERROR;
    *out = items[i - 1].jwt;
    return items[i - 1].e;
}

static enum err sign_one(struct local *l, struct sign_item *items, size_t i, int64_t now_s)
{
    struct sign_item *item = &items[i];
    const struct key *key = keyring_find(signer_ring(l->s), KEY_SIGNING, &item->kid);
    str access, claims = item->claims;
    struct buf out;
    enum err e;
    if (!key)
        return ERR_SERVER_ERROR;
    if (!l->rules)
        return ERR_FORBIDDEN;
    if ((e = sign_rules_check(l->rules, item->profile, claims, item->at_hash, now_s)) != OK ||
        (e = find_access(items, i, &access)) != OK)
        return e;
    if (item->at_hash && (claims = complete(l, item, key->alg, access)).p == NULL)
        return ERR_SERVER_ERROR;
    buf_init(&out, item->to, 256 + claims.n * 2, LIMIT_JWT);
    if ((e = jwt_sign(l->s, key, sign_rules_typ(item->profile), claims, &out)) == OK)
        item->jwt = buf_str(&out);
    return e;
}

static void sign(void *door, struct sign_item *items, size_t n)
{
    struct local *l = door;
    int64_t now_s = now_of(l);
    for (size_t i = 0; i < n; i++)
        items[i].e = sign_one(l, items, i, now_s);
}

/* ---- hashes and sealing keys ---- */

static bool is_of_ring(const struct local *l, const struct key *key)
{
    const struct keyring *ring = signer_ring(l->s);
    uintptr_t first = (uintptr_t)ring->keys, at = (uintptr_t)key;
    return at >= first && at < (uintptr_t)(ring->keys + ring->n);
}

static void hmac_one(struct local *l, struct hash_item *item)
{
    const struct key *key = item->key;
    item->e = ERR_FORBIDDEN;
    if (!is_of_ring(l, key) || (key->use != KEY_PEPPER && key->use != KEY_PAIRWISE) ||
        item->message.n > SIGNER_MESSAGE_MAX)
        return;
    hash_hmac(l->hasher, &key->secret, item->message, &item->hash);
    item->e = OK;
}

static void hmac(void *door, struct hash_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hmac_one(door, &items[i]);
}

static enum err subkey(void *door, const struct key *pepper, int64_t day, uint8_t out[32])
{
    struct local *l = door;
    int64_t today = now_of(l) / SIGNER_DAY_S;
    char text[64];
    struct buf purpose;
    if (!is_of_ring(l, pepper) || pepper->use != KEY_PEPPER || day < today - SIGNER_DAYS_BACK ||
        day > today + 1)
        return ERR_FORBIDDEN;
    buf_fixed(&purpose, text, sizeof text);
    BUF_LIT(&purpose, "postern sealing key of day ");
    buf_i64(&purpose, day);
    hash_hkdf(l->hasher, str_make((const char *)pepper->secret.b, pepper->secret.n),
              STR("postern sealed"), buf_str(&purpose), out, 32);
    return OK;
}

const struct signer_ops signer_local_ops = {
    .sign = sign,
    .hmac = hmac,
    .subkey = subkey,
    .close = close_local,
};
