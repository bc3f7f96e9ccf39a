/* dialect: the visible array of dialects, in the order in which they claim paths. */
#ifndef DIALECT_DIALECT_H
#define DIALECT_DIALECT_H

#include "oauth/route.h"

extern const struct dialect dialect_twine;  /* /pub/... */
extern const struct dialect dialect_twilio; /* /v1/..., /v2/... */
extern const struct dialect dialect_rfc;    /* everything else */
extern const struct dialect dialect_bare;   /* only pages and health: standard dialect off */
extern const struct dialect dialect_bench;  /* /bench/..., only with --bench-routes */

#define DIALECTS_MAX 8

/* Those switched on by the settings, NULL-terminated, dialect_rfc last. */
struct settings;
void dialect_select(const struct settings *settings, const struct dialect *out[DIALECTS_MAX]);

#endif
