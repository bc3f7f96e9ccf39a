/* state: goes back as it came, so it must be fit for that (RFC 6749 A.5, security.md 9). */
#include "oauth/check/check.h"

enum err state_rule(struct rq *rq, struct authorize_request *ar)
{
    if (!(ar->unfit & authorize_request_bit("state")))
        return OK;
    fail_at(rq, ERR_INVALID_REQUEST, "state is longer than 4096 characters, or not ASCII.",
            STR("state"));
    return fail_rule(rq, STR("at most 4096 printable ASCII characters"),
                     STR("something else, which is not sent back"));
}
