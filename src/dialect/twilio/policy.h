/* policy: what an app may do to the account's apps, by its `policy`. */
#ifndef DIALECT_TWILIO_POLICY_H
#define DIALECT_TWILIO_POLICY_H

#include "codec/json.h"

/* Permissions are paths such as "/twilio/iam/oauth-apps/create". */
#define POLICY_APPS "/twilio/iam/oauth-apps/"

/* {"allow":[strings],"deny":[strings]}, either of which may be missing, and nothing else. */
bool policy_is_valid(const struct json *policy);
/* The text to be stored: the members as given, without white space. */
void policy_write(struct buf *b, const struct json *policy);
/* Is every path that `want` names allowed, and none denied? `want` may end in "*". `policy` is the
 * stored text; p == NULL allows nothing. */
bool policy_allows(struct arena *a, str policy, str want);
/* Whether whoever holds `policy` may hand out all that `other` allows. */
bool policy_covers(struct arena *a, str policy, str other);

#endif
