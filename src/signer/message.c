/* message: bounded writing and reading of values; see message.h. */
#include "signer/message.h"

#include <string.h>

struct message message_new(void *p, size_t size)
{
    return (struct message){.p = p, .size = size};
}

struct message message_of(const void *p, size_t n)
{
    return (struct message){.p = (uint8_t *)(uintptr_t)p, .n = n};
}

void message_put_raw(struct message *m, const void *p, size_t n)
{
    if (m->bad || m->size - m->n < n) {
        m->bad = true;
        return;
    }
    if (n > 0)
        memcpy(m->p + m->n, p, n);
    m->n += n;
}

void message_put_u8(struct message *m, uint8_t v)
{
    message_put_raw(m, &v, sizeof v);
}

void message_put_u32(struct message *m, uint32_t v)
{
    message_put_raw(m, &v, sizeof v);
}

void message_put_i64(struct message *m, int64_t v)
{
    message_put_raw(m, &v, sizeof v);
}

void message_put_str(struct message *m, str s)
{
    message_put_u32(m, (uint32_t)s.n);
    message_put_raw(m, s.p, s.n);
}

/* The next n bytes, or NULL. */
static const uint8_t *take(struct message *m, size_t n)
{
    if (m->bad || m->n - m->at < n) {
        m->bad = true;
        return NULL;
    }
    const uint8_t *p = m->p + m->at;
    m->at += n;
    return p;
}

void message_raw(struct message *m, void *out, size_t n)
{
    const uint8_t *p = take(m, n);
    if (p)
        memcpy(out, p, n);
    else
        memset(out, 0, n);
}

uint8_t message_u8(struct message *m)
{
    uint8_t v;
    message_raw(m, &v, sizeof v);
    return v;
}

uint32_t message_u32(struct message *m)
{
    uint32_t v;
    message_raw(m, &v, sizeof v);
    return v;
}

int64_t message_i64(struct message *m)
{
    int64_t v;
    message_raw(m, &v, sizeof v);
    return v;
}

str message_str(struct message *m, size_t most)
{
    uint32_t n = message_u32(m);
    const uint8_t *p = n > most ? NULL : take(m, n);
    if (!p)
        m->bad = true;
    return p ? str_make((const char *)p, n) : str_make("", 0);
}

bool message_done(const struct message *m)
{
    return !m->bad && m->at == m->n;
}
