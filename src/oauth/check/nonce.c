/* nonce: goes into the id_token as it came (OIDC Core 3.1.2.1, security.md 9). */
#include "oauth/check/check.h"

enum err nonce_rule(struct rq *rq, struct authorize_request *ar)
{
    if (!(ar->unfit & authorize_request_bit("nonce")))
        return OK;
    fail_at(rq, ERR_INVALID_REQUEST, "nonce is longer than 512 characters, or not ASCII.",
            STR("nonce"));
    return fail_rule(rq, STR("at most 512 printable ASCII characters"), STR("something else"));
}
