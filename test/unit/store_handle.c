/* store_handle: both shapes there and back; kinds, rings and mutilated texts never pass. */
#include "store_support.h"

#include "base/rand.h"
#include "store/handle.h"

static struct keyring *ring_of(int shape_keys)
{
    struct key *keys = calloc((size_t)shape_keys + 1, sizeof *keys);

    for (int i = 0; i < shape_keys; i++) {
        uint8_t bytes[16];
        rand_bytes(bytes, sizeof bytes);
        keys[i] = (struct key){.id = uid_new(), .use = KEY_SHAPE, .created_s = NOW};
        keys[i].state = i == 0 ? KEY_ACTIVE : KEY_RETIRED;
        keys[i].retired_s = i == 0 ? 0 : NOW;
        ct_secret_set(&keys[i].secret, bytes, sizeof bytes);
    }
    return keyring_new(keys, (size_t)shape_keys);
}

struct text {
    char p[64];
    size_t n;
};

static struct text write_handle(const struct handle *h, enum handle_shape shape,
                                const struct key *key)
{
    struct text t;
    struct buf b;

    buf_fixed(&b, t.p, sizeof t.p);
    handle_write(&b, h, shape, key);
    assert_false(b.overflow);
    t.n = b.n;
    return t;
}

static struct handle make(struct fixture *f, enum handle_kind kind, enum handle_shape shape,
                          const struct key *key)
{
    struct id id = handle_row_id(shape, key, id_next(&f->ids, NOW));
    struct handle h;

    handle_new(kind, shape, key, &id, &h);
    return h;
}

static void there_and_back(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);

    for (int i = 0; i < 400; i++) {
        enum handle_shape shape = i & 1 ? SHAPE_UUID : SHAPE_HANDLE;
        enum handle_kind kind = i & 2 ? HANDLE_REFRESH : HANDLE_ACCESS;
        struct handle h = make(f, kind, shape, &ring->keys[0]), got;
        struct text t = write_handle(&h, shape, &ring->keys[0]);
        struct digest want, digest;

        assert_int_equal(t.n, shape == SHAPE_UUID ? UID_UUID_CHARS : HANDLE_CHARS);
        if (shape == SHAPE_HANDLE)
            assert_memory_equal(t.p, kind == HANDLE_ACCESS ? "psta_" : "pstr_", 5);
        else
            assert_true(t.p[14] == '4' && strchr("89ab", t.p[19]) != NULL);
        assert_int_equal(handle_parse(str_make(t.p, t.n), kind, ring, &got), OK);
        assert_true(id_eq(&got.id, &h.id));
        assert_int_equal(id_time_s(&got.id), NOW);
        handle_digest(f->hasher, &h, &want);
        handle_digest(f->hasher, &got, &digest);
        assert_true(ct_digest_eq(&want, &digest));
    }
    keyring_unref(ring);
}

static void kinds_never_mix(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);

    for (int shape = SHAPE_HANDLE; shape <= SHAPE_UUID; shape++) {
        for (int made = HANDLE_ACCESS; made <= HANDLE_REFRESH; made++) {
            struct handle h =
                make(f, (enum handle_kind)made, (enum handle_shape)shape, &ring->keys[0]);
            struct text t = write_handle(&h, (enum handle_shape)shape, &ring->keys[0]);
            for (int read = HANDLE_ACCESS; read <= HANDLE_REFRESH; read++) {
                struct handle got;
                struct digest stored, digest;
                enum err e = handle_parse(str_make(t.p, t.n), (enum handle_kind)read, ring, &got);
                handle_digest(f->hasher, &h, &stored);
                handle_digest(f->hasher, &got, &digest);
                assert_int_equal(e == OK && ct_digest_eq(&stored, &digest), made == read);
            }
        }
    }
    keyring_unref(ring);
}

/* security.md 35: neither shorter nor longer, nor any other alphabet. */
static void mutilated_texts_are_no_handles(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);

    for (int shape = SHAPE_HANDLE; shape <= SHAPE_UUID; shape++) {
        struct handle h = make(f, HANDLE_ACCESS, (enum handle_shape)shape, &ring->keys[0]), got;
        struct text t = write_handle(&h, (enum handle_shape)shape, &ring->keys[0]);
        struct text worse;

        for (size_t n = 0; n < t.n; n++)
            assert_int_equal(handle_parse(str_make(t.p, n), HANDLE_ACCESS, ring, &got),
                             ERR_INVALID_TOKEN);
        for (const char *c = "Aa4=- \n/+.~"; *c; c++) {
            worse = t;
            worse.p[worse.n++] = *c;
            assert_int_equal(handle_parse(str_make(worse.p, worse.n), HANDLE_ACCESS, ring, &got),
                             ERR_INVALID_TOKEN);
        }
        for (size_t i = 0; i < t.n; i++) {
            for (const char *c = "=/+ \n"; *c; c++) {
                worse = t;
                worse.p[i] = *c;
                assert_int_equal(
                    handle_parse(str_make(worse.p, worse.n), HANDLE_ACCESS, ring, &got),
                    ERR_INVALID_TOKEN);
            }
        }
    }
    keyring_unref(ring);
}

/* Whatever single character changes, the row's digest does not match. */
static void every_character_counts(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);

    for (int shape = SHAPE_HANDLE; shape <= SHAPE_UUID; shape++) {
        struct handle h = make(f, HANDLE_ACCESS, (enum handle_shape)shape, &ring->keys[0]), got;
        struct text t = write_handle(&h, (enum handle_shape)shape, &ring->keys[0]);
        struct digest stored, digest;

        handle_digest(f->hasher, &h, &stored);
        for (size_t i = 0; i < t.n; i++) {
            struct text other = t;
            other.p[i] = t.p[i] == '7' ? '9' : '7';
            if (handle_parse(str_make(other.p, other.n), HANDLE_ACCESS, ring, &got) != OK)
                continue;
            handle_digest(f->hasher, &got, &digest);
            assert_false(ct_digest_eq(&stored, &digest));
        }
    }
    keyring_unref(ring);
}

static void upper_case_uuids_are_other_strings(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);
    struct handle h, got;
    struct text t;
    bool changed = false;

    while (!changed) {
        h = make(f, HANDLE_ACCESS, SHAPE_UUID, &ring->keys[0]);
        t = write_handle(&h, SHAPE_UUID, &ring->keys[0]);
        for (size_t i = 0; i < t.n; i++) {
            if (t.p[i] >= 'a' && t.p[i] <= 'f') {
                t.p[i] = (char)(t.p[i] - 32);
                changed = true;
            }
        }
    }
    assert_int_equal(handle_parse(str_make(t.p, t.n), HANDLE_ACCESS, ring, &got),
                     ERR_INVALID_TOKEN);
    keyring_unref(ring);
}

static void uuids_outlive_their_shape_key(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(3), *other = ring_of(1), *none = ring_of(0);
    int found = 0;

    for (int i = 0; i < 50; i++) {
        struct handle h = make(f, HANDLE_REFRESH, SHAPE_UUID, &ring->keys[2]), got;
        struct text t = write_handle(&h, SHAPE_UUID, &ring->keys[2]);

        if (handle_parse(str_make(t.p, t.n), HANDLE_REFRESH, ring, &got) == OK)
            found += id_eq(&got.id, &h.id);
        assert_int_equal(handle_parse(str_make(t.p, t.n), HANDLE_REFRESH, none, &got),
                         ERR_INVALID_TOKEN);
        if (handle_parse(str_make(t.p, t.n), HANDLE_REFRESH, other, &got) == OK)
            assert_false(id_eq(&got.id, &h.id));
    }
    assert_true(found >= 48); /* another key's claim is one in tens of thousands here */
    keyring_unref(ring);
    keyring_unref(other);
    keyring_unref(none);
}

static void row_ids_differ_within_a_second(void **state)
{
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);
    struct id *ids = calloc(5000, sizeof *ids);

    for (int i = 0; i < 5000; i++)
        ids[i] = handle_row_id(SHAPE_UUID, &ring->keys[0], id_next(&f->ids, NOW));
    for (int i = 0; i < 5000; i++)
        for (int k = i + 1; k < 5000; k++)
            if (memcmp(ids[i].b, ids[k].b, 8) == 0)
                fail_msg("locators %d and %d are equal", i, k);
    free(ids);
    keyring_unref(ring);
}

/* Whatever grants something has 48 characters and its own prefix, and is nothing to the consumer of
 * another kind. A UUID is a token and nothing else. */
static void every_kind_has_its_own_prefix(void **state)
{
    static const char by_kind[] = {0, 'a', 'r', 'c', 's', 'p', 'f', 'd'};
    struct fixture *f = *state;
    struct keyring *ring = ring_of(1);
    struct handle uuid = make(f, HANDLE_ACCESS, SHAPE_UUID, &ring->keys[0]), got;
    struct text u = write_handle(&uuid, SHAPE_UUID, &ring->keys[0]);

    for (int kind = HANDLE_ACCESS; kind <= HANDLE_DEVICE; kind++) {
        struct handle h = make(f, (enum handle_kind)kind, SHAPE_HANDLE, NULL);
        struct text t = write_handle(&h, SHAPE_HANDLE, NULL);
        str text = str_make(t.p, t.n);
        char prefix[] = {'p', 's', 't', by_kind[kind], '_', 0};

        assert_int_equal(t.n, HANDLE_CHARS);
        assert_true(str_starts(text, str_from(prefix)));
        for (int as = HANDLE_ACCESS; as <= HANDLE_DEVICE; as++)
            assert_int_equal(handle_parse(text, (enum handle_kind)as, ring, &got),
                             as == kind ? OK : ERR_INVALID_TOKEN);
        assert_int_equal(handle_parse(text, (enum handle_kind)kind, NULL, &got), OK);
        assert_true(id_eq(&got.id, &h.id));
        assert_memory_equal(got.secret, h.secret, sizeof h.secret);
        assert_int_equal(handle_parse(str_make(u.p, u.n), (enum handle_kind)kind, ring, &got),
                         kind <= HANDLE_REFRESH ? OK : ERR_INVALID_TOKEN);
    }
    keyring_unref(ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(there_and_back),
        TEST(kinds_never_mix),
        TEST(mutilated_texts_are_no_handles),
        TEST(every_character_counts),
        TEST(upper_case_uuids_are_other_strings),
        TEST(uuids_outlive_their_shape_key),
        TEST(row_ids_differ_within_a_second),
        TEST(every_kind_has_its_own_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
