/* serve_app: what stands between net (sockets, threads) and oauth (requests, answers). */
#ifndef CMD_SERVE_APP_H
#define CMD_SERVE_APP_H

#include <stdatomic.h>

#include "cmd/cmd.h"
#include "cmd/serve_house.h"
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
    struct serve_house house; /* the committer's on SQLite, else the keeper's */
    int64_t watchdog_us,
        watchdog_at_us; /* how often systemd wants a sign of life (0: never); next */
};

/* The callbacks; `app` is the struct serve_app. */
void serve_app_init(struct net_app *out, struct serve_app *app);

#endif
