/* client_cache: the clients that a process or a thread has met (store/cache.h).
 *
 * An entry is one block: the struct, its strings and its group ids. Nothing in it changes, since
 * other threads may hold it; when one of its secrets has ended, a block without it takes its place,
 * made from memory, so that this works while the store is away.
 *
 * Left out on purpose: expiry by age. Changes are told (store/change.h).
 */
#include "store/client_cache.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "store/cache.h"
#include "store/group.h"

#define SCRATCH_MAX (1 << 20)
#define STRINGS     (17 + CLIENT_SECRETS)

struct entry {
    struct cache_block block;
    struct cached_client cached;
    char data[];
};

struct client_cache {
    struct cache *blocks;
    struct cache_view *view;
    bool owner;           /* of blocks */
    struct arena scratch; /* a row on its way into a block */
    struct client_cache_stats stats;
};

static bool is_of_organization(const struct cache_block *b, const void *organization)
{
    const struct entry *e = (const struct entry *)b;

    return memcmp(e->cached.organization.id.b, organization, ID_BYTES) == 0;
}

static void apply(struct cache *blocks, const struct change *change)
{
    switch (change->kind) {
    case CHANGE_CLIENT:
        cache_drop(blocks, change->subject);
        break;
    case CHANGE_ORGANIZATION:
    case CHANGE_GROUP:
        cache_drop_if(blocks, is_of_organization, change->subject);
        break;
    case CHANGE_KEYS:
    case CHANGE_GRANTS:
    case CHANGE_USER:
    case CHANGE_EXCESS:
    case CHANGE_ALL:
        break;
    }
}

static struct client_cache *view_of(struct cache *blocks)
{
    struct client_cache *c = calloc(1, sizeof *c);

    if (!c)
        fatal("out of memory");
    c->blocks = blocks;
    c->view = cache_view_open(blocks);
    arena_init(&c->scratch, SCRATCH_MAX);
    return c;
}

struct client_cache *client_cache_open(size_t max, struct change_log *log)
{
    struct client_cache *c = view_of(cache_open(max, log, apply));

    c->owner = true;
    return c;
}

struct client_cache *client_cache_join(struct client_cache *owner)
{
    return view_of(owner->blocks);
}

void client_cache_close(struct client_cache *c)
{
    if (!c)
        return;
    cache_view_close(c->view);
    if (c->owner)
        cache_close(c->blocks);
    arena_free(&c->scratch);
    free(c);
}

void client_cache_refresh(struct client_cache *c)
{
    cache_refresh(c->view);
}

static enum err load_groups(struct db *db, struct arena *a, struct cached_client *out)
{
    const struct client *c = &out->client;
    size_t n = 0;
    enum err e = c->all_groups
                     ? group_ids(db, a, &c->organization, CLIENT_CACHE_GROUPS + 1, &out->groups, &n)
                     : client_groups(db, a, &c->id, &out->groups, &n);

    out->groups_n = e != OK || n > CLIENT_CACHE_GROUPS ? -1 : (int64_t)n;
    return e;
}

static enum err load(struct db *db, struct arena *a, const struct uid *id, int64_t now_s,
                     struct cached_client *out)
{
    enum err e;

    *out = (struct cached_client){0};
    if ((e = client_load(db, a, id, now_s, &out->client)) != OK)
        return e;
    if ((e = relying_party_load(db, a, id, &out->rp)) != OK && e != ERR_ABSENT)
        return e;
    if ((e = organization_load(db, a, &out->client.organization, &out->organization)) != OK)
        return e;
    out->epoch = out->client.epoch + out->organization.epoch;
    return load_groups(db, a, out);
}

/* Every str of the entry, for measuring and for moving. */
static size_t strings_of(struct cached_client *cc, str *out[STRINGS])
{
    size_t n = 0;

    out[n++] = &cc->client.name;
    out[n++] = &cc->client.scopes;
    out[n++] = &cc->client.created_by;
    out[n++] = &cc->client.description;
    out[n++] = &cc->client.owner;
    out[n++] = &cc->client.policy;
    out[n++] = &cc->organization.name;
    out[n++] = &cc->rp.redirect_uris;
    out[n++] = &cc->rp.post_logout_redirect_uris;
    out[n++] = &cc->rp.origins;
    out[n++] = &cc->rp.resources;
    out[n++] = &cc->rp.jwks;
    out[n++] = &cc->rp.sector;
    out[n++] = &cc->rp.claims;
    out[n++] = &cc->rp.logo_uri;
    out[n++] = &cc->rp.policy_uri;
    out[n++] = &cc->rp.tos_uri;
    for (size_t i = 0; i < cc->client.secrets_n; i++)
        out[n++] = &cc->client.secrets[i].argon2;
    return n;
}

/* One block with everything in it; NULL: there is no memory for it. */
static struct entry *pack(const struct cached_client *from)
{
    struct cached_client cc = *from;
    str *strings[STRINGS];
    size_t n = strings_of(&cc, strings);
    size_t groups = cc.groups_n > 0 ? (size_t)cc.groups_n * sizeof(struct id) : 0;
    struct entry *e = malloc(sizeof *e + groups + cache_texts(strings, n));

    if (!e) {
        heap_lack();
        return NULL;
    }
    if (groups > 0)
        memcpy(e->data, cc.groups, groups);
    cc.groups = (struct id *)e->data;
    cache_move_texts(e->data + groups, strings, n);
    e->cached = cc;
    return e;
}

static const struct cached_client *put(struct client_cache *c, uint64_t seq,
                                       const struct cached_client *from)
{
    struct entry *e = pack(from);

    if (!e)
        return NULL;
    cache_put(c->view, from->client.id.b, seq, &e->block);
    return &e->cached;
}

/* Reads the client, in place of what is there. */
static enum err refill(struct client_cache *c, struct db *db, const struct uid *id, int64_t now_s,
                       int64_t again_s, const struct cached_client **out)
{
    struct cached_client fresh;
    uint64_t seq = cache_seq(c->view);
    enum err e = load(db, &c->scratch, id, now_s, &fresh);

    fresh.again_s = again_s;
    if (e == OK)
        e = (*out = put(c, seq, &fresh)) ? OK : ERR_UNAVAILABLE;
    else if (e == ERR_ABSENT)
        cache_forget(c->view, id->b);
    arena_reset(&c->scratch);
    return e;
}

static bool has_ended(const struct client_secret *s, int64_t now_s)
{
    return s->exp_s != 0 && s->exp_s <= now_s;
}

/* A secret's end comes without a change to tell of it. */
static const struct cached_client *without_ended(struct client_cache *c, uint64_t seq,
                                                 const struct cached_client *cc, int64_t now_s)
{
    struct cached_client fresh = *cc;
    struct client *client = &fresh.client;

    client->secrets_n = 0;
    for (size_t i = 0; i < cc->client.secrets_n; i++)
        if (!has_ended(&cc->client.secrets[i], now_s))
            client->secrets[client->secrets_n++] = cc->client.secrets[i];
    return client->secrets_n == cc->client.secrets_n ? cc : put(c, seq, &fresh);
}

/* What is in memory, or NULL. */
static const struct cached_client *recall(struct client_cache *c, const struct uid *id,
                                          int64_t now_s)
{
    uint64_t seq = cache_seq(c->view);
    struct entry *e = (struct entry *)cache_get(c->view, id->b);

    return e ? without_ended(c, seq, &e->cached, now_s) : NULL;
}

enum err client_cache_get(struct client_cache *c, struct db *db, const struct uid *id,
                          int64_t now_s, const struct cached_client **out)
{
    const struct cached_client *cc = recall(c, id, now_s);

    if (!cc) {
        c->stats.misses++;
        return refill(c, db, id, now_s, 0, out);
    }
    c->stats.hits++;
    *out = cc;
    return OK;
}

enum err client_cache_again(struct client_cache *c, struct db *db, const struct uid *id,
                            int64_t now_s, const struct cached_client **out)
{
    const struct cached_client *cc = recall(c, id, now_s);

    if (cc && cc->again_s == now_s) {
        *out = cc;
        return OK;
    }
    return refill(c, db, id, now_s, now_s, out);
}

const struct client_cache_stats *client_cache_stats(struct client_cache *c)
{
    c->stats.entries = c->owner ? cache_count(c->blocks) : 0;
    return &c->stats;
}

size_t client_cache_count(const struct client_cache *c)
{
    return cache_count(c->blocks);
}
