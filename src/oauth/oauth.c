/* oauth: the engine as one function from request to answer, without a socket (DESIGN.md 1).
 *
 *     route -> handler -> effects become durable (the caller does that) -> signatures, of many
 *     requests at once -> log
 *
 * A handler that hits a conflict runs again from the top, at most LIMIT_RERUNS times; one that
 * needs something slow runs again in a pool thread; one that needs hashes of the signer, at the end
 * of its worker's turn, with those of others. A refusal keeps only its KEEP effects.
 */
#include "base/heap.h"
#include "http/route.h"
#include "oauth/cors.h"
#include "oauth/explain.h"
#include "oauth/misbehave.h"
#include "oauth/public_path.h"
#include "oauth/record.h"
#include "oauth/rq.h"
#include "oauth/trace.h"

static bool owns(const struct dialect *d, str path)
{
    for (const char *const *prefix = d->prefixes; *prefix != NULL; prefix++)
        if (str_starts(path, str_from(*prefix)))
            return true;
    return false;
}

static const struct dialect *owner_of(const struct server *s, str path)
{
    const struct dialect *const *d = s->dialects;

    while (d[1] != NULL && !owns(*d, path))
        d++;
    return *d;
}

/* The host part of a Host value: "example.com:8443" -> "example.com". */
static str host_name(str host)
{
    str name, rest;

    if (host.n > 0 && host.p[0] == '[')
        return str_sub(host, 0, str_find(host, ']', 0) + 1);
    str_cut(host, ':', &name, &rest);
    return name;
}

/* RFC 9110 7.4: a request for another host is not ours to answer. */
static bool host_is_ours(const struct server *s, str host)
{
    str name = host_name(host);

    for (size_t i = 0; i < s->hosts_n; i++)
        if (str_eq_nocase(name, s->hosts[i]))
            return true;
    return false;
}

static uint32_t route_methods(const struct route *r)
{
    return r->methods | (r->methods & HTTP_GET ? HTTP_HEAD : 0);
}

static void write_allow(struct rq *rq, uint32_t methods)
{
    char storage[64];
    struct buf b;

    buf_fixed(&b, storage, sizeof storage);
    for (uint32_t m = HTTP_GET; m < HTTP_OTHER; m <<= 1) {
        if (!(methods & m))
            continue;
        if (b.n > 0)
            BUF_LIT(&b, ", ");
        buf_put(&b, str_from(http_method_name((enum http_method)m)));
    }
    http_res_header(rq->res, STR("Allow"), buf_str(&b)); /* RFC 9110 15.5.6 */
}

static enum err find_route(struct rq *rq)
{
    uint32_t allowed = 0;

    for (size_t i = 0; i < rq->dialect->routes_n; i++) {
        const struct route *r = &rq->dialect->routes[i];
        if (!route_match(str_from(r->path), rq->req->path, &rq->path_id))
            continue;
        if (route_methods(r) & rq->req->method) {
            rq->route = r;
            return OK;
        }
        allowed |= route_methods(r);
    }
    if (allowed == 0)
        return fail(rq, ERR_NOT_FOUND, "There is nothing at this path.");
    rq->failure.allow = allowed;
    return fail(rq, ERR_METHOD_NOT_ALLOWED, "This path does not take that method.");
}

/* A node that has not heard from a shared store for long does not know what was revoked since. */
static enum err check_heard(struct rq *rq)
{
    if (rq->route->rate == RATE_FREE || !server_is_deaf(rq->server))
        return OK;
    return fail(rq, ERR_UNAVAILABLE, "This node has not heard from its store for too long.");
}

static enum err dispatch(struct rq *rq)
{
    enum err e;

    rq->dialect = owner_of(rq->server, rq->req->path);
    if (!host_is_ours(rq->server, rq->req->host))
        return fail(rq, ERR_MISDIRECTED, "This server does not answer for that host.");
    if ((e = find_route(rq)) != OK)
        return e;
    if ((e = check_heard(rq)) != OK)
        return e;
    if ((e = misbehave(rq)) != OK)
        return e;
    e = rq->route->handler(rq);
    if (rq->route->page)
        ct_wipe_stack(); /* what cookies and forms bring lies in local variables, too */
    return e;
}

/* An error that a handler passed on without a word for the public. */
static void name_failure(struct rq *rq, enum err e)
{
    if (e == ERR_UNAVAILABLE)
        fail(rq, e, "The store could not take the request. Try again.");
    else
        fail(rq, ERR_SERVER_ERROR, "Something broke inside.");
    if (rq->failure.e == ERR_UNAVAILABLE && rq->failure.retry_s == 0)
        rq->failure.retry_s = 1;
}

static void refuse(struct rq *rq, enum err e)
{
    name_failure(rq, e);
    http_res_reset(rq->res);
    if (rq->failure.allow != 0)
        write_allow(rq, rq->failure.allow);
    if (rq->failure.retry_s > 0)
        http_res_header(rq->res, STR("Retry-After"),
                        arena_printf(rq->arena, "%d", rq->failure.retry_s));
    rq->dialect->refuse(rq);
    cors_write(rq);
}

/* Refuses after the answer had been written: nothing of that may leave. */
static void refuse_anew(struct rq *rq, enum err e)
{
    rq->failure = (struct failure){0};
    refuse(rq, e);
}

static enum flow finish(const struct rq *rq)
{
    return rq->res->holes_n > 0 ? FLOW_SIGN : FLOW_ANSWER;
}

/* The request needs a shared store that is known not to answer: refused now, not when its time in a
 * queue has run out. What it had recorded is forgotten; the store could not take it. */
static enum flow refuse_away(struct rq *rq)
{
    effects_init(&rq->fx, rq->arena);
    refuse_anew(rq, ERR_UNAVAILABLE);
    return FLOW_ANSWER;
}

/* Refuses after the keys could not be asked. */
static void refuse_unsigned(struct rq *rq, enum err e)
{
    rq->failure = (struct failure){0};
    if (e == ERR_UNAVAILABLE)
        fail(rq, e, "The keys could not be reached. Try again.");
    refuse(rq, e);
}

/* A hash or a sealing key was wanted and not had, whatever the handler made of that. */
static enum flow refuse_keyless(struct rq *rq)
{
    effects_init(&rq->fx, rq->arena);
    refuse_unsigned(rq, ERR_UNAVAILABLE);
    return FLOW_ANSWER;
}

/* Memory ran out: what the handler made of it with the help of the reserve is not for the client,
 * and nothing of it becomes durable (base/heap.h). */
static enum flow refuse_short(struct rq *rq)
{
    effects_init(&rq->fx, rq->arena);
    rq->dialect = owner_of(rq->server, rq->req->path);
    rq->failure = (struct failure){0};
    fail(rq, ERR_UNAVAILABLE, "The server is short of memory. Try again in a moment.");
    refuse(rq, ERR_UNAVAILABLE);
    return FLOW_ANSWER;
}

static bool is_away(const struct server *s)
{
    return atomic_load_explicit(&s->store_away, memory_order_relaxed);
}

static enum flow run(struct rq *rq)
{
    enum err e = dispatch(rq);
    bool asked = rq->t->db->asked; /* whatever the handler made of a read that failed */

    if (rq->hashed.wanted)
        return FLOW_ASK;
    if (e == ERR_SLOW && rq->t->kind != THREAD_POOL)
        return FLOW_POOL;
    cors_decide(rq);
    if (signer_missed(rq->t->signer))
        return refuse_keyless(rq);
    if (asked && is_away(rq->server))
        return refuse_away(rq);
    if (rq->t->db->asked && !is_away(rq->server)) /* else pages of others cannot read the answer */
        return FLOW_READ;
    if (e == OK && (rq->res->body.overflow || rq->res->headers.overflow))
        e = fail(rq, ERR_SERVER_ERROR, "The answer is too large."); /* before anything is durable */
    if (e != OK) {
        effects_refuse(&rq->fx);
        refuse(rq, e);
    } else {
        cors_write(rq);
    }
    record_admit(rq, is_away(rq->server));
    if (effects_empty(&rq->fx))
        return finish(rq);
    return is_away(rq->server) ? refuse_away(rq) : FLOW_COMMIT;
}

/* A run from the beginning, with these hashes; none: all zero. */
static enum flow begin(struct server_thread *t, struct rq *rq, struct secret_hashes hashed)
{
    uint64_t lacked = heap_shortages();

    rq_restart(rq, t);
    rq->hashed = hashed;
    t->db->asked = false;
    signer_begin(t->signer);
    if (heap_is_low())
        return refuse_short(rq);
    enum flow flow = run(rq);
    return heap_shortages() == lacked ? flow : refuse_short(rq);
}

enum flow oauth_handle(struct server_thread *t, struct rq *rq)
{
    server_thread_refresh(t);
    return begin(t, rq, (struct secret_hashes){0});
}

/* The hashes that it wanted are not to be had. */
static enum flow begin_keyless(struct server_thread *t, struct rq *rq)
{
    rq_restart(rq, t);
    cors_decide(rq);
    return refuse_keyless(rq);
}

void oauth_ask(struct server_thread *t, struct rq **rqs, size_t n, enum flow *flows)
{
    enum { MOST = 64 };
    enum err outcome[MOST];

    server_thread_refresh(t); /* before and not between: the hashes are those of this ring */
    for (size_t m; n > 0; rqs += m, flows += m, n -= m) {
        m = n < MOST ? n : MOST;
        secret_hashes_ask(t, rqs, m, outcome);
        for (size_t i = 0; i < m; i++)
            flows[i] =
                outcome[i] == OK ? begin(t, rqs[i], rqs[i]->hashed) : begin_keyless(t, rqs[i]);
    }
}

enum flow oauth_resume(struct server_thread *t, struct rq *rq, enum commit_outcome outcome)
{
    server_thread_refresh(t); /* the key that shall sign may be newer than our ring */
    rq->t = t;
    if (outcome == COMMIT_DONE)
        return finish(rq);
    if (outcome == COMMIT_MISSED && rq->misses++ < LIMIT_RERUNS)
        return oauth_handle(t, rq);
    if (record_is_spare(rq))
        return finish(rq);
    refuse_anew(rq, ERR_UNAVAILABLE);
    return FLOW_ANSWER;
}

void oauth_sign(struct server_thread *t, struct rq **rqs, size_t n)
{
    enum { MOST = 64 };
    enum err outcome[MOST];

    for (size_t m; n > 0; rqs += m, n -= m) {
        m = n < MOST ? n : MOST;
        sign_fill(t, rqs, m, outcome);
        for (size_t i = 0; i < m; i++) {
            if (outcome[i] != OK) {
                rqs[i]->t = t;
                refuse_unsigned(rqs[i], outcome[i]);
            }
        }
    }
}

void oauth_refuse(struct server_thread *t, struct rq *rq, enum err e, const char *reason)
{
    rq_restart(rq, t);
    rq->dialect = owner_of(rq->server, rq->req->path);
    fail(rq, e, reason);
    refuse(rq, e);
}

/* What a listed proxy has said, or has said wrongly (security.md 70). */
static void log_proxy(const struct rq *rq, struct log_line *l)
{
    char text[2 * sizeof(struct digest)];
    struct digest thumbprint;
    struct buf b;

    if (rq->req->hop.n > 0)
        log_str(l, "hop", rq->req->hop);
    if (rq->req->forwarding_bad)
        log_bool(l, "forwarding_malformed", true);
    if (rq->req->client_cert.n == 0)
        return;
    hash_sha256(rq->t->hasher, &rq->req->client_cert, 1, &thumbprint);
    buf_fixed(&b, text, sizeof text);
    buf_hex(&b, thumbprint.b, sizeof thumbprint.b);
    log_str(l, "client_cert_sha256", buf_str(&b));
}

static void log_who(struct log_line *l, const struct rq *rq)
{
    char text[UID_UUID_CHARS];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    uid_write(&b, &rq->request_id, "", SPELLING_UUID);
    log_str(l, "request_id", buf_str(&b));
    log_str(l, "peer", rq->req->peer);
    log_proxy(rq, l);
    if (rq->has_client) {
        buf_fixed(&b, text, sizeof text);
        uid_write(&b, &rq->client_id, CLIENT_SID, SPELLING_UUID);
        log_str(l, "client_id", buf_str(&b));
    }
}

static void log_trace(struct log_line *l, const struct http_req *req)
{
    struct trace t;

    if (!trace_read(req, &t))
        return;
    log_str(l, "trace_id", t.trace_id);
    log_str(l, "parent_id", t.parent_id);
}

static void log_failure(struct log_line *l, const struct failure *f)
{
    log_str(l, "error", str_from(err_info(f->e)->id));
    if (f->text != NULL)
        log_str(l, "reason", str_from(f->text));
    if (f->rule != NULL)
        log_str(l, "rule", str_from(f->rule));
    if (f->where.n > 0)
        log_str(l, "where", f->where);
    if (f->detail.n > 0)
        log_str(l, "detail", f->detail);
}

void oauth_log(struct server_thread *t, const struct rq *rq, int64_t duration_us, size_t bytes)
{
    struct log_line l;

    metrics_request(t, rq, duration_us);
    explain_note(rq);
    if (!setting_live(t->server->settings, log_requests))
        return;
    log_begin(&l, rq->res->status >= 500 ? LOG_ERROR : LOG_INFO, "request");
    log_str(&l, "method", rq->req->method_text);
    log_str(&l, "path", public_path(rq->arena, rq->req->path)); /* never the query */
    log_int(&l, "status", rq->res->status);
    log_int(&l, "us", duration_us);
    log_int(&l, "bytes", (int64_t)bytes);
    log_who(&l, rq);
    log_trace(&l, rq->req);
    if (rq->route != NULL)
        log_str(&l, "route", str_from(rq->route->name));
    if (rq->grant_type.n > 0)
        log_str(&l, "grant_type", rq->grant_type);
    if (rq->failure.e != OK)
        log_failure(&l, &rq->failure);
    log_end_batch(&l, &t->log);
}

size_t oauth_body_limit(const struct server *s, str path)
{
    const struct dialect *d = owner_of(s, path);
    str id;

    for (size_t i = 0; i < d->routes_n; i++)
        if (route_match(str_from(d->routes[i].path), path, &id) && d->routes[i].body_max > 0)
            return d->routes[i].body_max;
    return LIMIT_BODY;
}
