/* start: GET /sign-in, where Twilio's authorize endpoints send the browser (wire.md B1).
 *
 * The same as /oauth2/authorize by Twilio's rules. Without parameters somebody has typed the
 * address: his account page asks him to sign in.
 */
#include "ui/authorize.h"
#include "ui/page.h"

enum err ui_start(struct rq *rq)
{
    if (rq->req->query.n == 0) {
        page_redirect(rq, STR("/account"));
        return OK;
    }
    if (!setting_int(rq->server->settings, dialect_twilio))
        return fail(rq, ERR_NOT_FOUND, "The Twilio dialect is switched off.");
    return authorize_run(rq, DIALECT_TWILIO);
}
