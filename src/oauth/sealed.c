/* sealed: seals under the active pepper's key of today, opens under any pepper's of the day that
 * the text names.
 *
 * The text: the day (4 bytes, big-endian) ‖ nonce, cipher text and tag of crypto/seal.h. The day
 * needs no protection of its own: under the key of another day nothing opens. A text does not name
 * its pepper: they are few, and GCM tells in a microsecond which one it was.
 * Left out on purpose: time and single use (see sealed.h).
 */
#include "oauth/sealed.h"

#include "base/log.h"
#include "codec/b64url.h"
#include "crypto/seal.h"

#define KEY_BYTES 32
#define DAY_BYTES 4

static enum err derive(struct rq *rq, const struct key *pepper, int64_t day, str purpose,
                       uint8_t key[KEY_BYTES])
{
    uint8_t of_day[KEY_BYTES];
    enum err e = signer_subkey(rq->t->signer, pepper, day, of_day);

    hash_hkdf(rq->t->hasher, str_make((const char *)of_day, sizeof of_day), STR("postern sealed"),
              purpose, key, KEY_BYTES);
    ct_wipe(of_day, sizeof of_day);
    return e;
}

/* A day that something of ours may be of. */
static bool is_recent(const struct rq *rq, int64_t day)
{
    int64_t today = rq->now_s / SIGNER_DAY_S;

    return day >= today - SIGNER_DAYS_BACK && day <= today + 1;
}

str sealed_put(struct rq *rq, str purpose, str plain)
{
    const struct key *pepper = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    uint32_t day = (uint32_t)(rq->now_s / SIGNER_DAY_S);
    uint8_t key[KEY_BYTES], head[DAY_BYTES] = {(uint8_t)(day >> 24), (uint8_t)(day >> 16),
                                               (uint8_t)(day >> 8), (uint8_t)day};
    struct buf raw, text;

    if (pepper == NULL)
        fatal("there is no active pepper");
    if (derive(rq, pepper, day, purpose, key) != OK)
        return STR("");
    str sealed = seal_put_raw(rq->arena, key, plain, purpose);
    ct_wipe(key, sizeof key);
    buf_init(&raw, rq->arena, DAY_BYTES + sealed.n, DAY_BYTES + sealed.n);
    buf_put(&raw, str_make((const char *)head, sizeof head));
    buf_put(&raw, sealed);
    buf_init(&text, rq->arena, B64URL_CHARS(raw.n), B64URL_CHARS(raw.n));
    b64url_write(&text, raw.p, raw.n);
    return buf_str(&text);
}

/* The head of the text; *raw is the rest then. */
static bool take_day(str *raw, int64_t *day)
{
    const uint8_t *b = (const uint8_t *)raw->p;

    if (raw->n < DAY_BYTES)
        return false;
    *day = (int64_t)b[0] << 24 | b[1] << 16 | b[2] << 8 | b[3];
    *raw = str_sub(*raw, DAY_BYTES, raw->n);
    return true;
}

bool sealed_open(struct rq *rq, str purpose, str text, str *plain)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    uint8_t key[KEY_BYTES];
    bool opened = false;
    int64_t day;
    str raw;

    if (!b64url_decode(rq->arena, text, &raw) || !take_day(&raw, &day) || !is_recent(rq, day))
        return false;
    for (size_t i = 0; i < ring->n && !opened; i++)
        if (ring->keys[i].use == KEY_PEPPER)
            opened = derive(rq, &ring->keys[i], day, purpose, key) == OK &&
                     seal_open_raw(rq->arena, key, raw, purpose, plain) == OK;
    ct_wipe(key, sizeof key);
    return opened;
}
