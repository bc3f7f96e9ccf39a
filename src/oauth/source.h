/* source: whom attempts are counted by, when they are not counted by account. */
#ifndef OAUTH_SOURCE_H
#define OAUTH_SOURCE_H

#include "oauth/rq.h"

/* The address, or the /64 of an IPv6 one, which is what one customer has. p == NULL: none that
 * could be told from others (a unix socket). */
str source_of(struct rq *rq);

#endif
