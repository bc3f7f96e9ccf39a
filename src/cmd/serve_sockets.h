/* serve_sockets: sockets that a service manager opened (sd_listen_fds(3)). */
#ifndef CMD_SERVE_SOCKETS_H
#define CMD_SERVE_SOCKETS_H

#include "config/settings.h"

/* When this process was passed sockets, they take the place of listen, tls.listen and
 * admin_listen, by their names; settings that name a descriptor themselves (fd:N) are left alone.
 * ERR_INVALID_REQUEST with `why` for sockets that cannot be used. */
enum err serve_sockets(struct settings *s, char *why, size_t why_size);

#endif
