/* serve_limits: from settings to whom the network believes and how much it bears. */
#ifndef CMD_SERVE_LIMITS_H
#define CMD_SERVE_LIMITS_H

#include "cmd/cmd.h"
#include "net/net.h"
#include "oauth/rq.h"

/* Sets o->sources and o->memory_max; the lists lie in the command's arena. */
void serve_limits_fill(struct cmd *c, struct net_options *o);
/* What an answered request has shown of its sender (net_proof). */
enum net_proof serve_limits_proof(const struct rq *rq);

#endif
