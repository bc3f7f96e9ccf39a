/* serve_tick: sees what other processes changed, deletes what has expired, and takes the steps in
 * the keys' lives that are due.
 *
 * Commits wait for this thread, so a tick is bounded: sweeps of at most SWEEP_ROWS rows, of one
 * table, for at most SWEEP_US, and the tables take turns, so that a flood of one does not keep the
 * others from theirs. A round that left something is followed by the next one, else all rest for
 * SWEEP_REST_S. Failures are logged by the store and tried again.
 */
#include "cmd/serve_tick.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/key_master.h"
#include "cmd/serve_keys.h"
#include "cmd/serve_notify.h"
#include "oauth/explain.h"
#include "store/device_code.h"
#include "store/explanation.h"
#include "store/flow.h"
#include "store/grant.h"
#include "store/pushed_request.h"
#include "store/replay.h"
#include "store/session.h"
#include "store/tally.h"
#include "store/throttle.h"
#include "store/token.h"
#include "store/user_grant.h"

enum {
    SWEEP_ROWS = 500,
    SWEEP_US = 10000,
    TRY_REST_S = 1,
    SWEEP_REST_S = 5,
    TALLY_US = 2000,
    TALLY_REST_S = 30,
    KEYS_REST_S = 10,
    KEYS_RETRY_S = 5,
    KEYS_TROUBLE_S = 300,
    EXPLAIN_ROWS = 256,
    WATCHDOG_PARTS = 4, /* signs of life per WatchdogSec */
    FX_MOST = 1 << 20
};

static enum err (*const sweeps[])(struct db *, int64_t, int64_t, int64_t *) = {
    token_sweep,       grant_sweep,      throttle_sweep,       change_sweep,
    session_sweep,     user_grant_sweep, pushed_request_sweep, flow_sweep,
    device_code_sweep, replay_sweep,     explanation_sweep,
};

enum { SWEEPS = sizeof sweeps / sizeof *sweeps };

static void sweep(struct serve_app *app, int64_t now_s)
{
    int64_t deleted = 0;
    if (now_s < app->sweep_s)
        return;
    enum err e;
    int64_t end_us = clock_mono_us() + SWEEP_US;
    do {
        e = sweeps[app->sweep_next](app->db, now_s, SWEEP_ROWS, &deleted);
    } while (e == OK && deleted >= SWEEP_ROWS && clock_mono_us() < end_us);
    app->sweep_more = app->sweep_more || (e == OK && deleted >= SWEEP_ROWS);
    app->sweep_next = (app->sweep_next + 1) % SWEEPS;
    if (e || (app->sweep_next == 0 && !app->sweep_more))
        app->sweep_s = now_s + SWEEP_REST_S;
    if (app->sweep_next == 0)
        app->sweep_more = false;
}

static struct keyring *newest_ring(struct server *s)
{
    pthread_mutex_lock(&s->ring_lock);
    struct keyring *ring = keyring_ref(s->ring);
    pthread_mutex_unlock(&s->ring_lock);
    return ring;
}

/* A thread without requests does not look; this one does, so that a quiet server follows too. */
static void follow_keys(struct serve_app *app, int64_t now_s)
{
    struct change changes[16];
    char why[1024];
    bool lost = false, changed = false;
    size_t n;
    while ((n = change_take(&app->server.changes, &app->changes_seen, changes, 16, &lost)) > 0 ||
           lost) {
        changed = changed || lost;
        for (size_t i = 0; i < n; i++)
            changed = changed || changes[i].kind == CHANGE_KEYS;
        lost = false;
    }
    bool again = atomic_load(&app->server.ring_stale) && now_s >= app->keys_retry_s;
    if ((changed || again) &&
        server_load_keys(&app->server, app->db, again ? 0 : app->changes_seen, why, sizeof why)) {
        log_note(LOG_ERROR, "keys", "keys changed, but could not be read: %s", why);
        app->keys_retry_s = now_s + KEYS_RETRY_S;
    }
}

static enum commit_outcome commit(struct serve_app *app, struct effects *fx)
{
    struct commit_set set = {.fx = fx, .outcome = COMMIT_FAILED};
    commit_run(app->db, &app->server.changes, &app->server.clock, &set, 1);
    return set.outcome;
}

static void note(const struct key *k, enum key_step step)
{
    char kid[UID_SID_CHARS];
    struct log_line l;
    keyring_kid(k, kid);
    log_begin(&l, LOG_INFO, "keys");
    log_str(&l, "message", STR("a step in the life of a signing key"));
    log_str(&l, "kid", str_make(kid, sizeof kid));
    log_str(&l, "step", str_from(serve_keys_word(step)));
    log_end(&l);
}

/* True when it is done. The lock keeps `key rotate --master` from dropping the key under which the
 * new one is sealed. */
static bool publish_successor(struct serve_app *app, const struct key *old, int64_t now_s,
                              struct effects *fx)
{
    struct master_key master;
    struct uid id;
    char why[1024];
    int lock;
    bool done = false;
    str path = setting_text(app->server.settings, master_key);
    enum err e = key_master_hold(fx->arena, path, &lock);
    if (e == ERR_CONFLICT)
        return false; /* a command is at it; the next tick looks again */
    if (e) {
        snprintf(why, sizeof why, "cannot open the directory of %.*s", STR_ARG(path));
    } else {
        e = seal_read_master(arena_cstr(fx->arena, path), &master, why, sizeof why);
        done = e == OK && key_put_successor(fx, fx->arena, &master, old, now_s, &id) == OK &&
               commit(app, fx) == COMMIT_DONE;
        if (done)
            note(old, KEY_STEP_SUCCESSOR);
        seal_wipe(&master);
        close(lock);
    }
    if (e) {
        log_note(LOG_ERROR, "keys", "it is time for a new signing key, but: %s", why);
        app->keys_s = now_s + KEYS_TROUBLE_S;
    }
    return done;
}

/* The step of one key, if one is due; true when it is done. */
static bool take_step(struct serve_app *app, int64_t now_s)
{
    struct effects fx;
    struct arena arena;
    enum key_step step;
    bool done = false;
    struct key_rules rules = serve_keys_rules(app->server.settings);
    struct keyring *ring = newest_ring(&app->server);
    const struct key *k = serve_keys_due(ring, &rules, now_s, &step);
    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    if (k && step == KEY_STEP_SUCCESSOR) {
        done = publish_successor(app, k, now_s, &fx);
    } else if (k) {
        serve_keys_take(ring, k, step, now_s, &fx);
        done = commit(app, &fx) == COMMIT_DONE;
        if (done)
            note(k, step);
    }
    arena_free(&arena);
    keyring_unref(ring);
    return done;
}

/* Keys of several algorithms may be of one age. */
static void keys(struct serve_app *app, int64_t now_s)
{
    if (now_s < app->keys_s)
        return;
    app->keys_s = now_s + KEYS_REST_S;
    for (int i = 0; i < JWS_ALGS && take_step(app, now_s); i++)
        follow_keys(app, now_s);
}

/* This thread lives, since it runs; the workers, if each has turned since the last look. */
static void watchdog(struct serve_app *app)
{
    int64_t now_us = clock_mono_us();
    if (app->watchdog_us == 0 || now_us < app->watchdog_at_us)
        return;
    app->watchdog_at_us = now_us + app->watchdog_us / WATCHDOG_PARTS;
    if (net_pulse(app->net)) {
        serve_notify("WATCHDOG=1");
    } else {
        log_note(LOG_WARN, "watchdog", "a worker has not turned for %lld ms",
                 (long long)(app->watchdog_us / WATCHDOG_PARTS / 1000));
    }
}

/* After a failed write nobody may send us requests any more (/readyz), so we try one of our own. */
static void try_store(struct serve_app *app, int64_t now_s)
{
    struct effects fx;
    struct arena arena;
    struct commit_set set = {.fx = &fx, .outcome = COMMIT_FAILED};

    if (!atomic_load(&app->server.store_fails) || now_s < app->try_s)
        return;
    app->try_s = now_s + TRY_REST_S;
    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    throttle_count(&fx, STR("store probe"), now_s, 1);
    commit_run(app->db, &app->server.changes, &app->server.clock, &set, 1);
    atomic_store(&app->server.store_fails, set.outcome == COMMIT_FAILED);
    arena_free(&arena);
}

/* What `postern explain` reads; false when nothing is left. A batch that the store did not take is
 * not worth a second try. */
static bool flush_explanations(struct serve_app *app)
{
    struct effects fx;
    struct arena arena;

    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    bool some = explain_flush(app->server.explain, &app->server, &fx, EXPLAIN_ROWS);
    if (some)
        some = commit(app, &fx) == COMMIT_DONE;
    arena_free(&arena);
    return some;
}

static void tell_lost_lines(void)
{
    long lines = log_lost();

    if (lines > 0)
        log_note(LOG_WARN, "log", "%ld lines were lost: whoever reads the log is too slow", lines);
}

void serve_tick(struct serve_app *app)
{
    static const uint8_t nothing[16];
    int64_t now_s = clock_now_s(&app->server.clock);
    bool reload = atomic_exchange(&app->reload, false);
    if (reload)
        change_publish(&app->server.changes, CHANGE_KEYS, nothing);
    change_poll(app->db, &app->poll, &app->server.changes, now_s);
    follow_keys(app, now_s);
    keys(app, now_s);
    sweep(app, now_s);
    try_store(app, now_s);
    flush_explanations(app);
    tell_lost_lines();
    tally_run(&app->server.metrics.tally, app->db, now_s, TALLY_REST_S, TALLY_US);
    watchdog(app);
    if (reload)
        serve_notify("READY=1");
}

void serve_tick_end(struct serve_app *app)
{
    while (flush_explanations(app)) {
    }
}
