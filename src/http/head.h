/* head: the header fields of a request and the rules between them. A part of http/parse. */
#ifndef HTTP_HEAD_H
#define HTTP_HEAD_H

#include "http/parse.h"

/* Reads fields ("Name: value CRLF" each) into req->headers and sets req->host, req->keep_alive,
 * p->chunked, p->content_length and p->expect_continue. req holds the request line already;
 * req->host is the authority of an absolute target. *reason is set on errors. */
enum err head_read(str fields, struct http_parser *p, struct http_req *req, const char **reason);

#endif
