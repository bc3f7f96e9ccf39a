/* id: making, reading and writing identifiers.
 *
 * The counter of a source starts at a random place in the lower half of its 24 bits, so an id
 * does not tell how many were made, and within one second ids still ascend until it wraps.
 */
#include "base/id.h"

#include "base/rand.h"

void id_source_init(struct id_source *src)
{
    unsigned start;
    rand_bytes(src->node, sizeof(src->node));
    rand_bytes(&start, sizeof(start));
    atomic_init(&src->counter, start & 0x7fffff);
}

static void put_time(struct id *id, int64_t at_s)
{
    uint32_t t = at_s < 0 ? 0 : at_s > UINT32_MAX ? UINT32_MAX : (uint32_t)at_s;
    id->b[0] = (uint8_t)(t >> 24);
    id->b[1] = (uint8_t)(t >> 16);
    id->b[2] = (uint8_t)(t >> 8);
    id->b[3] = (uint8_t)t;
}

struct id id_next(struct id_source *src, int64_t now_s)
{
    struct id id;
    unsigned count = atomic_fetch_add_explicit(&src->counter, 1, memory_order_relaxed);
    put_time(&id, now_s);
    memcpy(id.b + 4, src->node, sizeof(src->node));
    id.b[9] = (uint8_t)(count >> 16);
    id.b[10] = (uint8_t)(count >> 8);
    id.b[11] = (uint8_t)count;
    return id;
}

int64_t id_time_s(const struct id *id)
{
    return (int64_t)id->b[0] << 24 | id->b[1] << 16 | id->b[2] << 8 | id->b[3];
}

bool id_eq(const struct id *a, const struct id *b)
{
    return memcmp(a->b, b->b, ID_BYTES) == 0;
}

struct id id_floor(int64_t at_s)
{
    struct id id = {{0}};
    put_time(&id, at_s);
    return id;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static int hex_digit_nocase(char c)
{
    return hex_digit(c >= 'A' && c <= 'F' ? (char)(c | 0x20) : c);
}

bool id_parse(str s, struct id *out)
{
    struct id id;
    if (s.n != ID_HEX)
        return false;
    for (size_t i = 0; i < ID_BYTES; i++) {
        int high = hex_digit(s.p[2 * i]);
        int low = hex_digit(s.p[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        id.b[i] = (uint8_t)(high << 4 | low);
    }
    *out = id;
    return true;
}

void id_write(struct buf *out, const struct id *id)
{
    buf_hex(out, id->b, ID_BYTES);
}

struct uid uid_new(void)
{
    struct uid id;
    rand_bytes(id.b, UID_BYTES);
    id.b[6] = (uint8_t)(0x40 | (id.b[6] & 0x0f)); /* RFC 9562 5.4: version 4 */
    id.b[8] = (uint8_t)(0x80 | (id.b[8] & 0x3f)); /* RFC 9562 4.1: variant 10 */
    return id;
}

bool uid_eq(const struct uid *a, const struct uid *b)
{
    return memcmp(a->b, b->b, UID_BYTES) == 0;
}

/* A UUID has a dash before these bytes. */
static bool dash_before(size_t byte)
{
    return byte == 4 || byte == 6 || byte == 8 || byte == 10;
}

static bool read_digits(str s, bool dashes, struct uid *out)
{
    size_t at = 0;
    for (size_t i = 0; i < UID_BYTES; i++) {
        if (dashes && dash_before(i) && s.p[at++] != '-')
            return false;
        int high = hex_digit_nocase(s.p[at]);
        int low = hex_digit_nocase(s.p[at + 1]);
        if (high < 0 || low < 0)
            return false;
        out->b[i] = (uint8_t)(high << 4 | low);
        at += 2;
    }
    return true;
}

bool uid_parse(str s, const char *sid_prefix, struct uid *out, enum spelling *spelling)
{
    struct uid id;
    enum spelling as = s.n == UID_UUID_CHARS ? SPELLING_UUID : SPELLING_SID;
    if (as == SPELLING_SID) {
        if (s.n != UID_SID_CHARS || !sid_prefix || !str_starts(s, str_from(sid_prefix)))
            return false;
        s = str_sub(s, 2, s.n);
    }
    if (!read_digits(s, as == SPELLING_UUID, &id))
        return false;
    *out = id;
    *spelling = as;
    return true;
}

void uid_write(struct buf *out, const struct uid *id, const char *sid_prefix, enum spelling as)
{
    if (as == SPELLING_SID) {
        buf_put(out, str_from(sid_prefix));
        buf_hex(out, id->b, UID_BYTES);
        return;
    }
    size_t from = 0;
    for (size_t i = 1; i <= UID_BYTES; i++) {
        if (dash_before(i)) {
            buf_hex(out, id->b + from, i - from);
            buf_char(out, '-');
            from = i;
        }
    }
    buf_hex(out, id->b + from, UID_BYTES - from);
}
