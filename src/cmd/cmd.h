/* cmd: what every subcommand is made of: its description, its context, and how it ends.
 *
 * A subcommand is one row of a table: words, operand, options, help and a function. From the rows
 * come the option parser, `postern help` and docs/commands.md.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include "base/log.h"
#include "config/settings.h"
#include "crypto/hash.h"
#include "crypto/signer.h"
#include "store/commit.h"
#include "store/key.h"

/* Exit codes, the same for every subcommand. */
enum { CMD_DONE = 0, CMD_FAILED = 1, CMD_USAGE = 2, CMD_ABSENT = 3, CMD_CONFLICT = 4 };

struct option {
    const char *name;  /* without "--" */
    const char *value; /* what it takes: "ID"; NULL: it is a flag */
    bool many;         /* may be repeated */
    bool required;
    const char *help;
};

struct cmd;

struct command {
    const char *name;    /* the second word; "" when there is one word only */
    const char *operand; /* "ID"; "[WORD]..." may be left out or repeated; NULL: none */
    const char *summary;
    const char *more; /* further text of its help; NULL: none */
    const struct option *options;
    size_t options_n;
    int (*run)(struct cmd *c);
};

/* The subcommands that share a first word. */
struct command_set {
    const char *name;
    const char *summary;
    const struct command *commands;
    size_t n;
};

#define CMD_OPTIONS(table) (table), sizeof(table) / sizeof *(table)

/* One run of one subcommand. */
struct cmd {
    const struct command_set *const *sets; /* all there are, NULL-terminated */
    const struct command_set *set;
    const struct command *command;
    struct arena arena; /* until the process ends */
    struct args *args;
    bool json;
    struct settings settings;
    /* open.c fills these: */
    struct db *db;
    struct master_key master;
    struct keyring *ring;
    struct signer *signer; /* of that ring; signs nothing, hashes */
    struct hasher *hasher;
    struct id_source ids;
    struct effects fx;
    int64_t now_s;
    str about;    /* cmd/audited.h: the id of what it is about */
    bool audited; /* its row is written */
};

/* The whole program: finds the subcommand, parses, runs, returns the exit code. */
int cmd_main(const struct command_set *const *sets, int argc, char **argv);
/* Says why on stderr ("postern: ...") and returns the code. */
int cmd_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Writes to stdout; CMD_FAILED, with a message, when that is not possible. */
int cmd_print(str text);
/* For cases that hold text for stderr, beside the object on stdout. */
void cmd_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

extern const struct command_set serve_commands, org_commands, account_commands, group_commands,
    user_commands, session_commands, consent_commands, client_commands, token_commands,
    explain_commands, key_commands, migrate_commands, audit_commands, move_commands,
    backup_commands, restore_commands, check_commands, config_commands, list_commands,
    help_commands;

#endif
