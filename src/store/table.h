/* table: the tables of a store as they are, for whoever copies them whole (move, backup).
 *
 * Read from the engine's own catalogue, so that a column that a later migration adds is copied
 * too. Statements are made for each table and live as long as the arena, which outlives the handles
 * that run them.
 */
#ifndef STORE_TABLE_H
#define STORE_TABLE_H

#include "db/db.h"

enum { TABLE_COLUMNS = 32, TABLE_KEYS = 4 };

struct column {
    str name;
    enum db_type type; /* DB_TEXT, DB_BLOB, DB_INT */
};

struct table {
    str name;
    struct column columns[TABLE_COLUMNS]; /* by name, in every store */
    size_t columns_n;
    size_t key[TABLE_KEYS]; /* columns of the primary key, in its order */
    size_t keys_n;
    struct sql first,
        next;        /* a page in key order; next: behind $1.., LIMIT is the last parameter */
    struct sql get;  /* one row by key */
    struct sql put;  /* insert, or replace the row of that key */
    struct sql drop; /* delete by key */
    struct sql count;
};

/* One row's values, borrowed from the arena it was read into. */
struct table_row {
    struct db_arg values[TABLE_COLUMNS];
};

/* All tables of the store, by name, without those that copying itself uses. ERR_CONFLICT: one is
 * not of ours, and `why` names it. */
enum err table_list(struct db *db, struct arena *a, struct table **out, size_t *n, char *why,
                    size_t why_size);
/* The rows behind `after` (NULL: from the beginning), at most max; *n: how many. */
enum err table_page(struct db *db, struct arena *a, const struct table *t,
                    const struct table_row *after, size_t max, struct table_row *rows, size_t *n);
/* Value `at` of the query's row as one of a column of that type, its bytes in the arena. */
struct db_arg table_value(struct rows *r, int at, enum db_type type, struct arena *a);
/* A whole row of t, whose columns begin at `at`, likewise. */
void table_values(struct rows *r, int at, const struct table *t, struct arena *a,
                  struct table_row *row);
/* There is a table of that name. */
enum err table_exists(struct db *db, str name, bool *out);
/* The row of that key (keys_n values, in the key's order). ERR_ABSENT, ERR_UNAVAILABLE. */
enum err table_get(struct db *db, struct arena *a, const struct table *t, const struct db_arg *key,
                   struct table_row *row);
/* An order-independent sum: add up table_digest over rows, modulo 2^64. */
uint64_t table_digest(const struct table *t, const struct table_row *row);
/* For a thread that has used table_digest and ends. */
void table_digest_end(void);

#endif
