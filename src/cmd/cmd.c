/* cmd: from argv to one subcommand and back to an exit code.
 *
 * The first word names a set, the second a subcommand of it (sets of one have no second word).
 * Answers go to stdout, everything else to stderr, so that --json can be piped as it is. A write
 * to stdout that fails is a failure: a secret that is shown once must not vanish silently.
 */
#include "cmd/cmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/help.h"
#include "cmd/open.h"
#include "config/suggest.h"

/* One message to stderr. What it quotes may come from others (imported files, the store), so
 * control characters other than line ends, and bidi marks, become '?'. */
static void say(const char *before, const char *format, va_list args)
{
    char *text = NULL;
    int n = vasprintf(&text, format, args);
    str s = str_make(text, n > 0 ? (size_t)n : 0);
    fputs(before, stderr);
    for (size_t i = 0; i < s.n;) {
        size_t mark = s.p[i] == '\n' ? 0 : str_mark(s, i);
        fputc(mark ? '?' : s.p[i], stderr);
        i += mark ? mark : 1;
    }
    fputc('\n', stderr);
    if (n >= 0)
        free(text);
}

int cmd_fail(int code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("postern: ", format, args);
    va_end(args);
    return code;
}

void cmd_note(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    say("", format, args);
    va_end(args);
}

int cmd_print(str text)
{
    while (text.n > 0) {
        ssize_t n = write(STDOUT_FILENO, text.p, text.n);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return cmd_fail(CMD_FAILED, "cannot write the answer to stdout: %s", strerror(errno));
        text = str_sub(text, (size_t)n, text.n);
    }
    return CMD_DONE;
}

static int unknown_set(const struct command_set *const *sets, const char *word)
{
    struct suggest near;
    suggest_init(&near, str_from(word));
    for (; *sets; sets++)
        suggest_offer(&near, (*sets)->name);
    if (near.best)
        return cmd_fail(CMD_USAGE, "unknown subcommand `%s`; did you mean `%s`?", word, near.best);
    return cmd_fail(CMD_USAGE, "unknown subcommand `%s`; `postern help` lists them", word);
}

static int unknown_command(const struct command_set *set, const char *word)
{
    struct suggest near;
    suggest_init(&near, str_from(word ? word : ""));
    for (size_t i = 0; i < set->n; i++)
        suggest_offer(&near, set->commands[i].name);
    if (!word) {
        return cmd_fail(CMD_USAGE, "`postern %s` needs a second word; see `postern help %s`",
                        set->name, set->name);
    }
    if (near.best) {
        return cmd_fail(CMD_USAGE, "unknown subcommand `%s %s`; did you mean `%s %s`?", set->name,
                        word, set->name, near.best);
    }
    return cmd_fail(CMD_USAGE, "unknown subcommand `%s %s`; see `postern help %s`", set->name, word,
                    set->name);
}

/* Finds set and command; *used: how many words of argv they took. */
static int find(struct cmd *c, int argc, char **argv, int *used)
{
    const struct command_set *const *set = c->sets;
    while (*set && strcmp((*set)->name, argv[0]) != 0)
        set++;
    if (!*set)
        return unknown_set(c->sets, argv[0]);
    c->set = *set;
    *used = 1;
    if (!*c->set->commands[0].name) {
        c->command = &c->set->commands[0];
        return CMD_DONE;
    }
    const char *word = argc > 1 ? argv[1] : NULL;
    for (size_t i = 0; word && i < c->set->n; i++) {
        if (strcmp(c->set->commands[i].name, word) == 0) {
            c->command = &c->set->commands[i];
            *used = 2;
            return CMD_DONE;
        }
    }
    if (word && (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0))
        return CMD_DONE;
    return unknown_command(c->set, word);
}

static int run(struct cmd *c, int argc, char **argv)
{
    int used = 0, code = find(c, argc, argv, &used);
    if (code)
        return code;
    if (!c->command)
        return help_set(c, c->set);
    if ((code = args_parse(c, argc - used, argv + used)))
        return code;
    if (args_has(c, "help"))
        return help_command(c, c->set, c->command);
    code = c->command->run(c);
    open_close(c);
    return code;
}

/* Nothing that is opened later shall get the number of a standard descriptor that was closed: the
 * log or a message would be written into it. What takes the place fails as a closed one does. */
static void hold_standard(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 &&
            open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            _exit(CMD_FAILED);
}

int cmd_main(const struct command_set *const *sets, int argc, char **argv)
{
    struct cmd c = {.sets = sets};
    umask(077);
    hold_standard();
    log_open(STDERR_FILENO, LOG_OFF); /* commands say what went wrong themselves; serve logs */
    arena_init(&c.arena, (size_t)1 << 32);
    int code;
    if (argc < 2) {
        help_overview(&c, STDERR_FILENO);
        code = CMD_USAGE;
    } else if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "-V") == 0) {
        code = cmd_print(STR("postern " POSTERN_VERSION "\n"));
    } else if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
        code = help_overview(&c, STDOUT_FILENO);
    } else {
        code = run(&c, argc - 1, argv + 1);
    }
    arena_free(&c.arena);
    return code;
}
