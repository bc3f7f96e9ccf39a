/* serve_keeper: polls the shared store, as a thread beside the committer.
 *
 * The polls are the truth: one begins POLL_MS after the one before began, whether or not something
 * was told, so that what another node did is known within a second. NOTIFY is a hint that brings
 * the next poll forward, to HINT_MS after the last one at the earliest: an import on another node
 * tells thousands of times. An idle node so asks its database for little more than one poll a
 * second.
 *
 * Each call is bounded by the handle's patience; while the store is away the driver fails calls at
 * once, and the polls go on and find out when it is back.
 */
#include "cmd/serve_keeper.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

enum { FIRST_POLL_MS = 10000, POLL_MS = 800, HINT_MS = 50, SLICE_MS = 100 };

enum err serve_keeper_open(struct serve_keeper *k, struct serve_app *app, char *why,
                           size_t why_size)
{
    const struct settings *s = app->server.settings;
    struct db *db;
    enum err e = db_open(setting_text(s, db), false, &db, why, why_size);
    if (e)
        return e;
    int timeout_ms = (int)setting_int(s, db_timeout_ms);
    db_set_patience(db, FIRST_POLL_MS); /* nobody waits for an answer yet */
    *k = (struct serve_keeper){.house = &app->house};
    id_source_init(&k->ids);
    serve_house_init(k->house, &app->server, db, &k->ids, app->cmd->now_s);
    k->house->poll.overlap_s = change_overlap_s(timeout_ms);
    if (serve_house_hear(k->house)) {
        db_set_patience(db, timeout_ms);
        return OK;
    }
    snprintf(why, why_size, "the store does not answer: %s", db->ops->message(db));
    serve_keeper_close(k);
    return ERR_UNAVAILABLE;
}

static void sleep_ms(int64_t ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    if (ms > 0)
        nanosleep(&t, NULL);
}

/* Waits for a hint, at most so long; a driver that cannot wait now leaves that to us. */
static bool hint(struct db *db, int64_t ms)
{
    int64_t end_ms = clock_mono_ms() + ms;
    if (ms <= 0)
        return false;
    if (db->ops->wait && db->ops->wait(db, (int)ms))
        return true;
    sleep_ms(end_ms - clock_mono_ms());
    return false;
}

static void *run(void *arg)
{
    struct serve_keeper *k = arg;
    int64_t began_ms = clock_mono_ms(), next_ms = began_ms + POLL_MS;
    while (!atomic_load(&k->stop)) {
        int64_t now_ms = clock_mono_ms();
        if (now_ms >= next_ms || atomic_load(&k->house->reload)) {
            began_ms = now_ms;
            next_ms = now_ms + POLL_MS;
            serve_house_hear(k->house);
        }
        if (serve_house_work(k->house))
            continue;
        int64_t left_ms = next_ms - clock_mono_ms();
        if (hint(k->house->db, left_ms < SLICE_MS ? left_ms : SLICE_MS) &&
            next_ms > began_ms + HINT_MS)
            next_ms = began_ms + HINT_MS;
    }
    return NULL;
}

/* Signals are the main thread's. */
void serve_keeper_start(struct serve_keeper *k)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    if (pthread_create(&k->thread, NULL, run, k) != 0)
        fatal("no thread for the housekeeping: too many threads or no memory");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    k->running = true;
}

void serve_keeper_stop(struct serve_keeper *k)
{
    atomic_store(&k->stop, true);
    if (k->running)
        pthread_join(k->thread, NULL);
    k->running = false;
}

void serve_keeper_close(struct serve_keeper *k)
{
    db_close(k->house->db);
    k->house->db = NULL;
}
