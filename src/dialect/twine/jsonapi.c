/* jsonapi: writes the documents of the Twine dialect.
 *
 * Every document begins with meta.req_id, the id under which the request is logged. Media types
 * carry no parameters (JSON:API 1.0 "Content Negotiation"). Links are relative to the host, as
 * the Twine API gives them. Literals are put as they stand; only what people named is escaped.
 *
 * Which media type: the Twine documents have application/vnd.api+json, and clients generated from
 * them parse nothing else; clients of the reduced description and plain OAuth clients ask for
 * application/json alone. So the former is the answer unless only the latter is accepted.
 */
#include "dialect/twine/jsonapi.h"

#include "codec/json.h"

static const str media_jsonapi = STR_INIT("application/vnd.api+json");
static const str media_plain = STR_INIT("application/json");

/* "q=0", "q=0.0": not acceptable (RFC 9110 12.4.2). */
static bool refused_by_weight(str parameters)
{
    str parameter, name, value;

    while (str_next(&parameters, ';', &parameter)) {
        if (!str_cut(str_trim(parameter), '=', &name, &value) ||
            !str_eq_nocase(str_trim(name), STR("q")))
            continue;
        value = str_trim(value);
        for (size_t i = 0; i < value.n; i++)
            if (value.p[i] != '0' && value.p[i] != '.')
                return false;
        return value.n > 0;
    }
    return false;
}

struct accepts {
    bool jsonapi, plain;
};

static void read_accept(str list, struct accepts *a)
{
    str item, range, parameters;

    while (str_next(&list, ',', &item)) {
        str_cut(item, ';', &range, &parameters);
        if (refused_by_weight(parameters))
            continue;
        range = str_trim(range);
        if (str_eq(range, STR("*/*")) || str_eq_nocase(range, STR("application/*")) ||
            str_eq_nocase(range, media_jsonapi))
            a->jsonapi = true;
        else if (str_eq_nocase(range, media_plain))
            a->plain = true;
    }
}

bool jsonapi_plain(const struct http_req *req)
{
    struct accepts a = {false, false};

    for (size_t i = 0; i < req->headers_n; i++)
        if (str_eq_nocase(req->headers[i].name, STR("Accept")))
            read_accept(req->headers[i].value, &a);
    return a.plain && !a.jsonapi;
}

void jsonapi_answer(struct rq *rq, int status)
{
    rq_answer(rq, status, jsonapi_plain(rq->req) ? media_plain : media_jsonapi);
}

void jsonapi_meta(struct buf *b, const struct uid *req_id, int64_t count)
{
    BUF_LIT(b, "{\"meta\":{\"req_id\":\"");
    uid_write(b, req_id, "", SPELLING_UUID);
    buf_char(b, '"');
    if (count != JSONAPI_NO_COUNT) {
        BUF_LIT(b, ",\"count\":");
        buf_i64(b, count);
    }
    buf_char(b, '}');
}

void jsonapi_group(struct buf *b, const struct group *g)
{
    BUF_LIT(b, "{\"type\":\"group\",\"id\":\"");
    id_write(b, &g->id);
    BUF_LIT(b, "\",\"attributes\":{\"name\":");
    json_str(b, g->name);
    if (g->bio.p != NULL) {
        BUF_LIT(b, ",\"bio\":");
        json_str(b, g->bio);
    }
    BUF_LIT(b, "},\"links\":{\"self\":\"/pub/group/");
    id_write(b, &g->id);
    BUF_LIT(b, "\"}}");
}

void jsonapi_organization(struct buf *b, const struct organization *o)
{
    BUF_LIT(b, "{\"type\":\"organization\",\"id\":\"");
    id_write(b, &o->id);
    BUF_LIT(b, "\",\"attributes\":{\"name\":");
    json_str(b, o->name);
    BUF_LIT(b, "},\"links\":{\"self\":\"/pub/organization/");
    id_write(b, &o->id);
    BUF_LIT(b, "\"}}");
}

void jsonapi_group_ids(struct buf *b, const struct id *ids, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            buf_char(b, ',');
        BUF_LIT(b, "{\"type\":\"group\",\"id\":\"");
        id_write(b, &ids[i]);
        BUF_LIT(b, "\"}");
    }
}

void jsonapi_send_organization(struct rq *rq, const struct organization *o)
{
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, 200);
    jsonapi_meta(b, &rq->request_id, JSONAPI_NO_COUNT);
    BUF_LIT(b, ",\"data\":");
    jsonapi_organization(b, o);
    buf_char(b, '}');
}

void jsonapi_send_group(struct rq *rq, int status, const struct group *g)
{
    struct buf *b = &rq->res->body;

    jsonapi_answer(rq, status);
    jsonapi_meta(b, &rq->request_id, JSONAPI_NO_COUNT);
    BUF_LIT(b, ",\"data\":");
    jsonapi_group(b, g);
    buf_char(b, '}');
}
