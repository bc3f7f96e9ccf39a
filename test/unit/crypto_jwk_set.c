/* Keys and tokens of others: what a client may register, and which of his keys a token is judged
 * by (security.md 41, 43 to 45, 49). */
#include "crypto_vectors.h"

#include <openssl/evp.h>

#include "crypto/jwk_set.h"
#include "crypto/jws_kept.h"
#include "crypto/jwt.h"
#include "crypto/pkey.h"

#define CLAIMS "{\"iss\":\"c\",\"aud\":\"https://as.example\",\"exp\":4102444800}"

struct fixture {
    struct arena a;
    struct pkey *key[JWS_ALGS], *other[JWS_ALGS];
    struct jws_kept *kept;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    arena_init(&f->a, 64 << 20);
    f->kept = jws_kept_open();
    for (int i = 0; i < JWS_ALGS; i++) {
        f->key[i] = jwk_generate((enum jws_alg)i);
        f->other[i] = jwk_generate((enum jws_alg)i);
    }
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < JWS_ALGS; i++) {
        jwk_free(f->key[i]);
        jwk_free(f->other[i]);
    }
    jws_kept_close(f->kept);
    arena_free(&f->a);
    free(f);
    return 0;
}

/* {"crv":..., <more>} */
static str entry(struct fixture *f, const struct pkey *key, const char *more)
{
    struct buf b;
    buf_init(&b, &f->a, 1024, 8192);
    jwk_write_public(&b, key);
    b.n--;
    buf_put(&b, str_from(more));
    buf_char(&b, '}');
    return buf_str(&b);
}

static str set_of(struct fixture *f, const str *keys, size_t n)
{
    struct buf b;
    buf_init(&b, &f->a, 1024, 1 << 20);
    BUF_LIT(&b, "{\"keys\":[");
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i ? STR(",") : STR(""));
        buf_put(&b, keys[i]);
    }
    BUF_LIT(&b, "]}");
    return buf_str(&b);
}

static str sign(struct fixture *f, enum jws_alg alg, const struct pkey *key, const char *header)
{
    uint8_t s[512];
    size_t n = sizeof s;
    struct buf b;
    struct jws_ctx *ctx = jws_open(alg, key);
    buf_init(&b, &f->a, 1024, 65536);
    b64url_write(&b, header, strlen(header));
    buf_char(&b, '.');
    b64url_write(&b, CLAIMS, strlen(CLAIMS));
    assert_int_equal(jws_sign(ctx, buf_str(&b), s, &n), OK);
    jws_close(ctx);
    buf_char(&b, '.');
    b64url_write(&b, s, n);
    return buf_str(&b);
}

/* With contexts that are kept and with fresh ones. */
static enum err judge(struct fixture *f, str token, str set, unsigned algs)
{
    struct jwt jwt;
    struct json *jwks = NULL;
    assert_int_equal(json_parse(&f->a, set, &jwks), OK);
    enum err e = jwt_parse(&f->a, token, &jwt);
    if (e != OK)
        return e;
    e = jwt_verify_jwks(f->kept, &jwt, jwks, algs);
    assert_int_equal(jwt_verify_jwks(f->kept, &jwt, jwks, algs), e);
    assert_int_equal(jwt_verify_jwks(NULL, &jwt, jwks, algs), e);
    return e;
}

static const char *header_of(struct fixture *f, int alg, const char *more)
{
    return arena_cstr(&f->a, arena_printf(&f->a, "{\"alg\":\"%s\"%s}", jws_algs[alg].name, more));
}

static void every_algorithm_verifies_if_allowed(void **state)
{
    struct fixture *f = *state;
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        str mine = entry(f, f->key[alg], ",\"kid\":\"1\"");
        str other = entry(f, f->other[alg], ",\"kid\":\"1\"");
        str token = sign(f, (enum jws_alg)alg, f->key[alg], header_of(f, alg, ",\"kid\":\"1\""));
        assert_int_equal(judge(f, token, set_of(f, &mine, 1), JWT_ALGS_ANY), OK);
        assert_int_equal(judge(f, token, set_of(f, &mine, 1), JWT_ALGS_FAPI),
                         alg == JWS_RS256 ? ERR_INVALID_TOKEN : OK);
        /* security.md 43: the caller's algorithms, not the header's */
        assert_int_equal(judge(f, token, set_of(f, &mine, 1), JWT_ALGS_ANY & ~JWT_ALG(alg)),
                         ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, token, set_of(f, &mine, 1), 0), ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, token, set_of(f, &other, 1), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, token, STR("{\"keys\":[]}"), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, token, STR("{}"), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, token, STR("[]"), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
    }
}

/* security.md 45 */
static void kid_chooses_the_key(void **state)
{
    struct fixture *f = *state;
    str keys[] = {entry(f, f->other[JWS_ES256], ",\"kid\":\"1\""),
                  entry(f, f->key[JWS_PS256], ",\"kid\":\"2\",\"alg\":\"PS256\""),
                  entry(f, f->key[JWS_ES256], ",\"kid\":\"2\""),
                  entry(f, f->key[JWS_EDDSA], ",\"kid\":\"2\",\"use\":\"sig\"")};
    str set = set_of(f, keys, 4);
    static const struct {
        enum jws_alg alg;
        const char *more;
        enum err e;
    } T[] = {
        {JWS_ES256, ",\"kid\":\"2\"", OK}, /* twice the kid: by kty, alg, use */
        {JWS_PS256, ",\"kid\":\"2\"", OK},
        {JWS_EDDSA, ",\"kid\":\"2\"", OK},
        {JWS_RS256, ",\"kid\":\"2\"", ERR_INVALID_TOKEN}, /* the key says PS256 */
        {JWS_ES256, ",\"kid\":\"1\"", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":\"3\"", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":\"\"", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":2", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":\"../2\"", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":\"2\\u0000\"", ERR_INVALID_TOKEN},
        {JWS_ES256, "", OK}, /* no kid: all that fit */
        {JWS_ES256, ",\"kid\":\"2\",\"crit\":[\"b64\"],\"b64\":false", ERR_INVALID_TOKEN},
        {JWS_ES256, ",\"kid\":\"2\",\"jku\":\"https://evil.example/jwks\"", OK}, /* never read */
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++) {
        const struct pkey *key = f->key[T[i].alg == JWS_RS256 ? JWS_PS256 : T[i].alg];
        str token = sign(f, T[i].alg, key, header_of(f, (int)T[i].alg, T[i].more));
        if (judge(f, token, set, JWT_ALGS_ANY) != T[i].e)
            fail_msg("row %zu", i);
    }
}

/* security.md A36: of a set full of keys, four are tried. */
static void at_most_four_keys_are_tried(void **state)
{
    struct fixture *f = *state;
    str wrong = entry(f, f->other[JWS_ES256], ""), right = entry(f, f->key[JWS_ES256], "");
    str rsa = entry(f, f->key[JWS_PS256], "");
    str token = sign(f, JWS_ES256, f->key[JWS_ES256], "{\"alg\":\"ES256\"}");
    str four[] = {rsa, rsa, wrong, wrong, wrong, right};
    str five[] = {wrong, wrong, wrong, wrong, right};
    assert_int_equal(judge(f, token, set_of(f, four, 6), JWT_ALGS_ANY), OK);
    assert_int_equal(judge(f, token, set_of(f, five, 5), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
}

/* A context is of one key and algorithm; whether the key may be used is asked each time. */
static void contexts_are_kept(void **state)
{
    enum { KEYS = 200 }; /* more than are kept */
    struct fixture *f = *state;
    struct json *mine, *with_private, *for_encryption;
    str text = entry(f, f->key[JWS_PS256], "");
    assert_int_equal(json_parse(&f->a, text, &mine), OK);
    struct jws_ctx *ctx = jws_kept_get(f->kept, JWS_PS256, mine);
    assert_non_null(ctx);
    assert_ptr_equal(jws_kept_get(f->kept, JWS_PS256, mine), ctx);
    assert_non_null(jws_kept_get(f->kept, JWS_RS256, mine));
    assert_null(jws_kept_get(f->kept, JWS_ES256, mine));
    str set = set_of(f, &text, 1);
    for (int i = 0; i < 4; i++) {
        enum jws_alg alg = i % 2 ? JWS_RS256 : JWS_PS256;
        str token = sign(f, alg, f->key[JWS_PS256], header_of(f, (int)alg, ""));
        assert_int_equal(judge(f, token, set, JWT_ALGS_ANY), OK);
    }
    text = entry(f, f->key[JWS_PS256], ",\"d\":\"AQAB\"");
    assert_int_equal(json_parse(&f->a, text, &with_private), OK);
    assert_null(jws_kept_get(f->kept, JWS_PS256, with_private)); /* security.md 41 */
    text = entry(f, f->key[JWS_PS256], ",\"use\":\"enc\"");
    assert_int_equal(json_parse(&f->a, text, &for_encryption), OK);
    assert_null(jws_kept_get(f->kept, JWS_PS256, for_encryption));
    for (int i = 0; i < KEYS; i++) {
        struct pkey *key = jwk_generate(JWS_ES256);
        str one = entry(f, key, ""), good = sign(f, JWS_ES256, key, "{\"alg\":\"ES256\"}");
        str bad = sign(f, JWS_ES256, f->other[JWS_ES256], "{\"alg\":\"ES256\"}");
        assert_int_equal(judge(f, good, set_of(f, &one, 1), JWT_ALGS_ANY), OK);
        assert_int_equal(judge(f, bad, set_of(f, &one, 1), JWT_ALGS_ANY), ERR_INVALID_TOKEN);
        assert_int_equal(judge(f, good, set_of(f, &one, 1), JWT_ALGS_ANY), OK);
        jwk_free(key);
    }
    str token = sign(f, JWS_PS256, f->key[JWS_PS256], header_of(f, JWS_PS256, ""));
    assert_int_equal(judge(f, token, set, JWT_ALGS_ANY), OK);
}

/* security.md 43: a MAC under what everybody knows. */
static void a_mac_under_the_public_key_is_refused(void **state)
{
    struct fixture *f = *state;
    str mine = entry(f, f->key[JWS_RS256], ""), set = set_of(f, &mine, 1);
    struct hasher *h = hash_open();
    for (int i = 0; i < 2; i++) {
        struct secret key = {0};
        struct digest d;
        struct buf b;
        ct_secret_set(&key, i ? mine.p : "", i ? SECRET_MAX : 0);
        buf_init(&b, &f->a, 1024, 4096);
        b64url_write(&b, "{\"alg\":\"HS256\"}", 15);
        buf_char(&b, '.');
        b64url_write(&b, CLAIMS, strlen(CLAIMS));
        hash_hmac(h, &key, buf_str(&b), &d);
        buf_char(&b, '.');
        b64url_write(&b, d.b, sizeof d.b);
        assert_int_equal(judge(f, buf_str(&b), set, ~0u), ERR_INVALID_TOKEN);
    }
    hash_close(h);
}

static void types_and_audiences(void **state)
{
    struct fixture *f = *state;
    struct jwt jwt;
    str token = sign(f, JWS_ES256, f->key[JWS_ES256],
                     "{\"alg\":\"ES256\",\"typ\":\"application/Client-Authentication+JWT\"}");
    assert_int_equal(jwt_parse(&f->a, token, &jwt), OK);
    assert_true(jwt_typ_is(&jwt, STR("client-authentication+jwt")));
    assert_false(jwt_typ_is(&jwt, STR("at+jwt")));
    assert_false(jwt_typ_is(&jwt, STR("")));
    assert_true(jwt_audience_is(&jwt, STR("https://as.example")));
    assert_false(jwt_audience_is(&jwt, STR("https://as.example/")));
    assert_int_equal(json_parse(&f->a, STR("{\"aud\":[\"a\",\"b\"]}"), &jwt.claims), OK);
    assert_false(jwt_audience_is(&jwt, STR("a"))); /* security.md 37 */
    assert_true(jwt_audience_has(&jwt, STR("b")));
    assert_false(jwt_audience_has(&jwt, STR("c")));
    assert_int_equal(json_parse(&f->a, STR("{\"sub\":\"a\"}"), &jwt.claims), OK);
    assert_false(jwt_audience_is(&jwt, STR("")));
    assert_false(jwt_audience_has(&jwt, STR("")));
    jwt.typ = (str){0};
    assert_false(jwt_typ_is(&jwt, STR("")));
}

static void expect_refused(struct fixture *f, str set, const char *word)
{
    str why = {0};
    assert_int_equal(jwk_set_check(&f->a, set, &why), ERR_INVALID_REQUEST);
    if (!strstr(arena_cstr(&f->a, why), word))
        fail_msg("says \"%.*s\", not \"%s\"", STR_ARG(why), word);
}

static void sets_that_may_be_registered(void **state)
{
    struct fixture *f = *state;
    str why, keys[17];
    for (int i = 0; i < 17; i++)
        keys[i] = entry(f, f->key[i % JWS_ALGS], ",\"use\":\"sig\",\"x5t\":\"ignored\"");
    assert_int_equal(jwk_set_check(&f->a, set_of(f, keys, 16), &why), OK);
    expect_refused(f, set_of(f, keys, 17), "16 keys");
    keys[1] = STR("{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"AA\",\"y\":\"AA\",\"use\":\"enc\"}");
    assert_int_equal(jwk_set_check(&f->a, set_of(f, keys, 2), &why), OK);
    expect_refused(f, set_of(f, keys + 1, 1), "no key for signatures");
}

/* security.md 41, 49, each with a good key in front */
static void sets_that_may_not(void **state)
{
    struct fixture *f = *state;
    str good = entry(f, f->key[JWS_ES256], "");
    static const struct {
        const char *key, *word;
    } T[] = {
        {"{\"kty\":\"oct\",\"k\":\"AAAA\"}", "symmetric"},
        {"{\"kty\":\"oct\",\"k\":\"AAAA\",\"use\":\"enc\"}", "symmetric"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\",\"use\":\"enc\"}", "private"},
        {"{\"kty\":\"RSA\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", "2048"},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\","
         "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE\"}",
         "P-256"}, /* off the curve */
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"AA\",\"y\":\"AA\"}", "P-256"},
        {"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"x\":\"AA\"}", "Ed25519"},
        {"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
         "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
         "Ed25519"}, /* a point of small order */
        {"{}", "cannot verify"},
        {"7", "object"},
        {"null", "object"},
    };
    for (size_t i = 0; i < sizeof T / sizeof *T; i++)
        expect_refused(f, set_of(f, (str[]){good, str_from(T[i].key)}, 2), T[i].word);
    expect_refused(f, set_of(f, (str[]){good, entry(f, f->key[JWS_ES256], ",\"d\":\"AA\"")}, 2),
                   "key 2 of the JWKS has private members");
    str kid = entry(f, f->key[JWS_ES256], ",\"kid\":7");
    expect_refused(f, set_of(f, &kid, 1), "kid");
    str es384 = entry(f, f->key[JWS_ES256], ",\"alg\":\"ES384\"");
    expect_refused(f, set_of(f, &es384, 1), "alg");
    expect_refused(f, STR("{\"keys\":[]}"), "no key");
    expect_refused(f, STR("{\"keys\":{}}"), "array");
    expect_refused(f, good, "array");
    expect_refused(f, STR("https://client.example/jwks"), "no JWKS");
    expect_refused(f, arena_printf(&f->a, "{\"keys\":[],\"x\":\"%033000d\"}", 0), "32 KiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_algorithm_verifies_if_allowed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kid_chooses_the_key, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_most_four_keys_are_tried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(contexts_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_mac_under_the_public_key_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(types_and_audiences, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_that_may_be_registered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sets_that_may_not, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
