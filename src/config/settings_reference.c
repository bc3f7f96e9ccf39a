/* settings_reference: the table of settings as a commented YAML file or as a page of docs/.
 *
 * docs/settings.md is this function's output; test/unit/config_docs.c compares the two, so the
 * page cannot fall behind the table.
 */
#include "config/settings.h"

static const char *const type_names[] = {
    [SETTING_TEXT] = "text",     [SETTING_INT] = "number", [SETTING_BOOL] = "true or false",
    [SETTING_CHOICE] = "choice", [SETTING_LIST] = "list",
};

static void put(struct buf *out, const char *z)
{
    buf_put(out, str_from(z));
}

/* What it takes: "0 to 256 threads", "handle or uuid", "list of 1 to 8: A:P". */
void settings_reference_takes(struct buf *out, const struct setting_info *info)
{
    str rest = str_from(info->takes), word;
    switch (info->type) {
    case SETTING_INT:
        buf_printf(out, "%lld to %lld %s", (long long)info->min, (long long)info->max, info->takes);
        break;
    case SETTING_BOOL:
        put(out, type_names[SETTING_BOOL]);
        break;
    case SETTING_CHOICE:
        for (bool first = true; str_next(&rest, '|', &word); first = false) {
            put(out, first ? "" : ", ");
            buf_put(out, word);
        }
        break;
    case SETTING_LIST:
        buf_printf(out, "list of %lld to %lld: %s", (long long)info->min, (long long)info->max,
                   info->takes);
        break;
    case SETTING_TEXT:
        put(out, info->takes);
        break;
    }
}

void settings_reference_variable(struct buf *out, const char *name)
{
    put(out, "POSTERN_");
    for (; *name; name++) {
        bool lower = *name >= 'a' && *name <= 'z';
        buf_char(out, *name == '.' ? '_' : lower ? (char)(*name - 'a' + 'A') : *name);
    }
}

static bool reloads(const struct setting_info *info)
{
    return settings_reload_can((enum setting_id)(info - setting_infos));
}

static void markdown_row(struct buf *out, const struct setting_info *info)
{
    buf_printf(out, "## %s\n\n%s%s\n\n| takes | default | environment |\n|---|---|---|\n| ",
               info->name, info->help, reloads(info) ? " Taken up on SIGHUP." : "");
    settings_reference_takes(out, info);
    put(out, " | ");
    put(out, *info->fallback ? "`" : "");
    put(out, *info->fallback ? info->fallback : "none");
    put(out, *info->fallback ? "` | `" : " | `");
    settings_reference_variable(out, info->name);
    put(out, "` |\n\n");
}

static void yaml_row(struct buf *out, const struct setting_info *info)
{
    buf_printf(out, "# %s%s\n# Takes: ", info->help, reloads(info) ? " Taken up on SIGHUP." : "");
    settings_reference_takes(out, info);
    put(out, ". Environment: ");
    settings_reference_variable(out, info->name);
    buf_printf(out, "\n#%s: %s\n\n", info->name, info->fallback);
}

static const char markdown_head[] =
    "# Settings\n\n"
    "Sources, later ones win: the default, the settings file (`postern serve --config FILE`, "
    "YAML),\nthe environment, the command line (`--set NAME=VALUE` sets any of them). Names nest "
    "or are dotted:\n`tls.key: FILE` is the same as `tls:` with `key: FILE` below it. An unknown "
    "name is an error.\nWhere seconds are taken, `30s`, `15m`, `24h` and `90d` are too.\n"
    "`postern config` shows what is in force and where each value came from. A running server "
    "reads the\nsettings file again on SIGHUP; it takes up what says so below and logs what needs "
    "a restart.\n\n"
    "This page is the output of `postern config --reference --markdown`.\n\n";

static const char yaml_head[] =
    "# Settings of Postern. `postern config` shows what is in force; every setting may also be\n"
    "# given in the environment or as --set NAME=VALUE. What is commented out is the default.\n\n";

void settings_reference(struct buf *out, bool markdown)
{
    put(out, markdown ? markdown_head : yaml_head);
    for (size_t i = 0; i < SETTING_COUNT; i++)
        (markdown ? markdown_row : yaml_row)(out, &setting_infos[i]);
    out->n--; /* the blank line behind the last one */
}
