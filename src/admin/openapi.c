/* openapi: one OpenAPI 3.1 document per dialect, written from its tables.
 *
 * Paths and methods come from the routes, forms from the parameter tables that bind them, grants
 * from theirs, schemas from literals of the dialect (oauth/operation.h). So a document cannot name
 * what is not there. The server's URL is the issuer. Whoever may call may read it from a page of
 * another origin: it holds nothing secret.
 *
 * Left out on purpose: health, metrics and these documents themselves, and OPTIONS.
 */
#include "admin/openapi.h"

#include <stdio.h>

#include "codec/json.h"
#include "oauth/grant/grant_type.h"
#include "oauth/operation.h"

static void key_text(struct buf *b, const char *name, const char *value)
{
    json_key_str(b, str_from(name), str_from(value));
}

static void open_key(struct buf *b, const char *name, char bracket)
{
    json_key(b, str_from(name));
    json_open(b, bracket);
}

static void put_schema_ref(struct buf *b, const char *name)
{
    json_key(b, STR("schema"));
    buf_printf(b, "{\"$ref\":\"#/components/schemas/%s\"}", name);
}

static void put_media(struct buf *b, const char *media, const char *schema)
{
    open_key(b, media, '{');
    put_schema_ref(b, schema);
    json_close(b, '}');
}

/* The values that a parameter takes, where a table of ours says them. */
static void put_values(struct buf *b, const struct dialect *d, const char *name)
{
    if (!str_eq(str_from(name), STR("grant_type")))
        return;
    open_key(b, "enum", '[');
    for (size_t i = 0; i < GRANT_TYPES; i++) {
        if (!(grant_types[i].dialects & (1u << d->id)))
            continue;
        json_item(b);
        json_str(b, str_from(grant_types[i].name));
    }
    json_close(b, ']');
}

static void put_param_schema(struct buf *b, const struct dialect *d, const struct param *p)
{
    key_text(b, "type", "string");
    json_key_i64(b, STR("maxLength"), (int64_t)p->max);
    put_values(b, d, p->name);
}

static const char *name_of(const struct operation *op, const struct param *p)
{
    return op->form_alias && p->alias != NULL ? p->alias : p->name;
}

static void put_required(struct buf *b, const struct operation *op)
{
    bool any = false;

    for (size_t i = 0; i < op->form_n; i++) {
        if (!op->form[i].required)
            continue;
        if (!any)
            open_key(b, "required", '[');
        any = true;
        json_item(b);
        json_str(b, str_from(name_of(op, &op->form[i])));
    }
    if (any)
        json_close(b, ']');
}

static void put_form(struct buf *b, const struct dialect *d, const struct operation *op)
{
    open_key(b, "application/x-www-form-urlencoded", '{');
    open_key(b, "schema", '{');
    key_text(b, "type", "object");
    open_key(b, "properties", '{');
    for (size_t i = 0; i < op->form_n; i++) {
        const struct param *p = &op->form[i];
        open_key(b, name_of(op, p), '{');
        put_param_schema(b, d, p);
        key_text(b, "description", p->spec);
        json_close(b, '}');
    }
    json_close(b, '}');
    put_required(b, op);
    json_close(b, '}');
    json_close(b, '}');
}

static void put_body(struct buf *b, const struct dialect *d, const struct operation *op)
{
    if (op->form == NULL && op->bodies == NULL)
        return;
    open_key(b, "requestBody", '{');
    json_key_bool(b, STR("required"), !op->body_optional);
    open_key(b, "content", '{');
    if (op->form != NULL)
        put_form(b, d, op);
    for (const struct op_body *body = op->bodies; body != NULL && body->media != NULL; body++)
        put_media(b, body->media, body->schema);
    json_close(b, '}');
    json_close(b, '}');
}

static void put_parameter(struct buf *b, const struct op_param *p)
{
    json_item(b);
    json_open(b, '{');
    key_text(b, "name", p->name);
    key_text(b, "in", p->in);
    json_key_bool(b, STR("required"), p->required);
    key_text(b, "description", p->help);
    json_key(b, STR("schema"));
    buf_put(b, str_from(p->schema));
    json_close(b, '}');
}

/* A form parameter that may stand in the query, too. */
static void put_query_twin(struct buf *b, const struct dialect *d, const struct operation *op,
                           const struct param *p)
{
    json_item(b);
    json_open(b, '{');
    key_text(b, "name", name_of(op, p));
    key_text(b, "in", "query");
    key_text(b, "description", "In place of the one in the body.");
    open_key(b, "schema", '{');
    put_param_schema(b, d, p);
    json_close(b, '}');
    json_close(b, '}');
}

static void put_parameters(struct buf *b, const struct dialect *d, const struct operation *op)
{
    open_key(b, "parameters", '[');
    for (const struct op_param *p = op->params; p != NULL && p->name != NULL; p++)
        put_parameter(b, p);
    for (size_t i = 0; i < op->form_n; i++)
        if (op->form[i].query)
            put_query_twin(b, d, op, &op->form[i]);
    json_close(b, ']');
}

/* One status; its rows stand together. Returns the row behind them. */
static const struct op_answer *put_answer(struct buf *b, const struct op_answer *a)
{
    int status = a->status;
    bool content = a->media != NULL;
    char name[12];

    snprintf(name, sizeof name, "%d", status);
    open_key(b, name, '{');
    key_text(b, "description", a->help);
    if (content)
        open_key(b, "content", '{');
    for (; a->status == status; a++)
        if (a->media != NULL)
            put_media(b, a->media, a->schema);
    if (content)
        json_close(b, '}');
    json_close(b, '}');
    return a;
}

static void put_refusals(struct buf *b, const struct api *api, const char *status, const char *help)
{
    open_key(b, status, '{');
    key_text(b, "description", help);
    open_key(b, "content", '{');
    put_media(b, api->error_media, "Error");
    json_close(b, '}');
    json_close(b, '}');
}

static void put_answers(struct buf *b, const struct api *api, const struct operation *op)
{
    open_key(b, "responses", '{');
    for (const struct op_answer *a = op->answers; a->status != 0;)
        a = put_answer(b, a);
    put_refusals(b, api, "4XX", "Refused.");
    put_refusals(b, api, "5XX", "The server could not do it now; the outcome is unknown.");
    json_close(b, '}');
}

static void put_security(struct buf *b, const struct operation *op)
{
    open_key(b, "security", '[');
    if (op->auth & OP_AUTH_BASIC) {
        json_item(b);
        BUF_LIT(b, "{\"basic\":[]}");
    }
    if (op->auth & OP_AUTH_BEARER) {
        json_item(b);
        BUF_LIT(b, "{\"bearer\":[]}");
    }
    if (op->auth != 0 && (op->auth_optional || op->auth & OP_AUTH_FORM)) {
        json_item(b);
        BUF_LIT(b, "{}");
    }
    json_close(b, ']');
}

static void put_operation(struct buf *b, const struct dialect *d, const struct route *r)
{
    const struct operation *op = r->op;

    key_text(b, "operationId", op->id);
    key_text(b, "summary", op->summary);
    key_text(b, "description", r->spec);
    open_key(b, "tags", '[');
    json_str(b, str_from(op->tag));
    json_close(b, ']');
    put_security(b, op);
    put_parameters(b, d, op);
    put_body(b, d, op);
    put_answers(b, d->api, op);
}

static const char *lower_method(uint32_t methods)
{
    static const struct {
        uint32_t bit;
        const char *name;
    } names[] = {
        {HTTP_GET, "get"},     {HTTP_POST, "post"},     {HTTP_PUT, "put"},
        {HTTP_PATCH, "patch"}, {HTTP_DELETE, "delete"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (methods & names[i].bit)
            return names[i].name;
    return "options";
}

/* The first route with that path writes it, for all. */
static bool is_first(const struct dialect *d, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (d->routes[i].op != NULL &&
            str_eq(str_from(d->routes[i].path), str_from(d->routes[at].path)))
            return false;
    return true;
}

static void put_paths(struct buf *b, const struct dialect *d)
{
    open_key(b, "paths", '{');
    for (size_t i = 0; i < d->routes_n; i++) {
        if (d->routes[i].op == NULL || !is_first(d, i))
            continue;
        open_key(b, d->routes[i].path, '{');
        for (size_t j = i; j < d->routes_n; j++) {
            const struct route *r = &d->routes[j];
            if (r->op == NULL || !str_eq(str_from(r->path), str_from(d->routes[i].path)))
                continue;
            open_key(b, lower_method(r->methods), '{');
            put_operation(b, d, r);
            json_close(b, '}');
        }
        json_close(b, '}');
    }
    json_close(b, '}');
}

static void put_components(struct buf *b, const struct dialect *d)
{
    unsigned auth = 0;

    for (size_t i = 0; i < d->routes_n; i++)
        auth |= d->routes[i].op != NULL ? d->routes[i].op->auth : 0;
    open_key(b, "components", '{');
    open_key(b, "securitySchemes", '{');
    if (auth & OP_AUTH_BASIC) {
        json_key(b, STR("basic"));
        BUF_LIT(b, "{\"type\":\"http\",\"scheme\":\"basic\",\"description\":");
        json_str(b, str_from(d->api->basic));
        json_close(b, '}');
    }
    if (auth & OP_AUTH_BEARER) {
        json_key(b, STR("bearer"));
        BUF_LIT(b, "{\"type\":\"http\",\"scheme\":\"bearer\"}");
    }
    json_close(b, '}');
    open_key(b, "schemas", '{');
    for (const struct op_schema *s = d->api->schemas; s->name != NULL; s++) {
        json_key(b, str_from(s->name));
        buf_put(b, str_from(s->json));
    }
    json_close(b, '}');
    json_close(b, '}');
}

static void put_server(struct buf *b, str issuer)
{
    issuer.n -= str_ends(issuer, STR("/"));
    open_key(b, "servers", '[');
    json_open(b, '{');
    json_key_str(b, STR("url"), issuer);
    json_close(b, '}');
    json_close(b, ']');
}

enum err openapi_document(struct rq *rq)
{
    const struct api *api = rq->dialect->api;
    struct buf *b = &rq->res->body;

    rq_answer(rq, 200, STR("application/json"));
    http_res_header(rq->res, STR("Access-Control-Allow-Origin"), STR("*"));
    json_open(b, '{');
    key_text(b, "openapi", "3.1.0");
    open_key(b, "info", '{');
    key_text(b, "title", api->title);
    key_text(b, "version", POSTERN_VERSION);
    key_text(b, "description", api->description);
    open_key(b, "license", '{');
    key_text(b, "name", "ISC");
    key_text(b, "identifier", "ISC");
    json_close(b, '}');
    json_close(b, '}');
    put_server(b, setting_text(rq->server->settings, issuer));
    put_paths(b, rq->dialect);
    put_components(b, rq->dialect);
    json_close(b, '}');
    return OK;
}
