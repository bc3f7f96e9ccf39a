/* jws_kept: one place per key, chosen by the digest of its numbers; a newer key takes it over.
 *
 * A key's other members (use, key_ops, alg, private ones) are judged each time: whoever has changed
 * them means it. What the place holds depends on the algorithm and the numbers alone. Keys that
 * cannot be used are not remembered.
 */
#include "crypto/jws_kept.h"

#include <stdlib.h>

#include "base/ct.h"
#include "base/heap.h"
#include "base/log.h"
#include "crypto/hash.h"

enum { PLACES = 64 }; /* some 6 kB each once it is taken */

struct place {
    struct digest numbers;
    struct jws_ctx *ctx; /* NULL: empty */
};

struct jws_kept {
    struct hasher *hasher;
    struct place places[PLACES];
};

struct jws_kept *jws_kept_open(void)
{
    struct jws_kept *k = calloc(1, sizeof *k);
    if (!k)
        fatal("out of memory");
    k->hasher = hash_open();
    return k;
}

void jws_kept_close(struct jws_kept *k)
{
    if (!k)
        return;
    for (size_t i = 0; i < PLACES; i++)
        jws_close(k->places[i].ctx);
    hash_close(k->hasher);
    free(k);
}

/* The members that the algorithm reads, and no others. Texts hold no NUL (codec/json). */
static void digest_numbers(struct jws_kept *k, enum jws_alg alg, const struct json *jwk,
                           struct digest *out)
{
    bool rsa = alg == JWS_RS256 || alg == JWS_PS256;
    const str nul = STR("\0");
    const str pieces[] = {
        str_from(jws_algs[alg].name),
        nul,
        json_get_str(jwk, rsa ? STR("n") : STR("x")),
        nul,
        alg == JWS_EDDSA ? STR("") : json_get_str(jwk, rsa ? STR("e") : STR("y")),
    };
    hash_sha256(k->hasher, pieces, sizeof pieces / sizeof *pieces, out);
}

/* A new context, which is none of the reserve's. */
static struct jws_ctx *open_to_keep(enum jws_alg alg, const struct json *jwk)
{
    uint64_t before = heap_shortages();
    struct jws_ctx *ctx = jws_open_jwk(alg, jwk);
    if (heap_shortages() == before)
        return ctx;
    jws_close(ctx);
    return NULL;
}

struct jws_ctx *jws_kept_get(struct jws_kept *k, enum jws_alg alg, const struct json *jwk)
{
    struct digest numbers;
    if (!jwk_is_meant_for(jwk, alg))
        return NULL;
    digest_numbers(k, alg, jwk, &numbers);
    struct place *p = &k->places[numbers.b[0] % PLACES];
    if (p->ctx && ct_eq(p->numbers.b, numbers.b, sizeof numbers.b))
        return p->ctx;
    struct jws_ctx *ctx = open_to_keep(alg, jwk);
    if (ctx) {
        jws_close(p->ctx);
        *p = (struct place){.numbers = numbers, .ctx = ctx};
    }
    return ctx;
}
