/* route: which handler a path belongs to. Exact bytes, no normalisation (security.md A17). */
#ifndef HTTP_ROUTE_H
#define HTTP_ROUTE_H

#include "http/request.h"

/* True if path matches the pattern; "{id}" in it takes one segment without "/", at least one
 * byte, left in *id. Nothing is decoded. */
bool route_match(str pattern, str path, str *id);

#endif
