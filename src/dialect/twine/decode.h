/* decode: what a Twine request says, or the refusal that it earns. */
#ifndef DIALECT_TWINE_DECODE_H
#define DIALECT_TWINE_DECODE_H

#include "codec/form.h"
#include "codec/json.h"
#include "oauth/rq.h"

/* The body of a write: {"data":{"type":..,"attributes":{..}}}, or its attributes alone. */
struct decode_body {
    const struct json *root;
    const struct json *attributes;
    str type;        /* data.type as sent; p == NULL: none */
    bool plain_json; /* came as application/json */
    bool flat;       /* the attributes stand at the top level */
};

/* Content-Type (403 Forbidden), then the JSON text (409, pointer ""): fills root, plain_json. */
enum err decode_json(struct rq *rq, struct decode_body *out);
/* The shape: data, data.type (one of `types`, or absent), data.attributes. A body without an
 * object `data` is flat if it came as application/json and flat_allowed. 409 with pointer. */
enum err decode_shape(struct rq *rq, bool flat_allowed, const str *types, size_t types_n,
                      struct decode_body *body);
/* A string attribute. Absent or null: p == NULL, or 409 if required. 409 for another type. */
enum err decode_text(struct rq *rq, const struct decode_body *body, const char *name, bool required,
                     str *out);
/* The pointer to an attribute: "/data/attributes/name" or "/name". */
str decode_pointer(const struct rq *rq, const struct decode_body *body, str name);

/* The query, decoded once. 409 InvalidParameter on bad encoding. */
enum err decode_query(struct rq *rq, struct form *out);
/* The only value of a known parameter; p == NULL when absent. 409 when it is repeated. */
enum err decode_param(struct rq *rq, const struct form *query, str name, str *out);

/* {id} of the path. 404 when it is none of 24 lowercase hex digits. */
enum err decode_path_id(struct rq *rq, struct id *out);

#endif
