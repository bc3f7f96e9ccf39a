/* help_completion: scripts that complete subcommands, options and the values that are known.
 *
 * The tables are written out as shell `case` branches (bash, zsh) or `complete` lines (fish), so
 * that a press of the key runs no program. An option's value is completed when its placeholder in
 * the table says what it is: "jwt|opaque" lists the values, FILE and PATH are files, NAME=VALUE
 * is a setting, SUBCOMMAND and shells the like; other values are the user's own.
 */
#include "cmd/help_completion.h"

#include <stdio.h>
#include <string.h>

#include "cmd/args.h"

typedef const struct command_set *const *sets;

static void put(struct buf *b, const char *z)
{
    buf_put(b, str_from(z));
}

/* As fish takes it inside single quotes. */
static void quoted(struct buf *b, const char *z)
{
    put(b, "'");
    for (; *z; z++) {
        put(b, *z == '\'' || *z == '\\' ? "\\" : "");
        buf_char(b, *z);
    }
    put(b, "'");
}

static bool is_file(const struct option *o)
{
    return str_eq(str_from(o->value), STR("FILE")) || str_eq(str_from(o->value), STR("PATH"));
}

static bool is_setting(const struct option *o)
{
    return str_eq(str_from(o->value), STR("NAME=VALUE"));
}

/* "a|b|c" as "a b c"; "" when the placeholder is no list. */
static void values(struct buf *b, const struct option *o)
{
    const char *z = o->value;
    if (str_find(str_from(z), '|', 0) == strlen(z))
        return;
    for (; *z; z++)
        buf_char(b, *z == '|' ? ' ' : *z);
}

static void setting_names(struct buf *b)
{
    for (size_t i = 0; i < SETTING_COUNT; i++)
        buf_printf(b, "%s%s=", i ? " " : "", setting_infos[i].name);
}

/* ---- bash and zsh: one function with branches ---- */

static void option_words(struct buf *b, const struct option *o, size_t n)
{
    for (size_t i = 0; i < n; i++)
        buf_printf(b, " --%s", o[i].name);
}

/* What follows an option that takes a value: "KEY --option" sets choices, or files=1. */
static void value_branches(struct buf *b, const char *key, const struct option *o, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!o[i].value)
            continue;
        buf_printf(b, "    %s' --%s') ", key, o[i].name);
        if (is_file(&o[i])) {
            put(b, "files=1");
        } else {
            put(b, "choices='");
            if (is_setting(&o[i]))
                setting_names(b);
            else
                values(b, &o[i]);
            put(b, is_setting(&o[i]) ? "' open=1" : "'");
        }
        put(b, "; return;;\n");
    }
}

static void key_of(char key[80], const struct command_set *set, const struct command *k)
{
    snprintf(key, 80, "'%s%s%s'", set->name, *k->name ? " " : "", k->name);
}

static void each_value(struct buf *b, sets all)
{
    char key[80];
    for (; *all; all++) {
        for (size_t i = 0; i < (*all)->n; i++) {
            const struct command *k = &(*all)->commands[i];
            key_of(key, *all, k);
            value_branches(b, key, k->options, k->options_n);
        }
    }
    value_branches(b, "*", args_common, args_common_n);
}

static void each_command(struct buf *b, sets all)
{
    char key[80];
    for (; *all; all++) {
        for (size_t i = 0; i < (*all)->n; i++) {
            const struct command *k = &(*all)->commands[i];
            key_of(key, *all, k);
            buf_printf(b, "    %s) choices='", key);
            option_words(b, k->options, k->options_n);
            option_words(b, args_common, args_common_n);
            put(b, "'");
            put(b, k->operand && str_eq(str_from(k->operand), STR("FILE")) ? " files=1" : "");
            put(b, ";;\n");
        }
    }
}

static void each_second(struct buf *b, sets all)
{
    for (; *all; all++) {
        if (!*(*all)->commands[0].name)
            continue;
        buf_printf(b, "    %s) choices='", (*all)->name);
        for (size_t i = 0; i < (*all)->n; i++)
            buf_printf(b, "%s%s", i ? " " : "", (*all)->commands[i].name);
        put(b, "'; return;;\n");
    }
}

static void first_words(struct buf *b, sets all)
{
    for (; *all; all++)
        buf_printf(b, "%s ", (*all)->name);
    put(b, "--help --version");
}

/* $1: which word is completed (1 is the first behind `postern`); $2.. all words. Sets choices,
 * files, open. What follows sits in both shells. */
static void choose(struct buf *b, sets all)
{
    put(b, "# What may stand at word $1 of the line $2...: sets choices, files, open.\n"
           "_postern_words() {\n"
           "  local at=$1; shift\n"
           "  local first=$2 second= key= prev=\n"
           "  choices= files= open=\n"
           "  if [ $at -le 1 ]; then choices='");
    first_words(b, all);
    put(b, "'; return; fi\n"
           "  if [ $at -eq 2 ]; then\n"
           "    case $first in\n");
    each_second(b, all);
    put(b, "    esac\n  fi\n"
           "  case $first in\n    ");
    const char *between = "";
    for (sets s = all; *s; s++) {
        if (!*(*s)->commands[0].name) {
            buf_printf(b, "%s%s", between, (*s)->name);
            between = "|";
        }
    }
    put(b, ") key=$first;;\n    *) key=\"$first $3\";;\n  esac\n"
           "  shift $((at - 1)); prev=$1\n"
           "  case \"$key $prev\" in\n");
    each_value(b, all);
    put(b, "  esac\n  case $key in\n");
    each_command(b, all);
    put(b, "    'help'*) choices=\"$choices ");
    first_words(b, all);
    put(b, "\";;\n  esac\n}\n\n");
}

static void bash(struct buf *b, sets all)
{
    put(b, "# bash completion for postern; written by `postern help --completion bash`.\n\n");
    choose(b, all);
    put(b, "_postern() {\n"
           "  local choices files open cur=${COMP_WORDS[COMP_CWORD]}\n"
           "  [[ $cur == = ]] && cur=\n"
           "  _postern_words \"$COMP_CWORD\" \"${COMP_WORDS[@]}\"\n"
           "  COMPREPLY=()\n"
           "  if [ -n \"$files\" ] && [[ $cur != -* ]]; then\n"
           "    compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$cur\"); return\n"
           "  fi\n"
           "  [ -z \"$open\" ] || compopt -o nospace\n"
           "  mapfile -t COMPREPLY < <(compgen -W \"$choices\" -- \"$cur\")\n"
           "}\n"
           "complete -F _postern postern\n");
}

static void zsh(struct buf *b, sets all)
{
    put(b, "#compdef postern\n"
           "# zsh completion for postern; written by `postern help --completion zsh`.\n\n");
    choose(b, all);
    put(b, "_postern() {\n"
           "  local -a line=(\"${(@)words}\")\n"
           "  local choices files open at=$((CURRENT - 1))\n"
           "  _postern_words $at \"${line[@]}\"\n"
           "  if [ -n \"$files\" ] && [[ $PREFIX != -* ]]; then _files; return; fi\n"
           "  if [ -n \"$open\" ]; then compadd -S '' -- ${=choices}; else compadd -- ${=choices}; "
           "fi\n"
           "}\n"
           "[ \"$funcstack[1]\" != _postern ] || _postern \"$@\"\n");
}

/* ---- fish: one line per word ---- */

static void fish_option(struct buf *b, const char *when, const struct option *o)
{
    put(b, "complete -c postern");
    buf_printf(b, " -n '%s' -l %s", when, o->name);
    if (o->value) {
        put(b, is_file(o) ? " -r -F" : " -x");
        size_t start = b->n;
        put(b, " -a '");
        size_t before = b->n;
        if (is_setting(o))
            setting_names(b);
        else
            values(b, o);
        if (b->n == before)
            b->n = start;
        else
            put(b, "'");
    }
    put(b, " -d ");
    quoted(b, o->help);
    put(b, "\n");
}

static void fish_set(struct buf *b, const struct command_set *set)
{
    char when[160];
    buf_printf(b, "complete -c postern -n __fish_use_subcommand -a %s -d ", set->name);
    quoted(b, set->summary);
    put(b, "\n");
    for (size_t i = 0; i < set->n; i++) {
        const struct command *k = &set->commands[i];
        snprintf(when, sizeof when, "__postern_at %s %s", set->name, k->name);
        if (*k->name) {
            buf_printf(b, "complete -c postern -n '__postern_needs %s' -a %s -d ", set->name,
                       k->name);
            quoted(b, k->summary);
            put(b, "\n");
        }
        for (size_t j = 0; j < k->options_n; j++)
            fish_option(b, when, &k->options[j]);
        if (k->operand && str_eq(str_from(k->operand), STR("FILE")))
            buf_printf(b, "complete -c postern -n '%s' -F\n", when);
    }
}

static void fish(struct buf *b, sets all)
{
    put(b, "# fish completion for postern; written by `postern help --completion fish`.\n\n"
           "function __postern_at\n"
           "  set -l line (commandline -opc)\n"
           "  set -l end (math 1 + (count $argv))\n"
           "  test (count $line) -ge $end; and test \"$line[2..$end]\" = \"$argv\"\n"
           "end\n"
           "function __postern_needs\n"
           "  set -l line (commandline -opc)\n"
           "  test (count $line) -eq 2; and test $line[2] = $argv[1]\n"
           "end\n"
           "complete -c postern -f\n");
    for (; *all; all++)
        fish_set(b, *all);
    for (size_t i = 0; i < args_common_n; i++)
        fish_option(b, "not __fish_use_subcommand", &args_common[i]);
}

bool help_completion(struct cmd *c, str shell, struct buf *out)
{
    if (str_eq(shell, STR("bash")))
        bash(out, c->sets);
    else if (str_eq(shell, STR("zsh")))
        zsh(out, c->sets);
    else if (str_eq(shell, STR("fish")))
        fish(out, c->sets);
    else
        return false;
    return true;
}
