/* scrape_shared: what only a node on a shared store has: polls, what they brought, who keeps house.
 *
 * On SQLite these metrics have no samples, but for postern_housekeeper, which is 1: a process that
 * has its store for itself does all of it.
 */
#include "admin/scrape_write.h"
#include "store/revoked.h"

void scrape_shared_away(struct scrape *s)
{
    struct server *server = s->rq->server;

    if (server->shared)
        scrape_int(s, NO_VALUES, atomic_load(&server->store_away));
}

void scrape_shared_heard(struct scrape *s)
{
    struct server *server = s->rq->server;

    if (server->shared)
        scrape_micro(s, NO_VALUES, (clock_mono_ms() - atomic_load(&server->heard_ms)) * 1000);
}

void scrape_shared_polls(struct scrape *s)
{
    const struct server *server = s->rq->server;
    const struct metrics_polls *p = &server->metrics.polls;

    if (server->shared)
        scrape_histogram(s, NO_VALUES, metrics_bucket_us, METRICS_BUCKETS, p->buckets,
                         scrape_value(&p->us));
}

void scrape_shared_poll_failures(struct scrape *s)
{
    const struct server *server = s->rq->server;

    if (server->shared)
        scrape_int(s, NO_VALUES, scrape_value(&server->metrics.polls.failed));
}

void scrape_shared_revoked(struct scrape *s)
{
    const struct server *server = s->rq->server;

    if (server->changes.revoked != NULL)
        scrape_int(s, NO_VALUES, (int64_t)revoked_count(server->changes.revoked));
}

void scrape_shared_readers(struct scrape *s)
{
    const struct server *server = s->rq->server;

    if (server->shared)
        scrape_int(s, NO_VALUES, setting_int(server->settings, db_readers));
}

void scrape_shared_housekeeper(struct scrape *s)
{
    scrape_int(s, NO_VALUES, atomic_load(&s->rq->server->metrics.keeps_house));
}
