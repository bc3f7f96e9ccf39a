/* route: the tables from which requests are dispatched and metadata, `list` and docs are derived.
 *
 * A dialect is a part of the path space with its own shape of errors. It differs on the wire,
 * and only there: its handlers decode to canonical parameters, call an operation of oauth/ and
 * encode the answer.
 */
#ifndef OAUTH_ROUTE_H
#define OAUTH_ROUTE_H

#include "http/request.h"

struct rq;
struct jwt_profile;
struct operation;
struct api;

enum dialect_id { DIALECT_RFC = 1, DIALECT_TWINE = 2, DIALECT_TWILIO = 3, DIALECT_BENCH = 9 };

/* Whose pages may call it in a browser (oauth/cors.h). */
enum route_cors { CORS_NONE, CORS_OF_CLIENT, CORS_OF_ANY };

/* What a flood of it costs, for limits and metrics. */
enum rate_class { RATE_FREE, RATE_TOKEN, RATE_READ, RATE_WRITE };

struct route {
    uint32_t methods; /* mask of enum http_method; HEAD comes with GET */
    const char *path; /* "/pub/oauth/token/{id}/groups" */
    enum err (*handler)(struct rq *rq);
    const char *name; /* "twine.token": in logs and metrics */
    enum rate_class rate;
    size_t body_max;      /* bytes */
    const char *spec;     /* "RFC 6749 3.2" */
    const char *metadata; /* its member in RFC 8414 metadata: "token_endpoint"; NULL: none */
    bool page;            /* people see it: a refusal is a page (ui/ui.h) */
    enum route_cors cors;
    const struct operation *op; /* for the documents (oauth/operation.h); NULL: none */
};

struct dialect {
    enum dialect_id id;
    const char *name;            /* "twine" */
    const char *const *prefixes; /* "/pub/"; "" takes every path; ends with NULL */
    const struct route *routes;
    size_t routes_n;
    const struct jwt_profile *jwt; /* of its JWT access tokens; NULL: it issues none */
    /* Writes rq->failure in this dialect's shape into rq->res. */
    void (*refuse)(struct rq *rq);
    const struct api *api; /* what its documents say; NULL: it has none */
};

#endif
