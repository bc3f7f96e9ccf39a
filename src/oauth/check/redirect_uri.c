/* redirect_uri: may the answer go there? (RFC 6749 3.1.2.3, RFC 9700 4.1.3, RFC 8252 7.3)
 *
 * Until this rule has passed nothing is sent anywhere: a failure is shown to the person in front of
 * the browser. The comparison is of bytes (oauth/check/uri_rules.h).
 * The Twilio dialect may leave the parameter out when there is only one, and has addresses without
 * scheme, which mean https. Everywhere else it is always needed (OIDC Core 3.1.2.1).
 */
#include "oauth/check/check.h"
#include "oauth/check/uri_rules.h"

static str only_one(str list)
{
    str first, second;

    if (!str_next(&list, '\n', &first) || str_next(&list, '\n', &second))
        return (str){0};
    return first;
}

bool redirect_uri_prove(struct rq *rq, struct authorize_request *ar)
{
    const struct relying_party *rp = &ar->client->rp;
    bool twilio = ar->dialect == DIALECT_TWILIO;
    str uri = ar->redirect_uri;

    if ((ar->repeated | ar->unfit) & authorize_request_bit("redirect_uri"))
        return false;
    if (uri.p == NULL && twilio)
        uri = only_one(rp->redirect_uris);
    if (uri.p == NULL || !uri_rules_find(rp->redirect_uris, uri))
        return false;
    if (!uri_rules_schemeless(uri))
        ar->redirect_to = uri;
    else if (twilio)
        ar->redirect_to = arena_printf(rq->arena, "https://%.*s", STR_ARG(uri));
    return ar->redirect_to.p != NULL;
}

enum err redirect_uri_rule(struct rq *rq, struct authorize_request *ar)
{
    str received = ar->redirect_uri.p != NULL ? ar->redirect_uri : STR("none");

    ar->redirect_to = (str){0}; /* what an earlier rule found may have been replaced since */
    if (redirect_uri_prove(rq, ar))
        return OK;
    if (ar->repeated & authorize_request_bit("redirect_uri"))
        received = STR("redirect_uri twice");
    fail_at(rq, ERR_INVALID_REQUEST,
            ar->via == VIA_PAR ? "redirect_uri is missing or not registered for this client."
                               : CHECK_UNKNOWN_SENDER,
            ar->via == VIA_PAR ? STR("redirect_uri") : (str){0});
    return fail_rule(rq, ar->client->rp.redirect_uris, received);
}
