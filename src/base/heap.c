/* heap: malloc, and behind it a mapping that is cut into pieces of 2^k bytes.
 *
 * A piece has a header that names its size; freed pieces of a size wait in a list for the next that
 * asks. Nothing is joined again: requests ask for the same few sizes again and again. The lock is
 * taken only when memory is short or a piece of the reserve is freed, which its address tells.
 */
#include "base/heap.h"

#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/log.h"

enum { SMALLEST = 6, CLASSES = 32 }; /* log2 of bytes, with the header */

struct piece {
    size_t order; /* log2 of its size */
    struct piece *next;
    _Alignas(16) char data[];
};

static struct {
    char *from, *to, *unused; /* the mapping, and where it has not been cut yet */
    size_t taken;             /* bytes of pieces that are in use */
    struct piece *free[CLASSES];
    pthread_mutex_t lock;
} reserve = {.lock = PTHREAD_MUTEX_INITIALIZER};

static atomic_size_t taken; /* a copy of reserve.taken for those without the lock */
static _Thread_local uint64_t shortages;

bool heap_reserve(size_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        return false;
    reserve.from = reserve.unused = p;
    reserve.to = reserve.from + bytes;
    return true;
}

bool heap_is_spare(const void *p)
{
    return (const char *)p >= reserve.from && (const char *)p < reserve.to;
}

static struct piece *piece_of(void *p)
{
    return (struct piece *)((char *)p - offsetof(struct piece, data));
}

static size_t order_for(size_t n)
{
    size_t order = SMALLEST;
    while (order < CLASSES && ((size_t)1 << order) - sizeof(struct piece) < n)
        order++;
    return order;
}

/* Under the lock; NULL: there is no room. */
static struct piece *cut(size_t order)
{
    struct piece *p = reserve.free[order];
    if (p) {
        reserve.free[order] = p->next;
        return p;
    }
    if ((size_t)(reserve.to - reserve.unused) < (size_t)1 << order)
        return NULL;
    p = (struct piece *)reserve.unused;
    reserve.unused += (size_t)1 << order;
    p->order = order;
    return p;
}

static void *from_reserve(size_t n)
{
    size_t order = order_for(n);
    heap_lack();
    if (order >= CLASSES || !reserve.from)
        return NULL;
    pthread_mutex_lock(&reserve.lock);
    struct piece *p = cut(order);
    if (p)
        reserve.taken += (size_t)1 << order;
    atomic_store_explicit(&taken, reserve.taken, memory_order_relaxed);
    pthread_mutex_unlock(&reserve.lock);
    return p ? p->data : NULL;
}

void *heap_try(size_t n)
{
    void *p = malloc(n ? n : 1);
    return p ? p : from_reserve(n);
}

void *heap_get(size_t n)
{
    void *p = calloc(1, n ? n : 1);
    if (p)
        return p;
    p = from_reserve(n);
    if (!p)
        fatal("out of memory: %zu bytes are not to be had", n);
    return memset(p, 0, n);
}

void heap_free(void *p)
{
    if (!heap_is_spare(p)) {
        free(p);
        return;
    }
    struct piece *piece = piece_of(p);
    pthread_mutex_lock(&reserve.lock);
    piece->next = reserve.free[piece->order];
    reserve.free[piece->order] = piece;
    reserve.taken -= (size_t)1 << piece->order;
    atomic_store_explicit(&taken, reserve.taken, memory_order_relaxed);
    pthread_mutex_unlock(&reserve.lock);
}

/* From the reserve to wherever there is room now. */
static void *move(void *p, size_t n)
{
    size_t had = ((size_t)1 << piece_of(p)->order) - sizeof(struct piece);
    void *to = heap_try(n);
    if (!to)
        return NULL;
    memcpy(to, p, had < n ? had : n);
    heap_free(p);
    return to;
}

void *heap_resize(void *p, size_t n)
{
    if (p && heap_is_spare(p))
        return move(p, n);
    void *to = realloc(p, n ? n : 1);
    if (to)
        return to;
    to = from_reserve(n);
    if (to && p) {
        size_t had = malloc_usable_size(p);
        memcpy(to, p, had < n ? had : n);
        free(p);
    }
    return to;
}

void heap_lack(void)
{
    shortages++;
}

uint64_t heap_shortages(void)
{
    return shortages;
}

size_t heap_spare_used(void)
{
    return atomic_load_explicit(&taken, memory_order_relaxed);
}

bool heap_is_low(void)
{
    return heap_spare_used() > (size_t)(reserve.to - reserve.from) / 2;
}
