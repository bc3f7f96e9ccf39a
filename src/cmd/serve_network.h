/* serve_network: the process that talks to clients. */
#ifndef CMD_SERVE_NETWORK_H
#define CMD_SERVE_NETWORK_H

#include "cmd/cmd.h"
#include "net/net.h"
#include "signer/channel.h"

enum { SERVE_NETWORK_LISTENS = 32 };

/* What the supervisor hands to it. */
struct serve_network {
    struct channel_region *region;
    struct net_sockets *sockets;
};

/* What the settings say about sockets and threads. The strings are the arena's of `c`. */
void serve_network_options(struct cmd *c, struct net_options *o,
                           struct net_listen listens[SERVE_NETWORK_LISTENS]);
/* The log as the settings want it, on stderr. */
void serve_network_log(struct cmd *c);
/* Runs until it is told to stop; the exit code. `parts` NULL: it is the only process, which makes
 * the store, binds, and has the keys itself. */
int serve_network(struct cmd *c, const struct serve_network *parts);

#endif
