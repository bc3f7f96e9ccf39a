/* key_master: `postern key rotate --master`. */
#ifndef CMD_KEY_MASTER_H
#define CMD_KEY_MASTER_H

#include "cmd/cmd.h"

/* The store is open for writing. */
int key_master_rotate(struct cmd *c);

#endif
