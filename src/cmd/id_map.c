/* id_map: open addressing, doubled at half full; nothing is ever removed. */
#include "cmd/id_map.h"

static void full_key(uint8_t out[16], const uint8_t *key, size_t n)
{
    memset(out, 0, 16);
    memcpy(out, key, n < 16 ? n : 16);
}

static size_t slot(const struct id_map *m, const uint8_t key[16])
{
    uint64_t h = 1469598103934665603u;
    for (size_t i = 0; i < 16; i++)
        h = (h ^ key[i]) * 1099511628211u;
    size_t at = (size_t)(h ^ h >> 32) & (m->size - 1);
    while (m->entries[at].used && memcmp(m->entries[at].key, key, 16) != 0)
        at = (at + 1) & (m->size - 1);
    return at;
}

void id_map_init(struct id_map *m, struct arena *a)
{
    *m = (struct id_map){.arena = a, .size = 64};
    m->entries = ARENA_ARRAY(a, struct id_map_entry, m->size);
}

static void grow(struct id_map *m)
{
    struct id_map old = *m;
    m->size = old.size * 2;
    m->entries = ARENA_ARRAY(m->arena, struct id_map_entry, m->size);
    for (size_t i = 0; i < old.size; i++)
        if (old.entries[i].used)
            m->entries[slot(m, old.entries[i].key)] = old.entries[i];
}

const struct id *id_map_get(const struct id_map *m, const uint8_t *key, size_t n)
{
    uint8_t full[16];
    full_key(full, key, n);
    const struct id_map_entry *e = &m->entries[slot(m, full)];
    return e->used ? &e->value : NULL;
}

void id_map_put(struct id_map *m, const uint8_t *key, size_t n, const struct id *value)
{
    if (m->n * 2 >= m->size)
        grow(m);
    struct id_map_entry e = {.value = *value, .used = true};
    full_key(e.key, key, n);
    size_t at = slot(m, e.key);
    m->n += !m->entries[at].used;
    m->entries[at] = e;
}
