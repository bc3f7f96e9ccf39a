/* copy_changes: what was written to the source meanwhile, and the pause in which nothing is. */
#ifndef STORE_COPY_CHANGES_H
#define STORE_COPY_CHANGES_H

#include "store/copy.h"

/* Brings rounds of changes until one is small, or there were c->max_rounds. */
enum err copy_changes_bring(struct copy *c);
/* Refuses writes to the source, brings the rest, compares, and marks the source as moved. OK: done.
 * ERR_ABSENT: it took too long, or writers came in between; the source goes on. */
enum err copy_changes_pause(struct copy *c);

#endif
