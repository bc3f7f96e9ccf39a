/* verified: one place per token, chosen by its digest; a newer token takes the place over.
 *
 * A digest is not secret-dependent to compare: whoever knows it knows the token.
 */
#include "oauth/token/verified.h"

#include <stdlib.h>

#include "base/log.h"

#define PLACES    16384 /* a power of two; 2.6 MB a thread, once so many tokens have been seen */
#define KEY_BYTES 16    /* of the digest: to meet another token's is as hard as a 128-bit guess */

struct place {
    uint8_t token[KEY_BYTES];
    struct jwt_facts facts;
    uint64_t generation; /* 0: empty */
    char scope[VERIFIED_SCOPE_MAX];
};

struct verified {
    uint64_t generation; /* places of another generation are empty */
    struct place places[PLACES];
};

struct verified *verified_open(void)
{
    struct verified *v = calloc(1, sizeof *v);

    if (v == NULL)
        fatal("out of memory");
    v->generation = 1;
    return v;
}

void verified_close(struct verified *v)
{
    free(v);
}

static size_t place_of(const struct digest *token)
{
    size_t n;

    memcpy(&n, token->b, sizeof n);
    return n % PLACES;
}

bool verified_get(const struct verified *v, const struct digest *token, struct jwt_facts *facts)
{
    const struct place *p = &v->places[place_of(token)];

    if (p->generation != v->generation || !ct_eq(p->token, token->b, KEY_BYTES))
        return false;
    *facts = p->facts;
    return true;
}

void verified_put(struct verified *v, const struct digest *token, const struct jwt_facts *facts)
{
    struct place *p = &v->places[place_of(token)];

    if (facts->scope.n > sizeof p->scope)
        return;
    memcpy(p->token, token->b, KEY_BYTES);
    p->facts = *facts;
    p->generation = v->generation;
    if (facts->scope.n > 0)
        memcpy(p->scope, facts->scope.p, facts->scope.n);
    p->facts.scope = str_make(p->scope, facts->scope.n);
}

void verified_clear(struct verified *v)
{
    v->generation++;
}
