/* request: one HTTP/1.1 request as slices of the connection's buffer. */
#ifndef HTTP_REQUEST_H
#define HTTP_REQUEST_H

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"

enum http_method {
    HTTP_GET = 1 << 0,
    HTTP_HEAD = 1 << 1,
    HTTP_POST = 1 << 2,
    HTTP_PUT = 1 << 3,
    HTTP_DELETE = 1 << 4,
    HTTP_OPTIONS = 1 << 5,
    HTTP_PATCH = 1 << 6,
    HTTP_OTHER = 1 << 7, /* a well-formed method that no route can have */
};

struct http_header {
    str name, value; /* as sent; the value without surrounding OWS */
};

struct http_req {
    enum http_method method;
    str method_text;
    str target;      /* as sent */
    str path, query; /* of the target, not decoded; query without "?" */
    bool has_query;
    str host;  /* the Host field (or the absolute target's authority) */
    int minor; /* HTTP/1.minor */
    struct http_header headers[LIMIT_HEADER_FIELDS];
    size_t headers_n;
    str body; /* whole, after chunks are joined */
    bool keep_alive;
    bool tls;
    bool admin;      /* came in by a listener of the administrator (net_listen.admin) */
    bool forwarding; /* a field of http/forwarded.h is among the headers */
    str peer;        /* the client's address: "127.0.0.1", "::1", "unix" */
    /* Of a request that came by a listed proxy (set by net/, with `peer`): */
    str hop;                              /* the proxy's own address; n == 0: no proxy */
    str client_cert;                      /* DER (RFC 9440); n == 0: none */
    str client_chain[LIMIT_CLIENT_CHAIN]; /* DER, the certificate's issuer first */
    size_t client_chain_n;
    bool forwarding_bad; /* a field was malformed and is ignored from there */
};

/* The value of the only header of that name; p == NULL when absent. *count (may be NULL) says how
 * many there are; with several the first is returned. Names compare without case. */
str http_header_get(const struct http_req *req, str name, size_t *count);
/* "GET", ... */
const char *http_method_name(enum http_method m);

#endif
