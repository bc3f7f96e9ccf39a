/* store_shared_cache: one cache for many threads: blocks stay while they are held, what was read
 * before a change does not outlive it, people and their grants. */
#include "store_person.h"

#include <pthread.h>

#include "store/cache.h"
#include "store/client_cache.h"
#include "store/person_cache.h"

struct block {
    struct cache_block head;
    uint64_t version;
};

static void drop_named(struct cache *c, const struct change *change)
{
    cache_drop(c, change->subject);
}

static const uint8_t key[16] = {7};

static struct cache_block *block(uint64_t version)
{
    struct block *b = malloc(sizeof *b);

    assert_non_null(b);
    b->version = version;
    return &b->head;
}

static uint64_t version_of(const struct cache_block *b)
{
    return ((const struct block *)b)->version;
}

static void what_is_held_stays(void **state)
{
    struct fixture *f = *state;
    struct cache *c = cache_open(16, &f->log, drop_named);
    struct cache_view *a = cache_view_open(c), *b = cache_view_open(c);
    const struct cache_block *held;

    assert_null(cache_get(a, key));
    cache_put(a, key, cache_seq(a), block(1));
    held = cache_get(b, key);
    change_publish(&f->log, CHANGE_CLIENT, key);
    cache_refresh(a);
    assert_null(cache_get(a, key)); /* dropped for all, by whoever saw it first */
    assert_int_equal(version_of(held), 1);
    cache_put(a, key, cache_seq(a), block(2));
    assert_int_equal(version_of(cache_get(b, key)), 2);
    assert_int_equal(version_of(held), 1);
    cache_refresh(b);
    assert_int_equal(version_of(cache_get(b, key)), 2); /* the change is not applied twice */
    cache_forget(a, key);
    assert_null(cache_get(b, key));
    assert_int_equal(cache_count(c), 0);
    cache_view_close(a);
    cache_view_close(b);
    cache_close(c);
}

/* The row was read, then somebody changed it, then the block is handed in. */
static void what_was_read_before_a_change_is_not_kept(void **state)
{
    struct fixture *f = *state;
    struct cache *c = cache_open(16, &f->log, drop_named);
    struct cache_view *a = cache_view_open(c), *b = cache_view_open(c);
    uint64_t seq = cache_seq(a);
    struct cache_block *old = block(1);

    change_publish(&f->log, CHANGE_CLIENT, key);
    cache_put(a, key, seq, old);
    assert_int_equal(version_of(old), 1); /* the one who read it may use it */
    assert_null(cache_get(b, key));
    cache_refresh(b); /* applied, so the reading before it is still too old */
    cache_put(a, key, seq, block(1));
    assert_null(cache_get(b, key));
    cache_put(a, key, cache_seq(a), block(2));
    assert_int_equal(version_of(cache_get(b, key)), 2);
    cache_view_close(a);
    cache_view_close(b);
    cache_close(c);
}

/* ---- threads: a store of one number, which is changed, told and acknowledged ---- */

struct race {
    struct cache *cache;
    struct change_log log;
    atomic_uint_fast64_t stored, acknowledged;
    atomic_bool stop, stale;
    atomic_uint_fast64_t hits;
};

static void *serve(void *arg)
{
    struct race *r = arg;
    struct cache_view *v = cache_view_open(r->cache);

    while (!atomic_load(&r->stop)) {
        uint64_t must = atomic_load(&r->acknowledged);
        cache_refresh(v); /* a request that begins after an acknowledgement */
        uint64_t seq = cache_seq(v);
        struct cache_block *b = cache_get(v, key);
        if (b)
            atomic_fetch_add(&r->hits, 1);
        else
            cache_put(v, key, seq, b = block(atomic_load(&r->stored)));
        if (version_of(b) < must)
            atomic_store(&r->stale, true);
        if (!cache_get(v, (const uint8_t[16]){(uint8_t)must, 1})) /* others come and go */
            cache_put(v, (const uint8_t[16]){(uint8_t)must, 1}, seq, block(must));
    }
    cache_view_close(v);
    return NULL;
}

static void no_copy_outlives_a_change(void **state)
{
    struct race r = {0};
    pthread_t threads[4];

    (void)state;
    change_log_init(&r.log);
    r.cache = cache_open(16, &r.log, drop_named);
    for (int i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, serve, &r);
    for (uint64_t i = 1; i <= 20000 || atomic_load(&r.hits) < 1000; i++) {
        atomic_store(&r.stored, i); /* the commit */
        change_publish(&r.log, CHANGE_CLIENT, key);
        atomic_store(&r.acknowledged, i); /* the answer leaves */
        if (i % 64 == 0)
            usleep(50);
    }
    atomic_store(&r.stop, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_false(atomic_load(&r.stale));
    cache_close(r.cache);
}

/* ---- clients ---- */

static void who_joins_has_what_others_read(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client k = person_client(f, &o.id);
    struct client_cache *owner = client_cache_open(100, &f->log);
    struct client_cache *reader = client_cache_join(owner), *worker = client_cache_join(owner);
    struct db *none = db_elsewhere();
    const struct cached_client *out, *again;

    assert_int_equal(client_cache_get(worker, none, &k.id, NOW, &out), ERR_UNAVAILABLE);
    assert_true(none->asked);
    none->asked = false;
    assert_int_equal(client_cache_get(reader, f->db, &k.id, NOW, &out), OK);
    assert_int_equal(client_cache_get(worker, none, &k.id, NOW, &again), OK);
    assert_ptr_equal(out, again);
    assert_false(none->asked);
    assert_int_equal(client_cache_count(reader), 1);
    assert_int_equal(client_cache_stats(reader)->entries + client_cache_stats(worker)->entries, 0);
    assert_int_equal(client_cache_again(worker, none, &k.id, NOW, &out), ERR_UNAVAILABLE);
    assert_int_equal(client_cache_again(reader, f->db, &k.id, NOW, &out), OK);
    assert_int_equal(client_cache_again(worker, none, &k.id, NOW, &out), OK); /* once a second */
    change_publish(&f->log, CHANGE_CLIENT, k.id.b);
    client_cache_refresh(reader);
    assert_int_equal(client_cache_get(worker, none, &k.id, NOW, &out), ERR_UNAVAILABLE);
    client_cache_close(reader);
    client_cache_close(worker);
    client_cache_close(owner);
    db_close(none);
}

/* ---- people ---- */

struct people {
    struct person_cache *owner, *reader, *worker;
    struct db *none;
};

static struct people people_open(struct fixture *f)
{
    struct people p = {.owner = person_cache_open(16, &f->log), .none = db_elsewhere()};

    p.reader = person_cache_join(p.owner);
    p.worker = person_cache_join(p.owner);
    return p;
}

static void people_close(struct people *p)
{
    person_cache_close(p->reader);
    person_cache_close(p->worker);
    person_cache_close(p->owner);
    db_close(p->none);
}

static void people_are_known_until_they_change(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada"), got;
    struct people p = people_open(f);
    struct effects fx = fixture_effects(f);

    assert_int_equal(person_cache_user(p.worker, p.none, &f->arena, &u.id, &got), ERR_UNAVAILABLE);
    assert_int_equal(person_cache_user(p.reader, f->db, &f->arena, &u.id, &got), OK);
    assert_int_equal(person_cache_user(p.worker, p.none, &f->arena, &u.id, &got), OK);
    assert_str(got.username, "ada");
    assert_str(got.roles, "nurse admin");
    assert_str(got.claims, "{\"given_name\":\"Ada\"}");
    assert_null(got.email.p);
    assert_true(got.enabled && id_eq(&got.organization, &o.id));
    assert_int_equal(got.password.n, 0); /* not kept */
    user_set_enabled(&fx, &u.id, false, NOW);
    struct commit_set set = {.fx = &fx};
    commit_run(f->db, &f->log, &at_now, &set, 1);
    assert_int_equal(set.outcome, COMMIT_DONE);
    person_cache_refresh(p.worker);
    assert_int_equal(person_cache_user(p.worker, p.none, &f->arena, &u.id, &got), ERR_UNAVAILABLE);
    assert_int_equal(person_cache_user(p.worker, f->db, &f->arena, &u.id, &got), OK);
    assert_false(got.enabled);
    people_close(&p);
}

/* Each of these is told to every node. */
static void each_change_of_a_user_is_told(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada");

    for (int i = 0; i < 4; i++) {
        struct effects fx = fixture_effects(f);
        bool told = false;
        if (i == 0)
            user_update(&fx, &u, &u.username, 1);
        else if (i == 1)
            user_set_enabled(&fx, &u.id, true, NOW);
        else if (i == 2)
            user_revoke_all(&fx, &u.id, NOW);
        else
            user_delete(&fx, &u.id, NOW);
        for (const struct change *c = fx.changes; c; c = c->next)
            told = told || (c->kind == CHANGE_USER && !c->here &&
                            memcmp(c->subject, u.id.b, UID_BYTES) == 0);
        assert_true(told);
    }
}

static void grants_are_known_and_long_ones_read_each_time(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client k = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada");
    struct people p = people_open(f);
    char *claims = arena_alloc(&f->arena, 6000);
    struct user_grant g = {.id = id_next(&f->ids, NOW),
                           .client = k.id,
                           .user = u.id,
                           .scope = STR("openid"),
                           .acr = STR("1"),
                           .epoch = 9,
                           .exp_s = NOW + 50};
    struct user_grant long_one = g, got;
    struct effects fx = fixture_effects(f);

    memset(claims, 'x', 6000);
    long_one.id = id_next(&f->ids, NOW);
    long_one.claims = str_make(claims, 6000);
    user_grant_put(&fx, &g);
    user_grant_put(&fx, &long_one);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(person_cache_grant(p.reader, f->db, &f->arena, &g.id, &got), OK);
    assert_int_equal(person_cache_grant(p.worker, p.none, &f->arena, &g.id, &got), OK);
    assert_true(id_eq(&got.id, &g.id) && uid_eq(&got.client, &k.id) && uid_eq(&got.user, &u.id));
    assert_str(got.scope, "openid");
    assert_str(got.acr, "1");
    assert_int_equal(got.epoch, 9);
    assert_int_equal(got.exp_s, NOW + 50);
    assert_int_equal(person_cache_grant(p.reader, f->db, &f->arena, &long_one.id, &got), OK);
    assert_int_equal(got.claims.n, 6000);
    assert_int_equal(person_cache_grant(p.worker, p.none, &f->arena, &long_one.id, &got),
                     ERR_UNAVAILABLE);
    long_one.id.b[0]++;
    assert_int_equal(person_cache_grant(p.reader, f->db, &f->arena, &long_one.id, &got),
                     ERR_ABSENT);
    people_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_held_stays),
        TEST(what_was_read_before_a_change_is_not_kept),
        TEST(no_copy_outlives_a_change),
        TEST(who_joins_has_what_others_read),
        TEST(people_are_known_until_they_change),
        TEST(each_change_of_a_user_is_told),
        TEST(grants_are_known_and_long_ones_read_each_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
