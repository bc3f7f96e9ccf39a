/* migrate_plan: what a migration would do to a store: its statements, and how much they touch. */
#ifndef DB_MIGRATE_PLAN_H
#define DB_MIGRATE_PLAN_H

#include "db/migrate.h"

struct migrate_statement {
    str text;   /* as it would run on that store, on one line */
    str table;  /* which table it touches; empty when it cannot be told */
    bool makes; /* it makes that table */
};

/* Takes the next statement off the front of `text` (of migrate_text). False: there is none. The
 * statement lives in the arena. */
bool migrate_plan_next(struct arena *a, str *text, struct migrate_statement *out);

/* The rows of a table; -1 when the store has no such table. PostgreSQL's own estimate stands for
 * tables of a hundred thousand rows and more, which would take long to count: *estimated says so.
 * Statements that it makes live in the arena, and that as long as the handle. */
enum err migrate_plan_rows(struct db *db, struct arena *a, str table, int64_t *rows,
                           bool *estimated);

#endif
