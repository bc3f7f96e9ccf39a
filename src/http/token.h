/* token: the character classes of HTTP (RFC 9110 5.5, 5.6.2). */
#ifndef HTTP_TOKEN_H
#define HTTP_TOKEN_H

#include "base/str.h"

extern const bool http_token_chars[256];
/* tchar: what names of methods, fields and codings are made of. */
static inline bool http_is_token_char(char c)
{
    return http_token_chars[(unsigned char)c];
}
/* At least one character, all of them tchar. */
bool http_is_token(str s);
/* A character of a field value: visible ASCII, space, tab or a byte >= 0x80. */
bool http_is_text_char(char c);
/* Nothing but such characters. */
bool http_is_text(str s);

#endif
