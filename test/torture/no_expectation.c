/* no_expectation: store/effects.c of a server that expects nothing of its writes.
 *
 * What is good once rests on "exactly one row changed" (DESIGN.md 1). In postern_no_expectation,
 * which is never installed, that is switched off: test/torture/races.js must see
 * several successes there, or it proves nothing.
 */
#define effects_add effects_add_as_asked
#include "store/effects.c" /* all of it: so the archive's own is not linked */
#undef effects_add

void effects_add(struct effects *fx, enum effect_life life, int64_t expect, const struct sql *sql,
                 const struct db_arg *args, size_t n);

void effects_add(struct effects *fx, enum effect_life life, int64_t expect, const struct sql *sql,
                 const struct db_arg *args, size_t n)
{
    (void)expect;
    effects_add_as_asked(fx, life, EXPECT_ANY, sql, args, n);
}
