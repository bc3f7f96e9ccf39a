/* store_key: keys at rest: sealed, opened, moved between states, sealed again. */
#include "store_support.h"

#include "store/key.h"

static struct master_key new_master(const char *path)
{
    struct master_key m = {.n = 1};

    seal_new_key(&m.keys[0]);
    snprintf(m.path, sizeof m.path, "%s", path);
    return m;
}

static struct keyring *load_ring(struct fixture *f, const struct master_key *m)
{
    struct keyring *ring = NULL;
    char why[512] = "";

    if (key_load_ring(f->db, m, &ring, why, sizeof why) != OK)
        fail_msg("%s", why);
    return ring;
}

static void put_first(struct fixture *f, const struct master_key *m)
{
    struct effects fx = fixture_effects(f);

    assert_int_equal(key_put_first(&fx, &f->arena, m, NOW), OK);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void first_start(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct effects fx = fixture_effects(f);
    struct keyring *ring;
    int64_t n;

    put_first(f, &m);
    assert_int_equal(key_put_first(&fx, &f->arena, &m, NOW), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* another process was first */
    assert_int_equal(key_count(f->db, &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(key_count_use(f->db, KEY_PAIRWISE, &n), OK);
    assert_int_equal(n, 1);
    ring = load_ring(f, &m);
    assert_int_equal(ring->n, 4);
    const struct key *signing = keyring_active(ring, KEY_SIGNING, JWS_ES256);
    assert_non_null(signing);
    assert_non_null(signing->pkey);
    assert_int_equal(signing->activated_s, NOW);
    assert_int_equal(keyring_active(ring, KEY_PEPPER, 0)->secret.n, 32);
    assert_int_equal(keyring_active(ring, KEY_SHAPE, 0)->secret.n, 16);
    assert_int_equal(keyring_active(ring, KEY_PAIRWISE, 0)->secret.n, 32);
    keyring_unref(ring);
}

static void every_algorithm_comes_back(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct uid ids[JWS_ALGS];
    struct effects fx = fixture_effects(f);
    struct keyring *ring;

    for (int alg = 0; alg < JWS_ALGS; alg++)
        assert_int_equal(key_put_new(&fx, &f->arena, &m, KEY_SIGNING, (enum jws_alg)alg,
                                     KEY_PUBLISHED, NOW, &ids[alg]),
                         OK);
    assert_int_equal(fixture_commit(f, &fx), OK);
    ring = load_ring(f, &m);
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        const struct key *key = keyring_find(ring, KEY_SIGNING, &ids[alg]);
        assert_non_null(key);
        assert_int_equal(key->alg, alg);
        assert_int_equal(key->state, KEY_PUBLISHED);
        assert_int_equal(key->activated_s, 0);
        assert_null(keyring_active(ring, KEY_SIGNING, (enum jws_alg)alg));
    }
    keyring_unref(ring);
}

static void nothing_rests_in_clear(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct keyring *ring;
    char path[64], *bytes;
    size_t n = 0;

    if (any_store_is_shared()) /* has no file; spec/secrets_of_people looks at a dump */
        skip();
    put_first(f, &m);
    ring = load_ring(f, &m);
    const struct key *pepper = keyring_active(ring, KEY_PEPPER, 0);
    snprintf(path, sizeof path, "%s/db-wal", f->dir);
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    bytes = malloc(1 << 20);
    n = fread(bytes, 1, 1 << 20, file);
    fclose(file);
    assert_true(n > 4096);
    assert_null(memmem(bytes, n, pepper->secret.b, pepper->secret.n));
    assert_null(memmem(bytes, n, m.keys[0].key.b, m.keys[0].key.n));
    free(bytes);
    keyring_unref(ring);
}

/* Two processes that find the active key old publish one successor. */
static void one_successor_is_published(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct effects first, second;
    struct uid a, b;

    put_first(f, &m);
    struct keyring *ring = load_ring(f, &m);
    const struct key *old = keyring_active(ring, KEY_SIGNING, JWS_ES256);
    first = fixture_effects(f);
    assert_int_equal(key_put_successor(&first, &f->arena, &m, old, NOW + 5, &a), OK);
    second = fixture_effects(f);
    assert_int_equal(key_put_successor(&second, &f->arena, &m, old, NOW + 5, &b), OK);
    assert_int_equal(first.changes->kind, CHANGE_KEYS);
    assert_int_equal(fixture_commit(f, &first), OK);
    assert_int_equal(fixture_commit(f, &second), ERR_CONFLICT);
    struct keyring *now = load_ring(f, &m);
    const struct key *next = keyring_find(now, KEY_SIGNING, &a);
    assert_null(keyring_find(now, KEY_SIGNING, &b));
    assert_int_equal(next->state, KEY_PUBLISHED);
    assert_int_equal(next->alg, JWS_ES256);
    assert_int_equal(next->created_s, NOW + 5);
    assert_int_equal(next->activated_s, 0);
    keyring_unref(now);

    first = fixture_effects(f); /* it took over meanwhile: `old` has its successor */
    key_set_state(&first, &old->id, KEY_ACTIVE, KEY_RETIRED, NOW + 6);
    key_set_state(&first, &a, KEY_PUBLISHED, KEY_ACTIVE, NOW + 6);
    assert_int_equal(fixture_commit(f, &first), OK);
    second = fixture_effects(f);
    assert_int_equal(key_put_successor(&second, &f->arena, &m, old, NOW + 7, &b), OK);
    assert_int_equal(fixture_commit(f, &second), ERR_CONFLICT);
    keyring_unref(ring);
}

static void one_key_is_active(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct effects fx = fixture_effects(f);
    struct keyring *ring;
    struct uid next, old;

    put_first(f, &m);
    ring = load_ring(f, &m);
    old = keyring_active(ring, KEY_SIGNING, JWS_ES256)->id;
    keyring_unref(ring);
    assert_int_equal(
        key_put_new(&fx, &f->arena, &m, KEY_SIGNING, JWS_ES256, KEY_PUBLISHED, NOW, &next), OK);
    assert_int_equal(fx.changes->kind, CHANGE_KEYS);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_set_state(&fx, &next, KEY_PUBLISHED, KEY_ACTIVE, NOW + 1);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* the old one is still active */
    fx = fixture_effects(f);
    key_set_state(&fx, &old, KEY_ACTIVE, KEY_RETIRED, NOW + 1);
    key_set_state(&fx, &next, KEY_PUBLISHED, KEY_ACTIVE, NOW + 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_set_state(&fx, &old, KEY_ACTIVE, KEY_RETIRED, NOW + 2);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* it is not active any more */
    ring = load_ring(f, &m);
    assert_true(uid_eq(&keyring_active(ring, KEY_SIGNING, JWS_ES256)->id, &next));
    assert_int_equal(keyring_find(ring, KEY_SIGNING, &next)->activated_s, NOW + 1);
    assert_int_equal(keyring_find(ring, KEY_SIGNING, &next)->retired_s, 0);
    assert_int_equal(keyring_find(ring, KEY_SIGNING, &old)->activated_s, NOW);
    assert_int_equal(keyring_find(ring, KEY_SIGNING, &old)->retired_s, NOW + 1);
    keyring_unref(ring);
    fx = fixture_effects(f);
    key_delete(&fx, &old, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_delete(&fx, &old, NOW);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void a_foreign_master_key_is_named(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master"), other = new_master("/etc/other");
    struct keyring *ring = NULL;
    struct effects fx = fixture_effects(f);
    char why[512], print[17];
    size_t n;

    put_first(f, &m);
    assert_int_equal(key_load_ring(f->db, &other, &ring, why, sizeof why), ERR_FORBIDDEN);
    assert_null(ring);
    for (size_t i = 0; i < 8; i++)
        snprintf(print + 2 * i, 3, "%02x", m.keys[0].fingerprint[i]);
    assert_non_null(strstr(why, print));
    assert_non_null(strstr(why, "/etc/other"));
    assert_int_equal(key_reseal(f->db, &fx, &f->arena, &other, &n), ERR_FORBIDDEN);
    assert_true(effects_empty(&fx));
}

static void rows_cannot_change_places(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master");
    struct keyring *ring = NULL;
    char why[512];

    put_first(f, &m);
    assert_int_equal(f->db->ops->exec(f->db, "UPDATE key SET sealed = "
                                             "(SELECT k.sealed FROM key k WHERE k.purpose = 1) "
                                             "WHERE purpose = 2"),
                     DB_DONE);
    assert_int_equal(key_load_ring(f->db, &m, &ring, why, sizeof why), ERR_INVALID_REQUEST);
    assert_non_null(strstr(why, "damaged"));
}

static void the_master_key_rotates(void **state)
{
    struct fixture *f = *state;
    struct master_key m = new_master("/etc/master"), both, fresh = new_master("/etc/master");
    struct keyring *before, *after;
    struct effects fx = fixture_effects(f);
    struct key *pepper;
    size_t n;

    put_first(f, &m);
    before = load_ring(f, &m);
    both = fresh;
    both.keys[1] = m.keys[0];
    both.n = 2;
    assert_int_equal(key_reseal(f->db, &fx, &f->arena, &both, &n), OK);
    assert_int_equal(n, 4);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* the rows have changed since */
    after = load_ring(f, &fresh);
    pepper = (struct key *)(uintptr_t)keyring_active(after, KEY_PEPPER, 0);
    assert_memory_equal(pepper->secret.b, keyring_active(before, KEY_PEPPER, 0)->secret.b, 32);
    keyring_unref(before);
    keyring_unref(after);
}

/* Whoever has both master keys, in whatever order, seals by the one that seals the store. */
static void one_master_key_seals_all(void **state)
{
    struct fixture *f = *state;
    struct master_key old = new_master("/etc/master"), fresh = new_master("/etc/master"), both;
    struct effects fx = fixture_effects(f);
    struct keyring *before, *after;
    struct uid id;
    size_t n;

    put_first(f, &old);
    before = load_ring(f, &old);
    const struct key *active = keyring_active(before, KEY_SIGNING, JWS_ES256);
    both = (struct master_key){.keys = {fresh.keys[0], old.keys[0]}, .n = 2};
    assert_int_equal(
        key_put_new(&fx, &f->arena, &both, KEY_SIGNING, JWS_EDDSA, KEY_ACTIVE, NOW, &id), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* sealed too early */
    key_choose_master(&both, before);
    assert_memory_equal(both.keys[0].fingerprint, old.keys[0].fingerprint, SEAL_FINGERPRINT_BYTES);
    key_choose_master(&both, before);
    assert_memory_equal(both.keys[0].fingerprint, old.keys[0].fingerprint, SEAL_FINGERPRINT_BYTES);
    fx = fixture_effects(f);
    assert_int_equal(
        key_put_new(&fx, &f->arena, &both, KEY_SIGNING, JWS_EDDSA, KEY_ACTIVE, NOW, &id), OK);
    assert_int_equal(fixture_commit(f, &fx), OK);

    both = (struct master_key){.keys = {fresh.keys[0], old.keys[0]}, .n = 2};
    fx = fixture_effects(f);
    assert_int_equal(key_reseal(f->db, &fx, &f->arena, &both, &n), OK);
    assert_int_equal(fx.changes->kind, CHANGE_KEYS);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f); /* one that has not heard of it is too late */
    assert_int_equal(key_put_successor(&fx, &f->arena, &both, active, NOW + 5, &id), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    after = load_ring(f, &fresh);
    both = (struct master_key){.keys = {old.keys[0], fresh.keys[0]}, .n = 2};
    active = keyring_active(after, KEY_SIGNING, JWS_ES256);
    fx = fixture_effects(f);
    assert_int_equal(key_put_successor(&fx, &f->arena, &both, active, NOW + 5, &id), OK);
    assert_int_equal(fixture_commit(f, &fx), OK);
    keyring_unref(before);
    keyring_unref(after);
    after = load_ring(f, &fresh);
    assert_non_null(keyring_find(after, KEY_SIGNING, &id));
    keyring_unref(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(first_start),
        TEST(every_algorithm_comes_back),
        TEST(nothing_rests_in_clear),
        TEST(one_key_is_active),
        TEST(one_successor_is_published),
        TEST(a_foreign_master_key_is_named),
        TEST(rows_cannot_change_places),
        TEST(the_master_key_rotates),
        TEST(one_master_key_seals_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
