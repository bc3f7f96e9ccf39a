/* state: a running server, for the files of this directory and its tests. */
#ifndef NET_STATE_H
#define NET_STATE_H

#include "net/committer.h"
#include "net/deadline.h"
#include "net/listen.h"
#include "net/memory.h"
#include "net/penalty.h"
#include "net/pool.h"
#include "net/tls.h"
#include "net/worker.h"

struct net {
    struct net_app app;
    struct net_options options; /* the strings stay the caller's and must outlive the server */
    struct listener *listeners; /* one per address */
    struct worker *workers;
    int workers_n;
    struct committer committer;
    struct pool pool;    /* hashes */
    struct pool readers; /* waiting for the store */
    struct tls *tls;
    struct penalties *penalties;
    struct memory memory;
    long handshakes_max;           /* per worker; tests lower it between net_open and net_run */
    pthread_barrier_t opened;      /* threads, and net_run, until every thread has what it needs */
    pthread_barrier_t announced;   /* workers, and net_run, until app.ready has been told */
    int control_fd;                /* eventfd: net_stop and net_reload wake net_run */
    atomic_bool stop, reload;      /* set by those two */
    atomic_bool leaving, stopping; /* the workers have been told */
    atomic_long connections;       /* open now */
    atomic_long accepted, refused; /* since the start; refused: beyond the cap or out of memory */
    atomic_uint pulse;             /* how often net_pulse was called */
    atomic_long unanswered;        /* requests that a stop cut off */
    atomic_long unsent;            /* bytes held by answers that wait for their clients */
    atomic_long unread;            /* connections closed because that was too much */
    atomic_llong unread_said_ms;   /* when the log was told last */
    long unsent_max;               /* LIMIT_UNSENT; tests lower it between net_open and net_run */
    int deadline_ms[DEADLINES];    /* tests shorten them between net_open and net_run */
};

#endif
