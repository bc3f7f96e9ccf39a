/* server: everything that outlives a request, and oauth_handle(), the engine without a socket.
 *
 * A server is shared and immutable but for the snapshot pointers; a thread holds its own copies
 * (database handle, hashing and signing contexts, client cache), refreshed from the change log
 * before each request.
 */
#ifndef OAUTH_SERVER_H
#define OAUTH_SERVER_H

#include "base/clock.h"
#include "base/log.h"
#include "config/settings.h"
#include "http/request.h"
#include "http/response.h"
#include "oauth/metrics.h"
#include "oauth/route.h"
#include "oauth/token/verified.h"
#include "store/audit_gate.h"
#include "store/change.h"
#include "store/client_cache.h"
#include "store/commit.h"
#include "store/key.h"
#include "store/person_cache.h"
#include "store/revoked.h"

struct ui;
struct password_rules;
struct explain_ring;

struct server {
    const struct settings *settings;
    struct clock clock;
    struct id_source ids;
    struct change_log changes;
    struct vault *vault;       /* opens the keys; closed with the server. NULL before server_open():
                                  by the master key file, which is read when it is needed */
    pthread_mutex_t load_lock; /* one loads keys at a time, so the last to install read last */
    pthread_mutex_t ring_lock;
    struct keyring *_Atomic ring;          /* newest; a reference is taken under ring_lock */
    atomic_uint_fast64_t ring_seq;         /* the newest change of keys that it has in it */
    atomic_bool store_fails;               /* the last commit failed; /readyz says so */
    atomic_bool ring_stale;                /* keys changed but could not be read: try again */
    const struct dialect *const *dialects; /* ends with NULL; the last owns all other paths */
    bool misbehaves;                       /* some fault.* setting is on */
    bool shared;                           /* the store is: workers never read it themselves */
    atomic_llong heard_ms;        /* shared: monotonic, when the last poll of the store began that
                                     succeeded */
    atomic_bool store_away;       /* shared: it does not answer; nobody need try */
    atomic_bool leaving;          /* a stop was asked for; /readyz says so */
    struct client_cache *clients; /* shared: what the threads' caches join; else NULL */
    struct person_cache *persons; /* likewise */
    struct arena arena;           /* what follows, made at start */
    str metadata;                 /* the RFC 8414 document */
    str *hosts;                   /* host names that the server answers for */
    size_t hosts_n;
    str node;                /* by what name its audit rows are chained */
    struct audit_gate audit; /* oauth/record.h */
    struct metrics metrics;
    str ui_locales;                   /* languages of the pages, "en de fr"; set with ui */
    struct ui *ui;                    /* ui/ui.h; set by cmd/serve, NULL in tests without pages */
    struct password_rules *passwords; /* oauth/password_rules.h; likewise */
    struct explain_ring *explain;     /* oauth/explain.h; NULL: nothing is kept */
};

/* By how much a time that another node wrote may be ahead of ours. */
static inline int64_t server_skew_s(const struct server *s)
{
    return s->shared ? CHANGE_SKEW_S : 0;
}

/* What a thread may wait for. */
enum thread_kind {
    THREAD_WORKER, /* nothing; on a shared store its handle is db_elsewhere() */
    THREAD_READER, /* reads of a shared store */
    THREAD_POOL,   /* reads, password hashes and commits */
};

struct server_thread {
    struct server *server;
    struct db *db; /* reads only */
    struct hasher *hasher;
    struct signer *signer; /* its ring is this thread's keyring */
    struct signer *bench;  /* a key of this thread alone, for /bench/sign; else NULL */
    struct client_cache *clients;
    struct person_cache *persons; /* on a shared store; else NULL */
    struct verified *verified;    /* JWTs whose signature has been checked */
    struct jws_kept *kept;        /* contexts for the keys of clients */
    uint64_t changes_seen;
    uint64_t commits_seen;
    struct log_batch log;
    struct metrics_cell *metrics; /* the server's */
    enum thread_kind kind;
};

/* FLOW_READ: the handler wanted to read a shared store on a worker. FLOW_ASK: it wanted hashes of
 * the signer there (oauth/secret_hashes.h). FLOW_SIGN: all is done and durable but the signatures.
 */
enum flow { FLOW_ANSWER, FLOW_ASK, FLOW_SIGN, FLOW_COMMIT, FLOW_POOL, FLOW_READ };

struct rq;

/* Checks settings against the store, loads keys, makes metadata. On a shared store it also reads
 * what has been revoked; polls go on from there (store/revoked.h). */
enum err server_open(struct server *s, const struct settings *settings,
                     const struct dialect *const *dialects, struct db *db, char *why,
                     size_t why_size);
void server_close(struct server *s);
/* Has it not heard from its shared store for longer than db.max_age? Any thread. */
bool server_is_deaf(const struct server *s);
enum err server_thread_open(struct server *s, struct server_thread *t, enum thread_kind kind,
                            char *why, size_t why_size);
void server_thread_close(struct server_thread *t);

/* Takes in what has changed since this thread last looked: drops cached clients, takes a new
 * keyring, reads afresh what has been committed. Called before each request; what the caches gave
 * before is not to be touched any more. On a shared store housekeeping loads the keys. */
void server_thread_refresh(struct server_thread *t);
/* The thread is about to wait: it lets go of what it must not hold meanwhile, its view of the
 * store, and writes its log. */
void server_thread_rest(struct server_thread *t);
/* Reads the keys and has the vault open them unless that was done since change number seq (0: in
 * any case). On failure the old ones stay and ring_stale is set; housekeeping tries again. */
enum err server_load_keys(struct server *s, struct db *db, uint64_t seq, char *why,
                          size_t why_size);

/* A request as far as it goes without waiting: routes it, runs the handler, shapes a refusal.
 * FLOW_ASK: oauth_ask. FLOW_COMMIT: rq->fx must be made durable, then oauth_resume. FLOW_SIGN:
 * oauth_sign, and it is answered. FLOW_POOL, FLOW_READ: call again from a pool thread, a reader. */
enum flow oauth_handle(struct server_thread *t, struct rq *rq);
/* After the commit of rq->fx with that outcome. May ask for another round. */
enum flow oauth_resume(struct server_thread *t, struct rq *rq, enum commit_outcome outcome);
/* Runs n requests that wait for hashes again, once it has these, by one question to the signer;
 * flows[i] says how request i goes on. */
void oauth_ask(struct server_thread *t, struct rq **rqs, size_t n, enum flow *flows);
/* Fills the signatures of n requests that wait for them in, all by one question to the signer;
 * those that it could not or would not sign become refusals. Then they are to be answered. */
void oauth_sign(struct server_thread *t, struct rq **rqs, size_t n);
/* A refusal before routing (framing), in the shape of the dialect that owns the path. */
void oauth_refuse(struct server_thread *t, struct rq *rq, enum err e, const char *reason);
/* Most bytes of body that this path takes. */
size_t oauth_body_limit(const struct server *s, str path);
/* The counters and the log line of the finished request. */
void oauth_log(struct server_thread *t, const struct rq *rq, int64_t duration_us, size_t bytes);

#endif
