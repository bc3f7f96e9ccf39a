/* JWTs: what we write, and each line of security.md 43 to 48 with an otherwise good signature, so
 * that only the rule under test can refuse. */
#include "crypto_vectors.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "crypto/jwt.h"
#include "crypto/pkey.h"
#include "crypto/signer.h"

#define TYP    STR("at+jwt")
#define CLAIMS "{\"iss\":\"https://as.example\",\"sub\":\"c\",\"aud\":\"a\",\"exp\":4102444800}"

struct fixture {
    struct arena a;
    struct json *vectors;
    struct keyring *ring;
    struct signer *signer;
    str kid[JWS_ALGS]; /* of the active key of each algorithm */
};

static const struct key *active(struct fixture *f, enum jws_alg alg)
{
    return keyring_active(f->ring, KEY_SIGNING, alg);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct key *keys = calloc(JWS_ALGS, sizeof *keys);
    arena_init(&f->a, 64 << 20);
    f->vectors = vectors_read(&f->a, "test/vectors/jose.json");
    for (int i = 0; i < JWS_ALGS; i++) {
        keys[i].id = uid_new();
        keys[i].use = KEY_SIGNING;
        keys[i].state = KEY_ACTIVE;
        keys[i].alg = (enum jws_alg)i;
        keys[i].pkey = jwk_generate((enum jws_alg)i);
        f->kid[i] = str_make(arena_alloc(&f->a, UID_SID_CHARS), UID_SID_CHARS);
        keyring_kid(&keys[i], (char *)f->kid[i].p);
    }
    f->ring = keyring_new(keys, JWS_ALGS);
    f->signer = signer_open(f->ring, NULL);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    signer_close(f->signer);
    keyring_unref(f->ring);
    arena_free(&f->a);
    free(f);
    return 0;
}

/* A compact JWS over any two texts, truly signed by our key of that algorithm. */
static str mint(struct fixture *f, enum jws_alg alg, str header, str payload)
{
    uint8_t s[512];
    size_t n = sizeof s;
    struct buf b;
    buf_init(&b, &f->a, 1024, 65536);
    b64url_write(&b, header.p, header.n);
    buf_char(&b, '.');
    b64url_write(&b, payload.p, payload.n);
    assert_int_equal(jws_sign(signer_ctx(f->signer, active(f, alg)), buf_str(&b), s, &n), OK);
    buf_char(&b, '.');
    b64url_write(&b, s, n);
    assert_false(b.overflow);
    return buf_str(&b);
}

static enum err judge(struct fixture *f, str token)
{
    struct jwt jwt;
    enum err e = jwt_parse(&f->a, token, &jwt);
    return e == OK ? jwt_verify(f->signer, &jwt, TYP) : e;
}

static void refuse(struct fixture *f, str token, const char *what)
{
    if (judge(f, token) != ERR_INVALID_TOKEN)
        fail_msg("accepted: %s", what);
}

/* {"alg":"ES256","kid":<ours>,"typ":"at+jwt"<more>} */
static str header_with(struct fixture *f, const char *more)
{
    return arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\",\"typ\":\"at+jwt\"%s}",
                        STR_ARG(f->kid[JWS_ES256]), more);
}

static void what_we_sign_verifies(void **state)
{
    struct fixture *f = *state;
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        struct jwt jwt;
        struct buf b;
        int64_t exp_s;
        buf_init(&b, &f->a, 16, 4096);
        BUF_LIT(&b, "\"");
        const struct key *key = active(f, (enum jws_alg)alg);
        assert_int_equal(jwt_sign(f->signer, key, TYP, STR(CLAIMS), &b), OK);
        str token = str_sub(buf_str(&b), 1, b.n); /* it is appended */
        assert_int_equal(jwt_parse(&f->a, token, &jwt), OK);
        assert_str(jwt.alg, str_from(jws_algs[alg].name));
        assert_str(jwt.kid, f->kid[alg]);
        assert_str(jwt.typ, TYP);
        assert_int_equal(jwt.header->n, 3);
        assert_str(json_get_str(jwt.claims, STR("iss")), STR("https://as.example"));
        assert_true(jwt_time(&jwt, STR("exp"), &exp_s) && exp_s == 4102444800);
        assert_int_equal(jwt_verify(f->signer, &jwt, TYP), OK);
    }
}

/* The kept header must follow the type and the key. */
static void types_change_with_the_call(void **state)
{
    struct fixture *f = *state;
    static const char *const types[] = {"at+jwt", "JWT", "at+jwt", "logout+jwt", "logout+jwt"};
    for (size_t i = 0; i < 2 * sizeof types / sizeof types[0]; i++) {
        struct jwt jwt;
        struct buf b;
        enum jws_alg alg = i % 2 ? JWS_EDDSA : JWS_ES256;
        str typ = str_from(types[i / 2]);
        buf_init(&b, &f->a, 1024, 4096);
        assert_int_equal(jwt_sign(f->signer, active(f, alg), typ, STR(CLAIMS), &b), OK);
        assert_int_equal(jwt_parse(&f->a, buf_str(&b), &jwt), OK);
        assert_str(jwt.typ, typ);
        assert_str(jwt.kid, f->kid[alg]);
        assert_int_equal(jwt_verify(f->signer, &jwt, typ), OK);
    }
}

static void signing_needs_room_and_our_key(void **state)
{
    struct fixture *f = *state;
    char small[100];
    struct buf b;
    struct key foreign = *active(f, JWS_ES256);
    buf_fixed(&b, small, sizeof small);
    assert_int_equal(jwt_sign(f->signer, active(f, JWS_ES256), TYP, STR(CLAIMS), &b),
                     ERR_SERVER_ERROR);
    assert_int_equal(b.n, 0);
    buf_init(&b, &f->a, 1024, 4096);
    assert_int_equal(jwt_sign(f->signer, &foreign, TYP, STR(CLAIMS), &b), ERR_SERVER_ERROR);
    assert_int_equal(jwt_sign(f->signer, active(f, JWS_ES256), STR(""), STR(CLAIMS), &b),
                     ERR_SERVER_ERROR);
    str longer = arena_printf(&f->a, "%065d", 1);
    assert_int_equal(jwt_sign(f->signer, active(f, JWS_ES256), longer, STR(CLAIMS), &b),
                     ERR_SERVER_ERROR);
    assert_int_equal(b.n, 0);
}

static void headers_that_do_no_harm_pass(void **state)
{
    struct fixture *f = *state;
    static const char *const more[] = {
        "", ",\"cty\":\"JWT\"",
        ",\"jku\":\"https://evil.example/jwks\"", /* security.md 44: never read */
        ",\"x5u\":\"https://evil.example/x5u\",\"x5c\":[\"AA\"]", ",\"jwk\":{\"kty\":\"EC\"}"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        assert_int_equal(judge(f, mint(f, JWS_ES256, header_with(f, more[i]), STR(CLAIMS))), OK);
    static const char *const types[] = {"AT+JWT", "application/at+jwt", "Application/AT+jwt"};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        str h = arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\",\"typ\":\"%s\"}",
                             STR_ARG(f->kid[JWS_ES256]), types[i]);
        assert_int_equal(judge(f, mint(f, JWS_ES256, h, STR(CLAIMS))), OK);
    }
}

/* security.md 43 */
static void algorithms_come_from_our_ring(void **state)
{
    struct fixture *f = *state;
    static const char *const alg[] = {"\"none\"",
                                      "\"None\"",
                                      "\"NONE\"",
                                      "\"nOnE\"",
                                      "\"\"",
                                      "null",
                                      "1",
                                      "[\"ES256\"]",
                                      "{}",
                                      "true",
                                      "\"es256\"",
                                      "\"ES256 \"",
                                      "\"HS256\"",
                                      "\"RS512\"",
                                      "\"ES384\"",
                                      "\"RS256\"",
                                      "\"PS256\"",
                                      "\"EdDSA\"",
                                      "\"PBES2-HS256+A128KW\"",
                                      "\"dir\""};
    for (size_t i = 0; i < sizeof alg / sizeof alg[0]; i++) {
        str h = arena_printf(&f->a, "{\"alg\":%s,\"kid\":\"%.*s\",\"typ\":\"at+jwt\"}", alg[i],
                             STR_ARG(f->kid[JWS_ES256]));
        str token = mint(f, JWS_ES256, h, STR(CLAIMS));
        refuse(f, token, alg[i]);
        size_t dot = str_find(token, '.', str_find(token, '.', 0) + 1);
        refuse(f, str_sub(token, 0, dot + 1), alg[i]); /* with no signature at all */
        refuse(f, str_sub(token, 0, dot), alg[i]);
    }
    str h =
        arena_printf(&f->a, "{\"kid\":\"%.*s\",\"typ\":\"at+jwt\"}", STR_ARG(f->kid[JWS_ES256]));
    refuse(f, mint(f, JWS_ES256, h, STR(CLAIMS)), "no alg");
    h = arena_printf(&f->a,
                     "{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"%.*s\",\"typ\":"
                     "\"at+jwt\"}",
                     STR_ARG(f->kid[JWS_ES256]));
    refuse(f, mint(f, JWS_ES256, h, STR(CLAIMS)), "alg twice");
    h = arena_printf(&f->a, "{\"alg\":\"PS256\",\"kid\":\"%.*s\",\"typ\":\"at+jwt\"}",
                     STR_ARG(f->kid[JWS_RS256]));
    refuse(f, mint(f, JWS_RS256, h, STR(CLAIMS)), "PS256 where RS256 is pinned");
}

/* A MAC keyed with what everybody can read of our key (RFC 8725 2.1). */
static void refuse_mac(struct fixture *f, const char *alg, str mac_key)
{
    uint8_t mac[32];
    size_t n;
    struct buf b;
    str h = arena_printf(&f->a, "{\"alg\":\"%s\",\"kid\":\"%.*s\",\"typ\":\"at+jwt\"}", alg,
                         STR_ARG(f->kid[JWS_RS256]));
    buf_init(&b, &f->a, 1024, 65536);
    b64url_write(&b, h.p, h.n);
    buf_char(&b, '.');
    b64url_write(&b, CLAIMS, sizeof CLAIMS - 1);
    assert_non_null(EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, mac_key.n ? mac_key.p : "",
                              mac_key.n, (uint8_t *)b.p, b.n, mac, sizeof mac, &n));
    buf_char(&b, '.');
    b64url_write(&b, mac, sizeof mac);
    refuse(f, buf_str(&b), alg);
}

static void macs_under_the_public_key_are_refused(void **state)
{
    struct fixture *f = *state;
    EVP_PKEY *evp = active(f, JWS_RS256)->pkey->evp;
    uint8_t *der = NULL;
    char *pem;
    struct buf jwk;
    int der_n = i2d_PUBKEY(evp, &der);
    BIO *bio = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PUBKEY(bio, evp), 1);
    long pem_n = BIO_get_mem_data(bio, &pem);
    buf_init(&jwk, &f->a, 1024, 4096);
    jwk_write_public(&jwk, active(f, JWS_RS256)->pkey);
    static const char *const algs[] = {"HS256", "RS256", "none"};
    for (size_t i = 0; i < 3; i++) {
        refuse_mac(f, algs[i], str_make((char *)der, (size_t)der_n));
        refuse_mac(f, algs[i], str_make(pem, (size_t)pem_n));
        refuse_mac(f, algs[i], buf_str(&jwk));
        refuse_mac(f, algs[i], STR(""));
    }
    OPENSSL_free(der);
    BIO_free(bio);
}

/* security.md 44 */
static void extensions_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const more[] = {",\"crit\":[\"exp\"],\"exp\":1",
                                       ",\"crit\":[]",
                                       ",\"crit\":null",
                                       ",\"crit\":[\"b64\"],\"b64\":false",
                                       ",\"b64\":false",
                                       ",\"b64\":true",
                                       ",\"zip\":\"DEF\"",
                                       ",\"zip\":null"};
    for (size_t i = 0; i < sizeof more / sizeof more[0]; i++)
        refuse(f, mint(f, JWS_ES256, header_with(f, more[i]), STR(CLAIMS)), more[i]);
    str token = mint(f, JWS_ES256, header_with(f, ""), STR(CLAIMS)), h, p, s;
    str_cut(token, '.', &h, &p);
    str_cut(p, '.', &p, &s);
    refuse(f,
           arena_printf(&f->a,
                        "{\"payload\":\"%.*s\",\"protected\":\"%.*s\",\"signature\":"
                        "\"%.*s\"}",
                        STR_ARG(p), STR_ARG(h), STR_ARG(s)),
           "flattened JSON");
    refuse(f,
           arena_printf(&f->a,
                        "{\"payload\":\"%.*s\",\"signatures\":[{\"protected\":\"%.*s\","
                        "\"signature\":\"%.*s\"}]}",
                        STR_ARG(p), STR_ARG(h), STR_ARG(s)),
           "general JSON");
    refuse(f, arena_printf(&f->a, "%.*s..%.*s", STR_ARG(h), STR_ARG(s)), "detached payload");
    refuse(f, arena_printf(&f->a, "%.*s.AA", STR_ARG(token)), "four segments");
    refuse(f, arena_printf(&f->a, "%.*s.AA.AA", STR_ARG(token)), "JWE");
}

/* security.md 45 */
static void wrong_kids_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const kids[] = {"1",
                                       "null",
                                       "[]",
                                       "{}",
                                       "\"\"",
                                       "\"IC\"",
                                       "\"../../../../dev/null\"",
                                       "\"' OR '1'='1\"",
                                       "\"\\u0000\"",
                                       "\"a\\u0000b\"",
                                       "\"IC00000000000000000000000000000000\""};
    for (size_t i = 0; i < sizeof kids / sizeof kids[0]; i++) {
        str h = arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":%s,\"typ\":\"at+jwt\"}", kids[i]);
        refuse(f, mint(f, JWS_ES256, h, STR(CLAIMS)), kids[i]);
    }
    refuse(f, mint(f, JWS_ES256, STR("{\"alg\":\"ES256\",\"typ\":\"at+jwt\"}"), STR(CLAIMS)),
           "no kid");
    str h = arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\",\"typ\":\"at+jwt\"}",
                         STR_ARG(f->kid[JWS_EDDSA]));
    refuse(f, mint(f, JWS_ES256, h, STR(CLAIMS)), "the kid of another key");
}

static void long_kids_are_refused_before_any_look_up(void **state)
{
    struct fixture *f = *state;
    struct jwt jwt;
    for (int n = LIMIT_KID; n <= LIMIT_KID + 1; n++) {
        str h =
            arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":\"%0*d\",\"typ\":\"at+jwt\"}", n, 1);
        str token = mint(f, JWS_ES256, h, STR(CLAIMS));
        assert_int_equal(jwt_parse(&f->a, token, &jwt), n == LIMIT_KID ? OK : ERR_INVALID_TOKEN);
    }
}

static void other_types_are_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const types[] = {",\"typ\":\"JWT\"",
                                        ",\"typ\":\"\"",
                                        ",\"typ\":1",
                                        ",\"typ\":null",
                                        ",\"typ\":[\"at+jwt\"]",
                                        ",\"typ\":\"application/\"",
                                        "",
                                        ",\"typ\":\"logout+jwt\"",
                                        ",\"typ\":\"application/application/at+jwt\"",
                                        ",\"typ\":\"at+jwt \"",
                                        ",\"typ\":\"text/at+jwt\""};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        str h = arena_printf(&f->a, "{\"alg\":\"ES256\",\"kid\":\"%.*s\"%s}",
                             STR_ARG(f->kid[JWS_ES256]), types[i]);
        refuse(f, mint(f, JWS_ES256, h, STR(CLAIMS)), types[i]);
    }
}

/* security.md 47 */
static void claims_have_their_types(void **state)
{
    struct fixture *f = *state;
    static const char *const bad[] = {"{}",
                                      "[]",
                                      "1",
                                      "\"exp\"",
                                      "null",
                                      "",
                                      "{\"exp\":4102444800",
                                      "{\"exp\":4102444800}x",
                                      "{\"exp\":\"4102444800\"}",
                                      "{\"exp\":-1}",
                                      "{\"exp\":1e400}",
                                      "{\"exp\":4102444800.5}",
                                      "{\"exp\":4102444800.0}",
                                      "{\"exp\":4e9}",
                                      "{\"exp\":9223372036854775808}",
                                      "{\"exp\":9007199254740993}",
                                      "{\"exp\":null}",
                                      "{\"exp\":true}",
                                      "{\"exp\":[1]}",
                                      "{\"exp\":1,\"exp\":4102444800}",
                                      "{\"exp\":-0}",
                                      "{\"exp\":4102444800,\"nbf\":\"0\"}",
                                      "{\"exp\":4102444800,\"nbf\":-1}",
                                      "{\"exp\":4102444800,\"nbf\":0.5}",
                                      "{\"exp\":4102444800,\"iat\":\"0\"}",
                                      "{\"exp\":4102444800,\"iat\":1e400}",
                                      "{\"exp\":4102444800,\"iat\":null}",
                                      "{\"exp\":4102444800,\"aud\":[\"a\",1]}",
                                      "{\"exp\":4102444800,\"aud\":[]}",
                                      "{\"exp\":4102444800,\"aud\":1}",
                                      "{\"exp\":4102444800,\"aud\":[[\"a\"]]}",
                                      "{\"exp\":4102444800,\"aud\":null}",
                                      "{\"exp\":4102444800,\"iss\":1}",
                                      "{\"exp\":4102444800,\"sub\":[]}",
                                      "{\"exp\":4102444800,\"jti\":{}}"};
    static const char *const good[] = {"{\"exp\":4102444800}", "{\"exp\":0}",
                                       "{\"exp\":9007199254740992}",
                                       "{\"exp\":1,\"nbf\":0,\"iat\":0,\"aud\":[\"a\",\"b\"]}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        refuse(f, mint(f, JWS_ES256, header_with(f, ""), str_from(bad[i])), bad[i]);
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        if (judge(f, mint(f, JWS_ES256, header_with(f, ""), str_from(good[i]))) != OK)
            fail_msg("refused: %s", good[i]);
}

/* security.md 48: another spelling of the same bytes is not the same token. */
static void segments_are_strict(void **state)
{
    struct fixture *f = *state;
    str token = mint(f, JWS_ES256, header_with(f, ""), STR(CLAIMS));
    size_t ends[3] = {str_find(token, '.', 0), 0, token.n};
    ends[1] = str_find(token, '.', ends[0] + 1);
    static const char *const junk[] = {"=", "==", " ", "\n", "+", "/", "%", "\t", "A", "\x80"};
    for (size_t s = 0; s < 3; s++) {
        for (size_t j = 0; j < sizeof junk / sizeof junk[0]; j++) {
            str head = str_sub(token, 0, ends[s]), tail = str_sub(token, ends[s], token.n);
            refuse(f, arena_printf(&f->a, "%.*s%s%.*s", STR_ARG(head), junk[j], STR_ARG(tail)),
                   junk[j]);
        }
    }
    refuse(f, arena_printf(&f->a, " %.*s", STR_ARG(token)), "a space in front");
    refuse(f, str_sub(token, ends[0] + 1, token.n), "two segments");
    refuse(f, str_sub(token, ends[0], token.n), "an empty header");
    refuse(f, STR(".."), "three empty segments");
    refuse(f, STR(""), "nothing");
    refuse(f, STR("a.b.c"), "no segments of ours");
}

/* 64 bytes leave four bits unused in the last character, 86 * 6 - 512; setting one of them must
 * not give a second token that means the same. */
static void unused_bits_are_zero(void **state)
{
    struct fixture *f = *state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    str token = mint(f, JWS_ES256, header_with(f, ""), STR(CLAIMS));
    char *last = (char *)token.p + token.n - 1, was = *last;
    long at = strchr(alphabet, was) - alphabet;
    assert_int_equal(at % 16, 0);
    for (int i = 1; i < 16; i++) {
        *last = alphabet[at + i];
        refuse(f, token, "unused bits");
    }
    *last = was;
    assert_int_equal(judge(f, token), OK);
}

static void every_changed_character_spoils_a_token(void **state)
{
    struct fixture *f = *state;
    str token = mint(f, JWS_ES256, header_with(f, ""), STR(CLAIMS));
    for (size_t i = 0; i < token.n; i++) {
        char was = token.p[i];
        ((char *)token.p)[i] = was == 'A' ? 'B' : 'A';
        refuse(f, token, "a changed character");
        ((char *)token.p)[i] = was;
        if (i % 7 == 0)
            refuse(f, str_sub(token, 0, i), "a piece");
    }
    assert_int_equal(judge(f, token), OK);
}

static void long_tokens_are_refused(void **state)
{
    struct fixture *f = *state;
    struct jwt jwt;
    for (int n = 11000; n <= 13000; n += 2000) {
        str claims = arena_printf(&f->a, "{\"exp\":4102444800,\"x\":\"%0*d\"}", n, 1);
        str token = mint(f, JWS_ES256, header_with(f, ""), claims);
        assert_int_equal(jwt_parse(&f->a, token, &jwt),
                         token.n <= LIMIT_JWT ? OK : ERR_INVALID_TOKEN);
        assert_true((token.n <= LIMIT_JWT) == (n == 11000));
    }
}

static void published_tokens_that_are_not_ours_are_refused(void **state)
{
    struct fixture *f = *state;
    VECTORS_EACH(v, f->vectors, "tokens_refused")
    refuse(f, json_get_str(v, STR("token")), "a published token");
}

/* RFC 7515 A.2, A.3: claims with line breaks, no kid and no typ; they parse, no key of ours fits.
 */
static void published_tokens_parse(void **state)
{
    struct fixture *f = *state;
    size_t n = 0;
    VECTORS_EACH(v, f->vectors, "signatures")
    {
        struct jwt jwt;
        int64_t exp_s;
        if (!str_starts(json_get_str(v, STR("spec")), STR("RFC 7515")))
            continue;
        str token = arena_printf(&f->a, "%.*s.%.*s", STR_ARG(json_get_str(v, STR("input"))),
                                 STR_ARG(json_get_str(v, STR("signature"))));
        assert_int_equal(jwt_parse(&f->a, token, &jwt), OK);
        assert_str(jwt.input, json_get_str(v, STR("input")));
        assert_null(jwt.kid.p);
        assert_null(jwt.typ.p);
        assert_true(jwt_time(&jwt, STR("exp"), &exp_s) && exp_s == 1300819380);
        assert_false(jwt_time(&jwt, STR("iat"), &exp_s));
        assert_false(jwt_time(&jwt, STR("iss"), &exp_s));
        assert_int_equal(jwt_verify(f->signer, &jwt, TYP), ERR_INVALID_TOKEN);
        n++;
    }
    assert_int_equal(n, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_we_sign_verifies),
        cmocka_unit_test(types_change_with_the_call),
        cmocka_unit_test(signing_needs_room_and_our_key),
        cmocka_unit_test(headers_that_do_no_harm_pass),
        cmocka_unit_test(algorithms_come_from_our_ring),
        cmocka_unit_test(macs_under_the_public_key_are_refused),
        cmocka_unit_test(extensions_are_refused),
        cmocka_unit_test(wrong_kids_are_refused),
        cmocka_unit_test(long_kids_are_refused_before_any_look_up),
        cmocka_unit_test(other_types_are_refused),
        cmocka_unit_test(claims_have_their_types),
        cmocka_unit_test(segments_are_strict),
        cmocka_unit_test(unused_bits_are_zero),
        cmocka_unit_test(every_changed_character_spoils_a_token),
        cmocka_unit_test(long_tokens_are_refused),
        cmocka_unit_test(published_tokens_that_are_not_ours_are_refused),
        cmocka_unit_test(published_tokens_parse),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
