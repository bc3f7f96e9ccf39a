/* parse: a strict, incremental reader of HTTP/1.1 requests (RFC 9112). Pure: bytes -> request.
 *
 * Fed with everything that has arrived of one request; says how far it is. It refuses what a
 * lenient reader would repair: bare LF or CR, obs-fold, spaces around names, doubled or odd
 * Content-Length, Content-Length with Transfer-Encoding, any coding but one "chunked", trailers...
 * (security.md A1-A8). After an error the connection closes.
 */
#ifndef HTTP_PARSE_H
#define HTTP_PARSE_H

#include "http/request.h"

/* The most input that a request can take before it is DONE or ERROR: what a connection's buffer
 * must be able to hold (an empty line may come before the request line). */
#define HTTP_INPUT_MAX                                                                             \
    (2 + LIMIT_REQUEST_LINE + 2 + LIMIT_HEADER_BLOCK + LIMIT_BODY + LIMIT_CHUNK_FRAMING)

enum http_parse_state { HTTP_PARSE_HEAD, HTTP_PARSE_BODY, HTTP_PARSE_DONE, HTTP_PARSE_ERROR };

struct http_parser {
    enum http_parse_state state;
    size_t seen;   /* bytes of the head already searched for its end */
    size_t head_n; /* bytes of the head, once complete */
    bool chunked;
    bool expect_continue; /* send "100 Continue" before waiting for the body */
    size_t content_length;
    size_t consumed; /* DONE: bytes of input that this request took */
    size_t chunk_at; /* where the next chunk header is expected */
    size_t body_n;   /* bytes of body joined so far (chunks are moved together in place) */
    size_t body_max; /* limit for this path, from the router */
    enum err error;
    const char *reason; /* ERROR: a public sentence */
};

void http_parse_init(struct http_parser *p);
/* Looks at bytes[0..n) (the buffer may have moved between calls; slices in *req are set anew).
 * body_limit(path) gives the body limit once the head is known; may be NULL (LIMIT_BODY).
 * On ERROR *req holds what was understood: at least method and path if the request line was well
 * formed, so that the refusal takes the shape of the dialect that owns the path. */
enum http_parse_state http_parse(struct http_parser *p, char *bytes, size_t n, struct http_req *req,
                                 size_t (*body_limit)(str path));
/* A head that will not be completed (its time is over): sets what its request line says, as far as
 * it has arrived, so that this refusal too takes the shape of the dialect. */
void http_parse_guess(const char *bytes, size_t n, struct http_req *req);

#endif
