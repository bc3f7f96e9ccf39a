/* url: UTF-8 and percent-encoding. */
#ifndef CODEC_URL_H
#define CODEC_URL_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

/* Well-formed UTF-8 (RFC 3629): no overlong forms, no surrogates, nothing above U+10FFFF. */
bool url_is_utf8(str s);
/* Value of one hex digit, or -1. */
int url_hex_digit(char c);
/* Percent-encodes all but unreserved characters (RFC 3986 2.3). */
void url_encode(struct buf *out, str s);

struct url {
    str scheme, userinfo, host, port, path, query, fragment;
    bool has_userinfo, has_port, has_query, has_fragment;
};

/* Splits an absolute http(s) URL as written; nothing is decoded or changed of case. host keeps
 * the brackets of an IPv6 literal. ERR_INVALID_REQUEST on anything that is not RFC 3986. */
enum err url_parse(str s, struct url *out);
/* http to 127.0.0.1, [::1] or localhost. */
bool url_is_loopback(const struct url *u);

#endif
