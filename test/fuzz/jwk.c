/* Fuzzes jwk_parse_public and jwk_from_private_der.
 *
 * A key that is accepted must come out again, and what comes out must be accepted and be the same
 * key. The first byte chooses the algorithm and the door.
 */
#include <stdlib.h>

#include "crypto/jws.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_back(struct arena *a, const struct pkey *key, enum jws_alg alg)
{
    struct buf b;
    struct json *jwk;
    struct pkey *again;
    buf_init(&b, a, 1024, 4096);
    jwk_write_entry(&b, key, alg, STR("kid"));
    if (b.overflow || json_parse(a, buf_str(&b), &jwk) != OK ||
        jwk_parse_public(jwk, alg, &again) != OK)
        abort();
    if (!str_eq(jwk_thumbprint(a, key), jwk_thumbprint(a, again)))
        abort();
    jwk_free(again);
}

static void verify_something(const struct pkey *key, enum jws_alg alg, const uint8_t *data,
                             size_t size)
{
    static const char zeros[512];
    struct jws_ctx *ctx = jws_open(alg, key);
    jws_verify(ctx, STR("input"), str_make(zeros, jws_algs[alg].max_signature));
    jws_verify(ctx, STR("input"), str_make((const char *)data, size));
    jws_close(ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct json *jwk;
    struct pkey *key = NULL;
    if (size == 0 || size > 65536)
        return 0;
    enum jws_alg alg = (enum jws_alg)(data[0] % JWS_ALGS);
    str rest = str_make((const char *)data + 1, size - 1);
    arena_init(&a, 32 << 20);
    if (data[0] & 0x80)
        jwk_from_private_der(alg, rest, &key);
    else if (json_parse(&a, rest, &jwk) == OK && jwk_parse_public(jwk, alg, &key) == OK)
        read_back(&a, key, alg);
    if (key)
        verify_something(key, alg, data, size);
    jwk_free(key);
    arena_free(&a);
    return 0;
}
