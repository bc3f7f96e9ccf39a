/* serve_house: sees what other processes changed, deletes what has expired, and takes the steps in
 * the keys' lives that are due.
 *
 * On SQLite commits wait for the thread that does it, so a round is bounded: sweeps of at most
 * SWEEP_ROWS rows, of one table, for at most SWEEP_US, and the tables take turns, so that a flood
 * of one does not keep the others from theirs. A round that left something is followed by the next
 * one, else all rest. Failures are logged by the store and tried again.
 *
 * On a shared store nobody waits for it but the next poll, so a sweep may take longer; and since
 * idle nodes shall leave the database alone, the rests are longer, too. The lease is held by the
 * monotonic clock from before it was asked for, so that a clock that is set back does not stretch
 * it; what others allow for is in store/lease.h. An idle poll is one statement: revoked grants are
 * read when a change says so, after a poll that failed, and every GRANTS_REST_S for whatever nobody
 * told. CHANGE_ALL that this process owes (store/commit.c) is told here, twice.
 */
#include "cmd/serve_house.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/key_master.h"
#include "cmd/serve_excess.h"
#include "cmd/serve_keys.h"
#include "cmd/serve_notify.h"
#include "oauth/explain.h"
#include "store/device_code.h"
#include "store/explanation.h"
#include "store/flow.h"
#include "store/grant.h"
#include "store/lease.h"
#include "store/pushed_request.h"
#include "store/replay.h"
#include "store/revoked.h"
#include "store/session.h"
#include "store/tally.h"
#include "store/throttle.h"
#include "store/token.h"
#include "store/user_grant.h"

enum {
    SWEEP_ROWS = 500,
    SWEEP_US = 10000,
    SWEEP_SHARED_US = 50000,
    SWEEP_REST_S = 5,
    SWEEP_SHARED_REST_S = 30,
    GRANTS_REST_MS = 30000,
    ALL_REST_MS = 1000,
    ALL_AGAIN_MS = 30000,
    TRY_REST_S = 1,
    TALLY_US = 2000,
    TALLY_REST_S = 30,
    KEYS_REST_S = 10,
    KEYS_RETRY_S = 5,
    KEYS_TROUBLE_S = 300,
    EXPLAIN_ROWS = 256,
    FX_MOST = 1 << 20
};

static enum err (*const sweeps[])(struct db *, int64_t, int64_t, int64_t *) = {
    token_sweep,       grant_sweep,      throttle_sweep,       change_sweep,
    session_sweep,     user_grant_sweep, pushed_request_sweep, flow_sweep,
    device_code_sweep, replay_sweep,     explanation_sweep,
};

static const char LEASE[] = "housekeeping";

enum { SWEEPS = sizeof sweeps / sizeof *sweeps };

/* By another node's clock a row may not have ended yet, and a request that was judged by that may
 * still be on its way to the commit. */
static int64_t lag_s(const struct serve_house *h)
{
    return h->server->shared ? CHANGE_SKEW_S + change_way_s(h->db->patience_ms) : 0;
}

/* One table; true when the next one is due at once. */
static bool sweep(struct serve_house *h, int64_t now_s)
{
    int64_t deleted = 0;
    bool shared = h->server->shared;
    if (now_s < h->sweep_s)
        return false;
    enum err e;
    int64_t end_s = now_s - lag_s(h);
    int64_t end_us = clock_mono_us() + (shared ? SWEEP_SHARED_US : SWEEP_US);
    do {
        e = sweeps[h->sweep_next](h->db, end_s, SWEEP_ROWS, &deleted);
    } while (e == OK && deleted >= SWEEP_ROWS && clock_mono_us() < end_us);
    h->sweep_more = h->sweep_more || (e == OK && deleted >= SWEEP_ROWS);
    h->sweep_next = (h->sweep_next + 1) % SWEEPS;
    if (e || (h->sweep_next == 0 && !h->sweep_more))
        h->sweep_s = now_s + (shared ? SWEEP_SHARED_REST_S : SWEEP_REST_S);
    if (h->sweep_next == 0)
        h->sweep_more = false;
    return now_s >= h->sweep_s;
}

static struct keyring *newest_ring(struct server *s)
{
    pthread_mutex_lock(&s->ring_lock);
    struct keyring *ring = keyring_ref(s->ring);
    pthread_mutex_unlock(&s->ring_lock);
    return ring;
}

/* A thread without requests does not look; this one does, so that a quiet server follows too. */
static void follow_keys(struct serve_house *h, int64_t now_s)
{
    struct change changes[16];
    char why[1024];
    bool lost = false, changed = false;
    size_t n;
    while ((n = change_take(&h->server->changes, &h->changes_seen, changes, 16, &lost)) > 0 ||
           lost) {
        changed = changed || lost;
        for (size_t i = 0; i < n; i++)
            changed = changed || changes[i].kind == CHANGE_KEYS || changes[i].kind == CHANGE_ALL;
        lost = false;
    }
    bool again = atomic_load(&h->server->ring_stale) && now_s >= h->keys_retry_s;
    if ((changed || again) &&
        server_load_keys(h->server, h->db, again ? 0 : h->changes_seen, why, sizeof why)) {
        log_note(LOG_ERROR, "keys", "keys changed, but could not be read: %s", why);
        h->keys_retry_s = now_s + KEYS_RETRY_S;
    }
}

static enum commit_outcome commit(struct serve_house *h, struct effects *fx)
{
    return commit_apart(h->db, &h->server->changes, h->ids, &h->server->clock, fx);
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

/* The same for the audit log. */
static void row(struct serve_house *h, struct effects *fx, int64_t now_s, enum audit_event event,
                const struct key *k, const char *detail)
{
    char kid[UID_SID_CHARS];
    keyring_kid(k, kid);
    serve_audit_row(&h->audit, fx, now_s, event, str_make(kid, sizeof kid), str_from(detail));
}

/* True when it is done. The lock keeps `key rotate --master` from dropping the key under which the
 * new one is sealed. */
static bool publish_successor(struct serve_house *h, const struct key *old, int64_t now_s,
                              struct effects *fx)
{
    struct uid id;
    char why[1024];
    int lock;
    bool done = false;
    str path = setting_text(h->server->settings, master_key);
    enum err e = key_master_hold(fx->arena, path, &lock);
    if (e == ERR_CONFLICT)
        return false; /* a command is at it; the next tick looks again */
    if (e) {
        snprintf(why, sizeof why, "cannot open the directory of %.*s", STR_ARG(path));
    } else {
        e = key_put_next(fx, fx->arena, h->server->vault, old, now_s, &id, why, sizeof why);
        row(h, fx, now_s, AUDIT_KEY_MADE, old, "the successor of that key, in time");
        done = e == OK && commit(h, fx) == COMMIT_DONE;
        if (done)
            note(old, KEY_STEP_SUCCESSOR);
        close(lock);
    }
    if (e) {
        log_note(LOG_ERROR, "keys", "it is time for a new signing key, but: %s", why);
        h->keys_s = now_s + KEYS_TROUBLE_S;
    }
    return done;
}

/* The step of one key, if one is due; true when it is done. */
static bool take_step(struct serve_house *h, int64_t now_s)
{
    struct effects fx;
    struct arena arena;
    enum key_step step;
    bool done = false;
    struct key_rules rules = serve_keys_rules(h->server->settings);
    struct keyring *ring = newest_ring(h->server);
    const struct key *k = serve_keys_due(ring, &rules, now_s, &step);
    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    if (k && step == KEY_STEP_SUCCESSOR) {
        done = publish_successor(h, k, now_s, &fx);
    } else if (k) {
        serve_keys_take(ring, k, step, now_s, &fx);
        row(h, &fx, now_s, step == KEY_STEP_DROP ? AUDIT_KEY_DROPPED : AUDIT_KEY_ACTIVATED, k,
            "in time");
        done = commit(h, &fx) == COMMIT_DONE;
        if (done)
            note(k, step);
    }
    arena_free(&arena);
    keyring_unref(ring);
    return done;
}

/* Keys of several algorithms may be of one age. */
static void keys(struct serve_house *h, int64_t now_s)
{
    if (now_s < h->keys_s)
        return;
    h->keys_s = now_s + KEYS_REST_S;
    for (int i = 0; i < JWS_ALGS && take_step(h, now_s); i++)
        follow_keys(h, now_s);
}

/* After a failed write nobody may send us requests any more (/readyz), so we try one of our own. */
static void try_store(struct serve_house *h, int64_t now_s)
{
    struct effects fx;
    struct arena arena;

    if (!atomic_load(&h->server->store_fails) || now_s < h->try_s)
        return;
    h->try_s = now_s + TRY_REST_S;
    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    throttle_count(&fx, STR("store probe"), now_s, 1);
    atomic_store(&h->server->store_fails, commit(h, &fx) == COMMIT_FAILED);
    arena_free(&arena);
}

/* What `postern explain` reads; false when nothing is left. A batch that the store did not take is
 * not worth a second try. */
static bool flush_explanations(struct serve_house *h)
{
    struct effects fx;
    struct arena arena;

    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    bool some = explain_flush(h->server->explain, h->server, &fx, EXPLAIN_ROWS);
    if (some)
        some = commit(h, &fx) == COMMIT_DONE;
    arena_free(&arena);
    return some;
}

static void tell_lost_lines(void)
{
    long lines = log_lost();

    if (lines > 0)
        log_note(LOG_WARN, "log", "%ld lines were lost: whoever reads the log is too slow", lines);
}

/* Does this process do what one does for all? */
static bool keeps_house(struct serve_house *h, int64_t now_s)
{
    int64_t now_ms = clock_mono_ms();
    struct effects fx;
    struct arena arena;

    if (!h->server->shared)
        return true;
    if (now_ms >= h->lease_try_ms) {
        h->lease_try_ms = now_ms + LEASE_RENEW_S * 1000;
        arena_init(&arena, FX_MOST);
        effects_init(&fx, &arena);
        lease_take(&fx, LEASE, &h->holder, now_s);
        enum commit_outcome outcome = commit(h, &fx);
        if (outcome == COMMIT_DONE)
            h->lease_ms = now_ms + LEASE_LIFE_S * 1000;
        else if (outcome == COMMIT_MISSED)
            h->lease_ms = 0; /* another has it */
        arena_free(&arena);
    }
    return now_ms < h->lease_ms;
}

static void drop_lease(struct serve_house *h)
{
    struct effects fx;
    struct arena arena;

    arena_init(&arena, FX_MOST);
    effects_init(&fx, &arena);
    lease_drop(&fx, LEASE, &h->holder);
    commit(h, &fx);
    arena_free(&arena);
}

/* What this process changed may have come too late for the others (store/commit.c). */
static void tell_all(struct serve_house *h, int64_t now_s)
{
    unsigned late = atomic_load(&h->server->changes.late);
    bool fresh = late != h->late_seen;
    int64_t now_ms = clock_mono_ms();

    if (now_ms < h->all_ms || !(fresh || (h->all_again_ms && now_ms >= h->all_again_ms)))
        return;
    h->all_ms = now_ms + ALL_REST_MS;
    if (change_tell_all(h->db, h->ids, now_s) != OK)
        return;
    h->late_seen = late;
    h->all_again_ms = fresh ? now_ms + ALL_AGAIN_MS : 0;
    if (fresh)
        log_note(LOG_WARN, "changes",
                 "the store was so slow that the other nodes may have missed what was changed "
                 "here: they were told to read all of it again");
}

void serve_house_init(struct serve_house *h, struct server *server, struct db *db,
                      struct id_source *ids, int64_t now_s)
{
    *h = (struct serve_house){
        .server = server,
        .db = db,
        .ids = ids,
        .poll = {.since_s = now_s},
        .holder = id_next(ids, now_s),
        .grants_s = INT64_MAX,
        .late_seen = atomic_load(&server->changes.late),
    };
    serve_audit_init(&h->audit, server, db, ids);
}

/* What the server has to know about a poll of a shared store that began then. */
static void note_poll(struct server *s, bool heard, int64_t began_us)
{
    metrics_poll(&s->metrics, heard, clock_mono_us() - began_us);
    atomic_store(&s->store_away, !heard);
    if (heard)
        atomic_store(&s->heard_ms, began_us / 1000);
}

/* What a poll of the changes said of revoked grants; true when they are known as of then. */
static bool hear_grants(struct serve_house *h, bool all, int64_t now_s)
{
    struct revoked *r = h->server->changes.revoked;
    int64_t now_ms = clock_mono_ms();

    if (h->poll.grants_s < h->grants_s)
        h->grants_s = h->poll.grants_s;
    if (all)
        revoked_again(r);
    if (all || now_ms >= h->grants_ms) {
        h->grants_ms = 0; /* until it worked */
        if (revoked_poll(r, h->db, now_s) != OK)
            return false;
        h->grants_ms = now_ms + GRANTS_REST_MS;
    }
    if (h->grants_s < INT64_MAX && revoked_take(r, h->db, h->grants_s) != OK)
        return false;
    h->grants_s = INT64_MAX;
    return true;
}

bool serve_house_hear(struct serve_house *h)
{
    static const uint8_t nothing[16];
    struct server *s = h->server;
    int64_t now_s = clock_now_s(&s->clock), began_us = clock_mono_us();
    bool reload = atomic_exchange(&h->reload, false);
    bool heard = change_poll(h->db, &h->poll, &s->changes, now_s) == OK;
    if (reload) /* copies of what cannot be read now are worth more than none */
        change_publish(&s->changes, heard ? CHANGE_ALL : CHANGE_KEYS, nothing);
    if (s->shared) {
        if (!heard)
            h->grants_ms = 0;
        heard = heard && hear_grants(h, h->poll.all || reload, now_s);
        note_poll(s, heard, began_us);
    }
    follow_keys(h, now_s);
    if (reload) {
        log_note(LOG_INFO, "refresh", "%s",
                 heard ? "keys and whatever else is kept in memory are read again"
                       : "the store did not answer; what is in memory goes on");
        serve_notify("READY=1");
    }
    return heard;
}

static void tally(struct serve_house *h, int64_t now_s)
{
    struct tally *t = &h->server->metrics.tally;

    if (h->server->shared)
        tally_shared(t, h->db, now_s, TALLY_REST_S);
    else
        tally_run(t, h->db, now_s, TALLY_REST_S, TALLY_US);
}

bool serve_house_work(struct serve_house *h)
{
    struct server *s = h->server;
    int64_t now_s = clock_now_s(&s->clock);
    bool more = false;

    tell_lost_lines();
    if (s->shared && atomic_load(&s->store_away))
        return false;
    if (s->shared)
        tell_all(h, now_s);
    bool keeper = keeps_house(h, now_s);
    atomic_store(&s->metrics.keeps_house, keeper);
    if (keeper) {
        keys(h, now_s);
        more = sweep(h, now_s);
        more = (s->shared && serve_excess(h, now_s)) || more;
    }
    try_store(h, now_s);
    serve_audit_work(&h->audit, now_s, keeper);
    flush_explanations(h);
    tally(h, now_s);
    return more;
}

/* The last that this process can do about what it owes to the others. */
static void pay_at_end(struct serve_house *h)
{
    int64_t now_s = clock_now_s(&h->server->clock);

    if (atomic_load(&h->server->changes.late) == h->late_seen && h->all_again_ms == 0)
        return;
    if (change_tell_all(h->db, h->ids, now_s) != OK)
        log_note(LOG_ERROR, "changes",
                 "the store was so slow that the other nodes may have missed what was changed "
                 "here, and it does not take word to them: reload each of them (SIGHUP) when the "
                 "store answers again");
}

void serve_house_end(struct serve_house *h)
{
    while (flush_explanations(h)) {
    }
    serve_audit_end(&h->audit, clock_now_s(&h->server->clock));
    if (h->server->shared && h->lease_ms > 0)
        drop_lease(h);
    pay_at_end(h);
    change_poll_free(&h->poll);
}
