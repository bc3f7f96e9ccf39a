/* Signatures: published ones, our own judged by the library's one-shot calls, and every malformed
 * one of security.md 48. */
#include "crypto_vectors.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "crypto/jws.h"
#include "crypto/pkey.h"

struct fixture {
    struct arena a;
    struct json *vectors;
    struct pkey *keys[JWS_ALGS];
    struct jws_ctx *ctx[JWS_ALGS];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 8 << 20);
    f->vectors = vectors_read(&f->a, "test/vectors/jose.json");
    for (int i = 0; i < JWS_ALGS; i++) {
        f->keys[i] = jwk_generate((enum jws_alg)i);
        f->ctx[i] = jws_open((enum jws_alg)i, f->keys[i]);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < JWS_ALGS; i++) {
        jws_close(f->ctx[i]);
        jwk_free(f->keys[i]);
    }
    arena_free(&f->a);
    free(f);
    return 0;
}

static str decoded(struct fixture *f, const struct json *v, const char *name)
{
    str out;
    assert_true(b64url_decode(&f->a, json_get_str(v, str_from(name)), &out));
    return out;
}

static enum jws_alg alg_of(const struct json *v)
{
    enum jws_alg alg;
    assert_true(jws_alg_parse(json_get_str(v, STR("alg")), &alg));
    return alg;
}

static void published_signatures_verify(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    VECTORS_EACH(v, f->vectors, "signatures")
    {
        struct pkey *key;
        str input = json_get_str(v, STR("input")), signature = decoded(f, v, "signature");
        assert_int_equal(jwk_parse_public(json_get(v, STR("key")), alg_of(v), &key), OK);
        struct jws_ctx *ctx = jws_open(alg_of(v), key);
        if (jws_verify(ctx, input, signature) != OK)
            fail_msg("does not verify: %.*s", STR_ARG(json_get_str(v, STR("spec"))));
        ((char *)input.p)[3] ^= 1;
        assert_int_equal(jws_verify(ctx, input, signature), ERR_INVALID_TOKEN);
        ((char *)input.p)[3] ^= 1;
        assert_int_equal(jws_verify(ctx, input, signature), OK);
        jws_close(ctx);
        jwk_free(key);
        n++;
    }
    assert_int_equal(n, 4);
}

/* The published private keys, by the library's own way in: the product reads PKCS#8 alone. */
static EVP_PKEY *rsa_private(struct fixture *f, const struct json *v)
{
    static const char *const names[][2] = {
        {"n", OSSL_PKEY_PARAM_RSA_N},          {"e", OSSL_PKEY_PARAM_RSA_E},
        {"d", OSSL_PKEY_PARAM_RSA_D},          {"p", OSSL_PKEY_PARAM_RSA_FACTOR1},
        {"q", OSSL_PKEY_PARAM_RSA_FACTOR2},    {"dp", OSSL_PKEY_PARAM_RSA_EXPONENT1},
        {"dq", OSSL_PKEY_PARAM_RSA_EXPONENT2}, {"qi", OSSL_PKEY_PARAM_RSA_COEFFICIENT1}};
    enum { N = sizeof names / sizeof names[0] };
    BIGNUM *numbers[N];
    EVP_PKEY *out = NULL;
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    for (size_t i = 0; i < N; i++) {
        str bytes = decoded(f, json_get(v, i < 2 ? STR("key") : STR("private")), names[i][0]);
        numbers[i] = BN_bin2bn((const uint8_t *)bytes.p, (int)bytes.n, NULL);
        assert_int_equal(OSSL_PARAM_BLD_push_BN(b, names[i][1], numbers[i]), 1);
    }
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params), 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    for (size_t i = 0; i < N; i++)
        BN_free(numbers[i]);
    return out;
}

static EVP_PKEY *ed25519_private(struct fixture *f, const struct json *v)
{
    str d = decoded(f, json_get(v, STR("private")), "d");
    return EVP_PKEY_new_raw_private_key_ex(NULL, "ED25519", NULL, (const uint8_t *)d.p, d.n);
}

/* RS256 and EdDSA have one signature per text: ours must be the published one, bit for bit. */
static void deterministic_signatures_are_the_published_ones(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    VECTORS_EACH(v, f->vectors, "signatures")
    {
        uint8_t signature[512];
        size_t size = sizeof signature;
        struct pkey *key;
        if (!json_get(v, STR("deterministic")))
            continue;
        struct pkey given = {.alg = alg_of(v)};
        given.evp = given.alg == JWS_EDDSA ? ed25519_private(f, v) : rsa_private(f, v);
        str der = jwk_private_der(&f->a, &given), want = decoded(f, v, "signature");
        assert_int_equal(jwk_from_private_der(given.alg, der, &key), OK);
        struct jws_ctx *ctx = jws_open(given.alg, key);
        assert_int_equal(jws_sign(ctx, json_get_str(v, STR("input")), signature, &size), OK);
        assert_int_equal(size, want.n);
        assert_memory_equal(signature, want.p, size);
        jws_close(ctx);
        jwk_free(key);
        EVP_PKEY_free(given.evp);
        n++;
    }
    assert_int_equal(n, 2);
}

/* Short r and s come about once in 256 signatures each, so 2,000 of them meet every length. */
static void es256_signatures_are_64_bytes_and_verify(void **state)
{
    struct fixture *f = *state;
    struct jws_ctx *ctx = f->ctx[JWS_ES256];
    size_t short_ones = 0;
    for (int i = 0; i < 2000; i++) {
        uint8_t s[64];
        size_t n = sizeof s;
        str input = arena_printf(&f->a, "text %d", i);
        assert_int_equal(jws_sign(ctx, input, s, &n), OK);
        assert_int_equal(n, 64);
        short_ones += s[0] == 0 || s[32] == 0;
        if (i % 4 == 0 || s[0] == 0 || s[32] == 0)
            assert_int_equal(jws_verify(ctx, input, str_make((char *)s, n)), OK);
    }
    assert_true(short_ones > 0);
}

/* The library's one-shot verification knows nothing of our contexts. */
static bool library_verifies(struct fixture *f, enum jws_alg alg, str input, const uint8_t *s,
                             size_t n)
{
    EVP_PKEY_CTX *p = NULL;
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = alg == JWS_EDDSA ? NULL : EVP_sha256();
    assert_int_equal(EVP_DigestVerifyInit(ctx, &p, md, NULL, f->keys[alg]->evp), 1);
    if (alg == JWS_PS256) {
        assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(p, RSA_PKCS1_PSS_PADDING), 1);
        assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(p, RSA_PSS_SALTLEN_DIGEST), 1);
    }
    bool ok = EVP_DigestVerify(ctx, s, n, (const uint8_t *)input.p, input.n) == 1;
    EVP_MD_CTX_free(ctx);
    return ok;
}

static void the_library_verifies_what_we_sign(void **state)
{
    struct fixture *f = *state;
    for (int alg = JWS_RS256; alg < JWS_ALGS; alg++) {
        for (int i = 0; i < 3; i++) { /* kept contexts: not only the first time */
            uint8_t s[512];
            size_t n = sizeof s;
            str input = arena_printf(&f->a, "text %d", i);
            assert_int_equal(jws_sign(f->ctx[alg], input, s, &n), OK);
            assert_true(library_verifies(f, (enum jws_alg)alg, input, s, n));
            assert_int_equal(jws_verify(f->ctx[alg], input, str_make((char *)s, n)), OK);
        }
    }
}

static void every_changed_byte_spoils_a_signature(void **state)
{
    struct fixture *f = *state;
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        uint8_t s[512];
        size_t n = sizeof s;
        assert_int_equal(jws_sign(f->ctx[alg], STR("text"), s, &n), OK);
        for (size_t i = 0; i < n; i++) {
            s[i] ^= 0x10;
            assert_int_equal(jws_verify(f->ctx[alg], STR("text"), str_make((char *)s, n)),
                             ERR_INVALID_TOKEN);
            s[i] ^= 0x10;
        }
        assert_int_equal(jws_verify(f->ctx[alg], STR("text"), str_make((char *)s, n)), OK);
        assert_int_equal(jws_verify(f->ctx[alg], STR("text"), str_make((char *)s, n - 1)),
                         ERR_INVALID_TOKEN);
        assert_int_equal(jws_verify(f->ctx[alg], STR("text"), str_make((char *)s, n + 1)),
                         ERR_INVALID_TOKEN);
        assert_int_equal(jws_verify(f->ctx[alg], STR("text"), str_make(NULL, 0)),
                         ERR_INVALID_TOKEN);
        assert_int_equal(jws_verify(f->ctx[alg], STR("tex"), str_make((char *)s, n)),
                         ERR_INVALID_TOKEN);
    }
}

static void signatures_of_another_algorithm_fail(void **state)
{
    struct fixture *f = *state;
    uint8_t s[512];
    size_t n = sizeof s;
    struct jws_ctx *pss = jws_open(JWS_PS256, f->keys[JWS_RS256]);
    assert_int_equal(jws_sign(f->ctx[JWS_RS256], STR("text"), s, &n), OK);
    assert_int_equal(jws_verify(pss, STR("text"), str_make((char *)s, n)), ERR_INVALID_TOKEN);
    n = sizeof s;
    assert_int_equal(jws_sign(pss, STR("text"), s, &n), OK);
    assert_int_equal(jws_verify(f->ctx[JWS_RS256], STR("text"), str_make((char *)s, n)),
                     ERR_INVALID_TOKEN);
    assert_int_equal(jws_verify(pss, STR("text"), str_make((char *)s, n)), OK);
    jws_close(pss);
}

/* security.md 48: r, s in 1..n-1, and no DER. */
static void es256_ranges_are_checked(void **state)
{
    struct fixture *f = *state;
    const str order =
        vectors_hex(&f->a, STR("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"));
    struct jws_ctx *ctx = f->ctx[JWS_ES256];
    uint8_t good[64], s[72];
    size_t n = sizeof good;
    assert_int_equal(jws_sign(ctx, STR("text"), good, &n), OK);
    for (size_t half = 0; half < 64; half += 32) {
        memcpy(s, good, 64);
        memset(s + half, 0, 32);
        assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, 64)), ERR_INVALID_TOKEN);
        memcpy(s + half, order.p, 32);
        assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, 64)), ERR_INVALID_TOKEN);
        s[half + 31]++;
        assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, 64)), ERR_INVALID_TOKEN);
        memset(s + half, 0xff, 32);
        assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, 64)), ERR_INVALID_TOKEN);
    }
    memset(s, 0, 64);
    assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, 64)), ERR_INVALID_TOKEN);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t der = sizeof s;
    assert_int_equal(EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, f->keys[JWS_ES256]->evp), 1);
    assert_int_equal(EVP_DigestSign(md, s, &der, (const uint8_t *)"text", 4), 1);
    EVP_MD_CTX_free(md);
    assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, der)), ERR_INVALID_TOKEN);
}

/* S + L is the same number modulo L: without the range check it would verify. */
static void ed25519_s_is_below_the_order(void **state)
{
    struct fixture *f = *state;
    const str order =
        vectors_hex(&f->a, STR("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010"));
    uint8_t s[64];
    size_t n = sizeof s;
    unsigned carry = 0;
    assert_int_equal(jws_sign(f->ctx[JWS_EDDSA], STR("text"), s, &n), OK);
    for (size_t i = 0; i < 32; i++) {
        carry += s[32 + i] + (unsigned)(uint8_t)order.p[i];
        s[32 + i] = (uint8_t)carry;
        carry >>= 8;
    }
    assert_int_equal(jws_verify(f->ctx[JWS_EDDSA], STR("text"), str_make((char *)s, n)),
                     ERR_INVALID_TOKEN);
    memcpy(s + 32, order.p, 32);
    assert_int_equal(jws_verify(f->ctx[JWS_EDDSA], STR("text"), str_make((char *)s, n)),
                     ERR_INVALID_TOKEN);
}

static void signing_needs_room_and_a_private_key(void **state)
{
    struct fixture *f = *state;
    uint8_t s[512];
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        struct json *jwk;
        struct pkey *public;
        struct buf b;
        size_t n = alg == JWS_RS256 || alg == JWS_PS256 ? 255 : 63;
        assert_int_equal(jws_sign(f->ctx[alg], STR("text"), s, &n), ERR_SERVER_ERROR);
        buf_init(&b, &f->a, 1024, 4096);
        jwk_write_public(&b, f->keys[alg]);
        assert_int_equal(json_parse(&f->a, buf_str(&b), &jwk), OK);
        assert_int_equal(jwk_parse_public(jwk, (enum jws_alg)alg, &public), OK);
        struct jws_ctx *ctx = jws_open((enum jws_alg)alg, public);
        n = sizeof s;
        assert_int_equal(jws_sign(ctx, STR("text"), s, &n), ERR_SERVER_ERROR);
        n = sizeof s;
        assert_int_equal(jws_sign(f->ctx[alg], STR("text"), s, &n), OK);
        assert_int_equal(jws_verify(ctx, STR("text"), str_make((char *)s, n)), OK);
        jws_close(ctx);
        jwk_free(public);
    }
}

static void the_table_knows_no_mac_and_no_none(void **state)
{
    (void)state;
    static const char *const foreign[] = {
        "none",  "None", "NONE",  "HS256", "HS384", "HS512",  "",
        "es256", "RSA",  "RS512", "PS384", "ES384", "ES256K", "PBES2-HS256+A128KW",
        "ES256 "};
    enum jws_alg alg;
    for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
        assert_false(jws_alg_parse(str_from(foreign[i]), &alg));
    assert_false(jws_alg_parse(STR("ES256\0"), &alg));
    assert_false(jws_alg_parse(str_make(NULL, 0), &alg));
    for (int i = 0; i < JWS_ALGS; i++) {
        assert_true(jws_alg_parse(str_from(jws_algs[i].name), &alg));
        assert_int_equal(alg, i);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_signatures_verify),
        cmocka_unit_test(deterministic_signatures_are_the_published_ones),
        cmocka_unit_test(es256_signatures_are_64_bytes_and_verify),
        cmocka_unit_test(the_library_verifies_what_we_sign),
        cmocka_unit_test(every_changed_byte_spoils_a_signature),
        cmocka_unit_test(signatures_of_another_algorithm_fail),
        cmocka_unit_test(es256_ranges_are_checked),
        cmocka_unit_test(ed25519_s_is_below_the_order),
        cmocka_unit_test(signing_needs_room_and_a_private_key),
        cmocka_unit_test(the_table_knows_no_mac_and_no_none),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
