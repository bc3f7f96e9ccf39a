/* prepare: a new store, complete: directory, schema, master key file, first keys. */
#ifndef CMD_PREPARE_H
#define CMD_PREPARE_H

#include "cmd/cmd.h"

/* Opens the store read-write at the version of this program; if there is none yet, makes it. An
 * existing store of an older version is refused: `postern migrate` is a decision. */
int prepare_store(struct cmd *c);
/* The same, but brings an older store to the present version. *applied: how many migrations. */
int prepare_migrated(struct cmd *c, int *applied);

#endif
