/* scrape_server: requests, tokens, refusals, commits, queues, connections, caches.
 *
 * A series appears with its first count, except where absence would hide that something is zero
 * (queues, commits). Routes come in the order of their tables.
 */
#include "admin/scrape_write.h"
#include "oauth/grant/grant_type.h"

/* The name of route number at (metrics_route_at). */
static str route_name(const struct server *server, size_t at)
{
    const struct dialect *const *d = server->dialects;

    if (at == 0)
        return STR("none");
    at--;
    for (; at >= (*d)->routes_n; d++)
        at -= (*d)->routes_n;
    return str_from((*d)->routes[at].name);
}

static str number(struct scrape *s, int n)
{
    return arena_printf(s->rq->arena, "%d", n);
}

static void write_answers(struct scrape *s, str route, int method, const metrics_counter *answers)
{
    str name = str_from(http_method_name((enum http_method)(1 << method)));

    for (int i = 0; i < METRICS_STATUSES; i++) {
        int64_t n = scrape_value(&answers[i]);
        if (n > 0)
            scrape_int(s, VALUES(route, name, i ? number(s, metrics_statuses[i]) : STR("other")),
                       n);
    }
}

void scrape_server_requests(struct scrape *s)
{
    const struct server *server = s->rq->server;

    for (size_t at = 0; at < server->metrics.routes_n; at++)
        for (int m = 0; m < METRICS_METHODS; m++)
            write_answers(s, route_name(server, at), m, s->sum->routes[at].answers[m]);
}

void scrape_server_durations(struct scrape *s)
{
    const struct server *server = s->rq->server;

    for (size_t at = 0; at < server->metrics.routes_n; at++) {
        const struct metrics_route *r = &s->sum->routes[at];
        int64_t n = 0;
        for (size_t i = 0; i <= METRICS_BUCKETS; i++)
            n += scrape_value(&r->buckets[i]);
        if (n > 0)
            scrape_histogram(s, VALUES(route_name(server, at)), metrics_bucket_us, METRICS_BUCKETS,
                             r->buckets, scrape_value(&r->us));
    }
}

static void write_tokens(struct scrape *s, const struct dialect *d, size_t grant)
{
    static const str formats[2] = {STR_INIT("opaque"), STR_INIT("jwt")};

    for (int jwt = 0; jwt < 2; jwt++) {
        int64_t n = scrape_value(&s->sum->tokens[grant][d->id][jwt]);
        if (n > 0)
            scrape_int(
                s, VALUES(str_from(grant_types[grant].name), str_from(d->name), formats[jwt]), n);
    }
}

void scrape_server_tokens(struct scrape *s)
{
    _Static_assert(GRANT_TYPES <= METRICS_GRANTS, "a counter for each grant");
    for (const struct dialect *const *d = s->rq->server->dialects; *d != NULL; d++)
        for (size_t g = 0; g < GRANT_TYPES; g++)
            write_tokens(s, *d, g);
}

void scrape_server_refusals(struct scrape *s)
{
    for (int e = OK + 1; e < ERR_COUNT; e++) {
        int64_t n = scrape_value(&s->sum->refusals[e]);
        if (n > 0)
            scrape_int(s, VALUES(str_from(err_info((enum err)e)->id)), n);
    }
}

void scrape_server_batches(struct scrape *s)
{
    scrape_int(s, NO_VALUES, scrape_value(&s->rq->server->metrics.commits.batches));
}

void scrape_server_batch_sets(struct scrape *s)
{
    const struct metrics_commits *c = &s->rq->server->metrics.commits;
    int64_t ends[METRICS_SIZES];

    for (size_t i = 0; i < METRICS_SIZES; i++)
        ends[i] = INT64_C(1000000) << i;
    scrape_histogram(s, NO_VALUES, ends, METRICS_SIZES, c->sizes, scrape_value(&c->sets) * 1000000);
}

void scrape_server_commit_durations(struct scrape *s)
{
    const struct metrics_commits *c = &s->rq->server->metrics.commits;

    scrape_histogram(s, NO_VALUES, metrics_bucket_us, METRICS_BUCKETS, c->buckets,
                     scrape_value(&c->us));
}

void scrape_server_missed(struct scrape *s)
{
    scrape_int(s, NO_VALUES, scrape_value(&s->rq->server->metrics.commits.missed));
}

void scrape_server_failed(struct scrape *s)
{
    scrape_int(s, NO_VALUES, scrape_value(&s->rq->server->metrics.commits.failed));
}

void scrape_server_audit_rows(struct scrape *s)
{
    scrape_int(s, NO_VALUES, (int64_t)atomic_load(&s->rq->server->changes.audited));
}

void scrape_server_audit_summarised(struct scrape *s)
{
    scrape_int(s, NO_VALUES, atomic_load(&s->rq->server->audit.suppressed_total));
}

static struct metrics_net net_now(const struct scrape *s)
{
    struct metrics_net now = {0};

    if (s->rq->server->metrics.net != NULL)
        s->rq->server->metrics.net(&now);
    return now;
}

void scrape_server_queues(struct scrape *s)
{
    struct metrics_net now = net_now(s);

    scrape_int(s, VALUES(STR("commit")), now.queue_commit);
    scrape_int(s, VALUES(STR("pool")), now.queue_pool);
    scrape_int(s, VALUES(STR("read")), now.queue_read);
}

void scrape_server_connections(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).connections);
}

void scrape_server_accepted(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).accepted);
}

void scrape_server_refused(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).refused);
}

void scrape_server_penalised(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).penalised);
}

void scrape_server_penalties(struct scrape *s)
{
    struct metrics_net now = net_now(s);

    scrape_int(s, VALUES(STR("request")), now.penalty_requests);
    scrape_int(s, VALUES(STR("connection")), now.penalty_connections);
    scrape_int(s, VALUES(STR("crowd")), now.crowds);
}

void scrape_server_shed(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).shed);
}

void scrape_server_memory_max(struct scrape *s)
{
    scrape_int(s, NO_VALUES, net_now(s).memory_max);
}

void scrape_server_cache_hits(struct scrape *s)
{
    scrape_int(s, NO_VALUES, scrape_value(&s->sum->cache_hits));
}

void scrape_server_cache_misses(struct scrape *s)
{
    scrape_int(s, NO_VALUES, scrape_value(&s->sum->cache_misses));
}

void scrape_server_cache_entries(struct scrape *s)
{
    const struct client_cache *shared = s->rq->server->clients; /* of all threads */

    scrape_int(s, NO_VALUES,
               shared ? (int64_t)client_cache_count(shared) : scrape_value(&s->sum->cache_entries));
}
