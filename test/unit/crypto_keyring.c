/* The ring: look-ups, the published document, the reference count among threads, and signers. */
#include "crypto_vectors.h"

#include <openssl/crypto.h>
#include <pthread.h>

#include "base/rand.h"
#include "crypto/jwt.h"
#include "crypto/signer.h"
#include "crypto/vault.h"

struct fixture {
    struct arena a;
    struct keyring *ring;
};

enum { PUBLISHED_ES, ACTIVE_ES, RETIRED_ES, ACTIVE_ED, ACTIVE_RS, PEPPER_OLD, PEPPER, SHAPE, KEYS };

static void make_signing(struct key *k, enum jws_alg alg, enum key_state state)
{
    k->id = uid_new();
    k->use = KEY_SIGNING;
    k->state = state;
    k->alg = alg;
    k->pkey = jwk_generate(alg);
}

static void make_secret(struct key *k, enum key_use use, enum key_state state, size_t n)
{
    uint8_t bytes[32];
    rand_bytes(bytes, sizeof bytes);
    k->id = uid_new();
    k->use = use;
    k->state = state;
    ct_secret_set(&k->secret, bytes, n);
}

static struct keyring *make_ring(void)
{
    struct key *keys = calloc(KEYS, sizeof *keys);
    make_signing(&keys[PUBLISHED_ES], JWS_ES256, KEY_PUBLISHED);
    make_signing(&keys[ACTIVE_ES], JWS_ES256, KEY_ACTIVE);
    make_signing(&keys[RETIRED_ES], JWS_ES256, KEY_RETIRED);
    make_signing(&keys[ACTIVE_ED], JWS_EDDSA, KEY_ACTIVE);
    make_signing(&keys[ACTIVE_RS], JWS_RS256, KEY_ACTIVE);
    make_secret(&keys[PEPPER_OLD], KEY_PEPPER, KEY_RETIRED, 32);
    make_secret(&keys[PEPPER], KEY_PEPPER, KEY_ACTIVE, 32);
    make_secret(&keys[SHAPE], KEY_SHAPE, KEY_ACTIVE, 16);
    return keyring_new(keys, KEYS);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 1 << 20);
    f->ring = make_ring();
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    keyring_unref(f->ring);
    arena_free(&f->a);
    free(f);
    return 0;
}

static void the_active_key_signs(void **state)
{
    struct fixture *f = *state;
    const struct key *k = f->ring->keys;
    assert_ptr_equal(keyring_active(f->ring, KEY_SIGNING, JWS_ES256), &k[ACTIVE_ES]);
    assert_ptr_equal(keyring_active(f->ring, KEY_SIGNING, JWS_EDDSA), &k[ACTIVE_ED]);
    assert_ptr_equal(keyring_active(f->ring, KEY_SIGNING, JWS_RS256), &k[ACTIVE_RS]);
    assert_null(keyring_active(f->ring, KEY_SIGNING, JWS_PS256));
    assert_ptr_equal(keyring_active(f->ring, KEY_PEPPER, JWS_PS256), &k[PEPPER]);
    assert_ptr_equal(keyring_active(f->ring, KEY_SHAPE, JWS_ES256), &k[SHAPE]);
}

static void keys_are_found_by_use_and_id(void **state)
{
    struct fixture *f = *state;
    const struct key *k = f->ring->keys;
    struct uid other = uid_new();
    assert_ptr_equal(keyring_find(f->ring, KEY_PEPPER, &k[PEPPER_OLD].id), &k[PEPPER_OLD]);
    assert_null(keyring_find(f->ring, KEY_SIGNING, &k[PEPPER_OLD].id));
    assert_null(keyring_find(f->ring, KEY_PEPPER, &k[SHAPE].id));
    assert_null(keyring_find(f->ring, KEY_PEPPER, &other));
}

static str kid_of(struct fixture *f, const struct key *k)
{
    char kid[UID_SID_CHARS];
    keyring_kid(k, kid);
    return arena_dup(&f->a, str_make(kid, sizeof kid));
}

/* reference README: kid = "IC" + 32 hex digits everywhere. */
static void a_kid_has_one_spelling(void **state)
{
    struct fixture *f = *state;
    struct key fixed = {
        .id = {{0xab, 0xcd, 0xef, 0x01, 2, 3, 0x44, 5, 0x86, 7, 8, 9, 10, 11, 12, 0xff}}};
    assert_str(kid_of(f, &fixed), STR("ICabcdef0102034405860708090a0b0cff"));
    struct key *keys = calloc(1, sizeof *keys);
    make_signing(keys, JWS_EDDSA, KEY_ACTIVE);
    keys->id = fixed.id;
    struct keyring *ring = keyring_new(keys, 1);
    assert_ptr_equal(keyring_by_kid(ring, STR("ICabcdef0102034405860708090a0b0cff")), keys);
    static const char *const wrong[] = {"",
                                        "IC",
                                        "icabcdef0102034405860708090a0b0cff",
                                        "ICABCDEF0102034405860708090A0B0CFF",
                                        "abcdef01-0203-4405-8607-08090a0b0cff",
                                        "abcdef0102034405860708090a0b0cff",
                                        "OQabcdef0102034405860708090a0b0cff",
                                        "ICabcdef0102034405860708090a0b0cff0",
                                        "ICabcdef0102034405860708090a0b0cf",
                                        "ICabcdef0102034405860708090a0b0cfe",
                                        "ICabcdef0102034405860708090a0b0cf/",
                                        "../../../../../../../../etc/passwd",
                                        "' or 1=1 -- abcdef0102034405860708"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_null(keyring_by_kid(ring, str_from(wrong[i])));
    assert_null(keyring_by_kid(ring, str_make(NULL, 0)));
    keyring_unref(ring);
}

static void secrets_have_no_kid(void **state)
{
    struct fixture *f = *state;
    assert_null(keyring_by_kid(f->ring, kid_of(f, &f->ring->keys[PEPPER])));
    assert_null(keyring_by_kid(f->ring, kid_of(f, &f->ring->keys[SHAPE])));
    assert_ptr_equal(keyring_by_kid(f->ring, kid_of(f, &f->ring->keys[RETIRED_ES])),
                     &f->ring->keys[RETIRED_ES]);
}

/* security.md 50: signing keys in every state, public members alone. */
static void the_document_holds_public_signing_keys(void **state)
{
    struct fixture *f = *state;
    static const char *const secret[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"};
    struct json *jwks;
    assert_int_equal(json_parse(&f->a, f->ring->jwks, &jwks), OK);
    const struct json *list = json_get(jwks, STR("keys")), *entry = list->first;
    assert_int_equal(jwks->n, 1);
    assert_int_equal(list->n, 5);
    for (int i = PUBLISHED_ES; i <= ACTIVE_RS; i++, entry = entry->next) {
        struct pkey *key;
        assert_str(json_get_str(entry, STR("kid")), kid_of(f, &f->ring->keys[i]));
        for (size_t s = 0; s < sizeof secret / sizeof secret[0]; s++)
            assert_null(json_get(entry, str_from(secret[s])));
        assert_int_equal(jwk_parse_public(entry, f->ring->keys[i].alg, &key), OK);
        jwk_free(key);
    }
}

static void an_empty_ring_publishes_an_empty_list(void **state)
{
    (void)state;
    struct keyring *ring = keyring_new(NULL, 0);
    assert_str(ring->jwks, STR("{\"keys\":[]}"));
    assert_null(keyring_active(ring, KEY_SIGNING, JWS_ES256));
    struct signer *s = signer_open(ring, NULL);
    keyring_unref(ring);
    signer_close(s);
}

static void a_signer_holds_its_ring(void **state)
{
    (void)state;
    struct keyring *ring = make_ring();
    struct signer *s = signer_open(ring, NULL);
    assert_int_equal(atomic_load(&ring->refs), 2);
    keyring_unref(ring);
    assert_ptr_equal(signer_ring(s), ring);
    const struct key *k = keyring_active(signer_ring(s), KEY_SIGNING, JWS_ES256);
    assert_non_null(signer_ctx(s, k));
    assert_ptr_equal(signer_ctx(s, k), signer_ctx(s, k));
    signer_close(s);
}

/* A key of a ring that was swapped away, and keys that cannot sign. */
static void a_signer_serves_its_own_ring_alone(void **state)
{
    struct fixture *f = *state;
    struct keyring *other = make_ring();
    struct signer *s = signer_open(f->ring, NULL);
    assert_null(signer_ctx(s, &other->keys[ACTIVE_ES]));
    assert_int_equal(signer_header(s, &other->keys[ACTIVE_ES], STR("at+jwt")).n, 0);
    assert_null(signer_ctx(s, &f->ring->keys[PEPPER]));
    assert_null(signer_ctx(s, f->ring->keys + KEYS));
    signer_close(s);
    keyring_unref(other);
}

/* One ring, threads that take and drop references, sign and verify each with its own signer. */
struct shared {
    struct keyring *ring;
    atomic_int failures;
};

static void sign_once(struct shared *sh, struct keyring *ring)
{
    struct arena a;
    struct buf b;
    struct jwt jwt;
    arena_init(&a, 1 << 20);
    buf_init(&b, &a, 1024, 4096);
    struct signer *s = signer_open(ring, NULL);
    const struct key *k = keyring_active(ring, KEY_SIGNING, JWS_ES256);
    if (jwt_sign(s, k, STR("at+jwt"), STR("{\"exp\":1}"), &b) != OK ||
        jwt_parse(&a, buf_str(&b), &jwt) != OK || jwt_verify(s, &jwt, STR("at+jwt")) != OK)
        atomic_fetch_add(&sh->failures, 1);
    signer_close(s);
    arena_free(&a);
}

static void *run(void *arg)
{
    struct shared *sh = arg;
    for (int i = 0; i < 50; i++) {
        struct keyring *mine = keyring_ref(sh->ring);
        if (i % 5 == 0)
            sign_once(sh, mine);
        keyring_unref(mine);
    }
    keyring_unref(sh->ring); /* the reference that the thread was given; the last one frees */
    return NULL;
}

static void threads_share_a_ring(void **state)
{
    enum { THREADS = 8 };
    (void)state;
    pthread_t threads[THREADS];
    struct shared sh = {.ring = make_ring()};
    for (int i = 1; i < THREADS; i++)
        keyring_ref(sh.ring);
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run, &sh), 0);
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&sh.failures), 0);
}

/* Peppers lie in the ring by value, and a hasher remembers the newest key. */
static void secrets_lie_in_the_secure_heap(void **state)
{
    struct master_key master = {.n = 1};
    struct sealed_key row = {.key = {.use = KEY_PEPPER, .state = KEY_ACTIVE}};
    struct hasher *ordinary = hash_open();
    struct fixture *f = *state;
    struct keyring *ring;
    char why[256];
    assert_false(CRYPTO_secure_allocated(ordinary));
    seal_new_key(&master.keys[0]);
    jwk_secure_heap();
    struct vault *v = vault_local(&master, NULL);
    struct hasher *h = hash_open();
    assert_int_equal(v->ops->make(v, &f->a, &row.key, NULL, &row.sealed, why, sizeof why), OK);
    assert_int_equal(v->ops->open(v, &row, 1, &ring, why, sizeof why), OK);
    assert_int_equal(ring->keys[0].secret.n, 32);
    assert_true(CRYPTO_secure_allocated(ring->keys[0].secret.b));
    assert_true(CRYPTO_secure_allocated(h));
    size_t used = CRYPTO_secure_used();
    keyring_unref(ring);
    hash_close(h);
    assert_true(CRYPTO_secure_used() < used);
    hash_close(ordinary);
    vault_close(v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secrets_lie_in_the_secure_heap), /* first: it is set up there */
        cmocka_unit_test(the_active_key_signs),
        cmocka_unit_test(keys_are_found_by_use_and_id),
        cmocka_unit_test(a_kid_has_one_spelling),
        cmocka_unit_test(secrets_have_no_kid),
        cmocka_unit_test(the_document_holds_public_signing_keys),
        cmocka_unit_test(an_empty_ring_publishes_an_empty_list),
        cmocka_unit_test(a_signer_holds_its_ring),
        cmocka_unit_test(a_signer_serves_its_own_ring_alone),
        cmocka_unit_test(threads_share_a_ring),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
