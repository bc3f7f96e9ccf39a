/* server: what outlives a request, how it is opened, and how a thread keeps its copies fresh.
 *
 * Threads share the newest keyring under a lock and then hold a reference of their own. Clients are
 * cached per thread; on a shared store, which workers do not read themselves, all threads have one
 * cache. Both follow the change log, of which a thread that has nothing to do reads one atomic
 * number per request.
 */
#include "oauth/server.h"

#include <stdio.h>
#include <stdlib.h>

#include "codec/url.h"
#include "crypto/jws_kept.h"
#include "oauth/endpoint/metadata.h"
#include "oauth/misbehave.h"
#include "oauth/record.h"

#define PERSONS_PER_CLIENT 4 /* in memory, on average */

static const str loopback_hosts[] = {STR_INIT("localhost"), STR_INIT("127.0.0.1"),
                                     STR_INIT("[::1]")};

static void collect_hosts(struct server *s)
{
    const struct setting_value *extra = &s->settings->v[SETTING_hosts];
    size_t loopback_n = sizeof loopback_hosts / sizeof *loopback_hosts;
    struct url issuer;

    s->hosts = ARENA_ARRAY(&s->arena, str, extra->list_n + loopback_n + 1);
    if (url_parse(setting_text(s->settings, issuer), &issuer) == OK)
        s->hosts[s->hosts_n++] = issuer.host;
    for (size_t i = 0; i < loopback_n; i++)
        s->hosts[s->hosts_n++] = loopback_hosts[i];
    for (size_t i = 0; i < extra->list_n; i++)
        s->hosts[s->hosts_n++] = extra->list[i];
}

static void install(struct server *s, struct keyring *ring)
{
    struct keyring *old;

    pthread_mutex_lock(&s->ring_lock);
    old = s->ring;
    s->ring = ring;
    pthread_mutex_unlock(&s->ring_lock);
    if (old != NULL)
        keyring_unref(old);
}

enum err server_load_keys(struct server *s, struct db *db, uint64_t seq, char *why, size_t why_size)
{
    struct keyring *ring;
    enum err e = OK;

    pthread_mutex_lock(&s->load_lock);
    if (seq == 0 || atomic_load(&s->ring_seq) < seq) {
        uint64_t now = atomic_load(&s->changes.seq);
        if ((e = key_load(db, s->vault, &ring, why, why_size)) == OK) {
            install(s, ring);
            atomic_store(&s->ring_seq, now);
        }
        atomic_store(&s->ring_stale, e != OK);
    }
    pthread_mutex_unlock(&s->load_lock);
    return e;
}

static void open_vault(struct server *s)
{
    struct sign_rules rules = {.issuer = setting_text(s->settings, issuer), .clock = &s->clock};

    if (s->vault == NULL)
        s->vault = vault_file(arena_cstr(&s->arena, setting_text(s->settings, master_key)), &rules);
}

/* A server that could not sign or judge a secret shall not start. */
static enum err need_active_keys(const struct server *s, char *why, size_t why_size)
{
    enum jws_alg alg = (enum jws_alg)setting_int(s->settings, access_token_alg);
    const char *name = jws_algs[alg].name;

    if (keyring_active(s->ring, KEY_SIGNING, alg) == NULL) {
        snprintf(why, why_size,
                 "no %s signing key is active; make one: postern key rotate --alg %s --now", name,
                 name);
        return ERR_ABSENT;
    }
    if (keyring_active(s->ring, KEY_PEPPER, 0) == NULL ||
        keyring_active(s->ring, KEY_SHAPE, 0) == NULL ||
        keyring_active(s->ring, KEY_PAIRWISE, 0) == NULL) {
        snprintf(why, why_size,
                 "the store has no active pepper, shape key or pairwise key; restore a backup");
        return ERR_ABSENT;
    }
    return OK;
}

static size_t cache_size(const struct server *s)
{
    return (size_t)setting_int(s->settings, client_cache);
}

/* What a node knows of a shared store without asking. */
static enum err open_memory(struct server *s, struct db *db, char *why, size_t why_size)
{
    enum err e;

    s->clients = client_cache_open(cache_size(s), &s->changes);
    s->persons = person_cache_open(PERSONS_PER_CLIENT * cache_size(s), &s->changes);
    s->changes.revoked = revoked_open();
    e = revoked_poll(s->changes.revoked, db, clock_now_s(&s->clock));
    if (e != OK)
        snprintf(why, why_size, "what has been revoked could not be read: %s",
                 db->ops->message(db));
    return e;
}

enum err server_open(struct server *s, const struct settings *settings,
                     const struct dialect *const *dialects, struct db *db, char *why,
                     size_t why_size)
{
    enum err e;

    s->settings = settings;
    s->shared = db_url_is_shared(setting_text(settings, db));
    s->dialects = dialects;
    s->ring = NULL;
    s->hosts_n = 0;
    arena_init(&s->arena, LIMIT_REQUEST_ARENA);
    id_source_init(&s->ids);
    audit_gate_init(&s->audit, setting_int(settings, audit_rate));
    change_log_init(&s->changes);
    pthread_mutex_init(&s->load_lock, NULL);
    pthread_mutex_init(&s->ring_lock, NULL);
    metrics_open(&s->metrics, s);
    s->clients = NULL;
    s->persons = NULL;
    open_vault(s);
    if ((e = server_load_keys(s, db, 0, why, why_size)) != OK)
        return e;
    if ((e = need_active_keys(s, why, why_size)) != OK)
        return e;
    if ((e = misbehave_open(s, why, why_size)) != OK)
        return e;
    if (s->shared && (e = open_memory(s, db, why, why_size)) != OK)
        return e;
    collect_hosts(s);
    record_open(s);
    s->metadata = metadata_make(&s->arena, s);
    return OK;
}

bool server_is_deaf(const struct server *s)
{
    return s->shared && clock_mono_ms() - atomic_load_explicit(&s->heard_ms, memory_order_relaxed) >
                            setting_int(s->settings, db_max_age_s) * 1000;
}

void server_close(struct server *s)
{
    if (s->ring != NULL)
        keyring_unref(s->ring);
    s->ring = NULL;
    vault_close(s->vault);
    s->vault = NULL;
    client_cache_close(s->clients);
    person_cache_close(s->persons);
    revoked_close(s->changes.revoked);
    metrics_close(&s->metrics);
    pthread_mutex_destroy(&s->load_lock);
    pthread_mutex_destroy(&s->ring_lock);
    arena_free(&s->arena);
}

/* Gives the thread a signer for the newest ring. */
static void take_ring(struct server_thread *t)
{
    struct server *s = t->server;
    struct keyring *ring;

    pthread_mutex_lock(&s->ring_lock);
    ring = keyring_ref(s->ring);
    pthread_mutex_unlock(&s->ring_lock);
    if (t->signer == NULL || signer_ring(t->signer) != ring) {
        if (t->signer != NULL)
            signer_close(t->signer);
        t->signer = s->vault->ops->signer(s->vault, ring);
        verified_clear(t->verified);
    }
    keyring_unref(ring);
}

/* One ES256 key, drawn for this thread and thrown away with it. */
static struct signer *open_bench(void)
{
    struct key *key = calloc(1, sizeof *key);
    struct keyring *ring;
    struct signer *s;

    if (key == NULL)
        fatal("out of memory");
    key->id = uid_new();
    key->use = KEY_SIGNING;
    key->state = KEY_ACTIVE;
    key->alg = JWS_ES256;
    key->pkey = jwk_generate(JWS_ES256);
    ring = keyring_new(key, 1);
    s = signer_open(ring, NULL);
    keyring_unref(ring);
    return s;
}

enum err server_thread_open(struct server *s, struct server_thread *t, enum thread_kind kind,
                            char *why, size_t why_size)
{
    enum err e;

    *t = (struct server_thread){.server = s, .kind = kind};
    if (s->shared && kind == THREAD_WORKER)
        t->db = db_elsewhere();
    else if ((e = db_open(setting_text(s->settings, db), true, &t->db, why, why_size)) != OK)
        return e;
    if (s->shared)
        db_set_patience(t->db, (int)setting_int(s->settings, db_timeout_ms));
    t->hasher = hash_open();
    if (setting_int(s->settings, bench_routes))
        t->bench = open_bench();
    t->clients =
        s->shared ? client_cache_join(s->clients) : client_cache_open(cache_size(s), &s->changes);
    t->persons = s->shared ? person_cache_join(s->persons) : NULL;
    t->metrics = metrics_cell_new(&s->metrics);
    t->verified = verified_open();
    t->kept = jws_kept_open();
    t->changes_seen = atomic_load(&s->changes.seq);
    take_ring(t);
    if (t->signer != NULL)
        return OK;
    snprintf(why, why_size, "the signer has no room for a further thread");
    return ERR_UNAVAILABLE;
}

void server_thread_close(struct server_thread *t)
{
    log_flush(&t->log);
    signer_close(t->signer);
    signer_close(t->bench);
    client_cache_close(t->clients);
    person_cache_close(t->persons);
    verified_close(t->verified);
    jws_kept_close(t->kept);
    hash_close(t->hasher);
    db_close(t->db);
}

/* Keys changed at number seq or before: the first thread to see it loads them for all. */
static void refresh_ring(struct server_thread *t, uint64_t seq)
{
    char why[512];

    if (server_load_keys(t->server, t->db, seq, why, sizeof why) != OK)
        log_note(LOG_ERROR, "keys", "keys changed, but could not be read: %s", why);
    take_ring(t);
}

void server_thread_rest(struct server_thread *t)
{
    db_view_end(t->db);
    log_flush(&t->log);
}

void server_thread_refresh(struct server_thread *t)
{
    struct server *s = t->server;
    struct change changes[16];
    bool lost, keys = false;
    uint64_t commits;
    size_t n;

    client_cache_refresh(t->clients); /* first: what it drops is not read again from an old view */
    if (t->persons != NULL)
        person_cache_refresh(t->persons);
    commits = atomic_load(&s->changes.commits);
    if (commits != t->commits_seen)
        db_view_end(t->db);
    t->commits_seen = commits;
    while ((n = change_take(&s->changes, &t->changes_seen, changes, 16, &lost)) > 0 || lost) {
        db_view_end(t->db);
        keys |= lost;
        for (size_t i = 0; i < n; i++)
            keys |= changes[i].kind == CHANGE_KEYS || changes[i].kind == CHANGE_ALL;
    }
    if (keys && !s->shared)
        refresh_ring(t, t->changes_seen);
    else if (signer_ring(t->signer) != s->ring)
        take_ring(t);
}
