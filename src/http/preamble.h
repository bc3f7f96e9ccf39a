/* preamble: what a proxy says before the first byte of its client (the PROXY protocol, versions 1
 * and 2 of the HAProxy specification). Pure; whom to believe is for the caller to decide. */
#ifndef HTTP_PREAMBLE_H
#define HTTP_PREAMBLE_H

#include "base/limits.h"
#include "codec/address.h"

enum preamble_state { PREAMBLE_MORE, PREAMBLE_DONE, PREAMBLE_BAD };

struct preamble {
    size_t n;   /* DONE: bytes that it took */
    bool known; /* DONE: source is set; else the proxy does not say, or speaks for itself */
    struct address source; /* of the client */
};

/* Looks at the first n bytes of a connection; n need not be more than LIMIT_PREAMBLE. */
enum preamble_state preamble_read(const char *bytes, size_t n, struct preamble *out);

#endif
