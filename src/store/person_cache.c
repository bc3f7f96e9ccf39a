/* person_cache: two caches (store/cache.h), of grants and of users.
 *
 * They are apart so that a change of a user drops one block by its key, however many grants he has
 * given. A grant's key is its id and four zeros.
 *
 * Left out on purpose: rows of more than BLOCK_MAX bytes. The claims of a user may be that long; he
 * is read each time, so that memory stays within max * BLOCK_MAX.
 */
#include "store/person_cache.h"

#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "store/cache.h"

#define BLOCK_MAX 4096

struct grant_block {
    struct cache_block block;
    struct user_grant grant;
    char data[];
};

struct user_block {
    struct cache_block block;
    struct user user;
    char data[];
};

struct person_cache {
    struct cache *grants, *users;
    struct cache_view *grants_view, *users_view;
    bool owner;
};

/* Nothing changes in a grant that a token is judged by, but its end: store/revoked.h. */
static void apply_to_grants(struct cache *c, const struct change *change)
{
    (void)c, (void)change;
}

static void apply_to_users(struct cache *c, const struct change *change)
{
    if (change->kind == CHANGE_USER)
        cache_drop(c, change->subject);
}

static struct person_cache *view_of(struct cache *grants, struct cache *users)
{
    struct person_cache *c = calloc(1, sizeof *c);

    if (!c)
        fatal("out of memory");
    c->grants = grants;
    c->users = users;
    c->grants_view = cache_view_open(grants);
    c->users_view = cache_view_open(users);
    return c;
}

struct person_cache *person_cache_open(size_t max, struct change_log *log)
{
    struct person_cache *c =
        view_of(cache_open(max, log, apply_to_grants), cache_open(max, log, apply_to_users));

    c->owner = true;
    return c;
}

struct person_cache *person_cache_join(struct person_cache *owner)
{
    return view_of(owner->grants, owner->users);
}

void person_cache_close(struct person_cache *c)
{
    if (!c)
        return;
    cache_view_close(c->grants_view);
    cache_view_close(c->users_view);
    if (c->owner) {
        cache_close(c->grants);
        cache_close(c->users);
    }
    free(c);
}

void person_cache_refresh(struct person_cache *c)
{
    cache_refresh(c->grants_view);
    cache_refresh(c->users_view);
}

/* Room for a block of `head` bytes with these texts behind it; NULL: it would be too large, or
 * there is no memory for it. */
static void *room_for(size_t head, str *const *texts, size_t n)
{
    size_t size = head + cache_texts(texts, n);
    void *block = size <= BLOCK_MAX ? malloc(size) : NULL;

    if (!block && size <= BLOCK_MAX)
        heap_lack();
    return block;
}

static void put_grant(struct person_cache *c, const uint8_t key[16], uint64_t seq,
                      struct user_grant g)
{
    str *texts[] = {&g.scope, &g.resources, &g.claims,       &g.nonce,
                    &g.amr,   &g.acr,       &g.redirect_uri, &g.challenge};
    size_t n = sizeof texts / sizeof *texts;
    struct grant_block *b = room_for(sizeof *b, texts, n);

    if (!b)
        return;
    cache_move_texts(b->data, texts, n);
    b->grant = g;
    cache_put(c->grants_view, key, seq, &b->block);
}

enum err person_cache_grant(struct person_cache *c, struct db *db, struct arena *a,
                            const struct id *id, struct user_grant *out)
{
    uint8_t key[16] = {0};
    uint64_t seq = cache_seq(c->grants_view);
    const struct grant_block *b;
    enum err e;

    memcpy(key, id->b, sizeof id->b);
    b = (const struct grant_block *)cache_get(c->grants_view, key);
    if (b) {
        *out = b->grant;
        return OK;
    }
    if ((e = user_grant_load(db, a, id, out)) == OK)
        put_grant(c, key, seq, *out);
    return e;
}

static void put_user(struct person_cache *c, uint64_t seq, struct user u)
{
    str *texts[] = {&u.username, &u.email, &u.claims, &u.roles};
    size_t n = sizeof texts / sizeof *texts;
    struct user_block *b = room_for(sizeof *b, texts, n);

    if (!b)
        return;
    cache_move_texts(b->data, texts, n);
    b->user = u;
    cache_put(c->users_view, u.id.b, seq, &b->block);
}

enum err person_cache_user(struct person_cache *c, struct db *db, struct arena *a,
                           const struct uid *id, struct user *out)
{
    uint64_t seq = cache_seq(c->users_view);
    const struct user_block *b = (const struct user_block *)cache_get(c->users_view, id->b);
    enum err e;

    if (b) {
        *out = b->user;
        return OK;
    }
    if ((e = user_load(db, a, id, out)) != OK)
        return e;
    out->password = STR("");
    put_user(c, seq, *out);
    return OK;
}
