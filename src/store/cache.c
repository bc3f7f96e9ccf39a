/* cache: a hash table with chains and a list in order of use, under one lock.
 *
 * The lock is held for some 50 ns per look-up, so that even 16 threads with 15,000 requests a
 * second each keep it busy for 1 % of the time; shards would buy nothing. The hash is seeded, since
 * keys come from outside.
 *
 * A block counts who holds it: the cache, while it keeps it, and each view. Whoever lets go last
 * frees it. So a drop never waits for a request, and a view needs no lock to let go.
 *
 * Staleness. `seen` is the number of changes that have been applied. A reader notes it before it
 * reads the store; a change that is published later than that may be missing in what it read. So
 * cache_put compares, under the lock, with what has been published by now: if nothing, then a
 * change that comes later finds the block in the cache, and drops it. `seen` moves after the drops,
 * so a thread that finds it up to date meets no old block.
 *
 * Left out on purpose: expiry by age (changes are told), negative entries, waiting for a load that
 * another thread has begun.
 */
#include "store/cache.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "base/rand.h"

#define LEAST 16 /* blocks that one request may meet, and more */

struct cache {
    pthread_mutex_t lock;
    struct change_log *log;
    cache_apply *apply;
    atomic_uint_fast64_t seen; /* how much of the log has been applied */
    atomic_size_t n;
    size_t max, mask;
    uint64_t seed[2];
    struct cache_block **chains;
    struct list used;
};

struct cache_view {
    struct cache *cache;
    struct cache_block **held;
    size_t n, room;
};

struct cache *cache_open(size_t max, struct change_log *log, cache_apply *apply)
{
    struct cache *c = calloc(1, sizeof *c);
    size_t chains = 32;

    if (!c)
        fatal("out of memory");
    c->log = log;
    c->apply = apply;
    atomic_init(&c->seen, atomic_load(&log->seq));
    c->max = max < LEAST ? LEAST : max;
    while (chains < c->max)
        chains *= 2;
    c->mask = chains - 1;
    c->chains = calloc(chains, sizeof(struct cache_block *));
    if (!c->chains)
        fatal("out of memory");
    rand_bytes(c->seed, sizeof c->seed);
    list_init(&c->used);
    pthread_mutex_init(&c->lock, NULL);
    return c;
}

size_t cache_count(const struct cache *c)
{
    return atomic_load_explicit(&c->n, memory_order_relaxed);
}

/* Most keys have 96 random bits and more, unless somebody chose them. */
static struct cache_block **chain_of(struct cache *c, const uint8_t key[16])
{
    uint64_t w[2];
    uint64_t h;

    memcpy(w, key, sizeof w);
    h = (w[0] ^ c->seed[0]) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 29) ^ w[1] ^ c->seed[1]) * 0xbf58476d1ce4e5b9u;
    return &c->chains[(h ^ (h >> 32)) & c->mask];
}

static struct cache_block *find(struct cache *c, const uint8_t key[16])
{
    struct cache_block *b = *chain_of(c, key);

    while (b && memcmp(b->key, key, sizeof b->key) != 0)
        b = b->next;
    return b;
}

static void let_go(struct cache_block *b)
{
    if (atomic_fetch_sub_explicit(&b->holders, 1, memory_order_acq_rel) == 1)
        free(b);
}

static void drop(struct cache *c, struct cache_block *b)
{
    struct cache_block **at = chain_of(c, b->key);

    while (*at != b)
        at = &(*at)->next;
    *at = b->next;
    list_remove(&b->used);
    atomic_fetch_sub_explicit(&c->n, 1, memory_order_relaxed);
    let_go(b);
}

static struct cache_block *oldest(struct cache *c)
{
    return LIST_ENTRY(c->used.next, struct cache_block, used);
}

static void clear(struct cache *c)
{
    while (!list_empty(&c->used))
        drop(c, oldest(c));
}

void cache_close(struct cache *c)
{
    if (!c)
        return;
    clear(c);
    pthread_mutex_destroy(&c->lock);
    free(c->chains);
    free(c);
}

void cache_drop(struct cache *c, const uint8_t key[16])
{
    struct cache_block *b = find(c, key);

    if (b)
        drop(c, b);
}

void cache_drop_if(struct cache *c, bool (*names)(const struct cache_block *, const void *),
                   const void *arg)
{
    struct list *at = c->used.next;

    while (at != &c->used) {
        struct cache_block *b = LIST_ENTRY(at, struct cache_block, used);

        at = at->next;
        if (names(b, arg))
            drop(c, b);
    }
}

/* Applies what was published since the last time, for all views. */
static void follow(struct cache *c)
{
    struct change changes[16];
    uint64_t seen;
    bool lost;
    size_t n;

    pthread_mutex_lock(&c->lock);
    seen = atomic_load(&c->seen);
    while ((n = change_take(c->log, &seen, changes, 16, &lost)) > 0 || lost) {
        if (lost)
            clear(c);
        for (size_t i = 0; i < n; i++)
            if (changes[i].kind == CHANGE_ALL)
                clear(c);
            else
                c->apply(c, &changes[i]);
    }
    atomic_store(&c->seen, seen);
    pthread_mutex_unlock(&c->lock);
}

struct cache_view *cache_view_open(struct cache *c)
{
    struct cache_view *v = calloc(1, sizeof *v);

    if (!v)
        fatal("out of memory");
    v->cache = c;
    return v;
}

static void let_go_of_all(struct cache_view *v)
{
    for (size_t i = 0; i < v->n; i++)
        let_go(v->held[i]);
    v->n = 0;
}

void cache_view_close(struct cache_view *v)
{
    if (!v)
        return;
    let_go_of_all(v);
    heap_free(v->held);
    free(v);
}

void cache_refresh(struct cache_view *v)
{
    struct cache *c = v->cache;

    let_go_of_all(v);
    if (atomic_load_explicit(&c->log->seq, memory_order_acquire) !=
        atomic_load_explicit(&c->seen, memory_order_acquire))
        follow(c);
}

static void hold(struct cache_view *v, struct cache_block *b)
{
    if (v->n == v->room) {
        v->room = v->room * 2 + 8;
        v->held = heap_resize(v->held, v->room * sizeof(struct cache_block *));
        if (!v->held)
            fatal("out of memory");
    }
    v->held[v->n++] = b;
}

struct cache_block *cache_get(struct cache_view *v, const uint8_t key[16])
{
    struct cache *c = v->cache;
    struct cache_block *b;

    pthread_mutex_lock(&c->lock);
    b = find(c, key);
    if (b) {
        list_remove(&b->used);
        list_push_back(&c->used, &b->used);
        atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
    }
    pthread_mutex_unlock(&c->lock);
    if (b)
        hold(v, b);
    return b;
}

uint64_t cache_seq(const struct cache_view *v)
{
    return atomic_load(&v->cache->seen);
}

static void keep(struct cache *c, struct cache_block *b)
{
    struct cache_block **chain = chain_of(c, b->key);

    if (cache_count(c) >= c->max)
        drop(c, oldest(c));
    atomic_fetch_add_explicit(&b->holders, 1, memory_order_relaxed);
    b->next = *chain;
    *chain = b;
    list_push_back(&c->used, &b->used);
    atomic_fetch_add_explicit(&c->n, 1, memory_order_relaxed);
}

void cache_put(struct cache_view *v, const uint8_t key[16], uint64_t seq, struct cache_block *b)
{
    struct cache *c = v->cache;

    memcpy(b->key, key, sizeof b->key);
    atomic_init(&b->holders, 1); /* the view */
    pthread_mutex_lock(&c->lock);
    cache_drop(c, key);
    if (atomic_load(&c->log->seq) == seq)
        keep(c, b);
    pthread_mutex_unlock(&c->lock);
    hold(v, b);
}

void cache_forget(struct cache_view *v, const uint8_t key[16])
{
    pthread_mutex_lock(&v->cache->lock);
    cache_drop(v->cache, key);
    pthread_mutex_unlock(&v->cache->lock);
}

size_t cache_texts(str *const *texts, size_t n)
{
    size_t size = 0;

    for (size_t i = 0; i < n; i++)
        size += texts[i]->n;
    return size;
}

char *cache_move_texts(char *at, str *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (texts[i]->n > 0) {
            memcpy(at, texts[i]->p, texts[i]->n);
            texts[i]->p = at;
            at += texts[i]->n;
        } else if (texts[i]->p) {
            texts[i]->p = "";
        }
    }
    return at;
}
