/* help_man: manual pages, from the tables of subcommands and settings. */
#ifndef CMD_HELP_MAN_H
#define CMD_HELP_MAN_H

#include "cmd/cmd.h"

/* The page of that name: "postern", "postern-client", "postern.conf"; with or without its section
 * (".1", ".5"). "list" writes the names of all, one a line. False: there is no such page. */
bool help_man(struct cmd *c, str page, struct buf *out);

#endif
