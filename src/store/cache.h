/* cache: blocks of memory by a key of 16 bytes, bounded, shared by threads.
 *
 * What a thread gets it holds through its view until the view's next refresh, between requests; so
 * pointers into blocks stay valid through one request, whatever other threads drop meanwhile.
 * Blocks never change. A change drops what it names, once, whichever thread sees it first.
 */
#ifndef STORE_CACHE_H
#define STORE_CACHE_H

#include "base/list.h"
#include "store/change.h"

/* The beginning of every block. Blocks come from malloc and are freed here. */
struct cache_block {
    struct cache_block *next; /* in its chain */
    struct list used;         /* most recent at the end */
    uint8_t key[16];
    atomic_uint holders; /* views, and the cache itself */
};

struct cache;
/* Drops what the change names, with cache_drop and cache_drop_if. Not called for CHANGE_ALL. */
typedef void cache_apply(struct cache *c, const struct change *change);

/* At most max blocks (16 at least), used by several views. It follows `log` from now on. */
struct cache *cache_open(size_t max, struct change_log *log, cache_apply *apply);
void cache_close(struct cache *c); /* when no view is left */
size_t cache_count(const struct cache *c);
/* Only in cache_apply. */
void cache_drop(struct cache *c, const uint8_t key[16]);
void cache_drop_if(struct cache *c, bool (*names)(const struct cache_block *, const void *),
                   const void *arg);

/* One thread's. */
struct cache_view;

struct cache_view *cache_view_open(struct cache *c);
void cache_view_close(struct cache_view *v);
/* Between requests: lets go of what it held, and takes in what has changed. When nothing has, it
 * costs one atomic load, and one atomic decrement per block. */
void cache_refresh(struct cache_view *v);
/* NULL: it is not there. */
struct cache_block *cache_get(struct cache_view *v, const uint8_t key[16]);
/* Which changes the cache knows; ask before reading what a block is made of. */
uint64_t cache_seq(const struct cache_view *v);
/* Hands the block over and holds it; it takes the place of one with that key. If anything was
 * published since `seq`, it may be older than that: then the cache has no block of that key from
 * now on, but the view holds this one as any other. */
void cache_put(struct cache_view *v, const uint8_t key[16], uint64_t seq, struct cache_block *b);
/* What stands behind the key is gone. */
void cache_forget(struct cache_view *v, const uint8_t key[16]);

/* For makers of blocks: the bytes of n texts, and their move into a block. Returns what is behind
 * them. A text that is there and empty stays there. */
size_t cache_texts(str *const *texts, size_t n);
char *cache_move_texts(char *at, str *const *texts, size_t n);

#endif
