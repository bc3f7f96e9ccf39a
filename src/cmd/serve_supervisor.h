/* serve_supervisor: the process that starts, watches and ends the others.
 *
 *     supervisor   binds and keeps the listening sockets, speaks to the service manager
 *       |- signer    the keys (serve_signer.h)
 *       |- outbound  names into addresses (serve_outbound.h)
 *       '- network   clients and the store (serve_network.h)
 */
#ifndef CMD_SERVE_SUPERVISOR_H
#define CMD_SERVE_SUPERVISOR_H

#include "cmd/cmd.h"

/* Prepares the store, starts the processes, and returns when all have ended: the exit code. */
int serve_supervisor(struct cmd *c);

#endif
