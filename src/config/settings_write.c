/* settings_write: the settings in force as YAML, each with the source it came from.
 *
 * What it writes is itself a settings file, so `postern config >postern.yaml` is a start. Texts
 * are double-quoted whenever YAML could read them as something else.
 */
#include "config/settings.h"

static bool is_plain(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '/' || c == '.' || c == '_' || (c == '-' && i > 0);
        if (!plain)
            return false;
    }
    return s.n > 0;
}

static void write_scalar(struct buf *out, str s)
{
    if (is_plain(s)) {
        buf_put(out, s);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"' || s.p[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, s.p[i]);
    }
    buf_char(out, '"');
}

static void write_value(struct buf *out, enum setting_type type, const struct setting_value *v)
{
    if (type != SETTING_LIST) {
        write_scalar(out, v->text);
        return;
    }
    buf_char(out, '[');
    for (size_t i = 0; i < v->list_n; i++) {
        if (i)
            BUF_LIT(out, ", ");
        write_scalar(out, v->list[i]);
    }
    buf_char(out, ']');
}

void settings_write(const struct settings *s, struct buf *out)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        size_t start = out->n;
        buf_put(out, str_from(setting_infos[i].name));
        BUF_LIT(out, ": ");
        write_value(out, setting_infos[i].type, &s->v[i]);
        while (out->n - start < 44 && !out->overflow)
            buf_char(out, ' ');
        BUF_LIT(out, "  # ");
        buf_put(out, str_from(s->v[i].source));
        buf_char(out, '\n');
    }
}
