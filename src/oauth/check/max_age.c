/* max_age: how long ago the person may have signed in (OIDC Core 3.1.2.1). A client may have one
 * for all its requests (Registration 2: default_max_age). */
#include "oauth/check/check.h"

#define MAX_AGE_S INT32_MAX

enum err max_age_rule(struct rq *rq, struct authorize_request *ar)
{
    ar->max_age_s = ar->client->rp.default_max_age_s;
    if (ar->max_age.p == NULL)
        return OK;
    if (str_find(ar->max_age, '-', 0) == ar->max_age.n &&
        str_i64(ar->max_age, 0, MAX_AGE_S, &ar->max_age_s))
        return OK;
    fail_at(rq, ERR_INVALID_REQUEST, "max_age must be a number of seconds.", STR("max_age"));
    return fail_rule(rq, STR("digits"), ar->max_age);
}
