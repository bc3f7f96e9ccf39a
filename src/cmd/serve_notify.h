/* serve_notify: tells systemd that the server is ready or stopping (sd_notify(3)). */
#ifndef CMD_SERVE_NOTIFY_H
#define CMD_SERVE_NOTIFY_H

#include <stdint.h>

enum { SERVE_NOTIFY_MAX = 96 /* bytes of a state */ };

/* To the service manager, or to the supervisor, which alone may speak to that. */
void serve_notify(const char *state);
/* One datagram to $NOTIFY_SOCKET; nothing happens without one. */
void serve_notify_manager(const char *state);
/* From now on serve_notify() writes to that socket of the supervisor's. */
void serve_notify_relay(int fd);
/* RELOADING=1 with the time, so that the READY=1 that follows is told from one before it. */
void serve_notify_reloading(void);
/* The first call has to be made by the process that the service manager has started.
 * Within how many us systemd wants a WATCHDOG=1 ($WATCHDOG_USEC); 0: it wants none. */
int64_t serve_notify_watchdog_us(void);

#endif
