/* Fuzz target: JWTs of clients, with signatures that are right, so that mutations get past them.
 *
 * The input is a header, a line feed, and claims; both are signed with ES256 as they are. What
 * verifies must say in its header that it is ES256 and nothing that changes how it is to be read
 * (security.md 43, 44); its claims must be those that were signed; and with one bit changed it does
 * not verify. */
#include <stdlib.h>

#include "codec/b64url.h"
#include "crypto/jws_kept.h"
#include "crypto/jwt.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { SIGNATURE = 64 };

static struct jws_ctx *ctx;
static struct pkey *key;
static struct json *jwks;
static struct arena forever;
static struct jws_kept *kept;

static void open_key(void)
{
    struct buf b;
    key = jwk_generate(JWS_ES256);
    arena_init(&forever, 1 << 20);
    buf_init(&b, &forever, 1024, 4096);
    BUF_LIT(&b, "{\"keys\":[");
    jwk_write_entry(&b, key, JWS_ES256, STR("k1"));
    BUF_LIT(&b, "]}");
    ctx = jws_open(JWS_ES256, key);
    kept = jws_kept_open();
    if (json_parse(&forever, buf_str(&b), &jwks) != OK)
        abort();
}

/* header.claims.signature, with one bit of the signature changed when flip is not 0. */
static str token(struct arena *a, str header, str claims, uint8_t flip)
{
    uint8_t signature[SIGNATURE];
    size_t n = sizeof signature;
    struct buf b;
    buf_init(&b, a, 1024, 1 << 20);
    b64url_write(&b, header.p, header.n);
    buf_char(&b, '.');
    b64url_write(&b, claims.p, claims.n);
    if (jws_sign(ctx, buf_str(&b), signature, &n) != OK)
        abort();
    signature[flip % SIGNATURE] ^= flip;
    buf_char(&b, '.');
    b64url_write(&b, signature, n);
    return buf_str(&b);
}

static bool verifies(struct arena *a, str text, struct jwt *jwt)
{
    return jwt_parse(a, text, jwt) == OK && jwt_verify_jwks(kept, jwt, jwks, JWT_ALGS_FAPI) == OK;
}

static void check_header(struct arena *a, str header)
{
    static const str changes[] = {STR_INIT("crit"), STR_INIT("b64"), STR_INIT("zip"),
                                  STR_INIT("enc")};
    struct json *h;
    if (json_parse(a, header, &h) != OK || !str_eq(json_get_str(h, STR("alg")), STR("ES256")))
        abort();
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
        if (json_get(h, changes[i]) != NULL)
            abort();
}

static void check_claims(struct arena *a, const struct jwt *jwt, str claims)
{
    struct json *read;
    struct buf one, other;
    if (json_parse(a, claims, &read) != OK)
        abort();
    buf_init(&one, a, 256, 1 << 20);
    buf_init(&other, a, 256, 1 << 20);
    json_value(&one, jwt->claims);
    json_value(&other, read);
    if (!str_eq(buf_str(&one), buf_str(&other)))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct jwt jwt;
    str header, claims;
    if (!ctx)
        open_key();
    arena_init(&a, 32 << 20);
    str_cut(str_make((const char *)data, size), '\n', &header, &claims);
    if (verifies(&a, token(&a, header, claims, 0), &jwt)) {
        check_header(&a, header);
        check_claims(&a, &jwt, claims);
        if (verifies(&a, token(&a, header, claims, (uint8_t)(1u << size % 8)), &jwt))
            abort();
    }
    arena_free(&a);
    return 0;
}
