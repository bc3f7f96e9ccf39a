/* jwk: keys as JSON (RFC 7517, 7518, 8037) and their thumbprints (RFC 7638).
 *
 * A pkey wraps the library's key so that nobody above crypto/ sees it. Reading refuses, before
 * any arithmetic, what security.md 41 and 49 name: short or even RSA, points off the curve,
 * coordinates of the wrong length, symmetric keys.
 */
#ifndef CRYPTO_JWK_H
#define CRYPTO_JWK_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "codec/json.h"

enum jws_alg { JWS_ES256, JWS_RS256, JWS_PS256, JWS_EDDSA, JWS_ALGS };

/* One row per algorithm: the dispatch table that signing, verifying, metadata and `--alg` read. */
struct jws_alg_info {
    const char *name; /* "ES256" */
    const char *kty;  /* "EC" */
    const char *crv;  /* "P-256", or NULL */
    size_t max_signature;
    const char *spec;
};

extern const struct jws_alg_info jws_algs[JWS_ALGS];
/* By its exact JOSE name, or by the newer name of EdDSA, Ed25519; false when it is none of the
 * table.
 */
bool jws_alg_parse(str name, enum jws_alg *out);

struct pkey;

/* From now on the private numbers of this process lie in memory that is locked, left out of dumps
 * and wiped (OpenSSL's secure heap, 1 MiB). Before the first key. */
void jwk_secure_heap(void);
/* A fresh key of that algorithm (RSA: 2048 bits); the caller frees it. */
struct pkey *jwk_generate(enum jws_alg alg);
void jwk_free(struct pkey *key);
/* PKCS#8 DER, to be sealed; the caller wipes it (arena). */
str jwk_private_der(struct arena *a, const struct pkey *key);
/* ERR_INVALID_REQUEST: no PKCS#8, or a key of another type, curve or strength than alg demands. */
enum err jwk_from_private_der(enum jws_alg alg, str der, struct pkey **out);
/* SubjectPublicKeyInfo DER (RFC 5280 4.1.2.7). */
str jwk_public_der(struct arena *a, const struct pkey *key);
/* ERR_INVALID_REQUEST: no SubjectPublicKeyInfo, or a key of another type, curve or strength than
 * alg demands. */
enum err jwk_from_public_der(enum jws_alg alg, str der, struct pkey **out);
/* The public members in RFC 7638 order without "kid", "use", "alg": {"crv":..,"kty":..,"x":..}. */
void jwk_write_public(struct buf *out, const struct pkey *key);
/* A complete JWKS entry: kty, crv/x/y or n/e, alg, use "sig", kid. */
void jwk_write_entry(struct buf *out, const struct pkey *key, enum jws_alg alg, str kid);
/* Kind, curve, use, alg and key_ops allow that algorithm, and it has no private member. What its
 * numbers are worth, jwk_parse_public says. */
bool jwk_is_meant_for(const struct json *jwk, enum jws_alg alg);
/* Reads a public JWK; use, alg and key_ops must allow `alg` where present. ERR_INVALID_REQUEST on
 * anything else, private members among it (security.md 41, 49). */
enum err jwk_parse_public(const struct json *jwk, enum jws_alg alg, struct pkey **out);
/* It has a member of a private or symmetric key, with whatever value (security.md 41). */
bool jwk_has_private(const struct json *jwk);
/* base64url of the SHA-256 thumbprint: 43 characters. */
str jwk_thumbprint(struct arena *a, const struct pkey *key);

#endif
