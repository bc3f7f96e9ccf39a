/* serve_signer: the process that has the keys, and how it comes by the master key.
 *
 * It never opens a file. When it has to open or to make keys it asks the supervisor, which opens
 * the master key file and passes the descriptor, unread; so a master key that was replaced is found
 * without a restart, and none is kept in memory longer than it takes.
 */
#ifndef CMD_SERVE_SIGNER_H
#define CMD_SERVE_SIGNER_H

#include "cmd/cmd.h"
#include "signer/channel.h"

/* In the signer's process: never returns. `supervisor`: its end of a pair of SOCK_SEQPACKET. */
_Noreturn void serve_signer(struct cmd *c, struct channel_region *r, int supervisor);
/* In the supervisor: a question of the signer's is at fd: passes the file at `path`. False: the
 * signer has gone. */
bool serve_signer_pass(int fd, const char *path);

#endif
