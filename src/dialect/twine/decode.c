/* decode: bodies, queries and ids of the Twine dialect.
 *
 * Bodies are JSON:API documents labelled application/vnd.api+json. Generated clients send the
 * same documents labelled application/json, and older OAuth clients send the attributes alone
 * under that label, so application/json takes both: an object member `data` tells them apart.
 * Any other label is 403, as the Twine documents say (not 415).
 *
 * A null is treated as an absent member: serializers write it for options that are not set.
 */
#include "dialect/twine/decode.h"

/* charset is the only parameter that could change what the bytes mean. */
static bool charset_is_utf8(str parameters)
{
    str parameter, name, value;

    while (str_next(&parameters, ';', &parameter)) {
        if (!str_cut(str_trim(parameter), '=', &name, &value) ||
            !str_eq_nocase(str_trim(name), STR("charset")))
            continue;
        value = str_trim(value);
        if (!str_eq_nocase(value, STR("utf-8")) && !str_eq_nocase(value, STR("\"utf-8\"")))
            return false;
    }
    return true;
}

static enum err read_media(struct rq *rq, bool *plain_json)
{
    size_t count;
    str media, parameters;

    str_cut(http_header_get(rq->req, STR("Content-Type"), &count), ';', &media, &parameters);
    media = str_trim(media);
    *plain_json = str_eq_nocase(media, STR("application/json"));
    if (count == 1 && charset_is_utf8(parameters) &&
        (*plain_json || str_eq_nocase(media, STR("application/vnd.api+json"))))
        return OK;
    return fail(rq, ERR_FORBIDDEN,
                "Content-Type must be application/vnd.api+json or application/json");
}

enum err decode_json(struct rq *rq, struct decode_body *out)
{
    struct json *root;
    enum err e;

    *out = (struct decode_body){0};
    if ((e = read_media(rq, &out->plain_json)) != OK)
        return e;
    if (json_parse(rq->arena, rq->req->body, &root) != OK)
        return fail_at(rq, ERR_INVALID_BODY, "The body is not well-formed JSON", STR(""));
    out->root = root;
    return OK;
}

static const struct json *member(const struct json *object, str name)
{
    const struct json *v = json_get(object, name);

    return json_is(v, JSON_NULL_T) ? NULL : v;
}

static enum err read_type(struct rq *rq, const struct json *type, const str *types, size_t types_n,
                          str *out)
{
    if (type == NULL)
        return OK;
    for (size_t i = 0; i < types_n && type->type == JSON_STR_T; i++) {
        if (!str_eq(type->s, types[i]))
            continue;
        *out = types[i];
        return OK;
    }
    /* JSON:API 1.0 "Creating Resources": a foreign type is a conflict */
    return fail_at(rq, ERR_INVALID_BODY, "This is not the type of this resource",
                   STR("/data/type"));
}

enum err decode_shape(struct rq *rq, bool flat_allowed, const str *types, size_t types_n,
                      struct decode_body *body)
{
    const struct json *data;
    enum err e;

    if (!json_is(body->root, JSON_OBJECT_T))
        return fail_at(rq, ERR_INVALID_BODY, "The body must be a JSON object", STR(""));
    data = json_get(body->root, STR("data"));
    if (!json_is(data, JSON_OBJECT_T)) {
        if (!flat_allowed || !body->plain_json)
            return fail_at(rq, ERR_INVALID_BODY, "data must be an object", STR("/data"));
        body->flat = true;
        body->attributes = body->root;
        return OK;
    }
    if ((e = read_type(rq, member(data, STR("type")), types, types_n, &body->type)) != OK)
        return e;
    body->attributes = json_get(data, STR("attributes"));
    if (!json_is(body->attributes, JSON_OBJECT_T))
        return fail_at(rq, ERR_INVALID_BODY, "attributes must be an object",
                       STR("/data/attributes"));
    return OK;
}

str decode_pointer(const struct rq *rq, const struct decode_body *body, str name)
{
    return arena_printf(rq->arena, "%s/%.*s", body->flat ? "" : "/data/attributes", STR_ARG(name));
}

enum err decode_text(struct rq *rq, const struct decode_body *body, const char *name, bool required,
                     str *out)
{
    const struct json *v = member(body->attributes, str_from(name));

    *out = (str){0};
    if (v == NULL && !required)
        return OK;
    if (v == NULL)
        return fail_at(rq, ERR_INVALID_BODY, "A required attribute is missing",
                       decode_pointer(rq, body, str_from(name)));
    if (v->type != JSON_STR_T)
        return fail_at(rq, ERR_INVALID_BODY, "The attribute must be a string",
                       decode_pointer(rq, body, str_from(name)));
    *out = v->s.p != NULL ? v->s : STR("");
    return OK;
}

enum err decode_query(struct rq *rq, struct form *out)
{
    *out = (struct form){0};
    if (form_parse(rq->arena, rq->req->query, out) == OK)
        return OK;
    return fail(rq, ERR_INVALID_QUERY, "The query is not well formed");
}

enum err decode_param(struct rq *rq, const struct form *query, str name, str *out)
{
    size_t seen = 0;

    *out = (str){0};
    for (size_t i = 0; i < query->n; i++) {
        if (!str_eq(query->pairs[i].name, name))
            continue;
        if (seen++ > 0)
            return fail_at(rq, ERR_INVALID_QUERY, "The parameter is repeated", name);
        *out = query->pairs[i].value.p != NULL ? query->pairs[i].value : STR("");
    }
    return OK;
}

enum err decode_path_id(struct rq *rq, struct id *out)
{
    if (id_parse(rq->path_id, out))
        return OK;
    return fail(rq, ERR_NOT_FOUND, "There is no resource with this id");
}
