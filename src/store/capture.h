/* capture: what changes in a store while it is being copied, and the stop of its writes at the end.
 *
 * All of it lies in the store that is copied (tables move_...), so that no writer needs to know.
 */
#ifndef STORE_CAPTURE_H
#define STORE_CAPTURE_H

#include "store/table.h"

enum { CAPTURE_TABLES = 64 };

enum capture_phase {
    CAPTURE_ON = 1,     /* changes are noted */
    CAPTURE_FROZEN = 2, /* writes are refused until the freeze ends by itself */
    CAPTURE_MOVED = 3,  /* writes are refused for good */
};

struct capture_state {
    str id; /* of this move: 32 hex digits */
    enum capture_phase phase;
    str target; /* where it goes, without password */
};

/* The move that this store is the source of. ERR_ABSENT: none. */
enum err capture_read(struct db *db, struct arena *a, struct capture_state *out);

struct capture {
    struct db *db;
    const struct table *tables;
    size_t n;
    struct sql *pages, *forget; /* for each table */
    struct sql pending;         /* which tables have changes */
    const char *lock;           /* NULL: the engine has one writer */
};

/* One row that changed, as it is now. */
struct capture_change {
    struct db_arg id;
    struct db_arg key[TABLE_KEYS];
    bool present; /* false: the row is gone */
    struct table_row row;
};

/* The statements for these tables; they, the arena and the handle outlive it. */
void capture_init(struct capture *c, struct db *db, struct arena *a, const struct table *tables,
                  size_t n);
/* Notes changes of every table from now on; what is committed before it returns is visible to every
 * later read. ERR_CONFLICT: writers were in the way, try again. */
enum err capture_install(struct capture *c, struct arena *a, str target);
/* Takes all of it away again. ERR_CONFLICT as above. */
enum err capture_remove(struct db *db, struct arena *a);
/* tables[i]: table i has changes that have not arrived; *n: how many tables. */
enum err capture_pending(struct capture *c, bool *tables, size_t *n);
/* Changes of table t, at most max, with the rows that they name as they are now. The same key may
 * come several times. */
enum err capture_page(struct capture *c, struct arena *a, size_t t, size_t max,
                      struct capture_change *changes, size_t *n);
/* These changes have arrived. */
enum err capture_forget(struct capture *c, size_t t, const struct capture_change *changes,
                        size_t n);
/* Refuses writes for so long at most; when it returns no earlier one is still open. ERR_CONFLICT as
 * above. */
enum err capture_freeze(struct capture *c, int64_t ms);
enum err capture_thaw(struct capture *c);
/* Refuses writes for good. ERR_CONFLICT: something was written that has not arrived. */
enum err capture_finish(struct capture *c);

#endif
