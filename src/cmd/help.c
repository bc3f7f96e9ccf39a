/* help: `postern help`, `--help` of every subcommand, and docs/commands.md.
 *
 * All of it is read from the tables that the parser reads, so help and behaviour agree.
 * `postern help --markdown` writes docs/commands.md; test/spec/cli.test.js compares the two.
 */
#include "cmd/help.h"

#include <unistd.h>

#include "cmd/args.h"
#include "cmd/help_completion.h"
#include "cmd/help_man.h"

enum { PAGE = 1 << 18 };

static void put(struct buf *b, const char *z)
{
    buf_put(b, str_from(z));
}

static void words(struct buf *b, const struct command_set *set, const struct command *k)
{
    buf_printf(b, "%s%s%s", set->name, *k->name ? " " : "", k->name);
}

/* "--name NAME" or "[--json]" */
static void usage_option(struct buf *b, const struct option *o)
{
    buf_printf(b, o->required ? " --%s" : " [--%s", o->name);
    if (o->value)
        buf_printf(b, " %s", o->value);
    put(b, o->required ? "" : o->many ? "]..." : "]");
}

static void usage(struct buf *b, const struct command_set *set, const struct command *k)
{
    put(b, "postern ");
    words(b, set, k);
    if (k->operand)
        buf_printf(b, " %s", k->operand);
    for (size_t i = 0; i < k->options_n; i++)
        usage_option(b, &k->options[i]);
}

static void option_lines(struct buf *b, const struct option *options, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t start = b->n;
        buf_printf(b, "  --%s", options[i].name);
        if (options[i].value)
            buf_printf(b, " %s", options[i].value);
        do {
            buf_char(b, ' ');
        } while (b->n - start < 30 && !b->overflow);
        buf_printf(b, "%s\n", options[i].help);
    }
}

static void page(struct cmd *c, struct buf *b)
{
    buf_init(b, &c->arena, 4096, PAGE);
}

static int send(struct buf *b)
{
    return b->overflow ? cmd_fail(CMD_FAILED, "the help text is too long") : cmd_print(buf_str(b));
}

int help_command(struct cmd *c, const struct command_set *set, const struct command *k)
{
    struct buf b;
    page(c, &b);
    put(&b, "Usage: ");
    usage(&b, set, k);
    buf_printf(&b, "\n\n%s\n", k->summary);
    if (k->more)
        buf_printf(&b, "\n%s\n", k->more);
    if (k->options_n) {
        put(&b, "\nOptions:\n");
        option_lines(&b, k->options, k->options_n);
    }
    put(&b, "\nWith every subcommand:\n");
    option_lines(&b, args_common, args_common_n);
    return send(&b);
}

static void set_lines(struct buf *b, const struct command_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        size_t start = b->n;
        put(b, "  postern ");
        words(b, set, &set->commands[i]);
        if (set->commands[i].operand)
            buf_printf(b, " %s", set->commands[i].operand);
        do {
            buf_char(b, ' ');
        } while (b->n - start < 30 && !b->overflow);
        buf_printf(b, "%s\n", set->commands[i].summary);
    }
}

int help_set(struct cmd *c, const struct command_set *set)
{
    struct buf b;
    page(c, &b);
    buf_printf(&b, "%s\n\n", set->summary);
    set_lines(&b, set);
    buf_printf(&b, "\n`postern help %s WORD` says more.\n", set->name);
    return send(&b);
}

int help_overview(struct cmd *c, int fd)
{
    struct buf b;
    page(c, &b);
    put(&b, "Postern, an OAuth 2.0 authorization server.\n\n"
            "Usage: postern SUBCOMMAND [WORD] [--option VALUE]...\n\n");
    for (const struct command_set *const *set = c->sets; *set; set++)
        buf_printf(&b, "  %-9s %s\n", (*set)->name, (*set)->summary);
    put(&b, "\n`postern help SUBCOMMAND` says more; `postern --version` says which this is.\n"
            "Exit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict.\n");
    if (fd == STDOUT_FILENO)
        return send(&b);
    return write(fd, b.p, b.n) < 0 ? CMD_FAILED : CMD_DONE;
}

static void markdown_options(struct buf *b, const struct option *options, size_t n)
{
    if (n == 0)
        return;
    put(b, "\n| option | takes | |\n|---|---|---|\n");
    for (size_t i = 0; i < n; i++) {
        buf_printf(b, "| `--%s` | ", options[i].name);
        for (const char *p = options[i].value ? options[i].value : ""; *p; p++) {
            put(b, *p == '|' ? "\\" : "");
            buf_char(b, *p);
        }
        buf_printf(b, " | %s%s |\n", options[i].help,
                   options[i].required ? " (required)"
                   : options[i].many   ? " (repeatable)"
                                       : "");
    }
}

static int markdown(struct cmd *c)
{
    struct buf b;
    page(c, &b);
    put(&b, "# Commands\n\nExit codes: 0 done, 1 failed, 2 usage, 3 not found, 4 conflict.\n"
            "This page is the output of `postern help --markdown`.\n\n"
            "With every subcommand go:\n");
    markdown_options(&b, args_common, args_common_n);
    for (const struct command_set *const *set = c->sets; *set; set++) {
        for (size_t i = 0; i < (*set)->n; i++) {
            const struct command *k = &(*set)->commands[i];
            put(&b, "\n## postern ");
            words(&b, *set, k);
            if (k->operand)
                buf_printf(&b, " %s", k->operand);
            buf_printf(&b, "\n\n%s\n", k->summary);
            if (k->more)
                buf_printf(&b, "\n```\n%s\n```\n", k->more);
            markdown_options(&b, k->options, k->options_n);
        }
    }
    return send(&b);
}

static const struct command *find_command(const struct command_set *set, str word)
{
    for (size_t i = 0; i < set->n; i++)
        if (str_eq(word, str_from(set->commands[i].name)))
            return &set->commands[i];
    return NULL;
}

static int man(struct cmd *c)
{
    struct buf b;
    str name = args_get(c, "man");
    page(c, &b);
    if (!help_man(c, name, &b)) {
        return cmd_fail(CMD_USAGE, "there is no manual page `%.*s`; see `postern help --man list`",
                        STR_ARG(name));
    }
    return send(&b);
}

static int completion(struct cmd *c)
{
    struct buf b;
    str shell = args_get(c, "completion");
    page(c, &b);
    if (!help_completion(c, shell, &b)) {
        return cmd_fail(CMD_USAGE, "--completion takes bash, zsh or fish, not `%.*s`",
                        STR_ARG(shell));
    }
    return send(&b);
}

static int help(struct cmd *c)
{
    str *operands;
    size_t n = args_operands(c, &operands);
    if (args_has(c, "markdown"))
        return markdown(c);
    if (args_has(c, "man"))
        return man(c);
    if (args_has(c, "completion"))
        return completion(c);
    if (n == 0)
        return help_overview(c, STDOUT_FILENO);
    const struct command_set *const *set = c->sets;
    while (*set && !str_eq(operands[0], str_from((*set)->name)))
        set++;
    if (!*set || n > 2) {
        return cmd_fail(CMD_USAGE, "there is no subcommand `%.*s`; `postern help` lists them",
                        STR_ARG(operands[0]));
    }
    if (n == 1) {
        return *(*set)->commands[0].name ? help_set(c, *set)
                                         : help_command(c, *set, &(*set)->commands[0]);
    }
    const struct command *k = find_command(*set, operands[1]);
    if (!k) {
        return cmd_fail(CMD_USAGE, "there is no subcommand `%.*s %.*s`; see `postern help %.*s`",
                        STR_ARG(operands[0]), STR_ARG(operands[1]), STR_ARG(operands[0]));
    }
    return help_command(c, *set, k);
}

static const struct option options[] = {
    {"man", "PAGE", false, false, "write a manual page: postern, postern-WORD, postern.conf; list"},
    {"completion", "bash|zsh|fish", false, false, "write the completion script of a shell"},
    {"markdown", NULL, false, false, "write docs/commands.md"},
};

static const struct command commands[] = {
    {"", "[WORD]...", "Say what subcommands do.", NULL, CMD_OPTIONS(options), help},
};

const struct command_set help_commands = {"help", "what subcommands do", commands, 1};
