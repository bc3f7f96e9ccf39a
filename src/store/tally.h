/* tally: how many rows each table has, counted a few at a time.
 *
 * COUNT(*) over a large table would hold its caller up, so housekeeping walks each table by its
 * key, a page in each step, and publishes the number at the end of the table. A number is as old
 * as the last walk, and no request waits for it. A shared store keeps estimates itself.
 */
#ifndef STORE_TALLY_H
#define STORE_TALLY_H

#include <stdatomic.h>

#include "db/db.h"

#define TALLY_TABLES 28

extern const char *const tally_tables[TALLY_TABLES];

struct tally {
    size_t table;     /* that is being walked */
    int64_t so_far;   /* rows passed in it */
    char key[2][512]; /* of the last row passed; the second part only of pairs */
    size_t key_n[2];
    int64_t number;                          /* the part of it that is a number */
    int64_t next_s;                          /* when the next round may begin */
    atomic_int_fast64_t rows[TALLY_TABLES];  /* -1: not counted yet */
    atomic_int_fast64_t bytes[TALLY_TABLES]; /* tally_shared.c; -1: not known */
};

void tally_init(struct tally *t);
/* Goes on for at most budget_us, if a round is due: rounds begin rest_s apart. A failure ends the
 * round and is tried again with the next one. */
enum err tally_run(struct tally *t, struct db *db, int64_t now_s, int64_t rest_s,
                   int64_t budget_us);
/* The same on a shared store, rows and bytes, from the engine's own books: one query that scans
 * nothing. */
enum err tally_shared(struct tally *t, struct db *db, int64_t now_s, int64_t rest_s);

#endif
