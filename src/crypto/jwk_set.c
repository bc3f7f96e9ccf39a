/* jwk_set: what a client may register as its JWKS (RFC 7517 5, security.md 41, 49).
 *
 * Each key is read as it will be read when it is used, by jwk_parse_public, for the algorithms of
 * its kind; nothing is accepted now that would be useless then. Sentences name the key by its place
 * and, if it has one, nothing more: a kid is the client's text.
 * Keys for encryption are let through unread, since sets in the wild mix both uses.
 */
#include "crypto/jwk_set.h"

const struct json *jwk_set_keys(const struct json *set)
{
    const struct json *keys = json_get(set, STR("keys"));
    return keys && json_is(keys, JSON_ARRAY_T) ? keys : NULL;
}

static bool is_for_encryption(const struct json *jwk)
{
    return str_eq(json_get_str(jwk, STR("use")), STR("enc"));
}

/* Some algorithm of ours takes it. */
static bool can_verify(const struct json *jwk)
{
    for (int alg = 0; alg < JWS_ALGS; alg++) {
        struct pkey *key;
        if (jwk_parse_public(jwk, (enum jws_alg)alg, &key) == OK) {
            jwk_free(key);
            return true;
        }
    }
    return false;
}

/* NULL, or what is wrong with it. */
static const char *fault(const struct json *jwk)
{
    if (!json_is(jwk, JSON_OBJECT_T))
        return "is no JSON object";
    if (str_eq(json_get_str(jwk, STR("kty")), STR("oct")))
        return "is symmetric (\"kty\":\"oct\"); register public keys";
    if (jwk_has_private(jwk))
        return "has private members; register the public key alone, and replace this one, "
               "which is public now";
    const struct json *kid = json_get(jwk, STR("kid"));
    if (kid && !json_is(kid, JSON_STR_T))
        return "has a kid that is no string";
    if (!is_for_encryption(jwk) && !can_verify(jwk))
        return "cannot verify signatures: it must be RSA of 2048 to 4096 bits (PS256, RS256), EC "
               "P-256 (ES256) or Ed25519 (EdDSA), well formed, and its use, alg and key_ops must "
               "say so where present";
    return NULL;
}

static enum err judge(struct arena *a, const struct json *keys, str *why)
{
    int place = 1, useful = 0;
    for (const struct json *k = keys->first; k; k = k->next, place++) {
        const char *what = fault(k);
        if (what) {
            *why = arena_printf(a, "key %d of the JWKS %s", place, what);
            return ERR_INVALID_REQUEST;
        }
        useful += !is_for_encryption(k);
    }
    *why = useful ? *why : STR("the JWKS has no key for signatures");
    return useful ? OK : ERR_INVALID_REQUEST;
}

enum err jwk_set_check(struct arena *a, str text, str *why)
{
    struct json *set = NULL;
    if (text.n > JWK_SET_BYTES) {
        *why = STR("the JWKS is longer than 32 KiB");
        return ERR_INVALID_REQUEST;
    }
    const struct json *keys = json_parse(a, text, &set) == OK ? jwk_set_keys(set) : NULL;
    if (!keys) {
        *why = STR("this is no JWKS: it must be one JSON object with an array \"keys\"");
        return ERR_INVALID_REQUEST;
    }
    if (keys->n > JWK_SET_KEYS) {
        *why = STR("the JWKS has more than 16 keys");
        return ERR_INVALID_REQUEST;
    }
    return judge(a, keys, why);
}
