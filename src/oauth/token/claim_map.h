/* claim_map: a client's mapping of custom claims, one per line (oauth/token/claims.h has the form).
 */
#ifndef OAUTH_TOKEN_CLAIM_MAP_H
#define OAUTH_TOKEN_CLAIM_MAP_H

#include "base/str.h"

enum claim_source {
    CLAIM_USER_ID,
    CLAIM_USER_USERNAME,
    CLAIM_USER_EMAIL,
    CLAIM_USER_ROLES,
    CLAIM_USER_CLAIM, /* `argument`: its name */
    CLAIM_ORGANIZATION_ID,
    CLAIM_ORGANIZATION_NAME,
    CLAIM_LITERAL, /* `argument`: the text */
};

struct claim_map {
    str name;
    enum claim_source source;
    str argument;
    unsigned targets; /* mask of enum claims_target */
};

/* Reads a line; false and *why (a sentence) when it is none. The strs borrow from the line. */
bool claim_map_read(str line, struct claim_map *out, const char **why);

#endif
