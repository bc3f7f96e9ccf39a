/* buf: output that grows to a cap and remembers when it could not.
 *
 * Writers append without looking; whoever sends the bytes checks `overflow` once. Storage comes
 * from an arena (growth gives the old storage back to it) or is one fixed piece.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include "base/arena.h"
#include "base/str.h"

struct buf {
    char *p;
    size_t n;            /* bytes written */
    size_t size;         /* bytes of storage */
    size_t cap;          /* most that size may reach */
    struct arena *arena; /* NULL: fixed storage */
    bool overflow;       /* something did not fit; sticky */
};

/* A buffer in arena a: `size` bytes at first, at most `cap`. */
void buf_init(struct buf *b, struct arena *a, size_t size, size_t cap);
/* A buffer over storage that the caller keeps. */
void buf_fixed(struct buf *b, char *storage, size_t size);
/* Room for n more bytes to be written at the returned place (then add to b->n what was used), or
 * NULL and the overflow flag. */
char *buf_room(struct buf *b, size_t n);
void buf_put(struct buf *b, str s);
#define BUF_LIT(b, lit) buf_put((b), STR(lit))
void buf_char(struct buf *b, char c);
void buf_i64(struct buf *b, int64_t v);
/* Lowercase hex digits of n bytes. */
void buf_hex(struct buf *b, const void *bytes, size_t n);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* What was written. Valid until the next append. */
static inline str buf_str(const struct buf *b)
{
    return str_make(b->p, b->n);
}

#endif
