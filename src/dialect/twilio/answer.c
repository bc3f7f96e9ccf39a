/* answer: the headers of the Twilio dialect: its request id, and CORS (Fetch 3.2) as the Twilio
 * documents declare it.
 *
 * With the default, every origin, the headers are `*` and "no credentials": a browser may not
 * combine `*` with credentials. An origin that the settings name gets itself back, with
 * credentials; any other gets no leave. Every answer has the headers, errors too, or a page could
 * not read why it was refused.
 */
#include "dialect/twilio/answer.h"

/* The methods that the request's path takes, OPTIONS last, as the Twilio documents write them. */
static void write_methods(struct rq *rq, struct buf *b)
{
    static const enum http_method order[] = {HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_DELETE,
                                             HTTP_OPTIONS};
    uint32_t mask = rq->route == NULL ? ~0u : 0;

    for (size_t i = 0; rq->route != NULL && i < rq->dialect->routes_n; i++)
        if (strcmp(rq->dialect->routes[i].path, rq->route->path) == 0)
            mask |= rq->dialect->routes[i].methods;
    for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
        if (!(mask & order[i]))
            continue;
        if (b->n > 0)
            BUF_LIT(b, ", ");
        buf_put(b, str_from(http_method_name(order[i])));
    }
}

static bool is_listed(const struct setting_value *v, str origin)
{
    for (size_t i = 0; i < v->list_n; i++)
        if (str_eq(v->list[i], origin))
            return true;
    return false;
}

/* False: this origin gets no leave. */
static bool allow_origin(struct rq *rq)
{
    const struct setting_value *v = &rq->server->settings->v[SETTING_twilio_cors_origins];
    str origin;

    if (is_listed(v, STR("*"))) {
        http_res_header(rq->res, STR("Access-Control-Allow-Origin"), STR("*"));
        http_res_header(rq->res, STR("Access-Control-Allow-Credentials"), STR("false"));
        return true;
    }
    http_res_header(rq->res, STR("Vary"), STR("Origin")); /* Fetch 3.2.5 */
    origin = http_header_get(rq->req, STR("Origin"), NULL);
    if (origin.n == 0 || !is_listed(v, origin))
        return false;
    http_res_header(rq->res, STR("Access-Control-Allow-Origin"), origin);
    http_res_header(rq->res, STR("Access-Control-Allow-Credentials"), STR("true"));
    return true;
}

static void write_cors(struct rq *rq)
{
    char methods[64];
    struct buf b;

    if (!allow_origin(rq))
        return;
    buf_fixed(&b, methods, sizeof methods);
    write_methods(rq, &b);
    http_res_header(rq->res, STR("Access-Control-Allow-Methods"), buf_str(&b));
    http_res_header(rq->res, STR("Access-Control-Allow-Headers"),
                    STR("Content-Type, Authorization"));
    http_res_header(rq->res, STR("Access-Control-Expose-Headers"), STR("Twilio-Request-Id"));
    http_res_header(rq->res, STR("Access-Control-Max-Age"), STR("3600"));
}

void answer_twilio_headers(struct rq *rq)
{
    char id[UID_SID_CHARS];
    struct buf b;

    buf_fixed(&b, id, sizeof id);
    uid_write(&b, &rq->request_id, "RQ", SPELLING_SID);
    http_res_header(rq->res, STR("Twilio-Request-Id"), buf_str(&b));
    write_cors(rq);
}

void answer_twilio(struct rq *rq, int status)
{
    rq_answer(rq, status, STR("application/json"));
    answer_twilio_headers(rq);
}
