/* rq: one request: its start, its refusal, its answer's first lines.
 *
 * Everything here works on the request's own memory, so that a handler may run again.
 */
#include "oauth/rq.h"

void rq_init(struct rq *rq, struct server_thread *t, const struct http_req *req,
             struct http_res *res, struct arena *arena)
{
    *rq = (struct rq){.server = t->server, .t = t, .req = req, .res = res, .arena = arena};
    rq->now_s = clock_now_s(&t->server->clock);
    rq->request_id = uid_new();
    effects_init(&rq->fx, arena);
}

void rq_restart(struct rq *rq, struct server_thread *t)
{
    rq->t = t;
    rq->now_s = clock_now_s(&t->server->clock);
    rq->failure = (struct failure){0};
    rq->hashed = (struct secret_hashes){0}; /* the ring may be another */
    rq->client = NULL;
    rq->issued_grant = 0;
    rq->stranger = false;
    rq->allow_origin = (str){0};
    effects_init(&rq->fx, rq->arena);
    http_res_reset(rq->res);
}

enum err fail(struct rq *rq, enum err e, const char *text)
{
    return fail_at(rq, e, text, (str){0});
}

enum err fail_at(struct rq *rq, enum err e, const char *text, str where)
{
    if (rq->failure.e == OK) {
        rq->failure.e = e;
        rq->failure.text = text;
        rq->failure.where = where;
    }
    return e;
}

enum err fail_rule(struct rq *rq, str expected, str received)
{
    rq->failure.expected = expected;
    rq->failure.received = received;
    return rq->failure.e;
}

void fail_detail(struct rq *rq, str detail)
{
    rq->failure.detail = detail;
}

enum err rq_commit(struct rq *rq)
{
    if (rq->t->kind != THREAD_POOL || rq->commit_now == NULL)
        return ERR_SLOW;
    if (!rq->commit_now(rq))
        return fail(rq, ERR_UNAVAILABLE, "The store could not take the request. Try again.");
    effects_init(&rq->fx, rq->arena);
    return OK;
}

void rq_client(struct rq *rq, const struct cached_client *client)
{
    rq->client = client;
    rq->client_id = client->client.id;
    rq->has_client = true;
}

void rq_answer(struct rq *rq, int status, str content_type)
{
    rq->res->status = status;
    http_res_header(rq->res, STR("Content-Type"), content_type);
    http_res_header(rq->res, STR("Cache-Control"), STR("no-store"));
    http_res_header(rq->res, STR("Pragma"), STR("no-cache")); /* RFC 6749 5.1 */
    rq_request_id(rq);
}

void rq_request_id(struct rq *rq)
{
    char uuid[UID_UUID_CHARS];
    struct buf b;

    buf_fixed(&b, uuid, sizeof uuid);
    uid_write(&b, &rq->request_id, "", SPELLING_UUID);
    http_res_header(rq->res, STR("X-Request-Id"), buf_str(&b));
}
