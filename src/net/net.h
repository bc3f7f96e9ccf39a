/* net: sockets, threads and deadlines. Knows http/, and of the application only this page.
 *
 * Each worker owns an epoll loop, its listeners' readiness, its connections with their deadlines,
 * and an eventfd for completions. A request is handled inline. What it wants to have written goes
 * to the committer thread, which takes everything queued as one batch; what is slow goes to a
 * pool. Both post the exchange back to its worker. The answer leaves only then.
 *
 *     worker: read -> parse -> app.handle --ANSWER--------------------------> write
 *                                  |--ASK-----> app.ask, for many at once --> (as handle) ------^
 *                                  |--SIGN----> app.sign, for many at once -----^
 *                                  \--COMMIT--> committer: app.commit --> worker: app.resume -^
 *                                  |--POOL----> pool: app.handle_slow --> (as handle) --------^
 *                                  \--READ----> readers: the same -----------------------------^
 */
#ifndef NET_NET_H
#define NET_NET_H

#include "base/list.h"
#include "codec/address.h"
#include "http/forwarded.h"
#include "http/parse.h"
#include "http/request.h"
#include "http/response.h"

enum net_next {
    NET_ANSWER, /* the response is complete: send it */
    NET_ASK,    /* app.ask goes on with it, on its worker, at the end of the worker's turn */
    NET_SIGN,   /* app.sign completes it, on its worker, at the end of the worker's turn */
    NET_COMMIT, /* queue for the committer, then resume */
    NET_POOL,   /* run in the pool, then as told */
    NET_READ,   /* run in a reader, then as told; from a worker only */
    /* net's own, posted to the worker: */
    NET_DURABLE, /* the commit is over: resume */
    NET_BUSY,    /* it had to leave a queue and has not run there: refuse it */
};

#define NET_CALL_MAX 64 /* exchanges of one call of app.ask or app.sign */

/* What a request has shown of its sender, for penalties (net/penalty.h). */
enum net_proof {
    NET_PROOF_NONE,
    NET_PROOF_GOOD,   /* a client or a person has proven to be one */
    NET_PROOF_BAD,    /* malformed, wrong credentials, an unknown token */
    NET_PROOF_COSTLY, /* nothing was proven, and something was stored */
};

/* One request on its way. The application sees req, res and arena and keeps its own state in
 * `user`; the rest is net's. */
struct exchange {
    struct http_req req;
    struct http_res res;
    struct arena arena; /* the request's; wiped when the answer has been written */
    void *user;
    int64_t start_us;  /* monotonic: when the request was complete */
    size_t sent_bytes; /* of the answer */
    bool late;         /* with NET_ANSWER: hold it back for options.late_ms */
    struct list link;  /* queues of committer, pools, asking, signing and completion */
    struct conn *conn;
    struct worker *worker;
    enum net_next next; /* what committer, pool, reader or app.ask decided */
    bool in_use;
    enum net_proof proof;  /* the application sets it until done() returns */
    struct address source; /* whom the failures of this request are counted to ... */
    bool exempt;           /* ... if anybody */
};

struct net_app {
    void *app;
    /* Every thread has what it needs. Nobody has been answered yet: the listeners are watched once
     * this returns. May be NULL. */
    void (*ready)(void *app);
    /* Per-thread state for workers, pool threads and readers; NULL on failure (fatal). */
    void *(*thread_open)(void *app, const char *name);
    void (*thread_close)(void *thread);
    /* A complete request. */
    enum net_next (*handle)(void *thread, struct exchange *x);
    /* The same in a pool thread or reader ("pool-0", "reader-0" in thread_open); may block. */
    enum net_next (*handle_slow)(void *thread, struct exchange *x);
    /* In the committer thread: make the sets of these exchanges durable. */
    void (*commit)(void *app, struct exchange **batch, size_t n);
    /* After the commit, on the exchange's worker. */
    enum net_next (*resume)(void *thread, struct exchange *x);
    /* On their worker: asks for what n exchanges need, at most NET_CALL_MAX, and goes on with each;
     * sets x->next. Called once for all that wait at the end of a turn, before sign. */
    void (*ask)(void *thread, struct exchange **batch, size_t n);
    /* On their worker: completes the responses of n exchanges, at most NET_CALL_MAX; they are sent
     * then. Called once for all that wait at the end of a turn of the worker's loop. */
    void (*sign)(void *thread, struct exchange **batch, size_t n);
    /* A request that never became one (framing, limits, timeouts): fill x->res in the shape of the
     * dialect that owns x->req.path (which may be empty). */
    void (*refuse)(void *thread, struct exchange *x, enum err e, const char *reason);
    /* The answer has been handed to the kernel or given up: write the log line. */
    void (*done)(void *thread, struct exchange *x);
    /* Once per turn of a worker's loop, when it is about to sleep: flush logs, refresh copies. */
    void (*idle)(void *thread);
    /* net_reload, in the thread of net_run, before the certificate is read; may be NULL. */
    void (*reload)(void *app);
    /* In the committer thread, about every 200 ms: housekeeping, change poll. */
    void (*tick)(void *app);
    size_t (*body_limit)(str path);
    /* A stop was asked for, and delay_ms has begun; may be NULL. */
    void (*leaving)(void *app);
    /* That source (an IPv4 address, the first of a /64 or /48) is refused from now on, said once a
     * window (net/penalty.h); in any thread; may be NULL. */
    void (*penalised)(void *app, const struct address *source);
};

struct net_listen {
    const char
        *address; /* "127.0.0.1:8080", "[::1]:8080", ":8080", "unix:/run/postern.sock", "fd:3" */
    bool tls;
    bool admin; /* its requests have req.admin set */
};

/* Whom to believe, and how much to bear (net/origin.h, net/penalty.h). All zero: nobody is
 * believed, nothing is counted. */
struct net_sources {
    const struct address_range *proxies; /* listed proxies; the caller's, as the strings are */
    size_t proxies_n;
    bool proxies_unix; /* ... and whoever comes by a unix socket */
    enum forwarded_kind header;
    bool protocol;                      /* proxies begin each connection with a PROXY preamble */
    bool client_cert;                   /* they send Client-Cert (RFC 9440) */
    const struct address_range *exempt; /* never penalised */
    size_t exempt_n;
    int threshold, window_s; /* failures per time that are too many; 0: no penalties */
    int connections_max;     /* of one source; 0: no limit */
};

/* Listening sockets that are open already, so that they outlive the process that serves them. */
struct net_sockets;

struct net_options {
    struct net_sockets *sockets; /* of these very options, by net_bind(); taken over. NULL: made */
    struct net_sources sources;
    long memory_max; /* bytes in RAM, beyond which load is shed; 0: no ceiling */
    const struct net_listen *listens;
    size_t listens_n;
    int workers;         /* 0: number of cores */
    int connections_max; /* per process; beyond it a connection gets 503 and is closed */
    int pool_threads;
    int pool_queue_max;
    int readers;          /* threads that wait for a store elsewhere; 0: NET_READ is not used */
    int read_queue_max;   /* exchanges that may wait for a reader */
    int commit_queue_max; /* exchanges that may wait for the committer; 0: no limit */
    int patience_ms;      /* what has waited longer in either queue leaves it, refused; 0: never */
    int delay_ms;         /* how long a stop goes on accepting first (app.leaving tells) */
    int batch_max;        /* effect sets per commit */
    const char *tls_certificate, *tls_key; /* PEM files; NULL without TLS */
    int drain_ms;                          /* how long a stop waits for what was accepted */
    int late_ms;                           /* how long answers that shall be late are held back */
};

/* Binds and listens, for a process that starts the one that serves. NULL: `why`, as net_open(). */
struct net_sockets *net_bind(const struct net_options *options, char *why, size_t why_size);
/* Their descriptors; returns how many there are, which may be more than fit. */
size_t net_bound_fds(const struct net_sockets *s, int *fds, size_t room);
/* Closes them here; what other processes have of them, and the files of Unix sockets, stay. */
void net_unbind(struct net_sockets *s);
/* Removes the files of Unix sockets, before or after. */
void net_unlink(struct net_sockets *s);
/* How many workers such options lead to. */
int net_workers(const struct net_options *options);

struct net;

/* Opens everything; `why` names the address and the remedy when it fails (port taken, ...). */
struct net *net_open(const struct net_options *options, const struct net_app *app, char *why,
                     size_t why_size);
/* The address really bound, for port 0: "127.0.0.1:39123". */
const char *net_address(const struct net *n, size_t listen);
/* Runs until net_stop; 0 when everything accepted was answered. */
int net_run(struct net *n);
/* Async-signal-safe: after options.delay_ms, which a second call ends at once, stop accepting,
 * finish what was accepted, return from net_run. */
void net_stop(struct net *n);
/* Async-signal-safe: call app.reload, read the certificate again (SIGHUP), call app.tick soon. */
void net_reload(struct net *n);
void net_close(struct net *n);

/* Wakes every worker; true when each has made a turn of its loop since the call before. For a
 * watchdog: from one thread only, not more often than a turn may take. */
bool net_pulse(struct net *n);

struct net_stats {
    long connections, accepted, refused, queue_commit, queue_pool, queue_read, batches;
    long unsent; /* bytes held by answers that wait for their clients to read */
    long unread; /* connections closed because LIMIT_UNSENT was used up */
    /* sources beyond the threshold now; requests refused and connections closed for that; and
     * closed because their source had sources.connections_max */
    long shed, memory_max; /* refused or closed to stay below memory_max */
    long penalised, penalty_requests, penalty_connections, crowds;
};
/* Counters since the start and sizes of now; callable from any thread. */
void net_stats(const struct net *n, struct net_stats *out);

/* From a pool thread only: has app.commit run for what the exchange recorded so far and returns
 * when that is over (rq_commit). False: it was not run and nothing was written, because the
 * committer's queue is full or the wait in it took longer than options.patience_ms. */
bool net_commit_now(struct exchange *x);

#endif
