/* copy_rows: every row brought over once, and every row read back. */
#ifndef STORE_COPY_ROWS_H
#define STORE_COPY_ROWS_H

#include "store/copy.h"

/* The rows of all tables, from where it stopped. */
enum err copy_rows_bring(struct copy *c);
/* Reads the target in full. ERR_CONFLICT: it is not what was brought. */
enum err copy_rows_verify(struct copy *c);
/* Counts both stores, and notes how long that takes. *differs: a table in which they are not equal;
 * p == NULL: none. */
enum err copy_rows_count(struct copy *c, str *differs);
/* True, and c->why filled in, when the watcher wants an end. */
bool copy_rows_stopped(struct copy *c);

#endif
