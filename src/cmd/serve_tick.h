/* serve_tick: the server's housekeeping, in the committer thread, about five times a second. */
#ifndef CMD_SERVE_TICK_H
#define CMD_SERVE_TICK_H

#include "cmd/serve_app.h"

/* One tick; bounded, since commits wait for it. */
/* One round: the changes of other processes, one sweep, the steps in the keys' lives. */
void serve_tick(struct serve_app *app);
/* After the last request: writes what is still in memory. */
void serve_tick_end(struct serve_app *app);

#endif
