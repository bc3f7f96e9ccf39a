/* token: POST /pub/oauth/token: an access and a refresh token, as a JSON:API resource.
 *
 * Decodes the body into a token_request, lets issue_token decide, and writes the answer straight
 * into the response. Order of checks (the Twine API documents none): media type, JSON, include,
 * shape, grant_type, what the grant needs; then the engine's: client, enabled, refresh token.
 *
 * The status follows the media type of the answer: 201 with application/vnd.api+json, as the full
 * Twine description has it, and 200 with application/json, as the reduced one and RFC 6749 5.1.
 * The Authorization header is not looked at: generated clients send a Bearer token here.
 */
#include "dialect/twine/decode.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/reach.h"
#include "oauth/grant/grant_type.h"
#include "oauth/issue.h"

struct asked {
    struct decode_body body;
    struct token_request request;
    bool groups, organization; /* to be included */
};

/* What the answer says beside the token. */
struct related {
    const struct cached_client *client;
    const struct id *group_ids;
    size_t groups_n;
    struct group *groups; /* only when they are to be included */
};

static enum err read_include(struct rq *rq, struct asked *a)
{
    struct form query;
    str list, word;
    bool more = true;
    enum err e;

    if ((e = decode_query(rq, &query)) != OK)
        return e;
    if ((e = decode_param(rq, &query, STR("include"), &list)) != OK || list.p == NULL)
        return e;
    while (more) {
        more = str_cut(list, ',', &word, &list);
        if (str_eq(word, STR("groups")))
            a->groups = true;
        else if (str_eq(word, STR("organization")))
            a->organization = true;
        else
            return fail_at(rq, ERR_INVALID_QUERY, "include takes groups and organization",
                           STR("include"));
    }
    return OK;
}

static enum err read_client_credentials(struct rq *rq, struct asked *a)
{
    return decode_text(rq, &a->body, "client_secret", true, &a->request.client_secret);
}

static enum err read_refresh_token(struct rq *rq, struct asked *a)
{
    bool need_secret = setting_int(rq->server->settings, twine_refresh_secret) != 0;
    enum err e;

    if ((e = decode_text(rq, &a->body, "refresh_token", true, &a->request.refresh_token)) != OK)
        return e;
    a->request.secret_optional_on_refresh = !need_secret;
    return decode_text(rq, &a->body, "client_secret", need_secret, &a->request.client_secret);
}

static enum err read_grant(struct rq *rq, struct asked *a)
{
    struct token_request *r = &a->request;
    const struct grant_type *grant;
    enum err e;

    if ((e = decode_text(rq, &a->body, "client_id", true, &r->client_id)) != OK)
        return e;
    if ((e = decode_text(rq, &a->body, "grant_type", true, &r->grant_type)) != OK)
        return e;
    grant = grant_type_find(r->grant_type);
    if (grant == NULL || !(grant->dialects & (1u << rq->dialect->id)))
        return fail(rq, ERR_UNSUPPORTED_GRANT_TYPE, "grant_type is not one of the Twine API");
    return grant->bit == GRANT_REFRESH_TOKEN ? read_refresh_token(rq, a)
                                             : read_client_credentials(rq, a);
}

static enum err read_request(struct rq *rq, struct asked *a)
{
    static const str types[] = {STR_INIT("oauth/token"), STR_INIT("token")};
    enum err e;

    if ((e = decode_json(rq, &a->body)) != OK)
        return e;
    if (rq->req->query.n > 0 && (e = read_include(rq, a)) != OK)
        return e;
    if ((e = decode_shape(rq, true, types, 2, &a->body)) != OK)
        return e;
    if ((e = read_grant(rq, a)) != OK)
        return e;
    a->request.with_refresh = true; /* the Twine schema requires one of every grant */
    a->request.format = TOKEN_OPAQUE;
    a->request.shape =
        setting_int(rq->server->settings, twine_token_shape) ? SHAPE_UUID : SHAPE_HANDLE;
    return OK;
}

/* The engine names parameters; this dialect points into the body. */
static enum err point(struct rq *rq, const struct asked *a, enum err e)
{
    struct failure *f = &rq->failure;

    if (f->e == ERR_INVALID_REQUEST && f->where.n > 0)
        f->where = decode_pointer(rq, &a->body, f->where);
    return e;
}

static enum err read_related(struct rq *rq, const struct asked *a, struct related *out)
{
    struct group_query q;
    struct id *ids;
    enum err e;

    out->client = rq->client;
    if (!a->groups)
        return reach_group_ids(rq, rq->client, &out->group_ids, &out->groups_n);
    q = reach_groups(rq->client);
    if ((e = group_list(rq->t->db, rq->arena, &q, &out->groups, &out->groups_n)) != OK)
        return e;
    ids = ARENA_ARRAY(rq->arena, struct id, out->groups_n);
    for (size_t i = 0; i < out->groups_n; i++)
        ids[i] = out->groups[i].id;
    out->group_ids = ids;
    return OK;
}

/* "access_token":..,"refresh_token":..,"token_type":..,"expires_in":.. */
static void write_attributes(struct rq *rq, const struct token_issued *t)
{
    struct buf *b = &rq->res->body;

    BUF_LIT(b, "\"access_token\":\"");
    issue_write_access(rq, t);
    BUF_LIT(b, "\",\"refresh_token\":\"");
    issue_write_refresh(rq, t);
    BUF_LIT(b, "\",\"token_type\":\"bearer\",\"expires_in\":");
    buf_i64(b, t->expires_in_s);
}

static void write_relationships(struct buf *b, const struct id *token, const struct related *r)
{
    BUF_LIT(b, "\"relationships\":{\"groups\":{\"data\":[");
    jsonapi_group_ids(b, r->group_ids, r->groups_n);
    BUF_LIT(b, "],\"links\":{\"related\":\"/pub/oauth/token/");
    id_write(b, token);
    BUF_LIT(b, "/groups\"}},\"organization\":{\"data\":{\"type\":\"organization\",\"id\":\"");
    id_write(b, &r->client->client.organization);
    BUF_LIT(b, "\"},\"links\":{\"related\":\"/pub/oauth/token/");
    id_write(b, token);
    BUF_LIT(b, "/organization\"}}}");
}

static void write_included(struct buf *b, const struct asked *a, const struct related *r)
{
    BUF_LIT(b, ",\"included\":[");
    for (size_t i = 0; a->groups && i < r->groups_n; i++) {
        if (i > 0)
            buf_char(b, ',');
        jsonapi_group(b, &r->groups[i]);
    }
    if (a->organization) {
        if (a->groups && r->groups_n > 0)
            buf_char(b, ',');
        jsonapi_organization(b, &r->client->organization);
    }
    buf_char(b, ']');
}

static void write_answer(struct rq *rq, const struct asked *a, const struct token_issued *t,
                         const struct related *r)
{
    bool plain = jsonapi_plain(rq->req);
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, plain ? 200 : 201);
    jsonapi_meta(b, &t->request_id, JSONAPI_NO_COUNT);
    BUF_LIT(b, ",\"data\":{\"type\":\"");
    buf_put(b, a->body.type.p ? a->body.type : STR("oauth/token"));
    BUF_LIT(b, "\",\"id\":\"");
    id_write(b, &t->id);
    BUF_LIT(b, "\",\"attributes\":{");
    write_attributes(rq, t);
    BUF_LIT(b, "},");
    write_relationships(b, &t->id, r);
    buf_char(b, '}');
    if (a->groups || a->organization)
        write_included(b, a, r);
    if (a->body.flat && plain) { /* plain OAuth clients look for the tokens here */
        buf_char(b, ',');
        write_attributes(rq, t);
    }
    buf_char(b, '}');
}

enum err token_twine(struct rq *rq)
{
    struct token_issued issued = {0};
    struct related related = {0};
    struct asked asked = {0};
    enum err e;

    if ((e = read_request(rq, &asked)) != OK)
        return e;
    if ((e = issue_token(rq, &asked.request, &issued)) != OK)
        return point(rq, &asked, e);
    if ((e = read_related(rq, &asked, &related)) != OK)
        return e;
    write_answer(rq, &asked, &issued, &related);
    return OK;
}
