/* effects: the list of writes that a request records.
 *
 * Everything an effect refers to is copied into the request's arena, so a caller may bind from its
 * stack. A refused request keeps what was recorded as KEEP and forgets the rest; the order of what
 * stays does not change.
 */
#include "store/effects.h"

void effects_init(struct effects *fx, struct arena *a)
{
    *fx = (struct effects){.arena = a};
}

void effects_add(struct effects *fx, enum effect_life life, int64_t expect, const struct sql *sql,
                 const struct db_arg *args, size_t n)
{
    struct effect *e = arena_alloc(fx->arena, sizeof *e + n * sizeof *args);

    e->sql = sql;
    e->life = life;
    e->expect = expect;
    e->n = n;
    for (size_t i = 0; i < n; i++) {
        e->args[i] = args[i];
        if (args[i].type == DB_TEXT || args[i].type == DB_BLOB)
            e->args[i].s = args[i].s.n ? arena_dup(fx->arena, args[i].s) : STR("");
    }
    *(fx->end ? fx->end : &fx->first) = e;
    fx->end = &e->next;
    fx->n++;
}

static void tell(struct effects *fx, enum effect_life life, enum change_kind kind, bool here,
                 const void *subject, size_t n)
{
    struct change *c = ARENA_NEW(fx->arena, struct change), *last = fx->changes;

    c->kind = kind;
    c->life = (uint8_t)life;
    c->here = here;
    if (n > 0)
        memcpy(c->subject, subject, n < sizeof c->subject ? n : sizeof c->subject);
    c->next = last;
    /* Functions of store/ used together often tell the same thing one after the other. */
    if (!last || last->kind != c->kind || last->life != c->life || last->here != here ||
        memcmp(last->subject, c->subject, sizeof c->subject) != 0)
        fx->changes = c;
}

void effects_change(struct effects *fx, enum effect_life life, enum change_kind kind,
                    const void *subject, size_t n)
{
    tell(fx, life, kind, false, subject, n);
}

void effects_change_here(struct effects *fx, enum effect_life life, enum change_kind kind,
                         const void *subject, size_t n)
{
    tell(fx, life, kind, true, subject, n);
}

static void forget(struct effects *fx, enum effect_life life)
{
    struct effect **at = &fx->first;
    struct change **change = &fx->changes;

    while (*at) {
        if ((*at)->life == life) {
            *at = (*at)->next;
            fx->n--;
        } else {
            at = &(*at)->next;
        }
    }
    fx->end = at == &fx->first ? NULL : at;
    while (*change)
        if ((*change)->life == life)
            *change = (*change)->next;
        else
            change = &(*change)->next;
}

void effects_refuse(struct effects *fx)
{
    forget(fx, DROP);
}

void effects_forgo(struct effects *fx)
{
    forget(fx, KEEP_SPARE);
}

bool effects_has(const struct effects *fx, enum effect_life life)
{
    for (const struct effect *e = fx->first; e; e = e->next)
        if (e->life == life)
            return true;
    return false;
}
