/* config: the settings in force with their sources, and the reference of all settings. */
#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/show.h"

enum { PAGE = 1 << 18 };

static int reference(struct cmd *c)
{
    struct buf b;
    buf_init(&b, &c->arena, 8192, PAGE);
    settings_reference(&b, args_has(c, "markdown"));
    return cmd_print(buf_str(&b));
}

static void show_value(struct show *s, size_t i)
{
    const struct setting_value *v = &s->c->settings.v[i];
    switch (setting_infos[i].type) {
    case SETTING_INT:
        show_int(s, "value", v->number);
        break;
    case SETTING_BOOL:
        show_bool(s, "value", v->number != 0);
        break;
    case SETTING_LIST:
        show_list(s, "value", v->list, v->list_n);
        break;
    case SETTING_TEXT:
    case SETTING_CHOICE:
        show_text(s, "value", v->text);
        break;
    }
}

static int config(struct cmd *c)
{
    struct buf b;
    struct show s;
    if (args_has(c, "reference"))
        return reference(c);
    if (args_has(c, "markdown"))
        return cmd_fail(CMD_USAGE, "--markdown goes with --reference");
    int code = open_server_settings(c);
    if (code)
        return code;
    /* The one value that may hold a secret. */
    c->settings.v[SETTING_db].text = db_url_public(&c->arena, setting_text(&c->settings, db));
    if (!c->json) {
        buf_init(&b, &c->arena, 8192, PAGE);
        settings_write(&c->settings, &b);
        return cmd_print(buf_str(&b));
    }
    show_begin(&s, c, SHOW_LIST, "");
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        show_object(&s);
        show_text(&s, "name", str_from(setting_infos[i].name));
        show_value(&s, i);
        show_text(&s, "source", str_from(c->settings.v[i].source));
        show_object_end(&s);
    }
    return show_end(&s);
}

static const struct option options[] = {
    {"reference", NULL, false, false, "all settings with defaults and what they do, as YAML"},
    {"markdown", NULL, false, false, "with --reference: write docs/settings.md"},
};

static const struct command commands[] = {
    {"", NULL, "Show the settings in force and where each came from.",
     "The output is a settings file: postern config >postern.yaml", CMD_OPTIONS(options), config},
};

const struct command_set config_commands = {"config", "settings in force, and their reference",
                                            CMD_OPTIONS(commands)};
