/* ct: constant-time comparison, wiping.
 *
 * The comparison folds all differences into one word and looks at it once, at the end; the
 * pointers are volatile so that no compiler turns the loop into one that stops early.
 */
#include "base/ct.h"

#include "base/log.h"

#define STACK_BYTES 16384

bool ct_eq(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;
    unsigned difference = 0;
    for (size_t i = 0; i < n; i++)
        difference |= (unsigned)(x[i] ^ y[i]);
    return difference == 0;
}

bool ct_digest_eq(const struct digest *a, const struct digest *b)
{
    return ct_eq(a->b, b->b, sizeof(a->b));
}

void ct_wipe(void *p, size_t n)
{
    if (n > 0)
        explicit_bzero(p, n);
}

/* Of a frame of its own, or it would lie above what it is to wipe. */
__attribute__((noinline)) void ct_wipe_stack(void)
{
    uint8_t below[STACK_BYTES];

    ct_wipe(below, sizeof below);
}

void ct_secret_set(struct secret *s, const void *p, size_t n)
{
    if (n > SECRET_MAX)
        fatal("a secret of %zu bytes does not fit in %d", n, SECRET_MAX);
    ct_secret_wipe(s);
    if (n > 0)
        memcpy(s->b, p, n);
    s->n = n;
}

void ct_secret_wipe(struct secret *s)
{
    ct_wipe(s, sizeof(*s));
}
