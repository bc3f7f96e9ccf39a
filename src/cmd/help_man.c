/* help_man: postern(1), postern-COMMAND(1) and postern.conf(5) in man(7) macros.
 *
 * One page per first word, as the parser's tables have it, and one for the settings. What the
 * tables do not know stands here as text: a page is read by somebody who knows the program's name
 * and nothing else. script/gen-man writes all pages; test/spec/man.test.js lints them.
 *
 * Dates come from SOURCE_DATE_EPOCH when it is set, so that packages can be reproduced.
 */
#include "cmd/help_man.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "cmd/args.h"

static void put(struct buf *b, const char *z)
{
    buf_put(b, str_from(z));
}

/* Text as roff prints it: nothing of it is a request or an escape. */
static void text(struct buf *b, const char *z)
{
    bool fresh = b->n == 0 || b->p[b->n - 1] == '\n';
    for (; *z; z++) {
        if (fresh && (*z == '.' || *z == '\''))
            put(b, "\\&");
        fresh = *z == '\n';
        switch (*z) {
        case '\\':
            put(b, "\\e");
            break;
        case '-':
            put(b, "\\-");
            break;
        case '`':
            put(b, "\\(ga");
            break;
        case '\'':
            put(b, "\\(aq");
            break;
        case '^':
            put(b, "\\(ha");
            break;
        case '~':
            put(b, "\\(ti");
            break;
        default:
            buf_char(b, *z);
        }
    }
}

static void date(struct buf *b)
{
    static const struct clock system_clock;
    char when[20];
    int64_t now_s;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (!epoch || !str_i64(str_from(epoch), 0, INT32_MAX, &now_s))
        now_s = clock_now_s(&system_clock);
    clock_rfc3339(now_s, when);
    buf_put(b, str_make(when, 10));
}

/* The head up to NAME. */
static void head(struct buf *b, const char *name, const char *section, const char *summary)
{
    put(b, ".TH ");
    for (const char *p = name; *p; p++)
        buf_char(b, *p >= 'a' && *p <= 'z' ? (char)(*p - 'a' + 'A') : *p);
    buf_printf(b, " %s ", section);
    date(b);
    put(b, " \"Postern " POSTERN_VERSION "\" \"Postern Manual\"\n.SH NAME\n");
    text(b, name);
    put(b, " \\- ");
    text(b, summary);
    put(b, "\n");
}

static void bold(struct buf *b, const char *z)
{
    put(b, "\\fB");
    text(b, z);
    put(b, "\\fR");
}

static void value(struct buf *b, const char *z)
{
    if (z) {
        put(b, " \\fI");
        text(b, z);
        put(b, "\\fR");
    }
}

static void option(struct buf *b, const struct option *o)
{
    put(b, "\\fB\\-\\-");
    text(b, o->name);
    put(b, "\\fR");
    value(b, o->value);
}

static void options(struct buf *b, const struct option *table, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        put(b, ".TP\n");
        option(b, &table[i]);
        put(b, "\n");
        text(b, table[i].help);
        put(b, table[i].required ? " (required)" : table[i].many ? " (repeatable)" : "");
        put(b, ".\n");
    }
}

static void synopsis(struct buf *b, const struct command_set *set, const struct command *k)
{
    bold(b, "postern ");
    bold(b, set->name);
    put(b, *k->name ? " " : "");
    bold(b, k->name);
    value(b, k->operand);
    for (size_t i = 0; i < k->options_n; i++) {
        put(b, k->options[i].required ? " " : " [");
        option(b, &k->options[i]);
        put(b, k->options[i].required ? "" : k->options[i].many ? "]..." : "]");
    }
    put(b, "\n");
}

/* Further text keeps its lines: it holds examples and columns. */
static void more(struct buf *b, const char *z)
{
    put(b, ".PP\n.nf\n");
    text(b, z);
    put(b, "\n.fi\n");
}

static void common(struct buf *b)
{
    put(b, ".SH COMMON OPTIONS\n");
    options(b, args_common, args_common_n);
    put(b, ".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 3 not found, 4 conflict.\n");
}

static void see_also(struct buf *b, struct cmd *c, const char *self)
{
    put(b, ".SH SEE ALSO\n.BR postern (1)");
    for (const struct command_set *const *set = c->sets; *set; set++)
        if (*set && (!self || !str_eq(str_from(self), str_from((*set)->name))))
            buf_printf(b, ",\n.BR postern\\-%s (1)", (*set)->name);
    put(b, ",\n.BR postern.conf (5)\n");
}

static void set_page(struct cmd *c, struct buf *b, const struct command_set *set)
{
    char name[64];
    snprintf(name, sizeof name, "postern-%s", set->name);
    head(b, name, "1", set->summary);
    put(b, ".SH SYNOPSIS\n");
    for (size_t i = 0; i < set->n; i++) {
        put(b, i ? ".br\n" : "");
        synopsis(b, set, &set->commands[i]);
    }
    put(b, ".SH DESCRIPTION\n");
    for (size_t i = 0; i < set->n; i++) {
        const struct command *k = &set->commands[i];
        if (set->n > 1) {
            put(b, ".SS ");
            text(b, k->name);
            put(b, "\n");
        }
        text(b, k->summary);
        put(b, "\n");
        if (k->more)
            more(b, k->more);
        options(b, k->options, k->options_n);
    }
    common(b);
    see_also(b, c, set->name);
}

static const char overview[] =
    ".SH SYNOPSIS\n"
    "\\fBpostern\\fR \\fISUBCOMMAND\\fR [\\fIWORD\\fR] [\\fIOPTION\\fR]...\n"
    ".br\n\\fBpostern \\-\\-version\\fR\n"
    ".SH DESCRIPTION\n"
    "Postern is an OAuth 2.0 authorization server: one program that serves\n"
    "(\\fBpostern serve\\fR) and that manages what the server knows (all other subcommands),\n"
    "beside a running server or without one.\n"
    "What subcommands print about objects is JSON with \\fB\\-\\-json\\fR.\n"
    ".SH SUBCOMMANDS\n";

static const char overview_end[] =
    ".SH FILES\n"
    ".TP\n\\fI/etc/postern/postern.yaml\\fR\nThe settings of an installed package; see\n"
    ".BR postern.conf (5).\n"
    ".TP\n\\fI/var/lib/postern\\fR\nIts store.\n"
    ".TP\n\\fI/etc/postern/master_key\\fR\n"
    "The key that opens the keys in the store. Keep a copy of it apart from the store.\n"
    ".SH EXAMPLES\n"
    ".nf\n"
    "postern org create \\-\\-name \"Health Partners\"\n"
    "postern client create \\-\\-org ID \\-\\-name Portal \\-\\-all\\-groups\n"
    "postern serve \\-\\-listen 127.0.0.1:8080\n"
    ".fi\n";

static void main_page(struct cmd *c, struct buf *b)
{
    head(b, "postern", "1", "OAuth 2.0 authorization server");
    put(b, overview);
    for (const struct command_set *const *set = c->sets; *set; set++) {
        buf_printf(b, ".TP\n.BR postern\\-%s (1)\n", (*set)->name);
        text(b, (*set)->summary);
        put(b, ".\n");
    }
    common(b);
    put(b, overview_end);
    see_also(b, c, NULL);
}

static const char settings_text[] =
    ".SH DESCRIPTION\n"
    "Settings come from these places, later ones win: the built\\-in default, a settings file\n"
    "(\\fB\\-\\-config\\fR \\fIFILE\\fR, else \\fB$POSTERN_CONFIG\\fR, else, when Postern was\n"
    "installed as a package, \\fI/etc/postern/postern.yaml\\fR), the environment, and the command\n"
    "line (\\fB\\-\\-set\\fR \\fINAME=VALUE\\fR sets any of them).\n"
    ".PP\nThe file is YAML. Names nest or are dotted:\n"
    ".PP\n.nf\n"
    "issuer: https://auth.example.com\n"
    "tls:\n  certificate: /etc/postern/tls.pem\n  key: /etc/postern/tls.key\n"
    "tls.listen: :8443\n"
    ".fi\n"
    ".PP\nAn unknown name or a bad value is an error that names file, line and column.\n"
    "Where seconds are taken, 30s, 15m, 24h and 90d are too.\n"
    "\\fBpostern config\\fR shows what is in force and where each value came from.\n"
    "A running server reads the file again on SIGHUP; it takes up what says so below, and logs\n"
    "what needs a restart.\n"
    ".SH SETTINGS\n";

static void settings_page(struct cmd *c, struct buf *b)
{
    char words[256];
    struct buf w;
    head(b, "postern.conf", "5", "settings of the Postern authorization server");
    put(b, settings_text);
    for (enum setting_id id = 0; id < SETTING_COUNT; id++) {
        const struct setting_info *info = &setting_infos[id];
        put(b, ".TP\n");
        bold(b, info->name);
        put(b, "\n");
        text(b, info->help);
        put(b, settings_reload_can(id) ? " Taken up on SIGHUP.\n" : "\n");
        buf_fixed(&w, words, sizeof words - 1);
        settings_reference_takes(&w, info);
        words[w.n] = '\0';
        put(b, ".IP\nTakes ");
        text(b, words);
        put(b, ". Default: ");
        text(b, *info->fallback ? info->fallback : "none");
        put(b, ". Environment: \\fB");
        settings_reference_variable(b, info->name);
        put(b, "\\fR.\n");
    }
    see_also(b, c, NULL);
}

bool help_man(struct cmd *c, str page, struct buf *out)
{
    bool list = str_eq(page, STR("list"));
    if (list) {
        put(out, "postern.1\npostern.conf.5\n");
    } else if (str_eq(page, STR("postern")) || str_eq(page, STR("postern.1"))) {
        main_page(c, out);
        return true;
    } else if (str_eq(page, STR("postern.conf")) || str_eq(page, STR("postern.conf.5"))) {
        settings_page(c, out);
        return true;
    }
    str word = str_starts(page, STR("postern-")) ? str_sub(page, 8, page.n) : STR("");
    word.n -= str_ends(word, STR(".1")) ? 2 : 0;
    for (const struct command_set *const *set = c->sets; *set; set++) {
        if (list) {
            buf_printf(out, "postern-%s.1\n", (*set)->name);
        } else if (str_eq(word, str_from((*set)->name))) {
            set_page(c, out, *set);
            return true;
        }
    }
    return list;
}
