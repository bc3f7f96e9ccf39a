/* values: what options and imported files say -> typed values, each refused with what it takes.
 *
 * `option` names the option or member in the message. All return CMD_DONE or CMD_USAGE.
 */
#ifndef CMD_VALUES_H
#define CMD_VALUES_H

#include "base/limits.h"
#include "cmd/cmd.h"
#include "store/client.h"

/* 24 hex digits. */
int values_id(str text, const char *option, struct id *out);
/* A client's id: UUID or SID. */
int values_client(str text, const char *option, struct uid *out);
/* An account: AC and 32 hex digits. */
int values_account(str text, const char *option, struct uid *out);
/* An e-mail address, as far as its shape goes: at most 254 bytes, one @, a domain with a dot. */
int values_email(str text, const char *option, str *out);
/* 1 to LIMIT_NAME bytes of UTF-8 without control characters and bidi marks. */
int values_name(str text, const char *option, str *out);
/* 0 to LIMIT_BIO bytes of UTF-8; line feeds and tabs are allowed. */
int values_bio(str text, const char *option, str *out);
/* A space separated list of scope tokens (RFC 6749 3.3). */
int values_scope(str text, const char *option, str *out);
/* Seconds or 90s, 15m, 24h, 30d, within lo..hi. */
int values_duration(str text, const char *option, int64_t lo, int64_t hi, int64_t *out);
/* One of the words of "a|b|c": its index. */
int values_choice(str text, const char *option, const char *words, int *out);
/* "client_credentials", or the URN of an extension grant -> its bit in *grants. */
int values_grant(str text, const char *option, uint32_t *grants);
/* The names of the bits, in order. Room for VALUES_GRANTS. */
enum { VALUES_GRANTS = 4 };
size_t values_grant_names(uint32_t grants, str out[VALUES_GRANTS]);
/* A client secret as a client could send it: printable ASCII, 1 to 255 characters. */
int values_secret(str text, const char *option, str *out);
/* Everything that stdin holds, without the line end (LF or CR LF) at its end; at most `most` bytes.
 */
int values_stdin(struct arena *a, size_t most, str *out);

#endif
