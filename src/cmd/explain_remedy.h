/* explain_remedy: what to do about a refusal. */
#ifndef CMD_EXPLAIN_REMEDY_H
#define CMD_EXPLAIN_REMEDY_H

#include "base/err.h"
#include "base/str.h"

/* By the rule that failed (oauth/check/checks.h), else by the error: a sentence. NULL when neither
 * is known. `error` is the id of an error ("INVALID_GRANT") or its wire name. */
const char *explain_remedy(str rule, str error);

#endif
