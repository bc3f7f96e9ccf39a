/* response_type: code, and nothing else: no access token leaves by the browser (RFC 9700 2.1.2,
 * security.md 5). */
#include "oauth/check/check.h"

enum err response_type_rule(struct rq *rq, struct authorize_request *ar)
{
    if (str_eq(ar->response_type, STR("code")))
        return OK;
    if (ar->response_type.p == NULL) {
        fail_at(rq, ERR_INVALID_REQUEST, "response_type is missing.", STR("response_type"));
        return fail_rule(rq, STR("code"), STR("none"));
    }
    fail_at(rq, ERR_UNSUPPORTED_RESPONSE_TYPE, "Only response_type=code is supported.",
            STR("response_type"));
    return fail_rule(rq, STR("code"), ar->response_type);
}
