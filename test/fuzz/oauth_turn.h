/* oauth_turn: one request of a program on its way: HTTP reader, engine, commits, signatures,
 * answer.
 *
 * In one process and without sockets. Both workers and pool are threads only in name.
 */
#ifndef FUZZ_OAUTH_TURN_H
#define FUZZ_OAUTH_TURN_H

#include "http/parse.h"
#include "oauth_answer.h"

struct turn {
    struct arena arena;
    struct http_req req;
    struct http_res res;
    struct rq rq;
    struct http_parser parser;
    bool committed; /* something is durable */
};

static bool turn_lies; /* a commit that failed is told as done */

static inline bool turn_commit_now(struct rq *rq)
{
    struct commit_set set = {.fx = &rq->fx};
    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    server_thread_refresh(rq->t);
    return set.outcome == COMMIT_DONE;
}

static inline size_t turn_body_limit(str path)
{
    return oauth_body_limit(&w.server, path);
}

/* Reads the bytes; false: they are no whole request. */
static inline bool turn_read(struct turn *t, str bytes)
{
    char *copy = arena_alloc(&prog.arena, bytes.n + 1);
    memcpy(copy, bytes.p, bytes.n);
    memset(t, 0, sizeof *t);
    http_parse_init(&t->parser);
    http_parse(&t->parser, copy, bytes.n, &t->req, turn_body_limit);
    t->req.peer = STR("192.0.2.1");
    return t->parser.state == HTTP_PARSE_DONE;
}

static inline void turn_begin(struct turn *t)
{
    arena_init(&t->arena, LIMIT_REQUEST_ARENA);
    http_res_init(&t->res, &t->arena);
    rq_init(&t->rq, &w.worker, &t->req, &t->res, &t->arena);
    t->rq.commit_now = turn_commit_now;
}

static inline enum flow turn_commit(struct turn *t)
{
    struct commit_set set = {.fx = &t->rq.fx};
    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    t->committed |= set.outcome == COMMIT_DONE;
    return oauth_resume(&w.worker, &t->rq, turn_lies ? COMMIT_DONE : set.outcome);
}

/* Until it is answered. */
static inline void turn_run(struct turn *t)
{
    struct rq *rqs[1] = {&t->rq};
    enum flow flow = oauth_handle(&w.worker, &t->rq);
    while (flow != FLOW_ANSWER && flow != FLOW_SIGN)
        if (flow == FLOW_COMMIT)
            flow = turn_commit(t);
        else if (flow == FLOW_ASK)
            oauth_ask(&w.worker, rqs, 1, &flow);
        else
            flow = oauth_handle(&w.pool, &t->rq);
    if (flow == FLOW_SIGN)
        oauth_sign(&w.worker, rqs, 1);
}

static inline str turn_answer(struct turn *t)
{
    struct buf b;
    buf_init(&b, &prog.arena, 4096, 4 << 20);
    http_res_write(&b, &t->res, t->req.method == HTTP_HEAD, true, "Sun, 06 Nov 1994 08:49:37 GMT");
    if (b.overflow)
        abort();
    return buf_str(&b);
}

/* Logs it and lets its memory go. */
static inline void turn_end(struct turn *t, str answered)
{
    oauth_log(&w.worker, &t->rq, 1, answered.n);
    arena_free(&t->arena);
}

#endif
