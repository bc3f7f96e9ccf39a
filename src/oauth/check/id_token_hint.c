/* id_token_hint: whom the client believes to be signed in (OIDC Core 3.1.2.1, security.md 12).
 *
 * It never refuses by itself. A hint that is not ours, or another client's, names nobody: nobody
 * who is signed in matches it, so prompt=none ends in login_required and everything else at the
 * sign-in page. A pairwise sub is not to be turned back into a user; whoever is signed in is
 * compared with it instead.
 */
#include "oauth/check/check.h"
#include "oauth/token/id_token.h"
#include "oauth/token/subject.h"

enum err id_token_hint_rule(struct rq *rq, struct authorize_request *ar)
{
    struct id_token_facts facts;
    enum spelling spelling;
    enum err e;

    if (ar->id_token_hint.p == NULL)
        return OK;
    ar->has_hinted = true; /* of all zeros: nobody */
    e = id_token_read(rq, ar->id_token_hint, &facts);
    if (e == ERR_UNAVAILABLE)
        return e;
    if (e != OK || !uid_eq(&facts.client, &ar->client->client.id))
        return OK;
    if (ar->client->rp.pairwise)
        ar->hinted_sub = facts.sub;
    else
        (void)uid_parse(facts.sub, USER_SID, &ar->hinted, &spelling);
    return OK;
}

bool id_token_hint_names(struct rq *rq, const struct authorize_request *ar, const struct uid *user)
{
    if (ar->hinted_sub.n > 0)
        return str_eq(ar->hinted_sub, subject_of(rq, ar->client, user, ar->spelling));
    return uid_eq(&ar->hinted, user);
}
