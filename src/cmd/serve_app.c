/* serve_app: FLOW_* <-> NET_*, and the commit of many requests' effects.
 *
 * A request's state (struct rq and the outcome of its commit) lies in the exchange's arena, so it
 * is gone with the answer. Worker and pool threads have a struct server_thread each; the
 * committer thread has the only handle that writes requests' effects. Housekeeping is in
 * serve_house.c.
 */
#include "cmd/serve_app.h"

#include <stdlib.h>

#include "cmd/serve_limits.h"
#include "cmd/serve_reload.h"
#include "cmd/serve_tick.h"
#include "oauth/rq.h"

/* What hangs on exchange.user. */
struct served {
    struct rq rq;
    enum commit_outcome outcome;
};

static struct serve_app *the_app; /* net's body_limit callback knows nothing but the path */

static void *thread_open(void *arg, const char *name)
{
    struct serve_app *app = arg;
    char why[1024];
    struct server_thread *t = calloc(1, sizeof *t);
    enum thread_kind kind = str_starts(str_from(name), STR("pool"))     ? THREAD_POOL
                            : str_starts(str_from(name), STR("reader")) ? THREAD_READER
                                                                        : THREAD_WORKER;
    if (!t || server_thread_open(&app->server, t, kind, why, sizeof why)) {
        log_note(LOG_ERROR, "thread", "%s: %s", name, t ? why : "out of memory");
        free(t);
        return NULL;
    }
    if (kind == THREAD_WORKER && !app->server.shared)
        db_use_views(t->db); /* a worker rests at the end of each turn of its loop */
    return t;
}

static void thread_close(void *thread)
{
    server_thread_close(thread);
    free(thread);
}

/* In a pool thread: what is recorded so far becomes durable, and the handler goes on. False also
 * when the committer was too busy to take it; outcome is an older one's then. */
static bool commit_now(struct rq *rq)
{
    struct exchange *x = rq->host;
    struct served *s = x->user;
    return net_commit_now(x) && s->outcome == COMMIT_DONE;
}

static struct served *begin(struct server_thread *t, struct exchange *x)
{
    struct served *s = ARENA_NEW(&x->arena, struct served);
    rq_init(&s->rq, t, &x->req, &x->res, &x->arena);
    s->rq.host = x;
    s->rq.commit_now = commit_now;
    x->user = s;
    return s;
}

static enum net_next next_of(struct exchange *x, enum flow flow)
{
    const struct served *s = x->user;
    x->late = s->rq.late;
    switch (flow) {
    case FLOW_ASK:
        return NET_ASK;
    case FLOW_SIGN:
        return NET_SIGN;
    case FLOW_COMMIT:
        return NET_COMMIT;
    case FLOW_POOL:
        return NET_POOL;
    case FLOW_READ:
        return NET_READ;
    case FLOW_ANSWER:
        break;
    }
    return NET_ANSWER;
}

/* What a balancer asks, by address or with a Host of its own. */
static bool is_probe(str path)
{
    return str_eq(path, STR("/healthz")) || str_eq(path, STR("/readyz"));
}

/* What an operator asks, not a client. */
static bool is_admin(str path)
{
    return is_probe(path) || str_eq(path, STR("/metrics")) || str_starts(path, STR("/admin/"));
}

/* With an administrator's listener, that is there and nothing else is. */
static bool hidden(const struct serve_app *app, const struct http_req *req)
{
    return req->admin ? !is_admin(req->path) : app->admin && is_admin(req->path);
}

static enum net_next handle(void *thread, struct exchange *x)
{
    struct server_thread *t = thread;
    struct served *s = begin(t, x);
    if (hidden(the_app, &x->req)) {
        oauth_refuse(t, &s->rq, ERR_NOT_FOUND, "There is nothing at this path.");
        return NET_ANSWER;
    }
    /* Who comes by address: the listener vouches, or the answer is the same for everybody. */
    if (x->req.admin || is_probe(x->req.path))
        x->req.host = STR("localhost");
    return next_of(x, oauth_handle(t, &s->rq));
}

static enum net_next handle_slow(void *thread, struct exchange *x)
{
    struct served *s = x->user;
    return next_of(x, oauth_handle(thread, &s->rq));
}

static enum net_next resume(void *thread, struct exchange *x)
{
    struct served *s = x->user;
    return next_of(x, oauth_resume(thread, &s->rq, s->outcome));
}

static void ask(void *thread, struct exchange **batch, size_t n)
{
    struct rq *rqs[NET_CALL_MAX];
    enum flow flows[NET_CALL_MAX];
    for (size_t i = 0; i < n; i++)
        rqs[i] = &((struct served *)batch[i]->user)->rq;
    oauth_ask(thread, rqs, n, flows);
    for (size_t i = 0; i < n; i++)
        batch[i]->next = next_of(batch[i], flows[i]);
}

static void sign(void *thread, struct exchange **batch, size_t n)
{
    struct rq *rqs[NET_CALL_MAX];
    for (size_t i = 0; i < n; i++)
        rqs[i] = &((struct served *)batch[i]->user)->rq;
    oauth_sign(thread, rqs, n);
}

/* What the outcome says of the store. It fails when it took none of them; a lost fight about a row
 * says nothing of it. That a shared one is away is found out by the next poll, too, but that may be
 * most of a second later. */
static void judge_store(struct serve_app *app, const struct commit_set *sets, size_t n)
{
    struct server *s = &app->server;
    enum db_status trouble = app->db->trouble;
    size_t failed = 0;
    for (size_t i = 0; i < n; i++)
        failed += sets[i].outcome == COMMIT_FAILED;
    atomic_store(&s->store_fails, failed == n && trouble != DB_CONFLICT);
    if (s->shared && failed > 0 && trouble == DB_AWAY)
        atomic_store(&s->store_away, true);
}

static void commit(void *arg, struct exchange **batch, size_t n)
{
    enum { CHUNK = 512 };
    struct serve_app *app = arg;
    struct commit_set sets[CHUNK];
    for (size_t done = 0; done < n; done += CHUNK) {
        size_t m = n - done < CHUNK ? n - done : CHUNK;
        for (size_t i = 0; i < m; i++) {
            struct served *s = batch[done + i]->user;
            sets[i] = (struct commit_set){.fx = &s->rq.fx, .outcome = COMMIT_FAILED};
        }
        int64_t start_us = clock_mono_us();
        commit_run(app->db, &app->server.changes, &app->server.clock, sets, m);
        metrics_batch(&app->server.metrics, sets, m, clock_mono_us() - start_us);
        judge_store(app, sets, m);
        for (size_t i = 0; i < m; i++) {
            struct served *s = batch[done + i]->user;
            s->outcome = sets[i].outcome;
        }
    }
}

static void refuse(void *thread, struct exchange *x, enum err e, const char *reason)
{
    struct server_thread *t = thread;
    struct served *s = x->user ? x->user : begin(t, x);
    oauth_refuse(t, &s->rq, e, reason);
}

static void done(void *thread, struct exchange *x)
{
    struct served *s = x->user;
    if (s) {
        oauth_log(thread, &s->rq, clock_mono_us() - x->start_us, x->sent_bytes);
        if (x->proof == NET_PROOF_NONE)
            x->proof = serve_limits_proof(&s->rq);
    }
    x->user = NULL;
}

static void idle(void *thread)
{
    struct server_thread *t = thread;
    server_thread_refresh(t);
    server_thread_rest(t);
}

static void tick(void *app)
{
    serve_tick(app);
}

static void leaving(void *app)
{
    atomic_store(&((struct serve_app *)app)->server.leaving, true);
}

static void penalised(void *app, const struct address *source)
{
    char text[ADDRESS_TEXT];
    size_t n = address_write(source, text);
    audit_gate_note(&((struct serve_app *)app)->server.audit, AUDIT_PENALTY_BEGUN,
                    str_make(text, n), (str){0});
}

static void reload(void *app)
{
    serve_reload(app);
}

static size_t body_limit(str path)
{
    return oauth_body_limit(&the_app->server, path);
}

void serve_app_init(struct net_app *out, struct serve_app *app)
{
    the_app = app;
    *out = (struct net_app){
        .app = app,
        .thread_open = thread_open,
        .thread_close = thread_close,
        .handle = handle,
        .handle_slow = handle_slow,
        .commit = commit,
        .resume = resume,
        .ask = ask,
        .sign = sign,
        .refuse = refuse,
        .done = done,
        .idle = idle,
        .reload = reload,
        .tick = tick,
        .leaving = leaving,
        .penalised = penalised,
        .body_limit = body_limit,
    };
}
