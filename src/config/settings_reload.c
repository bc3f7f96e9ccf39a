/* settings_reload: what of freshly read settings a running server takes up.
 *
 * Threads read settings without a lock, so only numbers change in a running server, each with one
 * atomic store; texts and lists lie in an arena and stay as they are. Which settings those are
 * says SETTING_RELOAD_OF, beside the table. The names of all others that differ are returned, so
 * that the log can say that they wait for a restart.
 */
#include "config/settings.h"

bool settings_reload_can(enum setting_id id)
{
    static const bool can[SETTING_COUNT] = {
#define X(member) [SETTING_##member] = true,
        SETTING_RELOAD_OF(X)
#undef X
    };
    return can[id];
}

static bool same_list(const struct setting_value *a, const struct setting_value *b)
{
    bool same = a->list_n == b->list_n;
    for (size_t i = 0; same && i < a->list_n; i++)
        same = str_eq(a->list[i], b->list[i]);
    return same;
}

static bool same(enum setting_type type, const struct setting_value *a,
                 const struct setting_value *b)
{
    switch (type) {
    case SETTING_TEXT:
        return str_eq(a->text, b->text);
    case SETTING_LIST:
        return same_list(a, b);
    case SETTING_INT:
    case SETTING_BOOL:
    case SETTING_CHOICE:
        break;
    }
    return a->number == b->number;
}

static void name(struct buf *out, const struct setting_info *info)
{
    buf_put(out, out->n ? STR(" ") : STR(""));
    buf_put(out, str_from(info->name));
}

void settings_reload(struct settings *live, const struct settings *fresh, struct buf *taken,
                     struct buf *waits)
{
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const struct setting_info *info = &setting_infos[id];
        if (same(info->type, &live->v[id], &fresh->v[id]))
            continue;
        name(settings_reload_can(id) ? taken : waits, info);
        if (settings_reload_can(id))
            __atomic_store_n(&live->v[id].number, fresh->v[id].number, __ATOMIC_RELAXED);
    }
}
