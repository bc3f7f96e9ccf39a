/* apps: one OAuth app of an account: read, changed, deleted, given a new secret.
 *
 *     GET, PUT, DELETE /v1/Account/OAuthApps/{sid}        POST /v1/Account/OAuthApps/{sid}/secret
 *
 * An app is a client like every other: what was made with `postern client create` is seen here,
 * and what is registered here by the commands. The handlers are declared in endpoints.h.
 */
#include "dialect/twilio/apps.h"

#include "base/clock.h"
#include "base/rand.h"
#include "codec/b64url.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/endpoints.h"

#define SECRET_BYTES 32
#define GRACE_DAYS   1 /* unless the request says */
#define GRACE_MAX    30
#define DAY_S        86400

enum err apps_new_secret(struct rq *rq, const struct uid *client, str *secret,
                         struct client_secret *row)
{
    const struct key *pepper = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    uint8_t bytes[SECRET_BYTES];
    struct buf b;

    rand_bytes(bytes, sizeof bytes);
    buf_init(&b, rq->arena, B64URL_CHARS(SECRET_BYTES), B64URL_CHARS(SECRET_BYTES));
    b64url_write(&b, bytes, sizeof bytes);
    ct_wipe(bytes, sizeof bytes);
    *row = (struct client_secret){
        .id = id_next(&rq->server->ids, rq->now_s),
        .pepper = pepper->id,
        .created_s = rq->now_s,
    };
    *secret = buf_str(&b);
    return client_hash_secret(rq->t->signer, pepper, client, *secret, &row->hash);
}

static void put_text(struct buf *b, str name, str value)
{
    json_key(b, name);
    if (value.p != NULL)
        json_str(b, value);
    else
        json_nil(b);
}

static void put_time(struct buf *b, str name, int64_t at_s)
{
    char text[20];

    clock_rfc3339(at_s, text);
    json_key_str(b, name, str_make(text, sizeof text));
}

void apps_write(struct buf *b, const struct client *c, str secret)
{
    json_open(b, '{');
    json_key_str(b, STR("type"), STR("Client Credential"));
    BUF_LIT(b, ",\"sid\":\"");
    uid_write(b, &c->id, CLIENT_SID, SPELLING_SID);
    buf_char(b, '"');
    json_key_str(b, STR("friendly_name"), c->name);
    put_text(b, STR("description"), c->description);
    put_text(b, STR("owner_sid"), c->owner);
    put_text(b, STR("created_by"), c->created_by);
    put_time(b, STR("date_created"), c->created_s);
    put_time(b, STR("date_updated"), c->updated_s != 0 ? c->updated_s : c->created_s);
    if (secret.p != NULL)
        json_key_str(b, STR("secret"), secret);
    json_key_str(b, STR("status"), c->enabled ? STR("ACTIVE") : STR("INACTIVE"));
    json_key(b, STR("policy"));
    buf_put(b, c->policy.p != NULL ? c->policy : STR("null"));
    json_key_i64(b, STR("access_token_ttl"), c->access_ttl_s);
    json_close(b, '}');
}

static enum err reach(struct rq *rq, const char *verb, struct apps_caller *who, struct client *c)
{
    enum err e;

    if ((e = apps_caller(rq, verb, who)) != OK)
        return e;
    return apps_caller_load(rq, who, c);
}

enum err apps_fetch(struct rq *rq)
{
    struct apps_caller who;
    struct client c;
    enum err e;

    if ((e = reach(rq, "read", &who, &c)) != OK)
        return e;
    answer_twilio(rq, 200);
    apps_write(&rq->res->body, &c, (str){0});
    return OK;
}

enum err apps_update(struct rq *rq)
{
    const struct json *body;
    struct apps_caller who;
    struct client c;
    enum err e;

    if ((e = reach(rq, "update", &who, &c)) != OK)
        return e;
    if ((e = apps_caller_may_hold(rq, &who, &c)) != OK)
        return e;
    client_hold_app(&rq->fx, &c);
    if ((e = apps_body_read(rq, &body)) != OK)
        return e;
    if ((e = apps_body_members(rq, body, false, &c)) != OK)
        return e;
    if ((e = apps_caller_may_hold(rq, &who, &c)) != OK)
        return e;
    c.updated_s = rq->now_s;
    client_update_app(&rq->fx, &c);
    apps_caller_record(rq, &who, AUDIT_CLIENT_CHANGED, &c);
    answer_twilio(rq, 200);
    apps_write(&rq->res->body, &c, (str){0});
    return OK;
}

enum err apps_delete(struct rq *rq)
{
    struct apps_caller who;
    struct client c;
    enum err e;

    if ((e = reach(rq, "delete", &who, &c)) != OK)
        return e;
    if ((e = apps_caller_may_hold(rq, &who, &c)) != OK)
        return e;
    client_hold_app(&rq->fx, &c);
    client_delete(&rq->fx, &c.id);
    apps_caller_record(rq, &who, AUDIT_CLIENT_DELETED, &c);
    rq->res->status = 204;
    rq_request_id(rq);
    answer_twilio_headers(rq);
    return OK;
}

/* How long the old secret lives on; without a body the default. */
static enum err read_grace(struct rq *rq, int64_t *days)
{
    const struct json *body, *v;
    enum err e;

    *days = GRACE_DAYS;
    if (rq->req->body.n == 0)
        return OK;
    if ((e = apps_body_read(rq, &body)) != OK)
        return e;
    v = json_get(body, STR("grace_period_days"));
    if (v == NULL || v->type == JSON_NULL_T)
        return OK;
    if (v->type != JSON_INT_T || v->i < 0 || v->i > GRACE_MAX)
        return fail_at(rq, ERR_INVALID_BODY, "grace_period_days must be 0 to 30.",
                       STR("grace_period_days"));
    *days = v->i;
    return OK;
}

/* A grace of 0 is for a secret that has leaked: what was got with it dies too. */
enum err apps_secret(struct rq *rq)
{
    struct client_secret row;
    struct apps_caller who;
    struct client c;
    int64_t days;
    str secret;
    enum err e;

    if ((e = reach(rq, "update", &who, &c)) != OK)
        return e;
    if ((e = apps_caller_may_hold(rq, &who, &c)) != OK)
        return e;
    if ((e = read_grace(rq, &days)) != OK)
        return e;
    if ((e = apps_new_secret(rq, &c.id, &secret, &row)) != OK)
        return e;
    client_hold_app(&rq->fx, &c);
    client_put_secret(&rq->fx, &c.id, &row, rq->now_s + days * DAY_S);
    apps_caller_record(rq, &who, AUDIT_CLIENT_SECRET, &c);
    if (days == 0)
        client_revoke_all(&rq->fx, &c.id);
    answer_twilio(rq, 201);
    apps_write(&rq->res->body, &c, secret);
    return OK;
}
