/* id: the identifiers of rows and of parties, and how they are spelled.
 *
 * A row id is 12 bytes: 4 seconds since the epoch, 5 random per process, 3 counter, all big
 * endian, so ids sort by time and are unique without coordination. It is written as 24 lowercase
 * hex digits, the id format of the Twine API.
 *
 * Users and clients carry 16-byte ids with two spellings: UUID v4 and SID (two letters + the same
 * 32 hex digits, as in the Twilio API). Both spellings are accepted everywhere.
 */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdatomic.h>

#include "base/buf.h"
#include "base/str.h"

#define ID_BYTES       12
#define ID_HEX         24
#define UID_BYTES      16
#define UID_UUID_CHARS 36
#define UID_SID_CHARS  34

struct id {
    uint8_t b[ID_BYTES];
};

struct uid {
    uint8_t b[UID_BYTES];
};

enum spelling { SPELLING_UUID, SPELLING_SID };

struct id_source {
    uint8_t node[5];
    atomic_uint counter;
};

void id_source_init(struct id_source *src);
/* A new id at that time. Thread-safe. */
struct id id_next(struct id_source *src, int64_t now_s);
/* Seconds since the epoch that the id carries. */
int64_t id_time_s(const struct id *id);
bool id_eq(const struct id *a, const struct id *b);
/* The first id that could have been made at that second: a lower bound for range scans. */
struct id id_floor(int64_t at_s);
/* 24 hex digits, lower case only (wire.md A0). */
bool id_parse(str s, struct id *out);
void id_write(struct buf *out, const struct id *id);

/* A random UUID v4. */
struct uid uid_new(void);
bool uid_eq(const struct uid *a, const struct uid *b);
/* A UUID in lower or upper case, or a SID with that two-letter prefix ("OQ", "US", "AC"). */
bool uid_parse(str s, const char *sid_prefix, struct uid *out, enum spelling *spelling);
void uid_write(struct buf *out, const struct uid *id, const char *sid_prefix, enum spelling as);

#endif
