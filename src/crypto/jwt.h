/* jwt: compact JWTs (RFC 7519), read as RFC 8725 demands and written for one profile each. */
#ifndef CRYPTO_JWT_H
#define CRYPTO_JWT_H

#include "crypto/signer.h"

struct jws_kept;

/* Below the rules of signing, for whoever has the keys: others ask signer_sign.
 * Appends header.payload.signature of `claims` (a JSON object) with {"alg","kid","typ"} in front.
 * `key` must be of the signer's ring. ERR_SERVER_ERROR if it is not, if typ is empty or longer than
 * 64 bytes, without room in `out`, or if the library fails; nothing is appended then. */
enum err jwt_sign(struct signer *s, const struct key *key, str typ, str claims, struct buf *out);

struct jwt {
    struct json *header, *claims;
    str kid, typ, alg; /* kid, typ: p == NULL when absent */
    str input;         /* header.payload, what is signed */
    str signature;     /* decoded */
};

/* Splits and decodes; checks everything that needs no key (security.md 43-45, 47, 48): three
 * segments, strict base64url and JSON, alg a string we know, no crit, no b64, no zip, kid short,
 * registered claims of their types where present. ERR_INVALID_TOKEN, always the same. */
enum err jwt_parse(struct arena *a, str token, struct jwt *out);
/* Verifies with the key of the ring that kid names and whose algorithm the header repeats; typ
 * must equal `typ` without case, "application/" allowed in front; exp must be there (whether it has
 * passed is for the caller to judge). ERR_INVALID_TOKEN. */
enum err jwt_verify(struct signer *s, const struct jwt *jwt, str typ);
/* Algorithms as a mask, for jwt_verify_jwks. */
#define JWT_ALG(alg) (1u << (alg))
/* Those of FAPI 2.0 5.4.1: no RS256. */
#define JWT_ALGS_FAPI (JWT_ALG(JWS_PS256) | JWT_ALG(JWS_ES256) | JWT_ALG(JWS_EDDSA))
#define JWT_ALGS_ANY  (JWT_ALGS_FAPI | JWT_ALG(JWS_RS256))

/* Verifies what somebody else signed (client assertions, request objects) with the keys of a parsed
 * JWKS, which is his registered one, never one that the token names. `algs` is what the caller
 * allows. With kid: keys of that kid (several: those that fit by kty, crv, alg, use, key_ops);
 * without: all keys that fit; at most 4 are tried. Neither typ nor any claim is judged here, not
 * even exp: that is the caller's. `kept`: where this thread keeps its contexts for such keys; NULL:
 * nowhere. ERR_INVALID_TOKEN, always the same (security.md 41, 43-45, 49).
 */
enum err jwt_verify_jwks(struct jws_kept *kept, const struct jwt *jwt, const struct json *jwks,
                         unsigned algs);
/* typ equals `typ` without case, "application/" allowed in front (RFC 7515 4.1.9); false when
 * absent. */
bool jwt_typ_is(const struct jwt *jwt, str typ);
/* typ says `typ`, JWT (as libraries write that know no better), or nothing. */
bool jwt_is_of_kind(const struct jwt *jwt, str typ);
/* `who` is the aud, a plain string. An array, even of one, is not (security.md 37). */
bool jwt_audience_is(const struct jwt *jwt, str who);
/* `who` is the aud or one of its array. */
bool jwt_audience_has(const struct jwt *jwt, str who);
/* A NumericDate claim that is an integer in 0..2^53; false when absent or anything else. */
bool jwt_time(const struct jwt *jwt, str name, int64_t *out);
/* How far the clocks of those who sign for us may be ahead (FAPI 2.0 5.3.2.1). */
#define JWT_AHEAD_S 60
/* A time that the JWT names lies ahead of now, and not only because clocks differ. False when it
 * names none. */
bool jwt_lies_ahead(const struct jwt *jwt, str name, int64_t now_s);

#endif
