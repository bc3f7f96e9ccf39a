/* metadata: what the server can do (RFC 8414), derived from the tables. */
#ifndef OAUTH_ENDPOINT_METADATA_H
#define OAUTH_ENDPOINT_METADATA_H

#include "oauth/server.h"

/* What of the document stays while the server runs: an object still open, made once at start. */
str metadata_make(struct arena *a, const struct server *s);

#endif
