/* copy_reader: the pages of a table, read ahead by a thread while the caller writes the one before.
 */
#ifndef STORE_COPY_READER_H
#define STORE_COPY_READER_H

#include <pthread.h>

#include "store/table.h"

enum { COPY_PAGE = 2000 };

struct copy_page {
    struct arena arena;
    struct table_row *rows; /* COPY_PAGE of them */
    size_t n;               /* fewer than COPY_PAGE: it is the last one */
    uint64_t digest;        /* sum of table_digest over them, if the reader sums up */
    enum err outcome;
    bool full; /* the caller's; else the thread's */
};

struct copy_reader {
    struct db *db; /* the thread's until copy_reader_stop() */
    const struct table *table;
    bool sums;
    struct table_row after;
    bool made, has_after, over;
    size_t turn; /* the caller's next page */
    struct copy_page pages[2];
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* Memory for the pages of one table after the other: `rows` lie in a, which outlives it. */
void copy_reader_init(struct copy_reader *r, struct arena *a, size_t page_cap);
void copy_reader_free(struct copy_reader *r);
/* Begins behind `after` (NULL: at the beginning), whose bytes stay until copy_reader_stop(). sums:
 * the thread makes the digests too, for a caller who has more to do than it. */
void copy_reader_start(struct copy_reader *r, struct db *db, const struct table *t,
                       const struct table_row *after, bool sums);
/* The next page; waits for it. After the last one, or one that failed, there is none. */
struct copy_page *copy_reader_take(struct copy_reader *r);
/* The page is read; the last row of it stays for one more page. */
void copy_reader_give(struct copy_reader *r);
/* Ends the thread, wherever it is. */
void copy_reader_stop(struct copy_reader *r);

#endif
