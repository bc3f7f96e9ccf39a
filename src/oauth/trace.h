/* trace: the caller's place in a distributed trace (W3C Trace Context, traceparent). */
#ifndef OAUTH_TRACE_H
#define OAUTH_TRACE_H

#include "http/request.h"

struct trace {
    str trace_id;  /* 32 hex digits */
    str parent_id; /* 16 hex digits: the caller's span */
};

/* Reads the one traceparent header; false when there is none, or several, or it is malformed,
 * which is then as if it were not there (Trace Context 3.2.2.3). The strs borrow from the request.
 */
bool trace_read(const struct http_req *req, struct trace *out);

#endif
