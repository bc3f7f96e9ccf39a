/* key_master: `postern key rotate --master`, and the lock that orders commands which seal. */
#ifndef CMD_KEY_MASTER_H
#define CMD_KEY_MASTER_H

#include "cmd/cmd.h"

/* Takes the lock on the directory of the master key file until the process ends; CMD_CONFLICT
 * when another command holds it. Take it before the file is read: of two rotations that overlap,
 * one would overwrite the key that the other has just sealed under. */
int key_master_lock(struct cmd *c);
/* The store is open for writing, the lock is held, the keys have not been read. */
int key_master_rotate(struct cmd *c);

#endif
