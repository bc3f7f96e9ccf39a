/* jws: signatures over the algorithm table (RFC 7515, 7518 3, 8037 3.1) with kept contexts.
 *
 * A context keeps one EVP_PKEY_CTX for signing and one for verifying, and a digest context. For
 * ES256, RS256 and PS256 the input is hashed with the kept digest and the hash goes to
 * EVP_PKEY_sign: no allocation for the message, and a little faster than copying a prepared
 * EVP_DigestSign context per signature. Ed25519 hashes inside (RFC 8032), so it takes the message.
 * ECDSA signatures change between DER (the library) and r || s (JOSE) by hand, without big
 * numbers; lengths and ranges are judged before the library sees anything.
 * Neither "none" nor a MAC has a row in the table, so no caller can ask for them.
 */
#include "crypto/jws.h"

#include <openssl/err.h>
#include <openssl/rsa.h>
#include <stdlib.h>

#include "base/heap.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/pkey.h"

#define COORDINATE     32 /* bytes of r and of s */
#define ES256_BYTES    (2 * COORDINATE)
#define ES256_DER      72 /* SEQUENCE of two INTEGERs of at most 33 bytes */
#define ED25519_BYTES  64
#define RSA_BYTES_MAX  512
#define DER_SEQUENCE   0x30
#define DER_INTEGER    0x02
#define PSS_SALT_BYTES 32 /* RFC 7518 3.5: the size of the hash */

const struct jws_alg_info jws_algs[JWS_ALGS] = {
    [JWS_ES256] = {"ES256", "EC", "P-256", ES256_BYTES, "RFC 7518 3.4"},
    [JWS_RS256] = {"RS256", "RSA", NULL, RSA_BYTES_MAX, "RFC 7518 3.3"},
    [JWS_PS256] = {"PS256", "RSA", NULL, RSA_BYTES_MAX, "RFC 7518 3.5"},
    [JWS_EDDSA] = {"EdDSA", "OKP", "Ed25519", ED25519_BYTES, "RFC 8037 3.1"},
};

struct jws_ctx {
    enum jws_alg alg;
    EVP_PKEY *evp;               /* a reference of our own */
    EVP_PKEY_CTX *sign, *verify; /* NULL for EdDSA; `sign` also for a public key */
    EVP_MD_CTX *message;         /* EdDSA */
    struct hasher *hasher;       /* the others */
    size_t modulus;              /* RSA: bytes of n, which is the size of a signature */
};

bool jws_alg_parse(str name, enum jws_alg *out)
{
    if (str_eq(name, STR("Ed25519"))) /* RFC 9864 2.2 */
        name = STR("EdDSA");
    for (int i = 0; i < JWS_ALGS; i++) {
        if (str_eq(name, str_from(jws_algs[i].name))) {
            *out = (enum jws_alg)i;
            return true;
        }
    }
    return false;
}

/* RFC 7518 3.3, 3.5: SHA-256 everywhere; PSS with MGF1 over it and a salt of its size. */
static bool set_rsa_padding(EVP_PKEY_CTX *ctx, enum jws_alg alg, const EVP_MD *md)
{
    if (alg == JWS_RS256)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) == 1 &&
               EVP_PKEY_CTX_set_signature_md(ctx, md) == 1;
    return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, md) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, PSS_SALT_BYTES) == 1;
}

static EVP_PKEY_CTX *open_ctx(enum jws_alg alg, EVP_PKEY *evp, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, evp, NULL);
    EVP_MD *md = EVP_MD_fetch(NULL, "SHA256", NULL);
    bool ok = ctx && md && init(ctx) == 1;
    if (ok && (alg == JWS_RS256 || alg == JWS_PS256))
        ok = set_rsa_padding(ctx, alg, md);
    EVP_MD_free(md);
    if (ok)
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    ERR_clear_error();
    return NULL;
}

/* RFC 8725 3.1: a key serves the algorithm it was made for (RS256 and PS256 share their type). */
static void require_match(enum jws_alg alg, const struct pkey *key)
{
    if (!str_eq(str_from(jws_algs[alg].kty), str_from(jws_algs[key->alg].kty)))
        fatal("a key for %s cannot serve %s", jws_algs[key->alg].name, jws_algs[alg].name);
}

struct jws_ctx *jws_open(enum jws_alg alg, const struct pkey *key)
{
    require_match(alg, key);
    struct jws_ctx *ctx = heap_get(sizeof *ctx);
    if (EVP_PKEY_up_ref(key->evp) != 1)
        fatal("out of memory for a signing context");
    ctx->alg = alg;
    ctx->evp = key->evp;
    ctx->modulus = (size_t)EVP_PKEY_get_size(key->evp);
    if (alg == JWS_EDDSA) {
        ctx->message = EVP_MD_CTX_new();
        if (!ctx->message)
            fatal("out of memory for a signing context");
        return ctx;
    }
    ctx->hasher = hash_open();
    ctx->sign = open_ctx(alg, key->evp, EVP_PKEY_sign_init);
    ctx->verify = open_ctx(alg, key->evp, EVP_PKEY_verify_init);
    return ctx;
}

struct jws_ctx *jws_open_jwk(enum jws_alg alg, const struct json *jwk)
{
    struct pkey *key;
    if (jwk_parse_public(jwk, alg, &key) != OK)
        return NULL;
    struct jws_ctx *ctx = jws_open(alg, key);
    jwk_free(key);
    if (alg == JWS_EDDSA || ctx->verify)
        return ctx;
    jws_close(ctx);
    return NULL;
}

void jws_close(struct jws_ctx *ctx)
{
    if (!ctx)
        return;
    EVP_PKEY_CTX_free(ctx->sign);
    EVP_PKEY_CTX_free(ctx->verify);
    EVP_MD_CTX_free(ctx->message);
    hash_close(ctx->hasher);
    EVP_PKEY_free(ctx->evp);
    heap_free(ctx);
}

/* Reads one INTEGER at *p into a coordinate; false when it is not one or has no room there. */
static bool read_integer(const uint8_t **p, const uint8_t *end, uint8_t out[COORDINATE])
{
    const uint8_t *v = *p + 2;
    if (end - *p < 2 || (*p)[0] != DER_INTEGER || (*p)[1] > end - v)
        return false;
    size_t n = (*p)[1];
    *p = v + n;
    while (n > 0 && *v == 0) {
        v++;
        n--;
    }
    if (n > COORDINATE)
        return false;
    memset(out, 0, COORDINATE - n);
    memcpy(out + COORDINATE - n, v, n);
    return true;
}

/* DER to r || s (RFC 7518 3.4). The sequence is shorter than 128 bytes: one length byte. */
static bool from_der(const uint8_t *der, size_t n, uint8_t out[ES256_BYTES])
{
    if (n < 2 || der[0] != DER_SEQUENCE || der[1] != n - 2)
        return false;
    const uint8_t *p = der + 2, *end = der + n;
    return read_integer(&p, end, out) && read_integer(&p, end, out + COORDINATE) && p == end;
}

static uint8_t *put_integer(uint8_t *p, const uint8_t *v)
{
    size_t n = COORDINATE;
    while (n > 1 && *v == 0) {
        v++;
        n--;
    }
    size_t sign = *v >> 7; /* a zero byte keeps it positive */
    *p++ = DER_INTEGER;
    *p++ = (uint8_t)(n + sign);
    if (sign)
        *p++ = 0;
    memcpy(p, v, n);
    return p + n;
}

static size_t to_der(const uint8_t *raw, uint8_t der[ES256_DER])
{
    uint8_t *end = put_integer(put_integer(der + 2, raw), raw + COORDINATE);
    der[0] = DER_SEQUENCE;
    der[1] = (uint8_t)(end - der - 2);
    return (size_t)(end - der);
}

static enum err sign_digest(struct jws_ctx *ctx, str input, uint8_t *signature, size_t *n)
{
    struct digest d;
    uint8_t der[ES256_DER];
    bool ecdsa = ctx->alg == JWS_ES256;
    size_t size = ecdsa ? sizeof der : *n;
    if (!ctx->sign)
        return ERR_SERVER_ERROR;
    hash_sha256(ctx->hasher, &input, 1, &d);
    if (EVP_PKEY_sign(ctx->sign, ecdsa ? der : signature, &size, d.b, sizeof d.b) != 1)
        return ERR_SERVER_ERROR;
    if (ecdsa && !from_der(der, size, signature))
        return ERR_SERVER_ERROR;
    *n = ecdsa ? ES256_BYTES : size;
    return OK;
}

static enum err sign_message(struct jws_ctx *ctx, str input, uint8_t *signature, size_t *n)
{
    if (EVP_DigestSignInit(ctx->message, NULL, NULL, NULL, ctx->evp) != 1 ||
        EVP_DigestSign(ctx->message, signature, n, (const uint8_t *)input.p, input.n) != 1)
        return ERR_SERVER_ERROR;
    return OK;
}

enum err jws_sign(struct jws_ctx *ctx, str input, uint8_t *signature, size_t *n)
{
    bool rsa = ctx->alg == JWS_RS256 || ctx->alg == JWS_PS256;
    if (*n < (rsa ? ctx->modulus : jws_algs[ctx->alg].max_signature))
        return ERR_SERVER_ERROR;
    enum err e = ctx->alg == JWS_EDDSA ? sign_message(ctx, input, signature, n)
                                       : sign_digest(ctx, input, signature, n);
    if (e != OK)
        ERR_clear_error();
    return e;
}

/* 1 <= v < n, the order of P-256 (FIPS 186-5 6.4.2). Nothing here is secret. */
static bool in_p256_range(const uint8_t *v)
{
    static const uint8_t zero[COORDINATE];
    static const uint8_t order[COORDINATE] = {0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
                                              0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                              0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                              0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    return memcmp(v, zero, COORDINATE) != 0 && memcmp(v, order, COORDINATE) < 0;
}

/* S < L, little endian (RFC 8032 5.1.7): else a second signature of the same text would pass. */
static bool in_ed25519_range(const uint8_t *s)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    for (int i = 31; i >= 0; i--)
        if (s[i] != order[i])
            return s[i] < order[i];
    return false;
}

/* security.md 48 */
static bool is_well_formed(const struct jws_ctx *ctx, str signature)
{
    const uint8_t *s = (const uint8_t *)signature.p;
    switch (ctx->alg) {
    case JWS_ES256: /* RFC 7518 3.4 */
        return signature.n == ES256_BYTES && in_p256_range(s) && in_p256_range(s + COORDINATE);
    case JWS_EDDSA: /* RFC 8032 5.1.7 */
        return signature.n == ED25519_BYTES && in_ed25519_range(s + 32);
    case JWS_RS256:
    case JWS_PS256: /* RFC 8017 8.1.2, 8.2.2 */
        return signature.n == ctx->modulus;
    case JWS_ALGS:
    default:
        return false;
    }
}

static bool verify_digest(struct jws_ctx *ctx, str input, str signature)
{
    struct digest d;
    uint8_t der[ES256_DER];
    const uint8_t *s = (const uint8_t *)signature.p;
    size_t n = signature.n;
    if (!ctx->verify)
        return false;
    if (ctx->alg == JWS_ES256) {
        n = to_der(s, der);
        s = der;
    }
    hash_sha256(ctx->hasher, &input, 1, &d);
    return EVP_PKEY_verify(ctx->verify, s, n, d.b, sizeof d.b) == 1;
}

static bool verify_message(struct jws_ctx *ctx, str input, str signature)
{
    return EVP_DigestVerifyInit(ctx->message, NULL, NULL, NULL, ctx->evp) == 1 &&
           EVP_DigestVerify(ctx->message, (const uint8_t *)signature.p, signature.n,
                            (const uint8_t *)input.p, input.n) == 1;
}

enum err jws_verify(struct jws_ctx *ctx, str input, str signature)
{
    if (!is_well_formed(ctx, signature))
        return ERR_INVALID_TOKEN;
    if (ctx->alg == JWS_EDDSA ? verify_message(ctx, input, signature)
                              : verify_digest(ctx, input, signature))
        return OK;
    ERR_clear_error();
    return ERR_INVALID_TOKEN;
}
