/* id_token_hint: whom the client believes to be signed in (OIDC Core 3.1.2.1, security.md 12).
 *
 * It never refuses by itself. A hint that is not ours, or another client's, names nobody: nobody
 * who is signed in matches it, so prompt=none ends in login_required and everything else at the
 * sign-in page. A pairwise sub is not to be turned back into a user; the session that the hint
 * names leads there instead, and the sub must then be that user's.
 */
#include "oauth/check/check.h"
#include "oauth/token/id_token.h"
#include "oauth/token/subject.h"
#include "store/session.h"

static enum err find_pairwise(struct rq *rq, struct authorize_request *ar,
                              const struct id_token_facts *facts)
{
    struct session session;
    enum err e;

    if (!facts->has_session)
        return OK;
    e = session_load(rq->t->db, rq->arena, &facts->session, &session);
    if (e == ERR_ABSENT)
        return OK;
    if (e != OK)
        return e;
    if (str_eq(subject_of(rq, ar->client, &session.user, ar->spelling), facts->sub))
        ar->hinted = session.user;
    return OK;
}

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
        return find_pairwise(rq, ar, &facts);
    (void)uid_parse(facts.sub, USER_SID, &ar->hinted, &spelling);
    return OK;
}
