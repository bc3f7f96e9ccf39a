/* serve_reload: SIGHUP. */
#ifndef CMD_SERVE_RELOAD_H
#define CMD_SERVE_RELOAD_H

#include "cmd/serve_app.h"

/* Reads the settings again and takes up what can change; has the housekeeping read the keys again.
 * From the main thread (net_app.reload). */
void serve_reload(struct serve_app *app);

#endif
