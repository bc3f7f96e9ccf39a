/* slot: what a connection needs only while a request is on its way: the exchange, the parser
 * and the read buffer. Taken from the worker when bytes arrive, given back when the answer is
 * written and nothing is left over, so an idle connection holds none.
 */
#ifndef NET_SLOT_H
#define NET_SLOT_H

#include "net/net.h"

struct pool;
struct pool_source;

enum {
    SLOT_BUFFER = 4096, /* the buffer's first size; part of the slot */
    /* What the parser may want to see at once: head, body and the framing of its chunks. */
    SLOT_BUFFER_MAX =
        LIMIT_REQUEST_LINE + LIMIT_HEADER_BLOCK + LIMIT_BODY + LIMIT_CHUNK_FRAMING + 4096,
};

struct slot {
    struct exchange x; /* first: an exchange is its slot */
    struct http_parser parser;
    char *bytes;             /* own, or grown on the heap */
    size_t size;             /* of bytes */
    size_t start, n;         /* bytes[start..n) are not consumed yet */
    size_t dirty;            /* bytes[0..dirty) must be wiped */
    size_t parsed_n;         /* n when the parser looked last */
    struct buf out;          /* the answer, in the exchange's arena; of a large one only the head */
    str pieces[HTTP_PIECES]; /* the body of a large answer, where the handler wrote it */
    size_t pieces_n;
    size_t unsent;      /* what it holds of the budget net.unsent while its client does not read */
    struct slots *home; /* where it was taken from */
    bool continue_sent; /* "100 Continue" has left */
    bool queued; /* in the committer's queue, or on the way there; under its lock from then on */
    bool synchronous;          /* a pool thread waits for the commit (net_commit_now) */
    bool committed;            /* ... and may go on */
    struct pool *pool;         /* the one that it was put to last; its worker's */
    struct pool_source *waits; /* its place in that one's queue, under its lock; NULL: in none */
    char own[SLOT_BUFFER];
};

struct slots {
    struct list free;
    int free_n, used_n;
    long held;   /* bytes of all slots and their buffers, kept ones included */
    int dropped; /* slots returned to the heap since the last slot_trim */
};

static inline struct slot *slot_of(struct exchange *x)
{
    return (struct slot *)x;
}

void slot_init(struct slots *s);
void slot_free_all(struct slots *s);
/* A slot without bytes, ready for a request. */
struct slot *slot_get(struct slots *s);
/* Wipes it and keeps it for the next, or frees it when enough are kept. */
void slot_put(struct slots *s, struct slot *slot);
/* The slot for the next request on the connection, which may have bytes in it already. */
void slot_next(struct slot *slot);
/* Room behind the bytes: moves them to the front, or grows. 0 when the buffer is as large as it
 * may get. */
size_t slot_room(struct slot *slot);
/* Frees the slots that are kept. */
void slot_give_back(struct slots *s);
/* A burst is over and has left holes in the heap: slot_trim gives them to the system. */
bool slot_wants_trim(const struct slots *s);
void slot_trim(struct slots *s);

#endif
