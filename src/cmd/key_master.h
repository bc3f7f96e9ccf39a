/* key_master: `postern key rotate --master`, and the lock that orders commands which seal. */
#ifndef CMD_KEY_MASTER_H
#define CMD_KEY_MASTER_H

#include "cmd/cmd.h"

/* Takes the lock on the directory of the master key file at `path`, until *fd is closed.
 * ERR_CONFLICT when another process holds it; ERR_UNAVAILABLE, with errno, when the directory
 * cannot be opened. Whoever seals a key holds it from before the file is read until the commit. */
enum err key_master_hold(struct arena *a, str path, int *fd);
/* The same for a command, until it ends; CMD_CONFLICT when another process
 * holds it. Take it before the file is read: of two rotations that overlap,
 * one would overwrite the key that the other has just sealed under. */
int key_master_lock(struct cmd *c);
/* The store is open for writing, the lock is held, the keys have not been read. */
int key_master_rotate(struct cmd *c);

#endif
