/* par_required: this client, or every client here, must push its requests (RFC 9126 5). */
#include "oauth/check/check.h"

enum err par_required_rule(struct rq *rq, struct authorize_request *ar)
{
    bool required =
        ar->client->rp.require_par || setting_int(rq->server->settings, par_required) != 0;

    if (!required || ar->has_pushed)
        return OK;
    fail_at(rq, ERR_INVALID_REQUEST, "This client must push its requests (RFC 9126).",
            STR("request_uri"));
    return fail_rule(rq, STR("a request_uri from the PAR endpoint"), STR("plain parameters"));
}
