/* id_map: a hash table from 16 bytes to an id, for what one import has seen or made. */
#ifndef CMD_ID_MAP_H
#define CMD_ID_MAP_H

#include "base/arena.h"
#include "base/id.h"

struct id_map_entry {
    uint8_t key[16];
    struct id value;
    bool used;
};

struct id_map {
    struct arena *arena;
    struct id_map_entry *entries;
    size_t size, n;
};

void id_map_init(struct id_map *m, struct arena *a);
/* NULL: not there. Keys shorter than 16 bytes are filled up with zeros. */
const struct id *id_map_get(const struct id_map *m, const uint8_t *key, size_t n);
void id_map_put(struct id_map *m, const uint8_t *key, size_t n, const struct id *value);

#endif
