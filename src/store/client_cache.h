/* client_cache: the clients and organizations that one thread has met, bounded.
 *
 * Filled on a miss; absence is never cached. An entry goes when a change names it. With the
 * client comes what every request of it needs: its organization, and the ids of its groups (up
 * to CLIENT_CACHE_GROUPS; beyond that groups_n is -1 and the caller asks the store).
 */
#ifndef STORE_CLIENT_CACHE_H
#define STORE_CLIENT_CACHE_H

#include "store/client.h"
#include "store/organization.h"
#include "store/relying_party.h"

#define CLIENT_CACHE_GROUPS 32

struct cached_client {
    struct client client;
    struct organization organization;
    struct relying_party rp; /* rp.there: people sign in to it */
    int64_t epoch;           /* client's + organization's: what its tokens carry */
    struct id *groups;
    int64_t groups_n;
    int64_t again_s; /* when client_cache_again last read it; 0: it did not */
};

struct client_cache;

/* Since the cache was opened; the cache's thread may read it at any time. */
struct client_cache_stats {
    uint64_t hits, misses;
    uint64_t entries; /* now */
};

struct client_cache *client_cache_open(size_t max);
void client_cache_close(struct client_cache *c);
/* OK, ERR_ABSENT or ERR_UNAVAILABLE. *out lives until the next client_cache_apply, and
 * the entry of the get before it stays too. */
enum err client_cache_get(struct client_cache *c, struct db *db, const struct uid *id,
                          int64_t now_s, const struct cached_client **out);
/* Reads the row again (a secret did not match). At most once a second and client:
 * the load before it does not count, so a secret made in the second of the load is seen. */
enum err client_cache_again(struct client_cache *c, struct db *db, const struct uid *id,
                            int64_t now_s, const struct cached_client **out);
/* Drops what the change names; call only between requests. */
void client_cache_apply(struct client_cache *c, const struct change *change);
void client_cache_clear(struct client_cache *c);
const struct client_cache_stats *client_cache_stats(const struct client_cache *c);

#endif
