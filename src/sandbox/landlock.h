/* landlock: which files, ports and processes are within reach (landlock(7)), by its system calls.
 *
 * The versions of the interface (ABI) are probed; each brings further rights, and all that the
 * kernel has are handled: 1 files, 2 links across directories, 3 truncation, 4 TCP ports,
 * 5 ioctl of devices, 6 abstract sockets and signals.
 */
#ifndef SANDBOX_LANDLOCK_H
#define SANDBOX_LANDLOCK_H

#include "sandbox/sandbox.h"

/* 0: the kernel has none, or it is switched off. */
int landlock_abi(void);
/* Only the paths of s; no TCP port to bind, none to connect to unless s->connects or the role is
 * SANDBOX_OUTBOUND; no signals to processes of outside. Of the calling thread and those it starts.
 * ERR_FORBIDDEN with errno in `why` when the kernel refused. */
enum err landlock_enter(const struct sandbox *s, int abi, char *why, size_t why_size);

#endif
