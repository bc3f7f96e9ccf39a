/* help_completion: completion scripts for shells, from the tables of subcommands and settings. */
#ifndef CMD_HELP_COMPLETION_H
#define CMD_HELP_COMPLETION_H

#include "cmd/cmd.h"

/* The script for "bash", "zsh" or "fish". False: another shell. */
bool help_completion(struct cmd *c, str shell, struct buf *out);

#endif
