/* change: what must be told to threads and nodes that keep copies in memory.
 *
 * A change is written as a row of table `change` by the effect set that caused it. The process
 * that committed it publishes it to its own threads at once; every process polls the table (with
 * an overlap, since ids of several writers interleave) for what others, such as a command line,
 * committed. Its id is made last in its transaction, so that it tells when that ended. Applying a
 * change twice is harmless: it only drops copies. When that took so long that a poll may have
 * passed the row, CHANGE_ALL follows (commit.h).
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include <pthread.h>
#include <stdatomic.h>

#include "db/db.h"

enum change_kind {
    CHANGE_CLIENT = 1,       /* subject: client id (16 bytes) */
    CHANGE_ORGANIZATION = 2, /* subject: organization id (12 bytes) */
    CHANGE_GROUP = 3,        /* subject: organization id */
    CHANGE_KEYS = 4,         /* no subject */
    CHANGE_GRANTS = 5,       /* grants were revoked; subject: change_grants_subject(). Not written
                                where the store is asked (store/revoked.h) */
    CHANGE_USER = 6,         /* subject: user id (16 bytes) */
    CHANGE_EXCESS = 7,       /* subject: id of a client whose epoch has been raised, since too many
                                of its grants had been revoked (store/revoked.h) */
    CHANGE_ALL = 8,          /* a change came so late that polls may have missed it: whoever keeps
                                copies drops them all; no subject */
};

struct change {
    struct change *next;
    enum change_kind kind;
    uint8_t subject[16];
    uint8_t life; /* enum effect_life */
    bool here;    /* of no interest to other processes: not written */
};

#define CHANGE_LOG_SIZE 1024

/* What this process has to know, newest CHANGE_LOG_SIZE. Readers that fell behind start afresh. */
struct revoked;

struct change_log {
    atomic_uint_fast64_t commits; /* of this process: what was read before one may be old */
    atomic_ullong audited;        /* audit rows that this process has written */
    atomic_uint late; /* how many commits may have told the others too late: CHANGE_ALL is owed */
    struct id_source ids;     /* of the rows that this process writes; the committing thread's */
    atomic_uint_fast64_t seq; /* number published so far */
    struct revoked *revoked;  /* of a shared store; else NULL. The server's */
    pthread_mutex_t lock;
    struct change ring[CHANGE_LOG_SIZE];
};

/* The statement that writes a change: its id, kind and subject. For store/commit*.c. */
const struct sql *change_put(void);

/* A row may become visible that long after its id was made before CHANGE_ALL must follow: a small
 * part of the shortest overlap, since the nodes may have other settings than the writer. */
#define CHANGE_LATE_MS 2000

/* The subject of CHANGE_GRANTS: the revoked_s that the rows have, or the earliest of them. */
void change_grants_subject(int64_t revoked_s, uint8_t out[16]);
int64_t change_grants_s(const uint8_t subject[16]);

void change_log_init(struct change_log *log);
void change_publish(struct change_log *log, enum change_kind kind, const uint8_t subject[16]);
/* Copies what came after *seen, at most max, and moves *seen. *lost: the reader fell behind and
 * must drop every copy. One atomic load when there is nothing new. */
size_t change_take(struct change_log *log, uint64_t *seen, struct change *out, size_t max,
                   bool *lost);

/* Where a poll was: zeros at the start. */
struct change_poll {
    int64_t since_s, overlap_s; /* overlap_s: change_overlap_s(); 0: the least */
    struct id *seen; /* what others wrote within the overlap, in order; published already */
    size_t n;
    int64_t
        grants_s; /* what the last poll brought: the earliest of CHANGE_GRANTS; else INT64_MAX */
    bool all;     /* CHANGE_ALL */
};
/* How far back a poll must look when a call to the store takes so long at most. */
int64_t change_overlap_s(int64_t call_ms);
/* By how much the clocks of nodes may differ. */
#define CHANGE_SKEW_S 5
/* How long it may take from the time by which a request was judged to the end of its commit, when a
 * call to the store takes so long at most. */
int64_t change_way_s(int64_t call_ms);
/* Publishes what others committed since the last poll. On SQLite in the thread that commits. */
enum err change_poll(struct db *db, struct change_poll *poll, struct change_log *log,
                     int64_t now_s);
void change_poll_free(struct change_poll *poll);

/* Writes CHANGE_ALL, for all processes, in a transaction of its own. Anything but OK: that failed,
 * or was itself late; to be called again. */
enum err change_tell_all(struct db *db, struct id_source *ids, int64_t now_s);

/* Forgets rows that every running process has seen long ago. Housekeeping. */
enum err change_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
