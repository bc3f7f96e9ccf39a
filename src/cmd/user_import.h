/* user_import: `postern user import`. */
#ifndef CMD_USER_IMPORT_H
#define CMD_USER_IMPORT_H

#include "cmd/cmd.h"

/* Runs it; returns the exit code (CMD_...). */
int user_import(struct cmd *c);

#endif
