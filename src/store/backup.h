/* backup: the rows of a store out to a sealed stream (and back: restore.h).
 *
 * One logical format for every store: codec/dump.h. What belongs to running processes and not to
 * the store is neither written nor read: leases, rows of `change` (hints for memories that the
 * restored store does not have), explanations, what `move` keeps for itself; schema_version is
 * made by the migrations.
 */
#ifndef STORE_BACKUP_H
#define STORE_BACKUP_H

#include "crypto/backup_head.h"
#include "db/db.h"
#include "store/table.h"

/* Told of each page: how many rows came. */
typedef void backup_tick(void *arg, int64_t rows);

/* One table of a backup. */
struct backup_table {
    str name;
    uint64_t rows, digest;
};

struct backup_tables {
    struct backup_table *list;
    size_t n, room;
    uint64_t rows; /* of all */
    struct arena *arena;
};

/* The tables that a backup holds. A handle keeps their statements, so the arena outlives it.
 * ERR_CONFLICT: there is one that is not ours, `why` names it. */
enum err backup_catalogue(struct db *db, struct arena *a, struct table **tables, size_t *n,
                          char *why, size_t why_size);
enum err backup_count_table(struct db *db, const struct table *t, int64_t *rows);
/* One more, with a copy of the name. */
struct backup_table *backup_add_table(struct backup_tables *tables, str name);

/* Everything read from here to backup_end() is of one moment. */
enum err backup_begin(struct db *db);
void backup_end(struct db *db);
/* Rows that a backup would hold now. The arena outlives the handle. ERR_CONFLICT as above. */
enum err backup_count(struct db *db, struct arena *a, int64_t *rows, char *why, size_t why_size);
/* Fills in schema, store and master keys. ERR_CONFLICT: rows of table key are sealed under more
 * master keys than a head has room for. */
enum err backup_facts(struct db *db, struct backup_head *head);
/* Writes every row and the sums; *tables (with its arena set, which outlives the handle) gets what
 * was written. ERR_UNAVAILABLE: the store failed, or the stream's sink, who knows. ERR_CONFLICT:
 * `why`. */
enum err backup_save(struct db *db, struct stream_writer *w, struct backup_tables *tables,
                     backup_tick *tick, void *arg, char *why, size_t why_size);

#endif
