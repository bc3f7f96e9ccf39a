/* serve_tick: what the committer's thread does between commits, about five times a second. */
#ifndef CMD_SERVE_TICK_H
#define CMD_SERVE_TICK_H

#include "cmd/serve_app.h"

/* One tick; bounded, since commits wait for it. */
void serve_tick(struct serve_app *app);

#endif
