/* grant: may this client have people sign in at all, by this flow? (RFC 6749 4.1.2.1) */
#include "oauth/check/check.h"

enum err grant_rule(struct rq *rq, struct authorize_request *ar)
{
    bool device = ar->via == VIA_DEVICE;

    if (ar->client->client.grants & (device ? GRANT_DEVICE_CODE : GRANT_AUTHORIZATION_CODE))
        return OK;
    fail(rq, ERR_UNAUTHORIZED_CLIENT, "This client may not use this grant.");
    return fail_rule(rq,
                     device ? STR("a client with the grant device_code")
                            : STR("a client with the grant authorization_code"),
                     STR("a client without"));
}
