/* plan: `postern migrate --plan`. */
#ifndef CMD_PLAN_H
#define CMD_PLAN_H

#include "cmd/cmd.h"

/* Prints every migration that this program knows, and of those that the store lacks what they would
 * run, how many rows that touches and which nodes may go on meanwhile. c->db NULL: there is no
 * store yet. The exit code. */
int plan_show(struct cmd *c);

#endif
