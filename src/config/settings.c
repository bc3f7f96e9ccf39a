/* settings: the table made real, and one value at a time: looked up by name, parsed, stored.
 *
 * Every source (file, environment, command line) ends in settings_set(), so all of them take the
 * same spellings and refuse with the same words. A refusal names the setting, what it takes and
 * what was given; an unknown name also the nearest one that exists. Texts are copied into the
 * settings' own arena, which lives as long as the process.
 *
 * What no single value shows (TLS needs two files, an http issuer is loopback) is in
 * settings_check.c; the other sources are in settings_file.c and settings_environment.c.
 */
#include "config/settings.h"

#include <stdio.h>

#include "codec/url.h"
#include "config/duration.h"
#include "config/suggest.h"

const struct setting_info setting_infos[SETTING_COUNT] = {
#define X(member, name, type, fallback, min, max, takes, help)                                     \
    [SETTING_##member] = {name, SETTING_##type, fallback, min, max, takes, help},
    SETTING_LIST_OF(X)
#undef X
};

static enum err unknown(str name, char *why, size_t why_size)
{
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        suggest_offer(&near, setting_infos[i].name);
    name.n = name.n > 64 ? 64 : name.n;
    if (near.best) {
        snprintf(why, why_size, "unknown setting `%.*s`; did you mean `%s`?", STR_ARG(name),
                 near.best);
    } else {
        snprintf(why, why_size, "unknown setting `%.*s`; `postern list settings` shows all",
                 STR_ARG(name));
    }
    return ERR_ABSENT;
}

static enum err refuse(const struct setting_info *info, str value, const char *takes, char *why,
                       size_t why_size)
{
    value.n = value.n > 64 ? 64 : value.n;
    snprintf(why, why_size, "`%s` takes %s, not `%.*s`", info->name, takes, STR_ARG(value));
    return ERR_INVALID_REQUEST;
}

static enum err set_text(struct settings *s, const struct setting_info *info,
                         struct setting_value *v, char *why, size_t why_size)
{
    (void)s;
    if (v->text.n > (size_t)info->max || v->text.n < (size_t)info->min) {
        char takes[96];
        snprintf(takes, sizeof takes, "a %s of %lld to %lld characters", info->takes,
                 (long long)info->min, (long long)info->max);
        return refuse(info, v->text, takes, why, why_size);
    }
    return OK;
}

/* Digits only; where the unit is seconds, also "30s", "15m", "24h", "90d". */
static enum err set_int(struct settings *s, const struct setting_info *info,
                        struct setting_value *v, char *why, size_t why_size)
{
    (void)s;
    bool seconds = strcmp(info->takes, "seconds") == 0;
    bool number =
        seconds ? duration_parse(v->text, &v->number) : str_i64(v->text, 0, INT64_MAX, &v->number);
    if (!number || v->number < info->min || v->number > info->max) {
        char takes[160];
        snprintf(takes, sizeof takes, "%lld to %lld %s%s", (long long)info->min,
                 (long long)info->max, info->takes, seconds ? " (or 30s, 15m, 24h, 90d)" : "");
        return refuse(info, v->text, takes, why, why_size);
    }
    return OK;
}

static enum err set_bool(struct settings *s, const struct setting_info *info,
                         struct setting_value *v, char *why, size_t why_size)
{
    (void)s;
    if (!str_eq(v->text, STR("true")) && !str_eq(v->text, STR("false")))
        return refuse(info, v->text, "true or false", why, why_size);
    v->number = v->text.p[0] == 't';
    return OK;
}

static enum err set_choice(struct settings *s, const struct setting_info *info,
                           struct setting_value *v, char *why, size_t why_size)
{
    (void)s;
    str rest = str_from(info->takes), word;
    for (v->number = 0; str_next(&rest, '|', &word); v->number++)
        if (str_eq(word, v->text))
            return OK;
    return refuse(info, v->text, info->takes, why, why_size);
}

static enum err set_list(struct settings *s, const struct setting_info *info,
                         struct setting_value *v, char *why, size_t why_size)
{
    str rest = v->text, word;
    size_t n = 0;
    while (str_next(&rest, ',', &word))
        n++;
    if (n < (size_t)info->min || n > (size_t)info->max) {
        char takes[160];
        snprintf(takes, sizeof takes, "%lld to %lld values (%s)", (long long)info->min,
                 (long long)info->max, info->takes);
        return refuse(info, v->text, takes, why, why_size);
    }
    v->list = ARENA_ARRAY(&s->arena, str, n + 1);
    for (rest = v->text; str_next(&rest, ',', &word);)
        v->list[v->list_n++] = str_trim(word);
    return OK;
}

static enum err (*const setters[])(struct settings *, const struct setting_info *,
                                   struct setting_value *, char *, size_t) = {
    [SETTING_TEXT] = set_text,     [SETTING_INT] = set_int,   [SETTING_BOOL] = set_bool,
    [SETTING_CHOICE] = set_choice, [SETTING_LIST] = set_list,
};

static bool has_control(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return true;
    return false;
}

enum err settings_set(struct settings *s, str name, str value, const char *source, char *why,
                      size_t why_size)
{
    size_t id = 0;
    while (id < SETTING_COUNT && !str_eq(name, str_from(setting_infos[id].name)))
        id++;
    if (id == SETTING_COUNT)
        return unknown(name, why, why_size);
    if (has_control(value) || !url_is_utf8(value)) {
        snprintf(why, why_size, "`%s` holds control characters or is not UTF-8",
                 setting_infos[id].name);
        return ERR_INVALID_REQUEST;
    }
    if (value.n > SETTINGS_VALUE_MAX) {
        snprintf(why, why_size, "`%s` takes at most %d bytes, not %zu", setting_infos[id].name,
                 SETTINGS_VALUE_MAX, value.n);
        return ERR_INVALID_REQUEST;
    }
    struct setting_value v = {.text = arena_dup(&s->arena, value), .source = source};
    const struct setting_info *info = &setting_infos[id];
    enum err e = setters[info->type](s, info, &v, why, why_size);
    if (e == OK)
        e = settings_check_value((enum setting_id)id, &v, why, why_size);
    if (e == OK)
        s->v[id] = v;
    return e;
}

void settings_init(struct settings *s)
{
    char why[256];
    *s = (struct settings){0};
    arena_init(&s->arena, 1 << 24);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_info *info = &setting_infos[i];
        str fallback = str_from(info->fallback);
        /* "" means "not given" whatever the least length is. */
        if (fallback.n == 0)
            s->v[i] = (struct setting_value){.text = STR(""), .source = "default"};
        else if (settings_set(s, str_from(info->name), fallback, "default", why, sizeof why))
            s->v[i].source = "default";
    }
}
