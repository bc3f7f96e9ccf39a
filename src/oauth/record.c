/* record: fills audit rows from a request, and asks the gate for those of refusals.
 *
 * The gate is asked by the engine, once for a request however often its handler runs, since
 * handlers touch nothing that outlives the request.
 */
#include "oauth/record.h"

#include <unistd.h>

enum { HOST_MAX = 64 };

void record_open(struct server *s)
{
    char host[HOST_MAX + 1] = "";

    s->node = setting_text(s->settings, node);
    if (s->node.n > 0)
        return;
    if (!s->shared || gethostname(host, HOST_MAX) != 0 || host[0] == '\0')
        s->node = STR("server");
    else
        s->node = arena_dup(&s->arena, str_from(host));
    if (str_eq(s->node, AUDIT_CLI))
        s->node = STR("host-cli");
}

static str uuid(struct rq *rq, const char *before, const struct uid *id)
{
    struct buf b;

    if (id == NULL)
        return (str){0};
    buf_init(&b, rq->arena, 64, 64);
    buf_put(&b, str_from(before));
    uid_write(&b, id, "", SPELLING_UUID);
    return buf_str(&b);
}

static str actor(struct rq *rq, const struct record *r)
{
    if (r->user != NULL)
        return uuid(rq, "user:", r->user);
    if (r->account.n > 0)
        return arena_printf(rq->arena, "account:%.*s", STR_ARG(r->account));
    return rq->client != NULL ? uuid(rq, "client:", &rq->client_id) : (str){0};
}

static str organization(struct rq *rq, const struct record *r)
{
    struct buf b;
    const struct id *id = r->organization;

    if (id == NULL && rq->client != NULL)
        id = &rq->client->client.organization;
    if (id == NULL)
        return (str){0};
    buf_init(&b, rq->arena, ID_HEX, ID_HEX);
    id_write(&b, id);
    return buf_str(&b);
}

static void put(struct rq *rq, enum effect_life life, enum audit_event event, enum err result,
                const struct record *r)
{
    static const struct record nobody;
    struct id id = id_next(&rq->server->ids, rq->now_s);
    const struct uid *client;

    r = r != NULL ? r : &nobody;
    client = r->client != NULL ? r->client : rq->has_client ? &rq->client_id : NULL;
    audit_put(&rq->fx, life, &id, rq->now_s, rq->server->node,
              &(struct audit_entry){
                  .event = event,
                  .result = result,
                  .actor = actor(rq, r),
                  .client = uuid(rq, "", client),
                  .subject = r->subject_user != NULL ? uuid(rq, "", r->subject_user) : r->subject,
                  .organization = organization(rq, r),
                  .source = rq->req->peer,
                  .request = uuid(rq, "", &rq->request_id),
                  .detail = r->detail,
              });
}

void record_done(struct rq *rq, enum audit_event event, const struct record *r)
{
    put(rq, DROP, event, OK, r);
}

void record_always(struct rq *rq, enum audit_event event, enum err result, const struct record *r)
{
    put(rq, KEEP, event, result, r);
}

void record_refused(struct rq *rq, enum audit_event event, enum err result, const struct record *r)
{
    effects_forgo(&rq->fx);
    put(rq, KEEP_SPARE, event, result, r);
    rq->refused_event = event;
}

void record_admit(struct rq *rq, bool away)
{
    if (!effects_has(&rq->fx, KEEP_SPARE))
        return;
    if (rq->spare == SPARE_UNKNOWN) {
        bool room =
            !away && audit_gate_admit(&rq->server->audit, rq->refused_event, clock_mono_us());
        if (away)
            audit_gate_lost(&rq->server->audit, rq->refused_event);
        rq->spare = room ? SPARE_ROOM : SPARE_NONE;
    }
    if (away || rq->spare == SPARE_NONE)
        effects_forgo(&rq->fx);
}

bool record_is_spare(struct rq *rq)
{
    bool spare = effects_has(&rq->fx, KEEP_SPARE) && !effects_has(&rq->fx, KEEP) &&
                 !effects_has(&rq->fx, DROP);

    if (spare)
        audit_gate_lost(&rq->server->audit, rq->refused_event);
    return spare;
}
