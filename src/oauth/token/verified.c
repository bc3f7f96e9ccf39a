/* verified: one place per token, chosen by its digest; a newer token takes the place over.
 *
 * A digest is not secret-dependent to compare: whoever knows it knows the token.
 */
#include "oauth/token/verified.h"

#include <stdlib.h>

#include "base/log.h"

#define PLACES    16384 /* a power of two; 4 MB a thread, once so many tokens have been seen */
#define KEY_BYTES 16    /* of the digest: to meet another token's is as hard as a 128-bit guess */

struct place {
    uint8_t token[KEY_BYTES];
    struct jwt_facts facts;
    uint64_t generation; /* 0: empty */
    char text[VERIFIED_TEXT_MAX];
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

static str keep(char *at, str s)
{
    if (s.n > 0)
        memcpy(at, s.p, s.n);
    return str_make(at, s.n);
}

void verified_put(struct verified *v, const struct digest *token, const struct jwt_facts *facts)
{
    struct place *p = &v->places[place_of(token)];

    if (facts->scope.n + facts->audience.n > sizeof p->text)
        return;
    memcpy(p->token, token->b, KEY_BYTES);
    p->facts = *facts;
    p->generation = v->generation;
    p->facts.scope = keep(p->text, facts->scope);
    p->facts.audience = keep(p->text + facts->scope.n, facts->audience);
}

void verified_clear(struct verified *v)
{
    v->generation++;
}
