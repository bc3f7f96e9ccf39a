/* buf: appending to storage that doubles inside an arena, or to one fixed piece.
 *
 * After an overflow nothing more is written, so what is there is a prefix of what was meant and
 * `overflow` alone decides whether it may be sent. Numbers and hex are written by hand: printf
 * would be a visible part of a request's time.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

void buf_init(struct buf *b, struct arena *a, size_t size, size_t cap)
{
    size = size < cap ? size : cap;
    *b = (struct buf){.size = size, .cap = cap, .arena = a};
    b->p = size ? arena_alloc(a, size) : NULL;
}

void buf_fixed(struct buf *b, char *storage, size_t size)
{
    *b = (struct buf){.p = storage, .size = size, .cap = size};
}

/* Storage for at least n bytes more, or false. */
static bool grow(struct buf *b, size_t n)
{
    if (!b->arena || n > b->cap - b->n)
        return false;
    size_t size = b->size < 64 ? 128 : b->size * 2;
    if (size < b->n + n)
        size = b->n + n;
    if (size > b->cap)
        size = b->cap;
    char *p = arena_alloc(b->arena, size);
    if (b->n > 0)
        memcpy(p, b->p, b->n);
    arena_give_back(b->arena, b->p);
    b->p = p;
    b->size = size;
    return true;
}

char *buf_room(struct buf *b, size_t n)
{
    if (__builtin_expect(b->overflow || (n > b->size - b->n && !grow(b, n)), 0)) {
        b->overflow = true;
        return NULL;
    }
    return b->p + b->n;
}

void buf_put(struct buf *b, str s)
{
    char *to = buf_room(b, s.n);
    if (to && s.n > 0) {
        memcpy(to, s.p, s.n);
        b->n += s.n;
    }
}

void buf_char(struct buf *b, char c)
{
    char *to = buf_room(b, 1);
    if (to) {
        *to = c;
        b->n++;
    }
}

void buf_i64(struct buf *b, int64_t v)
{
    char digits[20];
    size_t at = sizeof(digits);
    /* The magnitude of INT64_MIN exists only as unsigned. */
    uint64_t rest = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    do {
        digits[--at] = (char)('0' + rest % 10);
        rest /= 10;
    } while (rest > 0);
    if (v < 0)
        digits[--at] = '-';
    buf_put(b, str_make(digits + at, sizeof(digits) - at));
}

void buf_hex(struct buf *b, const void *bytes, size_t n)
{
    static const char DIGITS[16] = "0123456789abcdef";
    const uint8_t *from = bytes;
    char *to = buf_room(b, 2 * n);
    if (!to)
        return;
    for (size_t i = 0; i < n; i++) {
        to[2 * i] = DIGITS[from[i] >> 4];
        to[2 * i + 1] = DIGITS[from[i] & 15];
    }
    b->n += 2 * n;
}

void buf_printf(struct buf *b, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (n >= 0 && (size_t)n < sizeof(text)) {
        buf_put(b, str_make(text, (size_t)n));
        return;
    }
    /* Longer than the scratch space: print again, straight into the storage. */
    char *to = n < 0 ? NULL : buf_room(b, (size_t)n + 1);
    if (!to) {
        b->overflow = true;
        return;
    }
    va_start(args, format);
    vsnprintf(to, (size_t)n + 1, format, args);
    va_end(args);
    b->n += (size_t)n;
}
