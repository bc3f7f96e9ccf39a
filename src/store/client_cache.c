/* client_cache: the clients that one thread has met.
 *
 * A hash table with chains, and a list in order of use; the least recently used goes when the
 * table is full. An entry is one block: the struct, its strings and its group ids. The hash is
 * seeded, since client ids come from outside.
 *
 * An entry that is replaced while a request may still hold it waits in a short queue before its
 * block is freed. An entry of the request itself is never evicted: it is among the few most
 * recently used.
 *
 * Left out on purpose: expiry by age. Changes are told (store/change.h).
 */
#include "store/client_cache.h"

#include <stdlib.h>

#include "base/list.h"
#include "base/log.h"
#include "base/rand.h"
#include "store/group.h"

#define LEAST       16 /* clients that one request may meet, and more */
#define SCRATCH_MAX (1 << 20)
#define RETIRED     8
#define STRINGS     (17 + CLIENT_SECRETS)

struct entry {
    struct cached_client cached;
    struct entry *next; /* in its chain */
    struct list used;   /* most recent at the end */
    char data[];
};

struct client_cache {
    size_t max, n, mask;
    uint64_t seed[2];
    struct entry **chains;
    struct list used;
    struct arena scratch; /* a row on its way into a block */
    struct entry *retired[RETIRED];
    size_t retired_at;
    struct client_cache_stats stats;
};

struct client_cache *client_cache_open(size_t max)
{
    struct client_cache *c = calloc(1, sizeof *c);
    size_t chains = 32;

    if (!c)
        fatal("out of memory");
    c->max = max < LEAST ? LEAST : max;
    while (chains < c->max)
        chains *= 2;
    c->mask = chains - 1;
    c->chains = calloc(chains, sizeof(struct entry *));
    if (!c->chains)
        fatal("out of memory");
    rand_bytes(c->seed, sizeof c->seed);
    list_init(&c->used);
    arena_init(&c->scratch, SCRATCH_MAX);
    return c;
}

/* The id is 16 bytes of which 122 bits are random unless somebody chose them. */
static struct entry **chain_of(struct client_cache *c, const struct uid *id)
{
    uint64_t w[2];
    uint64_t h;

    memcpy(w, id->b, sizeof w);
    h = (w[0] ^ c->seed[0]) * 0x9e3779b97f4a7c15u;
    h = (h ^ (h >> 29) ^ w[1] ^ c->seed[1]) * 0xbf58476d1ce4e5b9u;
    return &c->chains[(h ^ (h >> 32)) & c->mask];
}

static struct entry *find(struct client_cache *c, const struct uid *id)
{
    struct entry *e = *chain_of(c, id);

    while (e && !uid_eq(&e->cached.client.id, id))
        e = e->next;
    return e;
}

/* Takes the entry out and keeps its block for a while. */
static void drop(struct client_cache *c, struct entry *e)
{
    struct entry **at = chain_of(c, &e->cached.client.id);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->used);
    c->n--;
    c->stats.entries = c->n;
    free(c->retired[c->retired_at]);
    c->retired[c->retired_at] = e;
    c->retired_at = (c->retired_at + 1) % RETIRED;
}

static struct entry *oldest(struct client_cache *c)
{
    return LIST_ENTRY(c->used.next, struct entry, used);
}

void client_cache_clear(struct client_cache *c)
{
    while (!list_empty(&c->used))
        drop(c, oldest(c));
    for (size_t i = 0; i < RETIRED; i++) {
        free(c->retired[i]);
        c->retired[i] = NULL;
    }
}

void client_cache_close(struct client_cache *c)
{
    if (!c)
        return;
    client_cache_clear(c);
    arena_free(&c->scratch);
    free(c->chains);
    free(c);
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

/* One block with everything in it. */
static struct entry *pack(const struct cached_client *from)
{
    struct cached_client cc = *from;
    str *strings[STRINGS];
    size_t n = strings_of(&cc, strings);
    size_t groups = cc.groups_n > 0 ? (size_t)cc.groups_n * sizeof(struct id) : 0, size = groups;
    struct entry *e;
    char *at;

    for (size_t i = 0; i < n; i++)
        size += strings[i]->n;
    e = malloc(sizeof *e + size);
    if (!e)
        fatal("out of memory");
    at = e->data;
    if (groups > 0)
        memcpy(at, cc.groups, groups);
    cc.groups = (struct id *)at;
    at += groups;
    for (size_t i = 0; i < n; i++) {
        if (strings[i]->n > 0) {
            memcpy(at, strings[i]->p, strings[i]->n);
            strings[i]->p = at;
            at += strings[i]->n;
        } else if (strings[i]->p) {
            strings[i]->p = "";
        }
    }
    e->cached = cc;
    return e;
}

static void insert(struct client_cache *c, struct entry *e)
{
    struct entry **chain = chain_of(c, &e->cached.client.id);

    if (c->n >= c->max)
        drop(c, oldest(c));
    e->next = *chain;
    *chain = e;
    list_push_back(&c->used, &e->used);
    c->n++;
    c->stats.entries = c->n;
}

/* Reads the client, in place of `old` if there is one. */
static enum err refill(struct client_cache *c, struct db *db, const struct uid *id, int64_t now_s,
                       struct entry *old, const struct cached_client **out)
{
    struct cached_client fresh;
    enum err e = load(db, &c->scratch, id, now_s, &fresh);
    struct entry *entry;

    if (old && (e == OK || e == ERR_ABSENT))
        drop(c, old);
    if (e == OK) {
        entry = pack(&fresh);
        insert(c, entry);
        *out = &entry->cached;
    }
    arena_reset(&c->scratch);
    return e;
}

/* A secret's end comes without a change to tell of it. */
static void forget_expired(struct client *client, int64_t now_s)
{
    size_t kept = 0;

    for (size_t i = 0; i < client->secrets_n; i++)
        if (client->secrets[i].exp_s == 0 || client->secrets[i].exp_s > now_s)
            client->secrets[kept++] = client->secrets[i];
    client->secrets_n = kept;
}

enum err client_cache_get(struct client_cache *c, struct db *db, const struct uid *id,
                          int64_t now_s, const struct cached_client **out)
{
    struct entry *e = find(c, id);

    if (!e) {
        c->stats.misses++;
        return refill(c, db, id, now_s, NULL, out);
    }
    c->stats.hits++;
    list_remove(&e->used);
    list_push_back(&c->used, &e->used);
    forget_expired(&e->cached.client, now_s);
    *out = &e->cached;
    return OK;
}

enum err client_cache_again(struct client_cache *c, struct db *db, const struct uid *id,
                            int64_t now_s, const struct cached_client **out)
{
    struct entry *entry = find(c, id);
    enum err e;

    if (entry && entry->cached.again_s == now_s)
        return client_cache_get(c, db, id, now_s, out);
    if ((e = refill(c, db, id, now_s, entry, out)) == OK)
        find(c, id)->cached.again_s = now_s;
    return e;
}

static void drop_organization(struct client_cache *c, const uint8_t *organization)
{
    struct list *at = c->used.next;

    while (at != &c->used) {
        struct entry *e = LIST_ENTRY(at, struct entry, used);

        at = at->next;
        if (memcmp(e->cached.organization.id.b, organization, ID_BYTES) == 0)
            drop(c, e);
    }
}

void client_cache_apply(struct client_cache *c, const struct change *change)
{
    struct entry *e;
    struct uid id;

    switch (change->kind) {
    case CHANGE_CLIENT:
        memcpy(id.b, change->subject, sizeof id.b);
        e = find(c, &id);
        if (e)
            drop(c, e);
        break;
    case CHANGE_ORGANIZATION:
    case CHANGE_GROUP:
        drop_organization(c, change->subject);
        break;
    case CHANGE_KEYS:
    case CHANGE_GRANTS:
    case CHANGE_USER:
        break;
    }
}

const struct client_cache_stats *client_cache_stats(const struct client_cache *c)
{
    return &c->stats;
}
