/* migrate: numbered, forward-only schema changes (src/db/schema/NNNN_name.sql, built in).
 *
 * The files use placeholders where the stores differ: $BLOB (BLOB on SQLite, BYTEA on PostgreSQL),
 * $CLUSTERED (WITHOUT ROWID, nothing) and $ROWID for a number that SQLite keeps its rows by
 * (INTEGER, BIGINT). Each file runs in one transaction together with its row in table
 * schema_version.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

struct migration {
    int number;
    const char *name;
    const char *text;
};

extern const struct migration migrations[]; /* ends with number 0; made by the build */

/* The highest number that has been applied; 0 for an empty database. */
enum err migrate_version(struct db *db, int *version);
int migrate_latest(void);
/* Applies what is missing. *applied: how many. `why` names the migration that failed. */
enum err migrate_run(struct db *db, int *applied, char *why, size_t why_size);
/* The text for one dialect of SQL: "sqlite" or "postgresql". */
str migrate_text(struct arena *a, const struct migration *m, const char *driver);

#endif
