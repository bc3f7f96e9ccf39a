/* cors: decides once, right behind the handler, while the client that it found is there; writes
 * whenever an answer or a refusal is complete.
 *
 * Origins are compared as bytes: a browser writes them in one way only (RFC 6454 6.1). `null`, the
 * origin of sandboxed pages and local files, is nobody's. A store that fails lets nobody in.
 */
#include "oauth/cors.h"

#include "http/route.h"

#define MAX_AGE "600"

/* The only Origin header, if it can be a registered one. */
static str origin_of(const struct http_req *req)
{
    size_t count;
    str origin = http_header_get(req, STR("Origin"), &count);

    return count == 1 && !str_eq(origin, STR("null")) ? origin : (str){0};
}

static bool is_of_client(const struct cached_client *client, str origin)
{
    str rest, one;

    if (client == NULL || !client->rp.there)
        return false;
    rest = client->rp.origins;
    while (str_next(&rest, '\n', &one))
        if (str_eq(one, origin))
            return true;
    return false;
}

static bool is_of_any(struct rq *rq, str origin)
{
    bool known;

    return relying_party_origin_known(rq->t->db, origin, &known) == OK && known;
}

static void decide(struct rq *rq)
{
    str origin = origin_of(rq->req);

    if (rq->route == NULL || origin.n == 0)
        return;
    if ((rq->route->cors == CORS_OF_CLIENT && is_of_client(rq->client, origin)) ||
        (rq->route->cors == CORS_OF_ANY && is_of_any(rq, origin)))
        rq->allow_origin = origin;
}

void cors_decide(struct rq *rq)
{
    if (rq->req->method != HTTP_OPTIONS) /* a preflight has decided for itself */
        decide(rq);
}

/* Also of a path that is ours but does not take the method: no route answers that. */
static bool varies(const struct rq *rq)
{
    str id;

    if (rq->route != NULL)
        return rq->route->cors != CORS_NONE;
    for (size_t i = 0; rq->failure.allow != 0 && i < rq->dialect->routes_n; i++)
        if (rq->dialect->routes[i].cors != CORS_NONE &&
            route_match(str_from(rq->dialect->routes[i].path), rq->req->path, &id))
            return true;
    return false;
}

void cors_write(struct rq *rq)
{
    if (!varies(rq))
        return;
    http_res_header(rq->res, STR("Vary"), STR("Origin")); /* for caches: also without one */
    if (rq->allow_origin.n == 0)
        return;
    http_res_header(rq->res, STR("Access-Control-Allow-Origin"), rq->allow_origin);
    http_res_header(rq->res, STR("Access-Control-Expose-Headers"),
                    STR("WWW-Authenticate, X-Request-Id"));
}

/* The methods of this path, as the routes have them. */
static uint32_t methods_of_path(const struct rq *rq)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < rq->dialect->routes_n; i++)
        if (strcmp(rq->dialect->routes[i].path, rq->route->path) == 0)
            mask |= rq->dialect->routes[i].methods;
    return mask & ~(uint32_t)HTTP_OPTIONS;
}

static bool method_is_fine(const struct rq *rq, struct buf *allowed)
{
    str asked = http_header_get(rq->req, STR("Access-Control-Request-Method"), NULL);
    uint32_t mask = methods_of_path(rq);
    bool found = false;

    for (uint32_t m = HTTP_GET; m < HTTP_OTHER; m <<= 1) {
        str name = str_from(http_method_name((enum http_method)m));
        if (!(mask & m))
            continue;
        found = found || str_eq(asked, name);
        if (allowed->n > 0)
            BUF_LIT(allowed, ", ");
        buf_put(allowed, name);
    }
    return found;
}

static bool headers_are_fine(const struct rq *rq)
{
    static const char *const fine[] = {"authorization", "content-type", "accept"};
    str rest = http_header_get(rq->req, STR("Access-Control-Request-Headers"), NULL), name;

    while (str_next(&rest, ',', &name)) {
        size_t i = 0;
        while (i < sizeof fine / sizeof *fine && !str_eq_nocase(str_trim(name), str_from(fine[i])))
            i++;
        if (i == sizeof fine / sizeof *fine)
            return false;
    }
    return true;
}

/* What no page may do is answered like an origin that nobody registered (A30). */
enum err cors_preflight(struct rq *rq)
{
    char storage[64];
    struct buf methods;

    buf_fixed(&methods, storage, sizeof storage);
    rq->res->status = 204;
    rq_request_id(rq);
    if (method_is_fine(rq, &methods) && headers_are_fine(rq))
        decide(rq);
    if (rq->allow_origin.n == 0)
        return OK;
    http_res_header(rq->res, STR("Access-Control-Allow-Methods"), buf_str(&methods));
    http_res_header(rq->res, STR("Access-Control-Allow-Headers"),
                    STR("Authorization, Content-Type, Accept"));
    http_res_header(rq->res, STR("Access-Control-Max-Age"), STR(MAX_AGE));
    return OK;
}
