/* copy_state: how far a copy is, kept in the target, and the target's indexes meanwhile. */
#ifndef STORE_COPY_STATE_H
#define STORE_COPY_STATE_H

#include "store/copy.h"

/* The move that this store is the unfinished target of. ERR_ABSENT: none. */
enum err copy_state_source(struct db *db, struct arena *a, str *id);
/* An empty target becomes that of move `id`: its state, and no index but the primary keys'. */
enum err copy_state_create(struct copy *c, str id);
/* Reads how far each table is, and makes this run the only one that may write. */
enum err copy_state_take(struct copy *c);
/* A transaction on the target. ERR_CONFLICT: another run has taken over. */
enum err copy_state_begin(struct copy *c);
/* Writes down table t's state and ends the transaction, or, if e, undoes it. Gives e. */
enum err copy_state_commit(struct copy *c, size_t t, enum err e);
/* The last key of a page as text, and back. */
str copy_state_key(struct arena *a, const struct table *t, const struct table_row *row);
bool copy_state_parse_key(struct arena *a, const struct table *t, str text, struct table_row *row);
/* Makes the indexes that keep keys apart (unique) or the others, as far as they are missing. */
enum err copy_state_make_indexes(struct copy *c, bool unique);
/* Takes the unique ones away again: what is on its way may contradict them for a while. */
enum err copy_state_drop_unique(struct copy *c);
/* The target is a store like any other. */
enum err copy_state_remove(struct copy *c);

#endif
