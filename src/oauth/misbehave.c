/* misbehave: fault.latency_ms, fault.status, fault.share, fault.routes and fault.token_ttl.
 *
 * Of the requests to the routes in question, a share is chosen by chance; a chosen one gets its
 * answer late, or a refusal, or a refusal that comes late. The refusal is made where a handler's
 * would be, so it has the shape of its dialect, its headers and its log line, and the handler does
 * not run: nothing is issued.
 *
 * Nobody sleeps here: rq->late is handed on to net, which holds the finished answer back
 * (DEADLINE_LATE). Any number of answers may be late at once while the workers serve others; in the
 * pool, with its few threads, each would wait for those before it.
 *
 * Left out: broken connections and damaged bodies, which a proxy in between does better.
 */
#include "oauth/misbehave.h"

#include <stdio.h>

#include "base/rand.h"
#include "config/suggest.h"
#include "oauth/rq.h"

static const struct {
    enum err e;
    int retry_s;
} refusals[] = {
    /* in the order of the words of fault.status */
    {OK, 0},
    {ERR_TOO_MANY_REQUESTS, 1},
    {ERR_SERVER_ERROR, 0},
    {ERR_UNAVAILABLE, 1},
};

static const struct setting_value *chosen_routes(const struct server *s)
{
    return &s->settings->v[SETTING_fault_routes];
}

static bool offer_routes(const struct server *s, str name, struct suggest *near)
{
    for (const struct dialect *const *d = s->dialects; *d != NULL; d++) {
        for (size_t i = 0; i < (*d)->routes_n; i++) {
            if (str_eq(str_from((*d)->routes[i].name), name))
                return true;
            suggest_offer(near, (*d)->routes[i].name);
        }
    }
    return false;
}

static enum err check_routes(const struct server *s, char *why, size_t why_size)
{
    const struct setting_value *routes = chosen_routes(s);

    for (size_t i = 0; i < routes->list_n; i++) {
        struct suggest near;
        suggest_init(&near, routes->list[i]);
        if (offer_routes(s, routes->list[i], &near))
            continue;
        snprintf(why, why_size,
                 "`fault.routes`: no route is called `%.*s`%s%s%s; see: postern list routes",
                 STR_ARG(routes->list[i]), near.best ? " (did you mean `" : "",
                 near.best ? near.best : "", near.best ? "`?)" : "");
        return ERR_INVALID_REQUEST;
    }
    return OK;
}

static void warn(const struct server *s)
{
    struct log_line l;

    log_begin(&l, LOG_WARN, "fault");
    log_str(&l, "message",
            STR("THIS SERVER MISBEHAVES ON PURPOSE, for tests of clients: settings fault.*"));
    log_int(&l, "latency_ms", setting_int(s->settings, fault_latency_ms));
    log_str(&l, "status", setting_text(s->settings, fault_status));
    log_int(&l, "share", setting_int(s->settings, fault_share));
    log_int(&l, "token_ttl_s", setting_int(s->settings, fault_token_ttl_s));
    log_str(&l, "routes", setting_text(s->settings, fault_routes));
    log_end(&l);
}

enum err misbehave_open(struct server *s, char *why, size_t why_size)
{
    const struct settings *v = s->settings;
    enum err e;

    if ((e = check_routes(s, why, why_size)) != OK)
        return e;
    s->misbehaves = setting_int(v, fault_latency_ms) > 0 || setting_int(v, fault_status) > 0 ||
                    setting_int(v, fault_token_ttl_s) > 0;
    if (s->misbehaves)
        warn(s);
    return OK;
}

/* Named, or, when none is named, everything but health, keys and metadata. */
static bool is_chosen(const struct server *s, const struct route *r)
{
    const struct setting_value *routes = chosen_routes(s);

    for (size_t i = 0; i < routes->list_n; i++)
        if (str_eq(routes->list[i], str_from(r->name)))
            return true;
    return routes->list_n == 0 && r->rate != RATE_FREE;
}

static bool is_hit(const struct server *s)
{
    uint32_t number;

    rand_bytes(&number, sizeof number);
    return (int64_t)(number % 100) < setting_int(s->settings, fault_share);
}

enum err misbehave(struct rq *rq)
{
    const struct server *s = rq->server;

    if (!s->misbehaves)
        return OK;
    if (rq->fate == FATE_UNKNOWN)
        rq->fate = is_chosen(s, rq->route) && is_hit(s) ? FATE_BAD : FATE_GOOD;
    if (rq->fate == FATE_GOOD)
        return OK;
    rq->late = setting_int(s->settings, fault_latency_ms) > 0;
    int64_t status = setting_int(s->settings, fault_status);
    if (refusals[status].e == OK)
        return OK;
    rq->failure.retry_s = refusals[status].retry_s;
    fail_detail(rq, STR("the setting fault.status asked for it"));
    return fail(rq, refusals[status].e, "This server was told to refuse a share of its requests.");
}

int64_t misbehave_ttl_s(const struct server *s, int64_t ttl_s)
{
    int64_t most_s = setting_int(s->settings, fault_token_ttl_s);

    return most_s > 0 && most_s < ttl_s ? most_s : ttl_s;
}
