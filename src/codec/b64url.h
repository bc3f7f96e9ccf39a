/* b64url: base64url without padding (RFC 7515 2) and plain base64 (RFC 4648 4, for Basic).
 *
 * Decoding is strict: no padding (url form) or exact padding (plain form), no white space, no
 * foreign characters, and the unused bits of the last character are zero (security.md 48).
 */
#ifndef CODEC_B64URL_H
#define CODEC_B64URL_H

#include "base/arena.h"
#include "base/buf.h"

#define B64URL_CHARS(bytes) (((bytes)*4 + 2) / 3)

void b64url_write(struct buf *out, const void *bytes, size_t n);
/* Writes B64URL_CHARS(n) characters, no NUL. */
void b64url_encode(const void *bytes, size_t n, char *out);
/* Exactly `n` bytes from B64URL_CHARS(n) characters. */
bool b64url_decode_exact(str s, void *bytes, size_t n);
/* Any length; *out lies in the arena. */
bool b64url_decode(struct arena *a, str s, str *out);
/* Plain base64 with exact padding. */
bool b64url_decode_plain(struct arena *a, str s, str *out);
void b64url_write_plain(struct buf *out, const void *bytes, size_t n);

#endif
