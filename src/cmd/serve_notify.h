/* serve_notify: tells systemd that the server is ready or stopping (sd_notify(3)). */
#ifndef CMD_SERVE_NOTIFY_H
#define CMD_SERVE_NOTIFY_H

/* One datagram to $NOTIFY_SOCKET; nothing happens without one. */
void serve_notify(const char *state);

#endif
