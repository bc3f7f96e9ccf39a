/* slot: a bounded free list of exchanges with their buffers, one per worker, so no lock.
 *
 * The buffer starts as 4 KiB inside the slot (nearly every request fits) and moves to the heap
 * when a request is larger: at once to the size that Content-Length names, else by doubling. The
 * slot remembers how far the buffer was written and wipes that much: requests carry secrets.
 *
 * What the free list does not keep goes back to the heap; a burst of many thousands of concurrent
 * requests would leave holes there, which slot_trim returns to the system.
 */
#include "net/slot.h"

#include <malloc.h>
#include <stdlib.h>

#include "base/ct.h"
#include "base/heap.h"
#include "base/log.h"

enum { FREE_MAX = 128, TRIM_AFTER = 256 };

void slot_init(struct slots *s)
{
    list_init(&s->free);
    s->free_n = s->used_n = s->dropped = 0;
    s->held = 0;
}

static void drop(struct slots *s, struct slot *slot)
{
    s->held -= (long)sizeof(*slot);
    arena_free(&slot->x.arena);
    free(slot);
}

void slot_free_all(struct slots *s)
{
    while (!list_empty(&s->free)) {
        struct list *l = s->free.next;
        list_remove(l);
        drop(s, LIST_ENTRY(l, struct slot, x.link));
    }
}

void slot_give_back(struct slots *s)
{
    slot_free_all(s);
    s->free_n = 0;
}

static struct slot *create(struct slots *s)
{
    struct slot *slot = malloc(sizeof(*slot));
    if (!slot)
        return NULL;
    memset(slot, 0, offsetof(struct slot, own));
    s->held += (long)sizeof(*slot);
    slot->home = s;
    slot->bytes = slot->own;
    slot->size = sizeof(slot->own);
    list_init(&slot->x.link);
    arena_init(&slot->x.arena, LIMIT_REQUEST_ARENA);
    return slot;
}

/* Everything of the last request but the bytes behind it. */
static void begin(struct slot *slot)
{
    struct exchange *x = &slot->x;
    x->user = NULL;
    x->start_us = 0;
    x->sent_bytes = 0;
    x->next = NET_ANSWER;
    x->in_use = true;
    http_parse_init(&slot->parser);
    slot->parsed_n = slot->start;
    slot->pieces_n = 0;
    slot->unsent = 0;
    slot->continue_sent = false;
    slot->synchronous = false;
    slot->committed = false;
    slot->queued = false;
    slot->pool = NULL;
    slot->waits = NULL;
}

struct slot *slot_get(struct slots *s)
{
    struct slot *slot;
    if (list_empty(&s->free)) {
        slot = create(s);
        if (!slot)
            return NULL;
    } else {
        /* The one used last is the one in the processor's cache. */
        struct list *l = s->free.prev;
        list_remove(l);
        s->free_n--;
        slot = LIST_ENTRY(l, struct slot, x.link);
    }
    s->used_n++;
    slot->start = slot->n = 0;
    begin(slot);
    return slot;
}

static void wipe(struct slot *slot)
{
    ct_wipe(slot->bytes, slot->dirty);
    slot->dirty = 0;
    if (slot->bytes != slot->own) {
        free(slot->bytes);
        slot->home->held -= (long)slot->size;
        slot->bytes = slot->own;
        slot->size = sizeof(slot->own);
    }
}

void slot_put(struct slots *s, struct slot *slot)
{
    wipe(slot);
    arena_reset(&slot->x.arena);
    slot->x.in_use = false;
    slot->x.conn = NULL;
    s->used_n--;
    if (s->free_n >= FREE_MAX) {
        s->dropped++;
        drop(s, slot);
        return;
    }
    s->free_n++;
    list_push_back(&s->free, &slot->x.link);
}

void slot_next(struct slot *slot)
{
    slot->start += slot->parser.consumed;
    arena_reset(&slot->x.arena);
    begin(slot);
}

/* A larger buffer. The old bytes are wiped: they may hold a secret. */
static bool grow(struct slot *slot)
{
    const struct http_parser *p = &slot->parser;
    size_t want = slot->size * 2;
    if (p->state == HTTP_PARSE_BODY && !p->chunked && p->head_n + p->content_length > want)
        want = p->head_n + p->content_length;
    if (want > SLOT_BUFFER_MAX)
        want = SLOT_BUFFER_MAX;
    if (want <= slot->size)
        return false;
    char *bytes = malloc(want);
    if (!bytes) {
        heap_lack();
        return false;
    }
    size_t n = slot->n;
    memcpy(bytes, slot->bytes, n);
    wipe(slot);
    slot->bytes = bytes;
    slot->size = want;
    slot->home->held += (long)want;
    slot->dirty = n;
    return true;
}

size_t slot_room(struct slot *slot)
{
    if (slot->n < slot->size)
        return slot->size - slot->n;
    if (slot->start > 0) {
        memmove(slot->bytes, slot->bytes + slot->start, slot->n - slot->start);
        slot->n -= slot->start;
        slot->parsed_n -= slot->start;
        slot->start = 0;
        return slot->size - slot->n;
    }
    return grow(slot) ? slot->size - slot->n : 0;
}

bool slot_wants_trim(const struct slots *s)
{
    return s->dropped >= TRIM_AFTER && s->used_n <= FREE_MAX;
}

void slot_trim(struct slots *s)
{
    if (slot_wants_trim(s)) {
        s->dropped = 0;
        malloc_trim(0);
    }
}
