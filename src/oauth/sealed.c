/* sealed: seals under the active pepper, opens under any of them.
 *
 * A text does not name its key: peppers are few, and GCM tells in a microsecond which one it was.
 * Left out on purpose: time and single use (see sealed.h).
 */
#include "oauth/sealed.h"

#include "base/log.h"
#include "codec/b64url.h"
#include "crypto/seal.h"

#define KEY_BYTES 32

static void derive(struct rq *rq, const struct key *pepper, str purpose, uint8_t key[KEY_BYTES])
{
    hash_hkdf(rq->t->hasher, str_make((const char *)pepper->secret.b, pepper->secret.n),
              STR("postern sealed"), purpose, key, KEY_BYTES);
}

str sealed_put(struct rq *rq, str purpose, str plain)
{
    const struct key *pepper = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    uint8_t key[KEY_BYTES];
    struct buf text;
    str raw;

    if (pepper == NULL)
        fatal("there is no active pepper");
    derive(rq, pepper, purpose, key);
    raw = seal_put_raw(rq->arena, key, plain, purpose);
    ct_wipe(key, sizeof key);
    buf_init(&text, rq->arena, B64URL_CHARS(raw.n), B64URL_CHARS(raw.n));
    b64url_write(&text, raw.p, raw.n);
    return buf_str(&text);
}

bool sealed_open(struct rq *rq, str purpose, str text, str *plain)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    uint8_t key[KEY_BYTES];
    bool opened = false;
    str raw;

    if (!b64url_decode(rq->arena, text, &raw))
        return false;
    for (size_t i = 0; i < ring->n && !opened; i++) {
        if (ring->keys[i].use != KEY_PEPPER)
            continue;
        derive(rq, &ring->keys[i], purpose, key);
        opened = seal_open_raw(rq->arena, key, raw, purpose, plain) == OK;
    }
    ct_wipe(key, sizeof key);
    return opened;
}
