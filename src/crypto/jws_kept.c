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
    struct jws_kept *k = heap_get(sizeof *k);
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
    heap_free(k);
}

/* No member can be taken for two: a NUL is in none of them, or their base64url is refused. */
static void digest_numbers(struct jws_kept *k, const struct json *jwk, enum jws_alg alg,
                           struct digest *out)
{
    const str nul = STR("\0");
    const str pieces[] = {
        str_from(jws_algs[alg].name), nul, json_get_str(jwk, STR("x")), nul,
        json_get_str(jwk, STR("y")),  nul, json_get_str(jwk, STR("n")), nul,
        json_get_str(jwk, STR("e")),
    };
    hash_sha256(k->hasher, pieces, sizeof pieces / sizeof *pieces, out);
}

struct jws_ctx *jws_kept_never(const struct json *jwk, enum jws_alg alg)
{
    struct pkey *key;
    if (jwk_parse_public(jwk, alg, &key) != OK)
        return NULL;
    struct jws_ctx *ctx = jws_open(alg, key);
    jwk_free(key);
    return ctx;
}

struct jws_ctx *jws_kept_get(struct jws_kept *k, const struct json *jwk, enum jws_alg alg)
{
    struct digest numbers;
    if (!jwk_is_meant_for(jwk, alg))
        return NULL;
    digest_numbers(k, jwk, alg, &numbers);
    struct place *p = &k->places[numbers.b[0] % PLACES];
    if (p->ctx && ct_eq(p->numbers.b, numbers.b, sizeof numbers.b))
        return p->ctx;
    struct jws_ctx *ctx = jws_kept_never(jwk, alg);
    if (ctx) {
        jws_close(p->ctx);
        *p = (struct place){.numbers = numbers, .ctx = ctx};
    }
    return ctx;
}
