/* serve_sandbox: the sandbox of each process of the server, from the settings. */
#ifndef CMD_SERVE_SANDBOX_H
#define CMD_SERVE_SANDBOX_H

#include "cmd/cmd.h"
#include "sandbox/sandbox.h"

/* The start of the first process, once the settings are read: the setting `user`, no cores, no
 * capability but that for low ports. Before the first key is read and the first file is made. */
int serve_sandbox_begin(struct cmd *c);
/* At the end of the preparations of a process, before its first thread and with the store open:
 * what the settings name for that role, for good. `one`: there is only this process, so the network
 * role may read the master key file again and resolves names itself. The supervisor, or the one
 * process, logs what is in force, what the kernel lacks, and that it is root. */
int serve_sandbox_enter(struct cmd *c, enum sandbox_role role, bool one);

#endif
