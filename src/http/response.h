/* response: what a handler fills, and the bytes that leave.
 *
 * The body may have holes: places where a signature made after the commit is filled in. Headers
 * are written in full by the handler except Date, Content-Length and Connection.
 */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "base/buf.h"

#define HTTP_HOLES  2
#define HTTP_PIECES (2 * HTTP_HOLES + 1)

struct http_hole {
    size_t at; /* offset in the body */
    str text;  /* filled by the signer; JSON-safe */
};

struct http_res {
    int status;
    struct buf headers; /* "Name: value\r\n"... */
    struct buf body;
    struct http_hole holes[HTTP_HOLES];
    size_t holes_n;
    bool close; /* close the connection behind this answer */
};

/* Empty, status 200. */
void http_res_init(struct http_res *res, struct arena *a);
/* Forgets everything: the handler runs again. */
void http_res_reset(struct http_res *res);
/* Appends a header. A value with CR, LF or NUL is a broken invariant (fatal). */
void http_res_header(struct http_res *res, str name, str value);
/* Status line, Date, headers, Content-Length, Connection, body with holes filled. A HEAD answer
 * has the Content-Length and no body. date29 is the Date value of this second. */
void http_res_write(struct buf *out, const struct http_res *res, bool head_only, bool keep_alive,
                    const char *date29);
/* The same in two parts, for bodies that are not worth copying: all before the body, and the slices
 * that make up the body, in order (0 of them when none is sent). */
void http_res_write_head(struct buf *out, const struct http_res *res, bool keep_alive,
                         const char *date29);
size_t http_res_pieces(const struct http_res *res, bool head_only, str out[HTTP_PIECES]);
/* Bytes of the body with its holes filled. */
size_t http_res_length(const struct http_res *res);
const char *http_reason(int status);

#endif
