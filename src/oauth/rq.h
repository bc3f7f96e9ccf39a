/* rq: one request on its straight line.
 *
 * Handlers are `enum err name(struct rq *rq)`. They read, decide, record effects in rq->fx and
 * fill rq->res; a refusal is `return fail(rq, ERR_X, "public sentence")`. They touch no memory
 * that outlives the request, so they can run again.
 */
#ifndef OAUTH_RQ_H
#define OAUTH_RQ_H

#include "oauth/secret_hashes.h"
#include "oauth/server.h"
#include "oauth/sign.h"

/* Why the request is refused. `text` is public; `detail` goes to the log only. */
struct failure {
    enum err e;
    const char *text;
    str where; /* the parameter's name, or the JSON pointer into the body */
    str detail;
    const char *rule;       /* the row of oauth/check/checks.h that failed; NULL: none */
    str expected, received; /* for `postern explain`; never secrets */
    int retry_s;            /* Retry-After; 0: none */
    uint32_t allow;         /* Allow: mask of methods; 0: none */
    int code;               /* the dialect's own, finer than `e`; 0: by its table */
    const char *challenge;  /* WWW-Authenticate value; NULL: the dialect's default */
    bool silent;            /* credentials were asked for, and none were shown: nobody guessed */
};

/* Slow results that a rerun finds done. */
struct slow_results {
    bool counted;          /* the attempt has been made durable */
    bool password_counted; /* sign_in: the attempt has been made durable */
    bool password_judged;  /* the verdict on password_of, the stored hash; p NULL: there was none */
    enum err password_verdict;
    str password_of;
    str password_hash; /* the fresh hash when one was due; n == 0: not yet */
    struct uid password_pepper;
    struct {
        struct id secret;
        enum err verdict;
    } judged[CLIENT_SECRETS];
    size_t judged_n;
};

struct rq {
    struct server *server;
    struct server_thread *t;
    const struct http_req *req;
    struct http_res *res;
    struct arena *arena;
    int64_t now_s;
    struct uid request_id;
    const struct dialect *dialect; /* owner of the path; never NULL after routing */
    const struct route *route;     /* NULL when no route matched */
    str path_id;                   /* what "{id}" matched */
    struct effects fx;
    struct failure failure;
    struct sign_item jobs[HTTP_HOLES]; /* of the holes of res */
    struct slow_results slow;
    struct secret_hashes hashed;        /* what the client showed */
    const struct cached_client *client; /* once authenticated, until the handler returns */
    struct uid client_id;               /* the same client's id, for the log */
    bool has_client;
    str allow_origin; /* whose pages may read the answer (oauth/cors.h) */
    str grant_type;   /* for the log */
    int issued_grant; /* row of grant_types, from 1, that gave a token; 0: none. For metrics */
    bool issued_jwt;
    bool stranger; /* something is stored for a client that has not proven itself */
    int misses;    /* commits that lost to another's; runs on other threads count for nothing */
    enum { FATE_UNKNOWN, FATE_GOOD, FATE_BAD } fate;      /* oauth/misbehave.h */
    enum audit_event refused_event;                       /* oauth/record.h */
    enum { SPARE_UNKNOWN, SPARE_ROOM, SPARE_NONE } spare; /* may its row be written? */
    bool late;                         /* hold the answer back: fault.latency_ms */
    bool (*commit_now)(struct rq *rq); /* set in pool threads: commit rq->fx and wait; success */
    void *host;                        /* whoever owns the exchange (net) */
};

/* Sets a request up in its arena: now, request id, empty effects. */
void rq_init(struct rq *rq, struct server_thread *t, const struct http_req *req,
             struct http_res *res, struct arena *arena);
/* Back to the beginning, for another run on thread t; slow results stay. */
void rq_restart(struct rq *rq, struct server_thread *t);
/* Sets the failure once and returns e. `text` is a literal, safe to show. */
enum err fail(struct rq *rq, enum err e, const char *text);
/* The same, naming a parameter or pointer. */
enum err fail_at(struct rq *rq, enum err e, const char *text, str where);
/* Adds a private detail to the failure, for the log. */
void fail_detail(struct rq *rq, str detail);
/* Adds what was expected and what came, for `postern explain`. Never secrets. Returns rq->failure.e
 * for `return fail_rule(...)` behind fail_at. */
enum err fail_rule(struct rq *rq, str expected, str received);
/* Makes what is recorded so far durable and goes on; only in a pool thread (else ERR_SLOW). */
enum err rq_commit(struct rq *rq);
/* The client has proven itself, or a token of it was presented. */
void rq_client(struct rq *rq, const struct cached_client *client);
/* Starts an answer that nobody may keep: status, Content-Type, Cache-Control: no-store, Pragma:
 * no-cache, X-Request-Id. */
void rq_answer(struct rq *rq, int status, str content_type);
/* The X-Request-Id header alone: the id that the log line carries. */
void rq_request_id(struct rq *rq);

#endif
