/* chunk: joining the chunks of a body in place (RFC 9112 7.1). A part of http/parse. */
#ifndef HTTP_CHUNK_H
#define HTTP_CHUNK_H

#include "http/parse.h"

enum chunk_result { CHUNK_MORE, CHUNK_LAST, CHUNK_BAD, CHUNK_TOO_LARGE };

/* Moves the data of every complete chunk in bytes[p->chunk_at..n) behind the body joined so far
 * (at p->head_n) and advances p->chunk_at and p->body_n. LAST: the body is complete and chunk_at
 * is behind it. */
enum chunk_result chunk_join(struct http_parser *p, char *bytes, size_t n);

#endif
