/* accept: new connections, and what happens when there are too many. */
#ifndef NET_ACCEPT_H
#define NET_ACCEPT_H

#include "net/worker.h"

/* The listener is ready: takes what waits there, up to a share of the turn. */
void accept_ready(struct worker *w, struct source *s);
/* The server stops: takes everything that waits. */
void accept_rest(struct worker *w, struct source *s);
/* After a pause for want of descriptors: listens again. */
void accept_resume(struct worker *w);

#endif
