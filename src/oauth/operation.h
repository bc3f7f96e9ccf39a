/* operation: what a route takes and gives, for the documents that describe the API.
 *
 * An operation stands beside the handler whose parameter table it names, and hangs on its route.
 * The OpenAPI documents (admin/openapi.h) and the page at /docs are written from routes,
 * operations and parameter tables; the schemas are literals of the dialect (struct api). Handlers
 * never read any of this.
 */
#ifndef OAUTH_OPERATION_H
#define OAUTH_OPERATION_H

#include "oauth/params.h"

/* A parameter outside the body. */
struct op_param {
    const char *in;   /* "path", "query", "header" */
    const char *name; /* NULL ends the list */
    bool required;
    const char *schema; /* JSON, e.g. "{\"type\":\"string\"}" */
    const char *help;
};

/* A media type of the request's body, beside a form. */
struct op_body {
    const char *media;  /* "application/json"; NULL ends the list */
    const char *schema; /* name in api.schemas */
};

/* An answer. Several rows of one status are several media types of it. */
struct op_answer {
    int status;         /* 0 ends the list */
    const char *help;   /* "The token." */
    const char *media;  /* NULL: no body */
    const char *schema; /* name in api.schemas */
};

/* How the caller shows who it is: a bit mask. 0: not at all. */
enum op_auth {
    OP_AUTH_BASIC = 1,  /* client id and secret, or account SID and token, by HTTP Basic */
    OP_AUTH_FORM = 2,   /* client id and secret as parameters */
    OP_AUTH_BEARER = 4, /* an access token of this dialect */
};

struct operation {
    const char *id;      /* operationId, as the vendor's document has it */
    const char *tag;     /* groups operations on the page */
    const char *summary; /* one short sentence */
    unsigned auth;       /* mask of enum op_auth; any of them will do */
    bool auth_optional;
    const struct param *form; /* the form body, from the table that binds it */
    size_t form_n;
    bool form_alias;              /* the document has the aliases of its names */
    const struct op_body *bodies; /* other bodies; NULL: none */
    bool body_optional;
    const struct op_param *params;
    const struct op_answer *answers;
};

struct op_schema {
    const char *name; /* NULL ends the list */
    const char *json; /* a JSON Schema object; refers to others by "#/components/schemas/NAME" */
};

/* What a dialect says about itself as a whole. */
struct api {
    const char *title, *description;
    const char *document; /* path of its OpenAPI document */
    const char *basic;    /* what HTTP Basic takes, in words */
    const char *error_media;
    const struct op_schema *schemas; /* "Error" among them: of every refusal */
};

#endif
