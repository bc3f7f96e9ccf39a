/* interaction: an authorization from its request to its answer, whoever draws the pages.
 *
 * The built-in pages (ui/), a company's own (admin/flows) and a silent run (prompt=none) go through
 * the same functions:
 *
 *     begin or open -> next -> SIGN_IN | CHOOSE | CONSENT | FINISH -> answer
 *
 * Between two pages the state travels sealed in the form (AES-256-GCM under a key derived from the
 * peppers), bound to the browser by its flow cookie, so that tabs, the back button and slow users
 * do not meet. That seal is also the CSRF token of those forms (security.md A26).
 */
#ifndef OAUTH_AUTHORIZE_INTERACTION_H
#define OAUTH_AUTHORIZE_INTERACTION_H

#include "codec/form.h"
#include "oauth/authorize/request.h"
#include "oauth/browser.h"
#include "store/consent.h"

enum interaction_step { STEP_SIGN_IN, STEP_CHOOSE, STEP_CONSENT, STEP_FINISH };

struct interaction {
    struct authorize_request ar;
    struct browser browser;
    int64_t began_s;
    bool expired; /* it was opened after its time: begun anew, with the same parameters */
    /* The session that was made or chosen within this flow: it satisfies prompt=login,
     * select_account and max_age. */
    struct id chosen;
    struct uid chosen_user; /* his next session is as good, if he signed in again elsewhere */
    bool has_chosen;
    bool consented;              /* the person has just allowed it */
    struct uid flow;             /* of the seal: each ends once (security.md A26) */
    bool sealed;                 /* it came out of a seal, or has been put into one */
    const struct signed_in *who; /* set by next; NULL: nobody is signed in */
    str new_scopes;              /* CONSENT: what has not been allowed before */
    struct consent before;       /* set by next: what `who` has allowed before, if anything */
    bool has_before;
};

/* What goes back to the client: pairs for the query of `target`, or for a form that posts to it. */
struct authorize_answer {
    enum response_mode mode;
    str target;                /* the proven redirect URI, absolute */
    struct form_pair pairs[4]; /* code, state, iss; or error, error_description, state, iss */
    size_t n;
};

/* Reads parameters and cookies and runs the checks. */
enum err interaction_begin(struct rq *rq, int dialect, struct interaction *out);
/* The sealed state of a form or a headless flow. ERR_FORBIDDEN: not ours, of another browser
 * (`browser` false: it may be any, for the headless API), or its flow has ended. Runs the checks
 * again: a client may have changed meanwhile. When out->expired, what was posted must not be done;
 * go on with interaction_next. */
enum err interaction_open(struct rq *rq, str sealed, bool browser, struct interaction *out);
/* The state as text for a hidden field. Draws the flow cookie if the browser has none. */
str interaction_seal(struct rq *rq, struct interaction *ix);
/* What has to happen now. With prompt=none: ERR_LOGIN_REQUIRED and its like instead of a page. Of
 * several people signed in, without a hint, it is the one in use if he is of the client's
 * organization, else the only one who is; else the person chooses. */
enum err interaction_next(struct rq *rq, struct interaction *ix, enum interaction_step *out);
/* Somebody has signed in (oauth/sign_in.h) or picked one of the browser's sessions. */
void interaction_choose(struct interaction *ix, const struct id *session);
/* When somebody signed in who does so now: not before the interaction began, which may have been on
 * a node whose clock is ahead. */
int64_t interaction_auth_s(const struct rq *rq, const struct interaction *ix);
/* The person allows what was asked, after next said CONSENT. It is remembered, and asked again all
 * the same where anybody can pose as the client (security.md 13). */
void interaction_consent(struct rq *rq, struct interaction *ix);
/* Records the grant with its code, spends a pushed request, and makes the answer. */
enum err interaction_finish(struct rq *rq, struct interaction *ix, struct authorize_answer *out);
/* The failure set on rq as an answer to the client. False when it may not leave: no proven
 * redirect URI, or not redirectable. */
bool interaction_refuse(struct rq *rq, struct interaction *ix, struct authorize_answer *out);
/* It ends without a code: the failure set on rq, or access_denied, since the person said no. */
void interaction_deny(struct rq *rq, struct interaction *ix, struct authorize_answer *out);
/* The URL for MODE_QUERY: target with the pairs added to its query. */
str authorize_answer_url(struct rq *rq, const struct authorize_answer *a);

#endif
