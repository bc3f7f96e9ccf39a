/* worker: a thread with an epoll loop and the connections that it accepted. */
#ifndef NET_WORKER_H
#define NET_WORKER_H

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>

#include "net/deadline.h"
#include "net/listen.h"
#include "net/net.h"
#include "net/slot.h"

#define WORKER_ENDED UINT_MAX

/* What an epoll event points at. */
enum watch { WATCH_LISTENER, WATCH_WAKE, WATCH_CONNECTION };

/* A listener as this worker sees it. */
struct source {
    enum watch watch; /* first */
    struct listener *listener;
    int fd;
    bool shared;
};

struct worker {
    struct net *net;
    int index;
    pthread_t thread;
    void *app; /* from app.thread_open */
    int epoll_fd, event_fd;
    enum watch wake; /* WATCH_WAKE */
    struct source *sources;
    size_t sources_n;
    int reserve_fd;      /* given up to accept and refuse when descriptors run out */
    int64_t paused_ms;   /* listeners are off until then; 0: on */
    int64_t complain_ms; /* not before then the next line about descriptors */

    struct deadlines deadlines;
    struct slots slots;
    struct list again;   /* connections that have bytes but had their share of the turn */
    struct list dead;    /* closed in this turn; freed at its end, events may still name them */
    struct list asking;  /* exchanges that wait for app.ask, at the end of the turn */
    struct list signing; /* ... and for app.sign, behind that */
    struct list outbox;  /* for the committer, at the end of the turn */
    long connections;
    long handshakes;   /* of them in DEADLINE_HANDSHAKE */
    atomic_uint pulse; /* the net's when it last made a turn; WORKER_ENDED: there are no more */
    bool leaving, stopping; /* the net's, as of this turn */
    int64_t closing_ms;     /* stopping: the listeners close then */
    int64_t cut_ms;         /* stopping: connections that have not ended by then are cut */

    int64_t now_ms;    /* monotonic, of this turn */
    int64_t looked_ms; /* when it last looked at the ceiling of memory (net/memory.h) */
    long measured;     /* slots.held then */
    int64_t date_s;
    char date[29]; /* the Date field's value in this second; no NUL */

    pthread_mutex_t lock;
    struct list done; /* exchanges that committer and pools have posted; under the lock */
};

/* False with errno: epoll, eventfd or memory. */
bool worker_open(struct worker *w, struct net *n, int index);
void worker_start(struct worker *w);
/* Makes it look at net.leaving and net.stopping. Thread-safe. */
void worker_wake(struct worker *w);
void worker_join(struct worker *w);
void worker_close(struct worker *w);

/* Has app.ask go on with it at the end of the turn. */
void worker_ask_later(struct worker *w, struct exchange *x);
/* Has app.sign complete the response at the end of the turn. */
void worker_sign_later(struct worker *w, struct exchange *x);
/* Waits on its listeners, or does not. */
void worker_watch_listeners(struct worker *w, bool on);
/* Hands exchanges (NULL entries are skipped) back to their workers: one wake-up per worker at
 * most. Clears the array. Thread-safe. */
void worker_post_batch(struct exchange **batch, size_t n);

#endif
