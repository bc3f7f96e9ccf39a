/* response_mode: how the answer travels (OAuth 2.0 Multiple Response Types 2.1, Form Post 2).
 *
 * It stands right behind redirect_uri, so that every refusal after it takes the way that the client
 * asked for. security.md 14: only a way that the client is registered for.
 */
#include "oauth/check/check.h"

static bool parse(str text, enum response_mode *out)
{
    if (text.p == NULL || str_eq(text, STR("query")))
        *out = MODE_QUERY;
    else if (str_eq(text, STR("form_post")))
        *out = MODE_FORM_POST;
    else
        return false;
    return true;
}

/* An app on the device is started with a URL; nothing there takes a form. */
static bool can_go(const struct authorize_request *ar, enum response_mode mode)
{
    return mode == MODE_QUERY || str_starts(ar->redirect_to, STR("https://")) ||
           str_starts(ar->redirect_to, STR("http://"));
}

enum err response_mode_rule(struct rq *rq, struct authorize_request *ar)
{
    enum response_mode mode;

    if (parse(ar->response_mode, &mode) && (ar->client->rp.response_modes & mode) &&
        can_go(ar, mode)) {
        ar->mode = mode;
        return OK;
    }
    fail_at(rq, ERR_INVALID_REQUEST, "This response_mode is not one that the client may use.",
            STR("response_mode"));
    return fail_rule(rq, STR("query or form_post, as registered; query to a private scheme"),
                     ar->response_mode.p != NULL ? ar->response_mode : STR("none, which is query"));
}
