/* migrate: numbered, forward-only schema changes (src/db/schema/NNNN_name.sql, built in).
 *
 * The files use placeholders where the stores differ: $BLOB (BLOB on SQLite, BYTEA on PostgreSQL),
 * $CLUSTERED (WITHOUT ROWID, nothing) and $ROWID for a number that SQLite keeps its rows by
 * (INTEGER, BIGINT). All that is missing runs in one transaction together with its rows in
 * table schema_version. A file may say "-- serves: N": programs that know version N or later may go
 * on using the store after it; without that line nobody but programs that know the file itself.
 */
#ifndef DB_MIGRATE_H
#define DB_MIGRATE_H

#include "db/db.h"

struct migration {
    int number;
    int serves; /* programs that know this version or a later one may use the store after it */
    const char *name;
    const char *text;
};

/* What a store says of itself. Both are 0 for an empty one. */
struct migrate_state {
    int version; /* the highest number that has been applied */
    int serves;  /* programs that know this version or a later one may use it */
};

extern const struct migration migrations[]; /* ends with number 0; made by the build */

enum err migrate_read(struct db *db, struct migrate_state *state);
/* The same, only the version. */
enum err migrate_version(struct db *db, int *version);
int migrate_latest(void);
/* Whether a store that is ahead of this program may be used by it even so. */
bool migrate_serves(const struct migrate_state *state);
/* Applies what is missing. *applied: how many. `why` names the migration that failed. A store that
 * is ahead is left as it is: OK if this program may use it, else ERR_CONFLICT. */
enum err migrate_run(struct db *db, int *applied, char *why, size_t why_size);
/* What is missing up to that number, in the transaction that the caller opened (restore puts old
 * rows between two of them). */
enum err migrate_apply(struct db *db, int last);
/* The text for one dialect of SQL: "sqlite" or "postgresql". */
str migrate_text(struct arena *a, const struct migration *m, const char *driver);

#endif
