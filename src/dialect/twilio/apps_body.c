/* apps_body: the JSON of a request that registers or changes an app.
 *
 * Unknown members are ignored, as everywhere in this dialect; a member of a wrong type is named.
 * `type` must be "Client Credential", the only one that there is for an account.
 */
#include "dialect/twilio/apps.h"
#include "dialect/twilio/policy.h"

#define APP_TYPE    "Client Credential"
#define POLICY_MAX  8192
#define TTL_LEAST_S 60

static enum err bad(struct rq *rq, const char *text, const char *member)
{
    return fail_at(rq, ERR_INVALID_BODY, text, str_from(member));
}

static bool is_json(const struct http_req *req)
{
    size_t count;
    str type, rest;

    str_cut(http_header_get(req, STR("Content-Type"), &count), ';', &type, &rest);
    return count == 1 && str_eq_nocase(str_trim(type), STR("application/json"));
}

enum err apps_body_read(struct rq *rq, const struct json **out)
{
    struct json *body;

    if (!is_json(rq->req))
        return fail(rq, ERR_UNSUPPORTED_MEDIA_TYPE, "The body must be application/json.");
    if (json_parse(rq->arena, rq->req->body, &body) != OK || !json_is(body, JSON_OBJECT_T))
        return fail(rq, ERR_INVALID_BODY, "The body must be a JSON object.");
    *out = body;
    return OK;
}

static const struct json *member(const struct json *body, const char *name)
{
    const struct json *v = json_get(body, str_from(name));

    return json_is(v, JSON_NULL_T) ? NULL : v;
}

static bool has_control(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 && s.p[i] != '\n' && s.p[i] != '\t')
            return true;
    return false;
}

static enum err read_text(struct rq *rq, const struct json *body, const char *name, size_t max,
                          str *out)
{
    const struct json *v = member(body, name);

    if (v == NULL)
        return OK;
    if (v->type != JSON_STR_T || v->s.n > max || has_control(v->s))
        return bad(rq, "A member is not a string, is too long or has a control character.", name);
    *out = v->s.p != NULL ? v->s : STR("");
    return OK;
}

static enum err read_type(struct rq *rq, const struct json *body)
{
    const struct json *v = member(body, "type");

    if (v == NULL || (v->type == JSON_STR_T && str_eq(v->s, STR(APP_TYPE))))
        return OK;
    return bad(rq, "type must be \"" APP_TYPE "\".", "type");
}

static enum err read_policy(struct rq *rq, const struct json *body, struct client *c)
{
    const struct json *v = member(body, "policy");
    struct buf b;

    if (v == NULL)
        return OK;
    if (!policy_is_valid(v))
        return bad(rq, "policy must be an object of two lists of strings, allow and deny.",
                   "policy");
    buf_init(&b, rq->arena, 256, POLICY_MAX);
    policy_write(&b, v);
    if (b.overflow)
        return bad(rq, "policy is longer than 8 KiB.", "policy");
    c->policy = buf_str(&b);
    return OK;
}

static enum err read_ttl(struct rq *rq, const struct json *body, struct client *c)
{
    const struct json *v = member(body, "access_token_ttl");

    if (v == NULL)
        return OK;
    if (v->type != JSON_INT_T || v->i < TTL_LEAST_S || v->i > CLIENT_ACCESS_TTL_MAX_S)
        return bad(rq, "access_token_ttl must be 60 to 2592000 seconds.", "access_token_ttl");
    c->access_ttl_s = v->i;
    return OK;
}

/* The SID that an app brings along from elsewhere; else it gets a new one. */
static enum err read_sid(struct rq *rq, const struct json *body, struct client *c)
{
    const struct json *v = member(body, "client_sid");
    enum spelling spelling;
    struct client other;
    enum err e;

    if (v == NULL)
        return OK;
    if (v->type != JSON_STR_T || !uid_parse(v->s, CLIENT_SID, &c->id, &spelling))
        return bad(rq, "client_sid must be OQ and 32 hex digits.", "client_sid");
    e = client_load(rq->t->db, rq->arena, &c->id, rq->now_s, &other);
    if (e == OK)
        return bad(rq, "client_sid is taken.", "client_sid");
    return e == ERR_ABSENT ? OK : e;
}

enum err apps_body_members(struct rq *rq, const struct json *body, bool creating, struct client *c)
{
    enum err e;

    if ((e = read_type(rq, body)) != OK)
        return e;
    if ((e = read_text(rq, body, "friendly_name", LIMIT_NAME, &c->name)) != OK)
        return e;
    if (c->name.n == 0)
        return bad(rq, "friendly_name is missing.", "friendly_name");
    if ((e = read_text(rq, body, "description", LIMIT_BIO, &c->description)) != OK)
        return e;
    if ((e = read_text(rq, body, "owner_sid", 64, &c->owner)) != OK)
        return e;
    if ((e = read_policy(rq, body, c)) != OK)
        return e;
    if ((e = read_ttl(rq, body, c)) != OK)
        return e;
    return creating ? read_sid(rq, body, c) : OK;
}
