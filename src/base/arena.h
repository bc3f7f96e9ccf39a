/* arena: memory with one lifetime, wiped when that ends.
 *
 * Every request has one. What a request may ask of it is bounded at the edge (base/limits.h), so
 * an allocation that passes the cap is a broken invariant and ends the process (fatal), and no
 * caller has an error path for it. Reset and free overwrite what was used, so secrets do not
 * outlive their request; with AddressSanitizer the unused rest is poisoned.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *head;  /* newest block; allocations come from it */
    struct arena_block *large; /* blocks of one large allocation each */
    size_t total;              /* bytes held in all blocks */
    size_t cap;                /* most that `total` may reach */
};

/* An empty arena that holds no memory yet. */
void arena_init(struct arena *a, size_t cap_bytes);
/* n bytes, zeroed, aligned for every type. */
void *arena_alloc(struct arena *a, size_t n);
#define ARENA_NEW(a, type)      ((type *)arena_alloc((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_array((a), (n), sizeof(type)))
void *arena_array(struct arena *a, size_t n, size_t size);
/* Room for one more behind the n that `items` holds, of `*room`: when it is full, a copy of about
 * twice the size. Start with items == NULL and room == 0. */
#define ARENA_MORE(a, items, n, room)                                                              \
    ((items) = arena_more((a), (items), (n), &(room), sizeof *(items)))
void *arena_more(struct arena *a, void *items, size_t n, size_t *room, size_t size);
/* p will not be used again: wipes and frees it at once if it is large enough to have a block of its
 * own, else it waits for the reset. */
void arena_give_back(struct arena *a, void *p);
/* A copy of s in the arena. */
str arena_dup(struct arena *a, str s);
/* A NUL-terminated copy of s. */
char *arena_cstr(struct arena *a, str s);
str arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Wipes and keeps the oldest block for the next request; frees the others. */
void arena_reset(struct arena *a);
/* Wipes and frees everything. */
void arena_free(struct arena *a);

#endif
