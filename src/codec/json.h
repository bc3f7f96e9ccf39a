/* json: strict reading into the request's arena, and writing straight into a buf.
 *
 * Reading is jansson's, behind a first pass for what jansson lets through: depth, number of
 * members, "-0", integers beyond 2^53, a byte order mark (security.md A18). The tree is copied
 * to the arena, so nobody has to free it and handlers return where they like.
 */
#ifndef CODEC_JSON_H
#define CODEC_JSON_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum json_type {
    JSON_NULL_T,
    JSON_BOOL_T,
    JSON_INT_T,
    JSON_REAL_T,
    JSON_STR_T,
    JSON_ARRAY_T,
    JSON_OBJECT_T
};

struct json {
    enum json_type type;
    str name;           /* the member name inside an object */
    str s;              /* JSON_STR_T: decoded bytes, no NUL inside */
    int64_t i;          /* JSON_INT_T, JSON_BOOL_T (0 or 1) */
    double real;        /* JSON_REAL_T */
    struct json *first; /* JSON_ARRAY_T, JSON_OBJECT_T: children in order */
    struct json *next;
    size_t n; /* number of children */
};

/* One JSON text, nothing behind it. ERR_INVALID_BODY on any defect; *out untouched. */
enum err json_parse(struct arena *a, str text, struct json **out);
/* The member of that name, or NULL (also when object is NULL or no object). */
const struct json *json_get(const struct json *object, str name);
/* The string member of that name, or the empty str with p == NULL when absent or no string. */
str json_get_str(const struct json *object, str name);
bool json_is(const struct json *v, enum json_type type);

/* Writers. `name` members are literals of ours and are not escaped; values are. Commas are
 * written by the caller's order: json_key writes a comma unless the last byte opened something. */
void json_open(struct buf *b, char bracket);
void json_close(struct buf *b, char bracket);
void json_key(struct buf *b, str name);
/* A comma unless at the beginning of an array: before each element. */
void json_item(struct buf *b);
/* A quoted, escaped string; invalid UTF-8 becomes U+FFFD. */
void json_str(struct buf *b, str value);
void json_i64(struct buf *b, int64_t value);
void json_bool(struct buf *b, bool value);
/* null (jansson has taken the name json_null) */
void json_nil(struct buf *b);
/* key and value at once */
void json_key_str(struct buf *b, str name, str value);
void json_key_i64(struct buf *b, str name, int64_t value);
void json_key_bool(struct buf *b, str name, bool value);
/* What was read, written again; names are escaped. */
void json_value(struct buf *b, const struct json *v);

#endif
