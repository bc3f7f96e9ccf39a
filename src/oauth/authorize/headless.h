/* headless: an authorization whose pages are the company's own (docs/headless.md).
 *
 *     browser     GET /oauth2/authorize  -> headless_begin    -> 303 login.url?flow=HANDLE
 *     its server  GET  /admin/flows/HANDLE         headless_get
 *                 POST /admin/flows/HANDLE/accept  headless_accept  -> {"redirect_to"}
 *                 POST /admin/flows/HANDLE/reject  headless_reject  -> {"redirect_to"}
 *     browser     GET /continue?flow=HANDLE        headless_continue -> the client's redirect URI
 *
 * The handle alone opens nothing: the server proves to be the account of the client's organization,
 * and only the browser that began the flow can end it. Each step happens once.
 */
#ifndef OAUTH_AUTHORIZE_HEADLESS_H
#define OAUTH_AUTHORIZE_HEADLESS_H

#include "oauth/authorize/interaction.h"
#include "store/flow.h"

/* Is login.url set: does headless_begin stand for the built-in pages? */
bool headless_on(const struct rq *rq);
/* Something has to happen (interaction_next said so) and the company's own page shall see to it:
 * records the flow and makes the URL to which the browser goes. The caller answers 303 and calls
 * browser_write for ix->browser, as after every interaction_seal. */
enum err headless_begin(struct rq *rq, struct interaction *ix, str *url);

/* A flow as its page's server sees it. */
struct headless {
    struct flow_row row;
    struct interaction ix;
    bool has_user; /* somebody was signed in at that browser when the flow began */
    struct user user;
    str new_scopes; /* what that person, or anybody, has not allowed this client before */
};

/* Waiting, not expired, and of a client of that organization; else ERR_NOT_FOUND, and
 * ERR_DECIDED when it has been accepted or rejected. */
enum err headless_get(struct rq *rq, str handle, const struct id *organization,
                      struct headless *out);

struct headless_accept {
    str subject;  /* the user's id, in either spelling */
    str scope;    /* what was allowed, out of what was asked; p == NULL: all of it */
    str amr;      /* separated by spaces (RFC 8176); empty: "pwd" */
    str acr;      /* how well that proves it (OIDC Core 2); empty: "pwd" */
    int64_t at_s; /* when the person proved himself; 0: now */
    bool remember;
};

/* Accepts; *url: where the page sends its browser. Beside what headless_get refuses:
 * ERR_INVALID_BODY naming the member. */
enum err headless_accept(struct rq *rq, str handle, const struct id *organization,
                         const struct headless_accept *a, str *url);
/* Rejects with an error that may be sent to a redirect URI; p == NULL: access_denied. */
enum err headless_reject(struct rq *rq, str handle, const struct id *organization, str error,
                         str description, str *url);

/* Where the browser goes from /continue. */
struct headless_end {
    struct interaction ix;          /* call browser_write for ix.browser */
    str again;                      /* the flow was too old and began anew: 303 to this URL; or */
    struct authorize_answer answer; /* the code, or the error, for the client */
};

/* The browser is back: signs it in, records consent and grant, once. ERR_FORBIDDEN: another
 * browser began the flow. Any other failure without an answer is a page, too. */
enum err headless_continue(struct rq *rq, str handle, struct headless_end *out);

#endif
