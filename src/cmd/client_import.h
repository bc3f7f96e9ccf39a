/* client_import: `postern client import`. */
#ifndef CMD_CLIENT_IMPORT_H
#define CMD_CLIENT_IMPORT_H

#include "cmd/cmd.h"

/* The whole subcommand; the exit code. */
/* Runs it; returns the exit code (CMD_...). */
int client_import(struct cmd *c);

#endif
