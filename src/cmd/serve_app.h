/* serve_app: what stands between net (sockets, threads) and oauth (requests, answers). */
#ifndef CMD_SERVE_APP_H
#define CMD_SERVE_APP_H

#include <stdatomic.h>

#include "cmd/cmd.h"
#include "net/net.h"
#include "oauth/server.h"

/* One per process. The database handle is the committer's. */
struct serve_app {
    struct server server;
    struct db *db; /* read-write */
    struct cmd *cmd;
    struct net *net; /* NULL until it is open */
    size_t listens_n;
    bool admin; /* there is an administrator's listener: health is served there only */
    struct change_poll poll;
    int64_t sweep_s, keys_s; /* when housekeeping ran last */
    int64_t try_s;           /* when a store that failed is tried again */
    int64_t keys_retry_s;    /* when keys that could not be read are tried again */
    int sweep_next;          /* which table is next */
    bool sweep_more;         /* a table of this round had more than was swept */
    uint64_t changes_seen;
    int64_t watchdog_us,
        watchdog_at_us; /* how often systemd wants a sign of life (0: never); next */
    atomic_bool reload; /* SIGHUP: read the keys again */
};

/* The callbacks; `app` is the struct serve_app. */
void serve_app_init(struct net_app *out, struct serve_app *app);

#endif
