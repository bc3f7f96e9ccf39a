/* jwk: keys of the algorithm table as JSON and as PKCS#8 (RFC 7517, 7518 6, 8037 2, 7638).
 *
 * Keys enter by two doors, a public JWK and a sealed PKCS#8 blob, and leave by two: public members
 * and PKCS#8. The private JWK form does not exist here, so it cannot leak through it.
 * A JWK is judged member by member before the library is asked (security.md 41, 49): key type and
 * curve are those of the algorithm that our configuration names, coordinates have exactly their
 * length, numbers their shortest form. That a point lies on its curve is the library's check.
 * Symmetric keys ("oct") have no algorithm here; x5c, x5t and x5u are ignored (RFC 7517 4).
 */
#include "crypto/jwk.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "codec/b64url.h"
#include "crypto/hash.h"
#include "crypto/pkey.h"

#define COORDINATE     32
#define RSA_BITS_MIN   2048
#define RSA_BITS_MAX   4096
#define RSA_E_MAX      8 /* bytes; longer exponents only make verifying slow */
#define PUBLIC_MAX     1024
#define UNCOMPRESSED   0x04 /* SEC 1 2.3.3 */
#define RSA_BITS_FRESH 2048

static bool is_rsa(enum jws_alg alg)
{
    return alg == JWS_RS256 || alg == JWS_PS256;
}

static struct pkey *wrap(EVP_PKEY *evp, enum jws_alg alg)
{
    struct pkey *key = heap_get(sizeof *key);
    key->evp = evp;
    key->alg = alg;
    return key;
}

void jwk_free(struct pkey *key)
{
    if (!key)
        return;
    EVP_PKEY_free(key->evp); /* wipes the private part */
    heap_free(key);
}

struct pkey *jwk_generate(enum jws_alg alg)
{
    EVP_PKEY *evp = NULL;
    if (alg == JWS_ES256)
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    else if (alg == JWS_EDDSA)
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
    else
        evp = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)RSA_BITS_FRESH);
    if (!evp)
        fatal("OpenSSL cannot make a key for %s", jws_algs[alg].name);
    return wrap(evp, alg);
}

str jwk_private_der(struct arena *a, const struct pkey *key)
{
    PKCS8_PRIV_KEY_INFO *info = EVP_PKEY2PKCS8(key->evp);
    int n = info ? i2d_PKCS8_PRIV_KEY_INFO(info, NULL) : -1;
    if (n <= 0)
        fatal("OpenSSL cannot write a private key");
    uint8_t *der = arena_alloc(a, (size_t)n), *end = der;
    if (i2d_PKCS8_PRIV_KEY_INFO(info, &end) != n)
        fatal("OpenSSL cannot write a private key");
    PKCS8_PRIV_KEY_INFO_free(info); /* wipes its copy */
    return str_make((const char *)der, (size_t)n);
}

/* security.md 41, 49: n odd and of 2048 to 4096 bits, e odd and at least 3. */
static bool is_sound_rsa(const BIGNUM *n, const BIGNUM *e)
{
    return n && e && BN_num_bits(n) >= RSA_BITS_MIN && BN_num_bits(n) <= RSA_BITS_MAX &&
           BN_is_odd(n) && BN_is_odd(e) && !BN_is_one(e) && BN_num_bytes(e) <= RSA_E_MAX;
}

/* The key is of the type, curve and strength that the algorithm demands. */
static bool is_key_for(EVP_PKEY *evp, enum jws_alg alg)
{
    char group[32] = "";
    if (alg == JWS_EDDSA)
        return EVP_PKEY_is_a(evp, "ED25519");
    if (alg == JWS_ES256)
        return EVP_PKEY_is_a(evp, "EC") &&
               EVP_PKEY_get_group_name(evp, group, sizeof group, NULL) == 1 &&
               str_eq(str_from(group), STR("prime256v1"));
    BIGNUM *n = NULL, *e = NULL;
    bool ok = EVP_PKEY_is_a(evp, "RSA") &&
              EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_N, &n) == 1 &&
              EVP_PKEY_get_bn_param(evp, OSSL_PKEY_PARAM_RSA_E, &e) == 1 && is_sound_rsa(n, e);
    BN_free(n);
    BN_free(e);
    return ok;
}

/* Whether the private part belongs to the public one is not asked: the blob comes from under our
 * own seal, and for RSA the question costs more than a start may take. */
enum err jwk_from_private_der(enum jws_alg alg, str der, struct pkey **out)
{
    const uint8_t *p = (const uint8_t *)der.p;
    if (der.n == 0 || der.n > INT32_MAX)
        return ERR_INVALID_REQUEST;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)der.n);
    bool whole = info && p == (const uint8_t *)der.p + der.n;
    EVP_PKEY *evp = whole ? EVP_PKCS82PKEY(info) : NULL;
    PKCS8_PRIV_KEY_INFO_free(info);
    if (evp && is_key_for(evp, alg)) {
        *out = wrap(evp, alg);
        return OK;
    }
    EVP_PKEY_free(evp);
    ERR_clear_error();
    return ERR_INVALID_REQUEST;
}

void jwk_secure_heap(void)
{
    enum { BYTES = 1 << 20, LEAST = 16 };
    if (CRYPTO_secure_malloc_init(BYTES, LEAST) == 0)
        fatal("no memory for private keys");
}

str jwk_public_der(struct arena *a, const struct pkey *key)
{
    int n = i2d_PUBKEY(key->evp, NULL);
    if (n <= 0)
        fatal("OpenSSL cannot write a public key");
    uint8_t *der = arena_alloc(a, (size_t)n), *end = der;
    if (i2d_PUBKEY(key->evp, &end) != n)
        fatal("OpenSSL cannot write a public key");
    return str_make((const char *)der, (size_t)n);
}

enum err jwk_from_public_der(enum jws_alg alg, str der, struct pkey **out)
{
    const uint8_t *p = (const uint8_t *)der.p;
    if (der.n == 0 || der.n > INT32_MAX)
        return ERR_INVALID_REQUEST;
    EVP_PKEY *evp = d2i_PUBKEY(NULL, &p, (long)der.n);
    if (evp && p == (const uint8_t *)der.p + der.n && is_key_for(evp, alg)) {
        *out = wrap(evp, alg);
        return OK;
    }
    EVP_PKEY_free(evp);
    ERR_clear_error();
    return ERR_INVALID_REQUEST;
}

static void write_bn(struct buf *out, const struct pkey *key, const char *name, int fixed)
{
    uint8_t bytes[RSA_BITS_MAX / 8];
    BIGNUM *v = NULL;
    if (EVP_PKEY_get_bn_param(key->evp, name, &v) != 1)
        fatal("OpenSSL cannot read a public key");
    int n = fixed ? fixed : BN_num_bytes(v); /* RFC 7518 2: Base64urlUInt has no zeros in front */
    if (n > (int)sizeof bytes || BN_bn2binpad(v, bytes, n) != n)
        fatal("OpenSSL cannot write a public key");
    BN_free(v);
    b64url_write(out, bytes, (size_t)n);
}

static void write_rsa(struct buf *out, const struct pkey *key)
{
    BUF_LIT(out, "{\"e\":\"");
    write_bn(out, key, OSSL_PKEY_PARAM_RSA_E, 0);
    BUF_LIT(out, "\",\"kty\":\"RSA\",\"n\":\"");
    write_bn(out, key, OSSL_PKEY_PARAM_RSA_N, 0);
    BUF_LIT(out, "\"}");
}

static void write_ec(struct buf *out, const struct pkey *key)
{
    BUF_LIT(out, "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"");
    write_bn(out, key, OSSL_PKEY_PARAM_EC_PUB_X, COORDINATE);
    BUF_LIT(out, "\",\"y\":\"");
    write_bn(out, key, OSSL_PKEY_PARAM_EC_PUB_Y, COORDINATE);
    BUF_LIT(out, "\"}");
}

static void write_okp(struct buf *out, const struct pkey *key)
{
    uint8_t x[COORDINATE];
    size_t n = sizeof x;
    if (EVP_PKEY_get_raw_public_key(key->evp, x, &n) != 1 || n != sizeof x)
        fatal("OpenSSL cannot read a public key");
    BUF_LIT(out, "{\"crv\":\"Ed25519\",\"kty\":\"OKP\",\"x\":\"");
    b64url_write(out, x, n);
    BUF_LIT(out, "\"}");
}

/* RFC 7638 3.2, 3.3 and RFC 8037 2: required members alone, in this order, no white space. */
void jwk_write_public(struct buf *out, const struct pkey *key)
{
    if (is_rsa(key->alg))
        write_rsa(out, key);
    else if (key->alg == JWS_ES256)
        write_ec(out, key);
    else
        write_okp(out, key);
}

void jwk_write_entry(struct buf *out, const struct pkey *key, enum jws_alg alg, str kid)
{
    jwk_write_public(out, key);
    if (!out->overflow)
        out->n--; /* reopens the object */
    BUF_LIT(out, ",\"alg\":\"");
    buf_put(out, str_from(jws_algs[alg].name));
    BUF_LIT(out, "\",\"use\":\"sig\",\"kid\":");
    json_str(out, kid);
    buf_char(out, '}');
}

str jwk_thumbprint(struct arena *a, const struct pkey *key)
{
    char storage[PUBLIC_MAX];
    struct buf b;
    buf_fixed(&b, storage, sizeof storage);
    jwk_write_public(&b, key);
    struct hasher *h = hash_open();
    struct digest d;
    str text = buf_str(&b);
    hash_sha256(h, &text, 1, &d);
    hash_close(h);
    char *out = arena_alloc(a, B64URL_CHARS(sizeof d.b));
    b64url_encode(d.b, sizeof d.b, out);
    return str_make(out, B64URL_CHARS(sizeof d.b));
}

/* security.md 41: a private part, even one that we would ignore, means that the owner published
 * it. "k" is the whole of a symmetric key. */
bool jwk_has_private(const struct json *jwk)
{
    static const char *const names[] = {"d", "p", "q", "dp", "dq", "qi", "oth", "k", "priv"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (json_get(jwk, str_from(names[i])))
            return true;
    return false;
}

/* A member that may be missing, but if present is this string. */
static bool absent_or(const struct json *jwk, str name, str value)
{
    const struct json *v = json_get(jwk, name);
    return !v || (json_is(v, JSON_STR_T) && str_eq(v->s, value));
}

/* RFC 7517 4.3 */
static bool may_verify(const struct json *jwk)
{
    const struct json *ops = json_get(jwk, STR("key_ops"));
    if (!ops)
        return true;
    if (!json_is(ops, JSON_ARRAY_T))
        return false;
    for (const struct json *op = ops->first; op; op = op->next)
        if (json_is(op, JSON_STR_T) && str_eq(op->s, STR("verify")))
            return true;
    return false;
}

static bool alg_fits(const struct json *jwk, enum jws_alg alg)
{
    const struct json *v = json_get(jwk, STR("alg"));
    enum jws_alg named;
    return !v || (json_is(v, JSON_STR_T) && jws_alg_parse(v->s, &named) && named == alg);
}

bool jwk_is_meant_for(const struct json *jwk, enum jws_alg alg)
{
    const struct jws_alg_info *info = &jws_algs[alg];
    const char *crv = info->crv;
    return json_is(jwk, JSON_OBJECT_T) && !jwk_has_private(jwk) &&
           str_eq(json_get_str(jwk, STR("kty")), str_from(info->kty)) &&
           (!crv || str_eq(json_get_str(jwk, STR("crv")), str_from(crv))) &&
           absent_or(jwk, STR("use"), STR("sig")) && /* RFC 7517 4.2 */
           alg_fits(jwk, alg) && may_verify(jwk);
}

static EVP_PKEY *from_params(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY *evp = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &evp, EVP_PKEY_PUBLIC_KEY, params) != 1)
        evp = NULL;
    EVP_PKEY_CTX_free(ctx);
    return evp;
}

/* RFC 7518 6.2.1.2: exactly 32 bytes each. The library refuses a point off the curve and
 * coordinates not below the prime. */
static EVP_PKEY *read_ec(const struct json *jwk)
{
    uint8_t point[1 + 2 * COORDINATE] = {UNCOMPRESSED};
    if (!b64url_decode_exact(json_get_str(jwk, STR("x")), point + 1, COORDINATE) ||
        !b64url_decode_exact(json_get_str(jwk, STR("y")), point + 1 + COORDINATE, COORDINATE))
        return NULL;
    OSSL_PARAM params[3] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char[]){"prime256v1"}, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point),
        OSSL_PARAM_construct_end()};
    return from_params("EC", params);
}

/* RFC 7518 2: Base64urlUInt, so no zero byte in front; at most `max` bytes. */
static BIGNUM *read_uint(const struct json *jwk, str name, size_t max)
{
    uint8_t bytes[RSA_BITS_MAX / 8];
    str text = json_get_str(jwk, name);
    size_t n = text.n * 3 / 4;
    if (text.n == 0 || n > max || max > sizeof bytes || !b64url_decode_exact(text, bytes, n) ||
        bytes[0] == 0)
        return NULL;
    return BN_bin2bn(bytes, (int)n, NULL);
}

static EVP_PKEY *read_rsa(const struct json *jwk)
{
    EVP_PKEY *evp = NULL;
    BIGNUM *n = read_uint(jwk, STR("n"), RSA_BITS_MAX / 8);
    BIGNUM *e = read_uint(jwk, STR("e"), RSA_E_MAX);
    OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    if (build && is_sound_rsa(n, e) && OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n) &&
        OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e))
        params = OSSL_PARAM_BLD_to_param(build);
    if (params)
        evp = from_params("RSA", params);
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(build);
    BN_free(n);
    BN_free(e);
    return evp;
}

/* Points of small order, by their y: under such a key one signature fits any message, so whoever
 * registered it proves nothing. y >= p is no encoding of a point (RFC 8032 5.1.3). */
static bool is_weak_ed25519(const uint8_t x[COORDINATE])
{
    static const uint8_t weak[][COORDINATE] = {
        {0},
        {1},
        {0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
         0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f},
        {0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b,
         0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39,
         0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
        {0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4,
         0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6,
         0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05}};
    uint8_t y[COORDINATE];
    memcpy(y, x, sizeof y);
    y[31] &= 0x7f;
    for (size_t i = 0; i < sizeof weak / sizeof weak[0]; i++)
        if (memcmp(y, weak[i], sizeof y) == 0)
            return true;
    bool tall = y[31] == 0x7f;
    for (int i = 30; i > 0; i--)
        tall = tall && y[i] == 0xff;
    return tall && y[0] >= 0xed;
}

static EVP_PKEY *read_okp(const struct json *jwk)
{
    uint8_t x[COORDINATE];
    if (!b64url_decode_exact(json_get_str(jwk, STR("x")), x, sizeof x) || is_weak_ed25519(x))
        return NULL;
    return EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, x, sizeof x);
}

enum err jwk_parse_public(const struct json *jwk, enum jws_alg alg, struct pkey **out)
{
    EVP_PKEY *evp = NULL;
    if (!jwk_is_meant_for(jwk, alg))
        return ERR_INVALID_REQUEST;
    if (is_rsa(alg))
        evp = read_rsa(jwk);
    else
        evp = alg == JWS_ES256 ? read_ec(jwk) : read_okp(jwk);
    if (!evp) {
        ERR_clear_error();
        return ERR_INVALID_REQUEST;
    }
    *out = wrap(evp, alg);
    return OK;
}
