/* ct_early: base/ct.c with comparisons that stop at the first difference.
 *
 * The control of timing.c: linked with this, it must say that time tells. memcmp would not do: it
 * looks at 32 bytes at once on most machines.
 */
#define ct_eq        ct_eq_constant
#define ct_digest_eq ct_digest_eq_constant
#include "base/ct.c" /* all of it: so the archive's own is not linked */
#undef ct_eq
#undef ct_digest_eq

bool ct_eq(const void *a, const void *b, size_t n);
bool ct_digest_eq(const struct digest *a, const struct digest *b);

bool ct_eq(const void *a, const void *b, size_t n)
{
    const volatile uint8_t *x = a;
    const volatile uint8_t *y = b;

    for (size_t i = 0; i < n; i++)
        if (x[i] != y[i])
            return false;
    return true;
}

bool ct_digest_eq(const struct digest *a, const struct digest *b)
{
    return ct_eq(a->b, b->b, sizeof a->b);
}
