/* args: the one option parser, driven by the tables of the subcommands.
 *
 * "--name value", "--name=value", flags, "--" before operands that begin with a dash. An unknown
 * option is refused with the nearest one that exists; so are repeated and missing ones.
 */
#ifndef CMD_ARGS_H
#define CMD_ARGS_H

#include "cmd/cmd.h"

/* Options that go with every subcommand. */
extern const struct option args_common[];
extern const size_t args_common_n;

/* Parses what follows the subcommand's words into c->args. CMD_DONE or CMD_USAGE. */
int args_parse(struct cmd *c, int argc, char **argv);
bool args_has(const struct cmd *c, const char *option);
/* The value; p == NULL when it was not given. */
str args_get(const struct cmd *c, const char *option);
/* All values of a repeatable option, in order. */
size_t args_all(const struct cmd *c, const char *option, str **values);
/* The operand; p == NULL when it was not given. */
str args_operand(const struct cmd *c);
size_t args_operands(const struct cmd *c, str **operands);

#endif
