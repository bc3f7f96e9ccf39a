/* restore: a backup into an empty store (the way out: backup.h). */
#ifndef STORE_RESTORE_H
#define STORE_RESTORE_H

#include "store/backup.h"

/* Reads all of a backup and checks it against its sums. ERR_INVALID_REQUEST: `why` goes on behind
 * the name of the file. ERR_UNAVAILABLE: the file cannot be read; its source knows why. */
enum err restore_check(struct stream_reader *r, struct backup_tables *tables, backup_tick *tick,
                       void *arg, char *why, size_t why_size);

/* ERR_CONFLICT: there are rows; `why` says where. This arena and the next outlive the handle. */
enum err restore_is_empty(struct db *db, struct arena *a, char *why, size_t why_size);
/* Puts every row into the store, in the transaction that the caller opened. The store is empty and
 * of the backup's schema version. ERR_INVALID_REQUEST: `why` as above; ERR_UNAVAILABLE: the store
 * failed, or the file, whose source knows. */
enum err restore_load(struct db *db, struct arena *a, struct stream_reader *r, backup_tick *tick,
                      void *arg, char *why, size_t why_size);
/* In that transaction: ends every token, code and session that the backup brought back. */
enum err restore_new_epochs(struct db *db);

#endif
