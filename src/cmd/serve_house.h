/* serve_house: the server's housekeeping, apart from the thread that does it.
 *
 * On SQLite that is the committer, between its commits, with its handle (serve_tick.h). On a shared
 * store it is a thread of its own with a connection of its own (serve_keeper.h), and what one node
 * does for all (sweeps, the steps in the keys' lives) is done only by the holder of a lease.
 */
#ifndef CMD_SERVE_HOUSE_H
#define CMD_SERVE_HOUSE_H

#include "cmd/serve_audit.h"
#include "oauth/server.h"

struct serve_house {
    struct server *server;
    struct db *db;         /* read-write; of the thread that keeps house */
    struct id_source *ids; /* of the changes it writes */
    struct change_poll poll;
    int64_t sweep_s, keys_s; /* when they are due */
    int64_t try_s;           /* when a store that failed is tried again */
    int64_t keys_retry_s;    /* when keys that could not be read are tried again */
    int sweep_next;          /* which table is next */
    bool sweep_more;         /* a table of this round had more than was swept */
    uint64_t changes_seen;
    atomic_bool reload;   /* SIGHUP: read the keys again */
    struct id holder;     /* shared: by what name this process holds the lease */
    int64_t lease_ms;     /* shared: until when it has it, by the monotonic clock */
    int64_t excess_s;     /* shared: when revoked grants are counted (serve_excess.h) */
    int64_t lease_try_ms; /* shared: when it is renewed, or tried for */
    int64_t grants_s;     /* shared: from when on revoked grants are to be read; else INT64_MAX */
    int64_t grants_ms;    /* shared: when they are read unasked, by the monotonic clock */
    unsigned late_seen;   /* shared: how much of change_log.late has been paid */
    int64_t all_ms;       /* shared: when CHANGE_ALL may be told again */
    struct serve_audit audit;
    int64_t all_again_ms; /* shared: when it has to be once more; 0: it has not */
};

void serve_house_init(struct serve_house *h, struct server *server, struct db *db,
                      struct id_source *ids, int64_t now_s);
/* Hears what other processes changed: clients, keys, on a shared store revoked grants; takes new
 * keys in. One statement when nothing has changed. False when the store did not answer; on a shared
 * store the server knows it then (store_away), and when it was heard last (heard_ms). */
bool serve_house_hear(struct serve_house *h);
/* One round of all the rest, bounded: one sweep, keys, explanations, counts. True when the sweeps
 * have more to do at once. */
bool serve_house_work(struct serve_house *h);
/* After the last request: writes what is still in memory, gives the lease back. */
void serve_house_end(struct serve_house *h);

#endif
