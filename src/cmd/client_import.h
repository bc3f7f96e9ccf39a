/* client_import: `postern client import`. */
#ifndef CMD_CLIENT_IMPORT_H
#define CMD_CLIENT_IMPORT_H

#include "cmd/cmd.h"

int client_import(struct cmd *c);

#endif
