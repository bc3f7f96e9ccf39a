/* client_show: a client with its groups, as the commands print it. */
#ifndef CMD_CLIENT_SHOW_H
#define CMD_CLIENT_SHOW_H

#include "cmd/show.h"
#include "store/client.h"

/* secret.p == NULL: not shown (it is shown once, when it is made). */
int client_show_object(struct show *s, const struct client *k, str secret);
/* One object to stdout; a hint about the secret to a terminal's stderr. */
int client_show_one(struct cmd *c, const struct client *k, str secret);

#endif
