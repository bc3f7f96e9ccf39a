/* settings_environment: POSTERN_TLS_KEY=... sets tls.key, and so on for every setting.
 *
 * An unknown POSTERN_* is refused, as a typo in a settings file is: silence would run the server
 * with something else than what was asked for. POSTERN_CONFIG names the settings file and is read
 * before this (cmd/open.c).
 */
#include <stdio.h>

#include "config/settings.h"
#include "config/suggest.h"

enum { NAME_MAX_CHARS = 80 };

/* "tls.key" -> "POSTERN_TLS_KEY" */
static void variable_of(const char *name, char out[NAME_MAX_CHARS])
{
    size_t n = (size_t)snprintf(out, NAME_MAX_CHARS, "POSTERN_%s", name);
    for (size_t i = 8; i < n && i < NAME_MAX_CHARS; i++)
        if (out[i] == '.')
            out[i] = '_';
        else if (out[i] >= 'a' && out[i] <= 'z')
            out[i] = (char)(out[i] - 'a' + 'A');
}

static enum err unknown(str name, char *why, size_t why_size)
{
    char names[SETTING_COUNT][NAME_MAX_CHARS];
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        variable_of(setting_infos[i].name, names[i]);
        suggest_offer(&near, names[i]);
    }
    name.n = name.n > 64 ? 64 : name.n;
    if (near.best) {
        snprintf(why, why_size, "environment: unknown setting `%.*s`; did you mean `%s`?",
                 STR_ARG(name), near.best);
    } else {
        snprintf(why, why_size,
                 "environment: unknown setting `%.*s`; `postern list settings` shows all",
                 STR_ARG(name));
    }
    return ERR_ABSENT;
}

static enum err set_variable(struct settings *s, str name, str value, char *why, size_t why_size)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        char variable[NAME_MAX_CHARS];
        variable_of(setting_infos[i].name, variable);
        if (!str_eq(name, str_from(variable)))
            continue;
        char reason[512];
        enum err e = settings_set(s, str_from(setting_infos[i].name), value, "environment", reason,
                                  sizeof reason);
        if (e)
            snprintf(why, why_size, "environment: %s: %s", variable, reason);
        return e;
    }
    return unknown(name, why, why_size);
}

enum err settings_environment(struct settings *s, char **environ, char *why, size_t why_size)
{
    for (char **entry = environ; *entry; entry++) {
        str name, value;
        str_cut(str_from(*entry), '=', &name, &value);
        if (!str_starts(name, STR("POSTERN_")) || str_eq(name, STR("POSTERN_CONFIG")))
            continue;
        enum err e = set_variable(s, name, value, why, why_size);
        if (e)
            return e;
    }
    return OK;
}
