/* secret_hashes: asks for hashes, at once or with those of other requests; see secret_hashes.h. */
#include "oauth/secret_hashes.h"

#include "oauth/rq.h"

static size_t count_peppers(const struct keyring *ring)
{
    size_t n = 0;

    for (size_t k = 0; k < ring->n; k++)
        n += ring->keys[k].use == KEY_PEPPER;
    return n;
}

/* All of them, without a question; else none. */
static bool find_known(struct rq *rq)
{
    struct secret_hashes *h = &rq->hashed;
    const struct keyring *ring = signer_ring(rq->t->signer);
    struct digest *under = ARENA_ARRAY(rq->arena, struct digest, ring->n);

    for (size_t k = 0; k < ring->n; k++)
        if (ring->keys[k].use == KEY_PEPPER &&
            !signer_hmac_known(rq->t->signer, &ring->keys[k], h->message, &under[k]))
            return false;
    h->under = under;
    return true;
}

enum err secret_hashes_get(struct rq *rq, str message, const struct digest **out)
{
    struct secret_hashes *h = &rq->hashed;
    enum err e = OK;

    if (h->under == NULL || !str_eq(h->message, message)) {
        *h = (struct secret_hashes){.message = message};
        h->asked = !find_known(rq);
        h->wanted = h->asked && rq->t->kind == THREAD_WORKER;
        if (h->wanted)
            return ERR_SLOW;
        if (h->asked)
            secret_hashes_ask(rq->t, &rq, 1, &e);
    }
    *out = h->under;
    return e;
}

void secret_hashes_keep(struct rq *rq)
{
    const struct secret_hashes *h = &rq->hashed;
    const struct keyring *ring = signer_ring(rq->t->signer);

    for (size_t k = 0; h->asked && k < ring->n; k++)
        if (ring->keys[k].use == KEY_PEPPER)
            signer_keep(rq->t->signer, &ring->keys[k], h->message, &h->under[k]);
}

static void put(const struct keyring *ring, str message, struct hash_item *items)
{
    for (size_t k = 0; k < ring->n; k++)
        if (ring->keys[k].use == KEY_PEPPER)
            *items++ = (struct hash_item){.key = &ring->keys[k], .message = message};
}

static enum err take(const struct keyring *ring, const struct hash_item *items, struct rq *rq)
{
    struct digest *under = ARENA_ARRAY(rq->arena, struct digest, ring->n);

    rq->hashed.wanted = false;
    for (size_t k = 0; k < ring->n; k++) {
        if (ring->keys[k].use != KEY_PEPPER)
            continue;
        if (items->e != OK)
            return items->e;
        under[k] = items++->hash;
    }
    rq->hashed.under = under;
    return OK;
}

void secret_hashes_ask(struct server_thread *t, struct rq **rqs, size_t n, enum err *outcome)
{
    const struct keyring *ring = signer_ring(t->signer);
    size_t peppers = count_peppers(ring);
    struct hash_item *items = ARENA_ARRAY(rqs[0]->arena, struct hash_item, n * peppers);

    for (size_t i = 0; i < n; i++)
        put(ring, rqs[i]->hashed.message, items + i * peppers);
    signer_hmac_all(t->signer, items, n * peppers);
    for (size_t i = 0; i < n; i++)
        outcome[i] = take(ring, items + i * peppers, rqs[i]);
}
