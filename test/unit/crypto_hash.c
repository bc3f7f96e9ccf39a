/* SHA-2, HMAC and HKDF against the published vectors, and what keeping contexts could break. */
#include "crypto_vectors.h"

#include "crypto/hash.h"

struct fixture {
    struct arena a;
    struct hasher *h;
    struct json *vectors;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 1 << 20);
    f->h = hash_open();
    f->vectors = vectors_read(&f->a, "test/vectors/hash.json");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    hash_close(f->h);
    arena_free(&f->a);
    free(f);
    return 0;
}

static str hex_member(struct fixture *f, const struct json *v, const char *name)
{
    return vectors_hex(&f->a, json_get_str(v, str_from(name)));
}

static void sha2_gives_the_published_digests(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    VECTORS_EACH(v, f->vectors, "sha2")
    {
        uint8_t out[64];
        int bits = (int)json_get(v, STR("bits"))->i;
        str want = hex_member(f, v, "digest");
        hash_sha2(f->h, bits, hex_member(f, v, "message"), out);
        assert_int_equal(want.n, bits / 8);
        assert_memory_equal(out, want.p, want.n);
        n++;
    }
    assert_int_equal(n, 7);
}

static void sha256_joins_its_pieces(void **state)
{
    struct fixture *f = *state;
    struct digest whole, pieces, nothing;
    str abc = STR("abc"), parts[4] = {STR("a"), STR(""), {NULL, 0}, STR("bc")};
    hash_sha256(f->h, &abc, 1, &whole);
    hash_sha256(f->h, parts, 4, &pieces);
    hash_sha256(f->h, NULL, 0, &nothing);
    assert_memory_equal(whole.b, pieces.b, sizeof whole.b);
    assert_memory_not_equal(whole.b, nothing.b, sizeof whole.b);
}

static void check_mac(struct fixture *f, const struct json *v)
{
    struct secret key;
    struct digest out;
    str k = hex_member(f, v, "key"), want = hex_member(f, v, "mac");
    ct_secret_set(&key, k.p, k.n);
    hash_hmac(f->h, &key, hex_member(f, v, "message"), &out);
    assert_true(want.n >= 16);
    assert_memory_equal(out.b, want.p, want.n);
}

static void hmac_gives_the_published_codes(void **state)
{
    struct fixture *f = *state;
    VECTORS_EACH(v, f->vectors, "hmac")
    {
        check_mac(f, v);
        check_mac(f, v); /* the kept key */
    }
}

/* A kept context must never answer under the key of the call before. */
static void hmac_changes_keys(void **state)
{
    struct fixture *f = *state;
    for (int round = 0; round < 3; round++) {
        VECTORS_EACH(v, f->vectors, "hmac")
        check_mac(f, v);
    }
}

static void hmac_tells_keys_apart_that_share_a_front(void **state)
{
    struct fixture *f = *state;
    struct secret longer, shorter, empty = {.n = 0};
    struct digest one, two, three, again;
    ct_secret_set(&longer, "key!", 4);
    ct_secret_set(&shorter, "key", 3);
    hash_hmac(f->h, &longer, STR("m"), &one);
    hash_hmac(f->h, &shorter, STR("m"), &two);
    hash_hmac(f->h, &empty, STR("m"), &three);
    hash_hmac(f->h, &longer, STR("m"), &again);
    assert_memory_not_equal(one.b, two.b, sizeof one.b);
    assert_memory_not_equal(two.b, three.b, sizeof two.b);
    assert_memory_equal(one.b, again.b, sizeof one.b);
}

static void hkdf_gives_the_published_keys(void **state)
{
    struct fixture *f = *state;
    VECTORS_EACH(v, f->vectors, "hkdf")
    {
        uint8_t out[64];
        str want = hex_member(f, v, "okm");
        hash_hkdf(f->h, hex_member(f, v, "secret"), hex_member(f, v, "salt"),
                  hex_member(f, v, "info"), out, want.n);
        assert_memory_equal(out, want.p, want.n);
    }
}

/* A salt or a purpose of one call must not stay for the next. */
static void hkdf_keeps_nothing(void **state)
{
    struct fixture *f = *state;
    uint8_t first[32], salted[32], again[32];
    hash_hkdf(f->h, STR("secret"), STR(""), STR(""), first, 32);
    hash_hkdf(f->h, STR("secret"), STR("salt"), STR("purpose"), salted, 32);
    hash_hkdf(f->h, STR("secret"), STR(""), STR(""), again, 32);
    assert_memory_not_equal(first, salted, 32);
    assert_memory_equal(first, again, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha2_gives_the_published_digests),
        cmocka_unit_test(sha256_joins_its_pieces),
        cmocka_unit_test(hmac_gives_the_published_codes),
        cmocka_unit_test(hmac_changes_keys),
        cmocka_unit_test(hmac_tells_keys_apart_that_share_a_front),
        cmocka_unit_test(hkdf_gives_the_published_keys),
        cmocka_unit_test(hkdf_keeps_nothing),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
