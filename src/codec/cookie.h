/* cookie: the Cookie header read strictly (RFC 6265 4.2), and Set-Cookie values. */
#ifndef CODEC_COOKIE_H
#define CODEC_COOKIE_H

#include "base/arena.h"
#include "base/buf.h"

/* The value of the only cookie of that name in `header` (the value of a Cookie field). p == NULL
 * when it is absent, comes twice, or has bytes that a cookie cannot have (security.md A27). */
str cookie_get(str header, str name);
/* name=value; Path=/; HttpOnly; SameSite=Lax [; Secure] [; Max-Age=N]. max_age_s < 0: until the
 * browser ends; 0: delete it. The value must be of cookie-octets. */
void cookie_write(struct buf *out, str name, str value, int64_t max_age_s, bool secure);

#endif
