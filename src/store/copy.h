/* copy: all rows of one store brought to another one while the first is in use (postern move).
 *
 * Works in steps that the caller watches. Whatever ends it, the source goes on as it was, and the
 * same call goes on where it stopped; after COPY_DONE the source refuses writes for good.
 */
#ifndef STORE_COPY_H
#define STORE_COPY_H

#include "store/capture.h"
#include "store/copy_reader.h"

enum copy_step { COPY_COUNT, COPY_ROWS, COPY_INDEX, COPY_CHANGES, COPY_VERIFY, COPY_PAUSE };

struct copy_watch {
    void *arg;
    /* done of total rows of the store; total 0: unknown. table: which it is at, or an index; p ==
     * NULL: none in particular. */
    void (*tell)(void *arg, enum copy_step step, str table, int64_t done, int64_t total);
    bool (*stop)(void *arg); /* asked between pages */
};

/* What has been brought over of one table. */
struct copy_table {
    bool done;        /* the first pass is through */
    str last;         /* the last key of the first pass, written down; p == NULL: none */
    int64_t n;        /* rows in the target */
    uint64_t digest;  /* sum of table_digest over them */
    int64_t expected; /* rows that the source had at the beginning */
};

struct copy {
    struct db *from, *to;
    str target;           /* where it goes, for people: without password */
    int64_t max_pause_ms; /* writes are refused for no longer */
    int max_rounds;       /* of changes, before the pause is tried */
    struct copy_watch watch;
    char why[512];    /* out: a sentence; empty when the store failed and logged it */
    bool stopped;     /* out: watch.stop said so */
    bool begun;       /* out: the source notes changes for it */
    bool resumed;     /* out: went on with one that had stopped */
    int64_t rows;     /* out: written in the first pass */
    int64_t changes;  /* out: brought afterwards */
    int64_t pause_ms; /* out */
    int pauses;       /* out: how many were tried */
    size_t n;         /* out: tables */
    /* inner: */
    struct arena arena, scratch; /* of the run; of a page of changes, or a key */
    struct copy_reader reader;
    struct table *tables;
    struct copy_table *state;
    struct capture capture;
    struct capture_change *changes_buffer;
    struct sql *many; /* for each table: rows by some keys */
    str holder;       /* this run, in the target */
    int64_t count_ms; /* what counting both stores costs */
};

/* Sets up; the caller has filled in what is above `why`. */
void copy_init(struct copy *c);
/* Judges both stores, prepares them, and does all of it. OK: done, the source is frozen for good.
 * ERR_CONFLICT: refused or given up, why says it. ERR_UNAVAILABLE: a store failed. */
enum err copy_run(struct copy *c);
void copy_free(struct copy *c);

/* This store is not to be used: it has been moved elsewhere, or is a copy that is not complete.
 * ERR_CONFLICT with a sentence in `why`; OK otherwise, also while it is being copied. */
enum err copy_check_usable(struct db *db, char *why, size_t why_size);

#endif
