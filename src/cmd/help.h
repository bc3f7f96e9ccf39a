/* help: texts derived from the tables of subcommands. */
#ifndef CMD_HELP_H
#define CMD_HELP_H

#include "cmd/cmd.h"

/* All first words, to that descriptor. */
int help_overview(struct cmd *c, int fd);
int help_set(struct cmd *c, const struct command_set *set);
int help_command(struct cmd *c, const struct command_set *set, const struct command *command);

#endif
