/* jwt: compact JWTs, written in one pass and read strictly (RFC 7515 7.1, RFC 7519, RFC 8725).
 *
 * Writing: the header comes encoded from the signer, the claims are encoded straight into the
 * output, and the signature behind them; nothing is copied twice.
 * Reading has two steps. jwt_parse needs no key and refuses all that no algorithm of ours allows;
 * jwt_verify takes the key that our ring has under the kid, with the algorithm that our ring
 * states, and the header may only repeat it. Every refusal is the same ERR_INVALID_TOKEN, so a
 * forger learns nothing from it. jwt_verify_jwks does the second step for tokens that others have
 * signed, with the keys that they have registered.
 * Left out on purpose: the JSON serializations, detached and unencoded payloads (RFC 7797),
 * nested tokens, JWE, and every header that brings its own key (jku, jwk, x5u, x5c: never read).
 * Whether exp, nbf and aud suit the moment and the reader is judged where the time is known.
 */
#include "crypto/jwt.h"

#include "base/limits.h"
#include "codec/b64url.h"
#include "crypto/jwk_set.h"
#include "crypto/jws_kept.h"

#define SIGNATURE_MAX 512 /* RSA of 4096 bits */
#define TRIES_MAX     4   /* keys of a foreign set for one token (security.md A36) */
#define TIME_MAX      ((int64_t)1 << 53)

enum err jwt_sign(struct signer *s, const struct key *key, str typ, str claims, struct buf *out)
{
    uint8_t signature[SIGNATURE_MAX];
    size_t n = sizeof signature;
    str header = signer_header(s, key, typ);
    if (header.n == 0)
        return ERR_SERVER_ERROR;
    size_t input_n = header.n + B64URL_CHARS(claims.n);
    char *p = buf_room(out, input_n + 1 + B64URL_CHARS(jws_algs[key->alg].max_signature));
    if (!p)
        return ERR_SERVER_ERROR;
    memcpy(p, header.p, header.n);
    b64url_encode(claims.p, claims.n, p + header.n);
    enum err e = jws_sign(signer_ctx(s, key), str_make(p, input_n), signature, &n);
    if (e != OK)
        return e;
    p[input_n] = '.';
    b64url_encode(signature, n, p + input_n + 1);
    out->n += input_n + 1 + B64URL_CHARS(n);
    return OK;
}

/* Three segments, each with something in it (security.md 48). */
static bool split(str token, str *header, str *payload, str *signature)
{
    str rest;
    return str_cut(token, '.', header, &rest) && str_cut(rest, '.', payload, signature) &&
           str_find(*signature, '.', 0) == signature->n && header->n > 0 && payload->n > 0 &&
           signature->n > 0;
}

static bool decode_object(struct arena *a, str segment, struct json **out)
{
    str text;
    return b64url_decode(a, segment, &text) && json_parse(a, text, out) == OK &&
           json_is(*out, JSON_OBJECT_T);
}

/* A member that may be missing, but if present is a string; *out has p == NULL without it. */
static bool read_string(const struct json *object, str name, str *out)
{
    const struct json *v = json_get(object, name);
    *out = v && json_is(v, JSON_STR_T) ? v->s : str_make(NULL, 0);
    return !v || json_is(v, JSON_STR_T);
}

static bool check_header(struct jwt *jwt)
{
    enum jws_alg alg;
    const struct json *h = jwt->header;
    if (!read_string(h, STR("alg"), &jwt->alg) || !jws_alg_parse(jwt->alg, &alg))
        return false; /* security.md 43: "none", HS* and the like are no algorithms here */
    /* RFC 7515 4.1.11: we understand no extension, so none may be critical. RFC 7797 and
     * compression would change what was signed. */
    if (json_get(h, STR("crit")) || json_get(h, STR("b64")) || json_get(h, STR("zip")))
        return false;
    return read_string(h, STR("kid"), &jwt->kid) && jwt->kid.n <= LIMIT_KID &&
           read_string(h, STR("typ"), &jwt->typ);
}

static bool is_time(const struct json *v)
{
    return json_is(v, JSON_INT_T) && v->i >= 0 && v->i <= TIME_MAX;
}

/* RFC 7519 4.1.3: a string, or an array of them. */
static bool is_audience(const struct json *v)
{
    if (!json_is(v, JSON_ARRAY_T))
        return json_is(v, JSON_STR_T);
    for (const struct json *one = v->first; one; one = one->next)
        if (!json_is(one, JSON_STR_T))
            return false;
    return v->n > 0;
}

/* The registered claims have their types wherever they appear (RFC 7519 4.1, security.md 47). */
static bool check_claims(const struct json *claims)
{
    static const char *const times[] = {"exp", "nbf", "iat"};
    static const char *const strings[] = {"iss", "sub", "jti"};
    str ignored;
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        const struct json *v = json_get(claims, str_from(times[i]));
        if (v && !is_time(v))
            return false;
    }
    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        if (!read_string(claims, str_from(strings[i]), &ignored))
            return false;
    const struct json *aud = json_get(claims, STR("aud"));
    return !aud || is_audience(aud);
}

enum err jwt_parse(struct arena *a, str token, struct jwt *out)
{
    str header, payload, signature;
    struct jwt jwt = {0};
    if (token.n > LIMIT_JWT || !split(token, &header, &payload, &signature) ||
        signature.n > B64URL_CHARS(SIGNATURE_MAX))
        return ERR_INVALID_TOKEN;
    if (!decode_object(a, header, &jwt.header) || !check_header(&jwt) ||
        !decode_object(a, payload, &jwt.claims) || !check_claims(jwt.claims) ||
        !b64url_decode(a, signature, &jwt.signature))
        return ERR_INVALID_TOKEN;
    jwt.input = str_make(token.p, header.n + 1 + payload.n);
    *out = jwt;
    return OK;
}

/* RFC 7515 4.1.9: a media type, in which "application/" may be left out. */
bool jwt_typ_is(const struct jwt *jwt, str typ)
{
    const str prefix = STR("application/");
    str t = jwt->typ;
    if (t.n > prefix.n && str_eq_nocase(str_sub(t, 0, prefix.n), prefix))
        t = str_sub(t, prefix.n, t.n);
    return t.n > 0 && str_eq_nocase(t, typ);
}

bool jwt_is_of_kind(const struct jwt *jwt, str typ)
{
    return jwt->typ.p == NULL || jwt_typ_is(jwt, typ) || jwt_typ_is(jwt, STR("JWT"));
}

enum err jwt_verify(struct signer *s, const struct jwt *jwt, str typ)
{
    int64_t exp_s;
    const struct key *key = keyring_by_kid(signer_ring(s), jwt->kid);
    if (!key || !str_eq(jwt->alg, str_from(jws_algs[key->alg].name))) /* RFC 8725 3.1 */
        return ERR_INVALID_TOKEN;
    if (!jwt_typ_is(jwt, typ)) /* RFC 8725 3.11 */
        return ERR_INVALID_TOKEN;
    if (!jwt_time(jwt, STR("exp"), &exp_s)) /* security.md 47; ours all have one */
        return ERR_INVALID_TOKEN;
    return jws_verify(signer_ctx(s, key), jwt->input, jwt->signature);
}

bool jwt_time(const struct jwt *jwt, str name, int64_t *out)
{
    const struct json *v = json_get(jwt->claims, name);
    if (!v || !is_time(v))
        return false;
    *out = v->i;
    return true;
}

bool jwt_lies_ahead(const struct jwt *jwt, str name, int64_t now_s)
{
    int64_t at_s;
    return jwt_time(jwt, name, &at_s) && at_s > now_s + JWT_AHEAD_S;
}

static bool is_key_of(const struct json *jwk, str kid)
{
    const struct json *v = json_get(jwk, STR("kid"));
    return kid.p == NULL || (v && json_is(v, JSON_STR_T) && str_eq(v->s, kid));
}

/* RFC 8725 3.1: the header names one of the algorithms that the caller allows, and the key must be
 * one for it: an RSA key registered for PS256 verifies no RS256, and no key verifies a MAC. */
enum err jwt_verify_jwks(struct jws_kept *kept, const struct jwt *jwt, const struct json *jwks,
                         unsigned algs)
{
    enum jws_alg alg;
    enum err e = ERR_INVALID_TOKEN;
    int tries = 0;
    const struct json *keys = jwk_set_keys(jwks);

    if (!keys || !jws_alg_parse(jwt->alg, &alg) || !(algs & JWT_ALG(alg)))
        return ERR_INVALID_TOKEN;
    for (const struct json *k = keys->first; k && e != OK && tries < TRIES_MAX; k = k->next) {
        struct jws_ctx *ctx = NULL;
        if (is_key_of(k, jwt->kid))
            ctx = kept ? jws_kept_get(kept, alg, k) : jws_open_jwk(alg, k);
        if (!ctx)
            continue;
        e = jws_verify(ctx, jwt->input, jwt->signature);
        if (!kept)
            jws_close(ctx);
        tries++;
    }
    return e;
}

bool jwt_audience_is(const struct jwt *jwt, str who)
{
    const struct json *aud = json_get(jwt->claims, STR("aud"));
    return aud && json_is(aud, JSON_STR_T) && str_eq(aud->s, who);
}

bool jwt_audience_has(const struct jwt *jwt, str who)
{
    const struct json *aud = json_get(jwt->claims, STR("aud"));
    bool found = jwt_audience_is(jwt, who);
    if (!aud || !json_is(aud, JSON_ARRAY_T))
        return found;
    for (const struct json *one = aud->first; one && !found; one = one->next)
        found = json_is(one, JSON_STR_T) && str_eq(one->s, who);
    return found;
}
