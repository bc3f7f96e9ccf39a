/* successor: AES-256-GCM under HKDF(old refresh secret); plain text: access secret ‖ refresh
 * secret ‖ request id. The row id is salt and context, so a seal cannot be moved to another row.
 */
#include "oauth/token/successor.h"

#include "crypto/seal.h"

#define PLAIN_BYTES (2 * HANDLE_SECRET_BYTES + UID_BYTES)

static void derive(struct rq *rq, const struct handle *old, uint8_t key[32])
{
    hash_hkdf(rq->t->hasher, str_make((const char *)old->secret, sizeof old->secret),
              str_make((const char *)old->id.b, sizeof old->id.b), STR("postern successor"), key,
              32);
}

static str context_of(const struct handle *old)
{
    return str_make((const char *)old->id.b, sizeof old->id.b);
}

str successor_seal(struct rq *rq, const struct handle *old, const struct token_issued *next)
{
    uint8_t key[32], plain[PLAIN_BYTES];
    str sealed;

    derive(rq, old, key);
    memcpy(plain, next->access.secret, HANDLE_SECRET_BYTES);
    memcpy(plain + HANDLE_SECRET_BYTES, next->refresh.secret, HANDLE_SECRET_BYTES);
    memcpy(plain + 2 * HANDLE_SECRET_BYTES, next->request_id.b, UID_BYTES);
    sealed = seal_put_raw(rq->arena, key, str_make((char *)plain, sizeof plain), context_of(old));
    ct_wipe(key, sizeof key);
    ct_wipe(plain, sizeof plain);
    return sealed;
}

enum err successor_open(struct rq *rq, const struct handle *old, const struct token *old_row,
                        struct token_issued *out)
{
    uint8_t key[32];
    str plain;
    enum err e;

    derive(rq, old, key);
    e = seal_open_raw(rq->arena, key, old_row->sealed, context_of(old), &plain);
    ct_wipe(key, sizeof key);
    if (e != OK || plain.n != PLAIN_BYTES)
        return ERR_SERVER_ERROR;
    out->access = (struct handle){.kind = HANDLE_ACCESS, .id = old_row->successor};
    out->refresh = (struct handle){.kind = HANDLE_REFRESH, .id = old_row->successor};
    memcpy(out->access.secret, plain.p, HANDLE_SECRET_BYTES);
    memcpy(out->refresh.secret, plain.p + HANDLE_SECRET_BYTES, HANDLE_SECRET_BYTES);
    memcpy(out->request_id.b, plain.p + 2 * HANDLE_SECRET_BYTES, UID_BYTES);
    out->has_refresh = true;
    return OK;
}
