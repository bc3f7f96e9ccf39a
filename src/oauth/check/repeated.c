/* repeated: a parameter that comes twice has two readings (RFC 6749 3.1, security.md 7).
 *
 * Only resource may (RFC 8707 2). client_id and redirect_uri were judged before, since nothing may
 * be sent back when they are in doubt.
 */
#include "oauth/check/check.h"

enum err repeated_rule(struct rq *rq, struct authorize_request *ar)
{
    if (ar->repeated == 0)
        return OK;
    for (size_t i = 0; i < authorize_params_n; i++)
        if (ar->repeated & (UINT64_C(1) << i))
            fail_at(rq, ERR_INVALID_REQUEST, "A parameter is given twice.",
                    str_from(authorize_params[i].name));
    return fail_rule(rq, STR("each parameter once"), rq->failure.where);
}
