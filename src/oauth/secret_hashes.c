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

/* All of them, without a question. */
static bool find_known(struct rq *rq)
{
    struct secret_hashes *h = &rq->hashed;
    const struct keyring *ring = signer_ring(rq->t->signer);
    bool known = true;

    for (size_t k = 0; k < ring->n && known; k++)
        if (ring->keys[k].use == KEY_PEPPER)
            known = signer_hmac_known(rq->t->signer, &ring->keys[k], h->message, &h->under[k]);
    return known;
}

enum err secret_hashes_get(struct rq *rq, str message, const struct digest **out)
{
    struct secret_hashes *h = &rq->hashed;
    enum err e = OK;

    if (h->under == NULL || !str_eq(h->message, message)) {
        size_t n = signer_ring(rq->t->signer)->n;
        *h = (struct secret_hashes){message, ARENA_ARRAY(rq->arena, struct digest, n), false, false};
        h->asked = !find_known(rq);
        h->wanted = h->asked && rq->t->kind == THREAD_WORKER;
        if (h->wanted)
            return ERR_SLOW;
        if (h->asked)
            e = secret_hashes_ask(rq->t, &rq, 1);
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

static size_t put(const struct keyring *ring, str message, struct hash_item *items)
{
    size_t n = 0;

    for (size_t k = 0; k < ring->n; k++)
        if (ring->keys[k].use == KEY_PEPPER)
            items[n++] = (struct hash_item){.key = &ring->keys[k], .message = message};
    return n;
}

static enum err take(const struct keyring *ring, const struct hash_item *items, struct rq *rq)
{
    struct digest *under = ARENA_ARRAY(rq->arena, struct digest, ring->n);
    size_t n = 0;

    for (size_t k = 0; k < ring->n; k++) {
        if (ring->keys[k].use != KEY_PEPPER)
            continue;
        if (items[n].e != OK)
            return items[n].e;
        under[k] = items[n++].hash;
    }
    rq->hashed.under = under;
    rq->hashed.wanted = false;
    return OK;
}

enum err secret_hashes_ask(struct server_thread *t, struct rq **rqs, size_t n)
{
    const struct keyring *ring = signer_ring(t->signer);
    size_t peppers = count_peppers(ring);
    struct hash_item *items = ARENA_ARRAY(rqs[0]->arena, struct hash_item, n * peppers);
    enum err e = OK;

    for (size_t i = 0; i < n; i++)
        put(ring, rqs[i]->hashed.message, items + i * peppers);
    signer_hmac_all(t->signer, items, n * peppers);
    for (size_t i = 0; i < n && e == OK; i++)
        e = take(ring, items + i * peppers, rqs[i]);
    return e;
}
