/* serve_audit: links audit rows, signs checkpoints, writes what no request could.
 *
 * Links are made after the commit, about once a second while rows come, and every LOOK_REST_S for
 * what nobody told: rows of subcommands, of nodes that have gone, and of the run before a kill.
 * Rows of other nodes are left to them for OTHERS_S. A checkpoint follows when its time has come or
 * CHECKPOINT_ROWS rows wait for one, and its link is written to the log, too: whoever keeps logs
 * elsewhere has something to compare the store with.
 *
 * An idle node asks the store for nothing but every LOOK_REST_S.
 */
#include "cmd/serve_audit.h"

#include <stdio.h>

#include "codec/json.h"
#include "crypto/jwk.h"
#include "crypto/signer.h"

enum {
    LINK_REST_MS = 1000,
    LOOK_REST_S = 30,
    OTHERS_S = 60,
    TOLD_REST_MS = 10000,
    CHECKPOINT_ROWS = 1000,
    LINK_ROUNDS = 4,
    PRUNE_REST_S = 3600,
    PRUNE_ROWS = 2000,
    FX_MOST = 4 << 20
};

void serve_audit_init(struct serve_audit *a, struct server *server, struct db *db,
                      struct id_source *ids)
{
    *a = (struct serve_audit){.server = server, .db = db, .ids = ids, .hasher = hash_open()};
}

/* One set in an arena of its own, which ends with it. */
struct scope {
    struct arena arena;
    struct effects fx;
};

static void open_scope(struct scope *s)
{
    arena_init(&s->arena, FX_MOST);
    effects_init(&s->fx, &s->arena);
}

static enum commit_outcome commit(struct serve_audit *a, struct effects *fx)
{
    return commit_apart(a->db, &a->server->changes, a->ids, &a->server->clock, fx);
}

/* ---- rows of the server's own ---- */

static void put(struct serve_audit *a, struct effects *fx, int64_t now_s,
                const struct audit_entry *e)
{
    struct id id = id_next(&a->server->ids, now_s);

    audit_put(fx, KEEP, &id, now_s, a->server->node, e);
}

void serve_audit_row(struct serve_audit *a, struct effects *fx, int64_t now_s,
                     enum audit_event event, str subject, str detail)
{
    put(a, fx, now_s,
        &(struct audit_entry){
            .event = event, .actor = STR("server"), .subject = subject, .detail = detail});
}

/* Processes of this server that had to be started again since the last look; of this one itself,
 * that it was. */
static void note_restarts(struct serve_audit *a)
{
    struct metrics *m = &a->server->metrics;
    struct metrics_process all[METRICS_PROCESSES];
    size_t n = m->processes ? m->processes(all) : 0;

    for (size_t i = 0; i < n; i++) {
        bool own = str_eq(str_from(all[i].name), STR("network"));
        long long more = all[i].restarts - a->restarts[i];
        a->restarts[i] = all[i].restarts;
        if (more > 0 && (a->looked || own))
            audit_gate_note(&a->server->audit, AUDIT_PROCESS_RESTARTED, (str){0},
                            str_from(all[i].name));
    }
    a->looked = true;
}

/* Taken from the gate, and given back if the store does not take it. */
struct waiting {
    size_t notes_n;
    long told[AUDIT_EVENTS];
    struct audit_note notes[AUDIT_GATE_NOTES];
};

static void put_notes(struct serve_audit *a, struct scope *s, int64_t now_s, struct waiting *w)
{
    w->notes_n = audit_gate_notes(&a->server->audit, w->notes);
    for (size_t i = 0; i < w->notes_n; i++)
        put(a, &s->fx, now_s,
            &(struct audit_entry){.event = w->notes[i].event,
                                  .actor = STR("server"),
                                  .source = str_from(w->notes[i].source),
                                  .detail = str_from(w->notes[i].detail)});
}

/* How many had no room. */
static void put_sums(struct serve_audit *a, struct scope *s, int64_t now_s, struct waiting *w)
{
    a->told_ms = clock_mono_ms() + TOLD_REST_MS;
    for (int event = 0; event < AUDIT_EVENTS; event++) {
        long more = audit_gate_take(&a->server->audit, (enum audit_event)event);
        w->told[event] = more;
        if (more > 0)
            put(a, &s->fx, now_s,
                &(struct audit_entry){.event = (enum audit_event)event,
                                      .result = ERR_TOO_MANY_REQUESTS,
                                      .actor = STR("server"),
                                      .detail =
                                          arena_printf(&s->arena,
                                                       "%ld more of this kind, not recorded one "
                                                       "by one",
                                                       more)});
    }
}

static void write_waiting(struct serve_audit *a, int64_t now_s, bool end)
{
    struct waiting w = {0};
    struct scope s;

    open_scope(&s);
    note_restarts(a);
    if (!a->started)
        serve_audit_row(a, &s.fx, now_s, AUDIT_SERVER_STARTED, (str){0},
                        STR("version " POSTERN_VERSION));
    put_notes(a, &s, now_s, &w);
    if (end || clock_mono_ms() >= a->told_ms)
        put_sums(a, &s, now_s, &w);
    if (end)
        serve_audit_row(a, &s.fx, now_s, AUDIT_SERVER_STOPPED, (str){0}, (str){0});
    if (!effects_empty(&s.fx)) {
        if (commit(a, &s.fx) == COMMIT_DONE)
            a->started = true;
        else
            audit_gate_again(&a->server->audit, w.notes, w.notes_n, w.told);
    }
    arena_free(&s.arena);
}

/* ---- links ---- */

static bool is_own(const struct serve_audit *a, str node)
{
    return str_eq(node, a->server->node) || str_eq(node, AUDIT_CLI);
}

/* True when the chain has more. */
static bool link_chain(struct serve_audit *a, str node, int64_t now_s)
{
    struct scope s;
    size_t n = 0;

    open_scope(&s);
    int64_t until_s = is_own(a, node) ? UINT32_MAX : now_s - OTHERS_S;
    enum err e = audit_link_run(a->db, &s.arena, a->hasher, node, until_s, &s.fx, &n);
    bool more = e == OK && n == AUDIT_LINK_ROWS;
    if (e == OK && n > 0)
        more = commit(a, &s.fx) == COMMIT_DONE && more;
    arena_free(&s.arena);
    return more;
}

static bool link_all(struct serve_audit *a, int64_t now_s, int rounds)
{
    struct arena arena;
    str *nodes;
    size_t n = 0;
    bool more = false;

    arena_init(&arena, FX_MOST);
    if (audit_link_waiting(a->db, &arena, &nodes, &n) != OK)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        bool rest = true;
        for (int round = 0; rest && round < rounds; round++)
            rest = link_chain(a, nodes[i], now_s);
        more = more || rest;
    }
    arena_free(&arena);
    return more;
}

/* ---- checkpoints ---- */

static void tell_checkpoint(const struct audit_checkpoint *p)
{
    char hex[2 * sizeof p->hash.b];
    struct log_line l;
    struct buf b;

    buf_fixed(&b, hex, sizeof hex);
    buf_hex(&b, p->hash.b, sizeof p->hash.b);
    log_begin(&l, LOG_INFO, "audit");
    log_str(&l, "message", p->cut ? STR("old rows are taken away") : STR("checkpoint"));
    log_str(&l, "node", p->node);
    log_int(&l, "seq", p->seq);
    log_str(&l, "hash", buf_str(&b));
    log_end(&l);
}

static struct keyring *newest_ring(struct server *s)
{
    pthread_mutex_lock(&s->ring_lock);
    struct keyring *ring = keyring_ref(s->ring);
    pthread_mutex_unlock(&s->ring_lock);
    return ring;
}

/* p->jwt, by that key. */
static enum err sign(struct serve_audit *a, struct arena *arena, struct keyring *ring,
                     const struct key *key, struct audit_checkpoint *p)
{
    struct server *s = a->server;
    struct signer *signer = s->vault->ops->signer(s->vault, ring);
    struct sign_item item = {.kid = key->id, .profile = SIGN_CHECKPOINT, .to = arena};
    struct buf claims;

    if (signer == NULL)
        return ERR_UNAVAILABLE;
    buf_init(&claims, arena, 512, 2048);
    audit_chain_claims(&claims, setting_text(s->settings, issuer), p);
    item.claims = buf_str(&claims);
    signer_sign(signer, &item, 1);
    p->jwt = item.jwt;
    signer_close(signer);
    return item.e;
}

/* A checkpoint of that head, or a cut, made durable. */
static bool prove(struct serve_audit *a, const struct audit_head *head, struct audit_checkpoint *p)
{
    struct scope s;
    struct keyring *ring = newest_ring(a->server);
    enum jws_alg alg = (enum jws_alg)setting_int(a->server->settings, access_token_alg);
    const struct key *key = keyring_active(ring, KEY_SIGNING, alg);
    char kid[UID_SID_CHARS];
    struct buf jwk;
    bool done = false;

    open_scope(&s);
    if (key != NULL && sign(a, &s.arena, ring, key, p) == OK) {
        keyring_kid(key, kid);
        buf_init(&jwk, &s.arena, 512, 4096);
        jwk_write_entry(&jwk, key->pkey, key->alg, str_make(kid, sizeof kid));
        audit_link_prove(&s.fx, head, p, str_make(kid, sizeof kid), buf_str(&jwk));
        if (p->cut)
            serve_audit_row(
                a, &s.fx, p->at_s, AUDIT_PRUNED, p->node,
                arena_printf(&s.arena, "up to row %lld, as audit.keep says", (long long)p->seq));
        done = commit(a, &s.fx) == COMMIT_DONE;
    }
    if (done)
        tell_checkpoint(p);
    arena_free(&s.arena);
    keyring_unref(ring);
    return done;
}

/* When the head needs a checkpoint; INT64_MAX: it has one. */
static int64_t due_s(const struct serve_audit *a, const struct audit_head *head)
{
    int64_t rows = head->seq - head->proven_seq;

    if (rows == 0)
        return INT64_MAX;
    return rows >= CHECKPOINT_ROWS
               ? 0
               : head->proven_s + setting_int(a->server->settings, audit_checkpoint_s);
}

static void prove_all(struct serve_audit *a, int64_t now_s, bool keeper, bool end)
{
    struct arena arena;
    struct audit_head *heads;
    size_t n = 0;

    arena_init(&arena, FX_MOST);
    if (audit_link_heads(a->db, &arena, &heads, &n) != OK)
        n = 0;
    for (size_t i = 0; i < n; i++) {
        struct audit_checkpoint p = {
            .node = heads[i].node, .seq = heads[i].seq, .hash = heads[i].hash, .at_s = now_s};
        int64_t at_s = due_s(a, &heads[i]);
        if (!keeper && !is_own(a, heads[i].node))
            continue;
        if (at_s <= now_s || (end && at_s < INT64_MAX))
            prove(a, &heads[i], &p);
        else if (at_s < a->look_s)
            a->look_s = at_s;
    }
    arena_free(&arena);
}

/* ---- audit.keep ---- */

static bool prune_chain(struct serve_audit *a, str node, int64_t now_s)
{
    struct audit_checkpoint p = {.node = node, .at_s = now_s, .cut = true}, last;
    struct arena arena;
    int64_t deleted = 0;
    int64_t before_s = now_s - setting_int(a->server->settings, audit_keep_s);

    arena_init(&arena, FX_MOST);
    enum err e = audit_link_cut(a->db, &arena, node, &last);
    if (e == OK) /* what was left of the one before */
        e = audit_link_delete(a->db, node, last.seq, PRUNE_ROWS, &deleted);
    arena_free(&arena);
    if ((e != OK && e != ERR_ABSENT) || deleted == PRUNE_ROWS)
        return deleted == PRUNE_ROWS;
    if (audit_link_before(a->db, node, before_s, &p.seq, &p.hash) != OK || p.seq == 0)
        return false;
    return prove(a, NULL, &p);
}

/* True when more is to be deleted. */
static bool prune(struct serve_audit *a, int64_t now_s)
{
    struct arena arena;
    struct audit_head *heads;
    size_t n = 0;
    bool more = false;

    if (setting_int(a->server->settings, audit_keep_s) == 0 || now_s < a->prune_s)
        return false;
    arena_init(&arena, FX_MOST);
    if (audit_link_heads(a->db, &arena, &heads, &n) != OK)
        n = 0;
    for (size_t i = 0; i < n; i++)
        more = prune_chain(a, heads[i].node, now_s) || more;
    arena_free(&arena);
    if (!more)
        a->prune_s = now_s + PRUNE_REST_S;
    return more;
}

/* ---- rounds ---- */

bool serve_audit_work(struct serve_audit *a, int64_t now_s, bool keeper)
{
    unsigned long long audited;
    int64_t now_ms = clock_mono_ms();
    bool more;

    write_waiting(a, now_s, false);
    audited = atomic_load(&a->server->changes.audited);
    if (now_ms < a->link_ms || (audited == a->seen && now_s < a->look_s))
        return false;
    a->link_ms = now_ms + LINK_REST_MS;
    a->look_s = now_s + LOOK_REST_S;
    a->seen = audited;
    more = link_all(a, now_s, LINK_ROUNDS);
    prove_all(a, now_s, keeper, false);
    more = (keeper && prune(a, now_s)) || more;
    if (more)
        a->seen--; /* go on when the rest is over */
    return false;
}

void serve_audit_end(struct serve_audit *a, int64_t now_s)
{
    write_waiting(a, now_s, true);
    link_all(a, now_s, 1 << 20);
    prove_all(a, now_s, false, true);
    hash_close(a->hasher);
    a->hasher = NULL;
}
