/* client_cache: the clients and organizations that a thread, or a process, has met, bounded.
 *
 * Filled on a miss; absence is never cached. An entry goes when a change names it. With the
 * client comes what every request of it needs: its organization, and the ids of its groups (up
 * to CLIENT_CACHE_GROUPS; beyond that groups_n is -1 and the caller asks the store).
 *
 * Where reading the store is cheap each thread has its own; else all threads of the process join
 * one, so that what one of them has read serves all.
 */
#ifndef STORE_CLIENT_CACHE_H
#define STORE_CLIENT_CACHE_H

#include "store/change.h"
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

/* Of this thread, since it opened or joined; its thread may read them at any time. */
struct client_cache_stats {
    uint64_t hits, misses;
    uint64_t entries; /* now; 0 of one that joined another's: ask client_cache_count(owner) */
};

struct client_cache *client_cache_open(size_t max, struct change_log *log);
/* Another thread's view of the same entries. */
struct client_cache *client_cache_join(struct client_cache *owner);
void client_cache_close(struct client_cache *c); /* the owner last */
/* Between requests: lets go of what was got, and drops what has changed. */
void client_cache_refresh(struct client_cache *c);
/* OK, ERR_ABSENT or ERR_UNAVAILABLE. *out lives until the next client_cache_refresh. */
enum err client_cache_get(struct client_cache *c, struct db *db, const struct uid *id,
                          int64_t now_s, const struct cached_client **out);
/* Reads the row again (a secret did not match). At most once a second and client:
 * the load before it does not count, so a secret made in the second of the load is seen. */
enum err client_cache_again(struct client_cache *c, struct db *db, const struct uid *id,
                            int64_t now_s, const struct cached_client **out);
const struct client_cache_stats *client_cache_stats(struct client_cache *c);
/* Clients in it now, from any thread. */
size_t client_cache_count(const struct client_cache *c);

#endif
