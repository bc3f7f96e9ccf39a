/* arena: blocks of zeroed memory, handed out from the front.
 *
 * The first block is 4 KiB and comes with the first allocation, so an idle arena costs nothing;
 * each further block doubles. Blocks are zero from the start (calloc) and what was used is wiped
 * at reset, so an allocation never has to clear. Only the head block is allocated from: the rest
 * of older blocks is lost until the reset, which bounds the waste at one half. A large piece gets a
 * block of exactly its size, so that it can be given back early and never makes the next block
 * larger. When the system has no memory, blocks come from the reserve (base/heap.h).
 * Under AddressSanitizer everything not handed out is poisoned, also the gap up to the alignment.
 */
#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/ct.h"
#include "base/heap.h"
#include "base/log.h"

#if defined(__SANITIZE_ADDRESS__)
#define ARENA_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ARENA_ASAN 1
#endif
#endif

#ifdef ARENA_ASAN
#include <sanitizer/asan_interface.h>
#define POISON(p, n)   ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
#else
#define POISON(p, n)   ((void)0)
#define UNPOISON(p, n) ((void)0)
#endif

enum { ALIGN = 16, FIRST_BLOCK = 4096, KEEP_AT_MOST = 16384, LARGE = 32768 };

struct arena_block {
    struct arena_block *older;
    size_t size; /* of data */
    size_t used;
    _Alignas(ALIGN) char data[];
};

void arena_init(struct arena *a, size_t cap_bytes)
{
    *a = (struct arena){.cap = cap_bytes};
}

/* A block of about `total` bytes, header included, with room for n; it goes in front of *list. */
static struct arena_block *add(struct arena *a, struct arena_block **list, size_t total, size_t n)
{
    size_t left = a->cap - a->total;
    if (n > left || left - n < sizeof(struct arena_block))
        fatal("an arena of %zu bytes has no room for %zu more", a->cap, n);
    if (total > left)
        total = left;
    if (total < n + sizeof(struct arena_block))
        total = n + sizeof(struct arena_block);
    struct arena_block *b = calloc(1, total);
    if (!b) { /* no more than is needed, from the reserve */
        size_t least = n + sizeof(struct arena_block) > FIRST_BLOCK ? n + sizeof(*b) : FIRST_BLOCK;
        total = total < least ? total : least;
        b = heap_get(total);
    }
    b->older = *list;
    b->size = total - sizeof(*b);
    POISON(b->data, b->size);
    *list = b;
    a->total += total;
    return b;
}

/* The block that the next n bytes come from; n is rounded already. */
static struct arena_block *block_for(struct arena *a, size_t n)
{
    if (a->head && a->head->size - a->head->used >= n)
        return a->head;
    if (n > LARGE)
        return add(a, &a->large, 0, n);
    size_t total = a->head ? 2 * (a->head->size + sizeof(struct arena_block)) : FIRST_BLOCK;
    return add(a, &a->head, total, n);
}

void *arena_alloc(struct arena *a, size_t n)
{
    if (n > SIZE_MAX - ALIGN)
        fatal("an allocation of %zu bytes", n);
    size_t rounded = n ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    struct arena_block *b = block_for(a, rounded);
    void *p = b->data + b->used;
    b->used += rounded;
    UNPOISON(p, n);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(n, size, &bytes))
        fatal("an array of %zu times %zu bytes", n, size);
    return arena_alloc(a, bytes);
}

void *arena_more(struct arena *a, void *items, size_t n, size_t *room, size_t size)
{
    if (n < *room)
        return items;
    *room = *room * 2 + 16;
    void *more = arena_array(a, *room, size);
    if (n > 0)
        memcpy(more, items, n * size);
    return more;
}

char *arena_cstr(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return p;
}

str arena_dup(struct arena *a, str s)
{
    char *p = arena_alloc(a, s.n);
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    return str_make(p, s.n);
}

str arena_printf(struct arena *a, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    if (n < 0)
        fatal("a format that cannot be printed: %s", format);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return str_make(p, (size_t)n);
}

static void wipe(struct arena_block *b)
{
    UNPOISON(b->data, b->size);
    ct_wipe(b->data, b->used);
    b->used = 0;
}

void arena_give_back(struct arena *a, void *p)
{
    for (struct arena_block **at = &a->large; *at; at = &(*at)->older) {
        struct arena_block *b = *at;
        if (b->data == p) {
            *at = b->older;
            a->total -= b->size + sizeof(*b);
            wipe(b);
            heap_free(b);
            return;
        }
    }
}

/* Wipes all blocks, frees all but `keep`. */
static void release(struct arena_block *newest, const struct arena_block *keep)
{
    struct arena_block *older;
    for (struct arena_block *b = newest; b; b = older) {
        older = b->older;
        wipe(b);
        if (b == keep)
            POISON(b->data, b->size);
        else
            heap_free(b);
    }
}

void arena_reset(struct arena *a)
{
    struct arena_block *oldest = a->head;
    while (oldest && oldest->older)
        oldest = oldest->older;
    /* A block that one large request asked for is not worth keeping for the small ones, and the
     * reserve must be whole again. */
    if (oldest && (oldest->size > KEEP_AT_MOST || heap_is_spare(oldest)))
        oldest = NULL;
    release(a->head, oldest);
    release(a->large, NULL);
    a->head = oldest;
    a->large = NULL;
    a->total = oldest ? oldest->size + sizeof(*oldest) : 0;
}

void arena_free(struct arena *a)
{
    release(a->head, NULL);
    release(a->large, NULL);
    a->head = a->large = NULL;
    a->total = 0;
}
