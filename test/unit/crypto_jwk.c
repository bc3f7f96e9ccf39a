/* Keys as JSON: published keys, thumbprints, and every refusal of security.md 41, 49, 50. */
#include "crypto_vectors.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/param_build.h>

#include "crypto/jwk.h"
#include "crypto/pkey.h"

struct fixture {
    struct arena a;
    struct json *vectors;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 8 << 20);
    f->vectors = vectors_read(&f->a, "test/vectors/jose.json");
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(&f->a);
    free(f);
    return 0;
}

static enum jws_alg alg_of(const struct json *v)
{
    enum jws_alg alg;
    assert_true(jws_alg_parse(json_get_str(v, STR("alg")), &alg));
    return alg;
}

static enum err parse_text(struct fixture *f, str text, enum jws_alg alg, struct pkey **out)
{
    struct json *jwk = NULL;
    assert_int_equal(json_parse(&f->a, text, &jwk), OK);
    return jwk_parse_public(jwk, alg, out);
}

static void refuse(struct fixture *f, enum jws_alg alg, str text)
{
    struct pkey *key = NULL;
    if (parse_text(f, text, alg, &key) != ERR_INVALID_REQUEST || key)
        fail_msg("accepted for %s: %.*s", jws_algs[alg].name, STR_ARG(text));
}

static str public_text(struct fixture *f, const struct pkey *key)
{
    struct buf b;
    buf_init(&b, &f->a, 1024, 4096);
    jwk_write_public(&b, key);
    assert_false(b.overflow);
    return buf_str(&b);
}

static void published_keys_are_read_and_written_back(void **state)
{
    struct fixture *f = *state;
    VECTORS_EACH(v, f->vectors, "keys_accepted")
    {
        struct json *back;
        struct pkey *key = NULL;
        const struct json *jwk = json_get(v, STR("key"));
        if (jwk_parse_public(jwk, alg_of(v), &key) != OK)
            fail_msg("refused: %.*s", STR_ARG(json_get_str(v, STR("spec"))));
        assert_int_equal(json_parse(&f->a, public_text(f, key), &back), OK);
        for (const struct json *m = back->first; m; m = m->next)
            assert_str(m->s, json_get_str(jwk, m->name));
        jwk_free(key);
    }
}

static void thumbprints_are_the_published_ones(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    VECTORS_EACH(v, f->vectors, "keys_accepted")
    {
        struct pkey *key = NULL;
        str want = json_get_str(v, STR("thumbprint"));
        if (!want.p)
            continue;
        assert_int_equal(jwk_parse_public(json_get(v, STR("key")), alg_of(v), &key), OK);
        assert_str(jwk_thumbprint(&f->a, key), want);
        jwk_free(key);
        n++;
    }
    assert_int_equal(n, 2);
}

static void published_keys_that_do_not_fit_are_refused(void **state)
{
    struct fixture *f = *state;
    VECTORS_EACH(v, f->vectors, "keys_refused")
    {
        struct pkey *key = NULL;
        const struct json *jwk = json_get(v, STR("key"));
        if (jwk_parse_public(jwk, alg_of(v), &key) != ERR_INVALID_REQUEST || key)
            fail_msg("accepted: %.*s", STR_ARG(json_get_str(v, STR("spec"))));
        for (int alg = 0; alg < JWS_ALGS && json_get(jwk, STR("d")); alg++)
            assert_int_equal(jwk_parse_public(jwk, (enum jws_alg)alg, &key), ERR_INVALID_REQUEST);
    }
}

#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC   "\"kty\":\"EC\",\"crv\":\"P-256\","
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define OKP  "\"kty\":\"OKP\",\"crv\":\"Ed25519\","

static void private_and_foreign_members_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const extra[] = {"\"d\":\"AAAA\"",         "\"d\":null",
                                        "\"p\":\"AQ\"",           "\"q\":\"AQ\"",
                                        "\"dp\":\"AQ\"",          "\"dq\":\"AQ\"",
                                        "\"qi\":\"AQ\"",          "\"oth\":[]",
                                        "\"k\":\"AQ\"",           "\"priv\":\"AQ\"",
                                        "\"use\":\"enc\"",        "\"use\":1",
                                        "\"alg\":\"ES384\"",      "\"alg\":\"none\"",
                                        "\"alg\":[\"ES256\"]",    "\"key_ops\":[]",
                                        "\"key_ops\":\"verify\"", "\"key_ops\":[\"sign\"]",
                                        "\"key_ops\":[1]"};
    struct pkey *key = NULL;
    for (size_t i = 0; i < sizeof extra / sizeof extra[0]; i++)
        refuse(f, JWS_ES256,
               arena_printf(&f->a, "{" EC "\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\",%s}", extra[i]));
    assert_int_equal(parse_text(f,
                                STR("{" EC "\"x\":\"" EC_X "\",\"y\":\"" EC_Y
                                    "\",\"use\":\"sig\",\"alg\":\"ES256\",\"key_ops\":[\"verify\"],"
                                    "\"kid\":\"k\",\"x5c\":[\"AA\"]}"),
                                JWS_ES256, &key),
                     OK);
    jwk_free(key);
}

/* security.md 49: wrong length, off the curve, not below the prime, not an object. */
static void wrong_points_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const p256[] = {
        "{}",
        "[]",
        "\"EC\"",
        "null",
        "{" EC "\"x\":\"" EC_X "\"}",
        "{" EC "\"x\":\"\",\"y\":\"\"}",
        "{" EC "\"x\":1,\"y\":\"" EC_Y "\"}",
        "{" EC "\"x\":\"" EC_Y "\",\"y\":\"" EC_X "\"}", /* off the curve */
        "{" EC "\"x\":\"" EC_X "\",\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{" EC "\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
        "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
        "{" EC "\"x\":\"__________________________________________8\",\"y\":\"" EC_Y "\"}",
        "{" EC "\"x\":\"AH_Nzidw9sRdQYPL7m_bS3tYBzM1e-nvE7rPbjx70VRF\",\"y\":\"" EC_Y "\"}",
        "{" EC "\"x\":\"" EC_X "=\",\"y\":\"" EC_Y "\"}",
        "{" EC "\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEV\",\"y\":\"" EC_Y "\"}",
        "{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
        "{\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}",
        "{\"kty\":\"EC\",\"x\":\"" EC_X "\",\"y\":\"" EC_Y "\"}"};
    for (size_t i = 0; i < sizeof p256 / sizeof p256[0]; i++)
        refuse(f, JWS_ES256, str_from(p256[i]));
    refuse(f, JWS_EDDSA, STR("{" OKP "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHUQ\"}"));
    refuse(f, JWS_EDDSA, STR("{" OKP "\"y\":\"" ED_X "\"}"));
    refuse(f, JWS_EDDSA, STR("{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"" ED_X "\"}"));
    refuse(f, JWS_ES256, STR("{" OKP "\"x\":\"" ED_X "\"}"));
}

static void weak_ed25519_keys_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const y[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"};
    for (size_t i = 0; i < sizeof y / sizeof y[0]; i++) {
        struct buf b;
        str bytes = vectors_hex(&f->a, str_from(y[i]));
        buf_init(&b, &f->a, 256, 256);
        BUF_LIT(&b, "{" OKP "\"x\":\"");
        b64url_write(&b, bytes.p, bytes.n);
        BUF_LIT(&b, "\"}");
        refuse(f, JWS_EDDSA, buf_str(&b));
    }
}

/* An RSA JWK whose n has that many bits, with its last byte and its exponent as told. */
static str rsa_text(struct fixture *f, int bits, uint8_t last, str e)
{
    struct buf b;
    size_t n = (size_t)(bits + 7) / 8;
    uint8_t *modulus = arena_alloc(&f->a, n);
    memset(modulus, 0xa5, n);
    modulus[0] = (uint8_t)(1 << ((bits - 1) % 8));
    modulus[n - 1] = last;
    buf_init(&b, &f->a, 2048, 4096);
    BUF_LIT(&b, "{\"kty\":\"RSA\",\"n\":\"");
    b64url_write(&b, modulus, n);
    BUF_LIT(&b, "\",\"e\":\"");
    b64url_write(&b, e.p, e.n);
    BUF_LIT(&b, "\"}");
    return buf_str(&b);
}

static void rsa_sizes_and_parities_are_judged(void **state)
{
    struct fixture *f = *state;
    const str good = STR("\1\0\1");
    static const int accepted[] = {2048, 2049, 3072, 4096};
    static const int refused[] = {512, 1024, 2047, 4097, 8192};
    for (size_t i = 0; i < sizeof accepted / sizeof accepted[0]; i++) {
        struct pkey *key = NULL;
        assert_int_equal(parse_text(f, rsa_text(f, accepted[i], 1, good), JWS_PS256, &key), OK);
        jwk_free(key);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        refuse(f, JWS_RS256, rsa_text(f, refused[i], 1, good));
    refuse(f, JWS_RS256, rsa_text(f, 2048, 2, good));          /* n even */
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("\1\0\0"))); /* e even */
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("\1")));
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("")));
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("\0")));
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("\0\1\0\1"))); /* RFC 7518 2: shortest form */
    refuse(f, JWS_RS256, rsa_text(f, 2048, 1, STR("\1\1\1\1\1\1\1\1\1")));
}

/* security.md 50 */
static void entries_hold_public_members_alone(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"crv", "kty", "x", "y", "n", "e", "alg", "use", "kid"};
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        struct buf b;
        struct json *entry;
        struct pkey *read = NULL, *key = jwk_generate((enum jws_alg)alg);
        buf_init(&b, &f->a, 64, 4096);
        jwk_write_entry(&b, key, (enum jws_alg)alg, STR("a\"kid"));
        assert_int_equal(json_parse(&f->a, buf_str(&b), &entry), OK);
        for (const struct json *m = entry->first; m; m = m->next) {
            size_t i = 0;
            while (i < sizeof names / sizeof names[0] && !str_eq(m->name, str_from(names[i])))
                i++;
            assert_true(i < sizeof names / sizeof names[0]);
        }
        assert_str(json_get_str(entry, STR("kid")), STR("a\"kid"));
        assert_str(json_get_str(entry, STR("use")), STR("sig"));
        assert_str(json_get_str(entry, STR("alg")), str_from(jws_algs[alg].name));
        assert_int_equal(jwk_parse_public(entry, (enum jws_alg)alg, &read), OK);
        assert_str(public_text(f, read), public_text(f, key));
        jwk_free(read);
        jwk_free(key);
    }
}

static void private_keys_come_back_from_their_der(void **state)
{
    struct fixture *f = *state;
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        struct pkey *back = NULL, *key = jwk_generate((enum jws_alg)alg);
        str der = jwk_private_der(&f->a, key);
        assert_int_equal(jwk_from_private_der((enum jws_alg)alg, der, &back), OK);
        assert_str(public_text(f, back), public_text(f, key));
        jwk_free(back);
        back = NULL;
        for (int other = 0; other < JWS_ALGS; other++) {
            if (strcmp(jws_algs[other].kty, jws_algs[alg].kty) != 0)
                assert_int_equal(jwk_from_private_der((enum jws_alg)other, der, &back),
                                 ERR_INVALID_REQUEST);
        }
        for (size_t n = 0; n < der.n; n += 1 + der.n / 40)
            assert_int_equal(jwk_from_private_der((enum jws_alg)alg, str_make(der.p, n), &back),
                             ERR_INVALID_REQUEST);
        str longer = arena_printf(&f->a, "%*s", (int)der.n + 1, "");
        memcpy((char *)longer.p, der.p, der.n);
        assert_int_equal(jwk_from_private_der((enum jws_alg)alg, longer, &back),
                         ERR_INVALID_REQUEST);
        assert_null(back);
        jwk_free(key);
    }
}

static void private_keys_of_wrong_strength_are_refused(void **state)
{
    struct fixture *f = *state;
    struct pkey *back = NULL;
    struct pkey weak = {EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)1024), JWS_RS256};
    struct pkey curve = {EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384"), JWS_ES256};
    struct pkey ed448 = {EVP_PKEY_Q_keygen(NULL, NULL, "ED448"), JWS_EDDSA};
    struct pkey *all[] = {&weak, &curve, &ed448};
    for (size_t i = 0; i < 3; i++) {
        str der = jwk_private_der(&f->a, all[i]);
        assert_int_equal(jwk_from_private_der(all[i]->alg, der, &back), ERR_INVALID_REQUEST);
        EVP_PKEY_free(all[i]->evp);
    }
}

/* Numbers that are no key, but sized like one: the size is judged before anything is computed. */
static EVP_PKEY *rsa_of(int bits)
{
    static const char *const others[] = {
        OSSL_PKEY_PARAM_RSA_D,         OSSL_PKEY_PARAM_RSA_FACTOR1,
        OSSL_PKEY_PARAM_RSA_FACTOR2,   OSSL_PKEY_PARAM_RSA_EXPONENT1,
        OSSL_PKEY_PARAM_RSA_EXPONENT2, OSSL_PKEY_PARAM_RSA_COEFFICIENT1};
    EVP_PKEY *out = NULL;
    BIGNUM *n = BN_new(), *e = BN_new();
    OSSL_PARAM_BLD *b = OSSL_PARAM_BLD_new();
    assert_true(BN_set_bit(n, bits - 1) && BN_set_bit(n, 0) && BN_set_word(e, 65537));
    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_N, n);
    OSSL_PARAM_BLD_push_BN(b, OSSL_PKEY_PARAM_RSA_E, e);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        OSSL_PARAM_BLD_push_BN(b, others[i], e);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(b);
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
    assert_int_equal(EVP_PKEY_fromdata(ctx, &out, EVP_PKEY_KEYPAIR, params), 1);
    EVP_PKEY_CTX_free(ctx);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(b);
    BN_free(n);
    BN_free(e);
    return out;
}

static void private_rsa_sizes_are_judged(void **state)
{
    struct fixture *f = *state;
    static const int bits[] = {2047, 2048, 4096, 4097};
    for (size_t i = 0; i < sizeof bits / sizeof bits[0]; i++) {
        struct pkey *back = NULL, key = {rsa_of(bits[i]), JWS_RS256};
        str der = jwk_private_der(&f->a, &key);
        bool fits = bits[i] >= 2048 && bits[i] <= 4096;
        assert_int_equal(jwk_from_private_der(JWS_RS256, der, &back),
                         fits ? OK : ERR_INVALID_REQUEST);
        jwk_free(back);
        EVP_PKEY_free(key.evp);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_keys_are_read_and_written_back),
        cmocka_unit_test(thumbprints_are_the_published_ones),
        cmocka_unit_test(published_keys_that_do_not_fit_are_refused),
        cmocka_unit_test(private_and_foreign_members_are_refused),
        cmocka_unit_test(wrong_points_are_refused),
        cmocka_unit_test(weak_ed25519_keys_are_refused),
        cmocka_unit_test(rsa_sizes_and_parities_are_judged),
        cmocka_unit_test(entries_hold_public_members_alone),
        cmocka_unit_test(private_keys_come_back_from_their_der),
        cmocka_unit_test(private_keys_of_wrong_strength_are_refused),
        cmocka_unit_test(private_rsa_sizes_are_judged),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
