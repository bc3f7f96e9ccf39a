/* logout: an application signs its person out (OpenID Connect RP-Initiated Logout 1.0).
 *
 * With an id_token of ours for somebody who is signed in at this browser, at once; else the person
 * is asked (security.md 62). Back to the application only with such an id_token (its time does not
 * matter) and an address that its client has registered, byte by byte.
 *
 *     logout_read  -> confirm? -> page with logout_seal -> logout_open -> logout_end
 *                  -> else logout_end
 *
 * A form that another site posts comes without cookies: answer 303 to browser_as_get first.
 */
#ifndef OAUTH_LOGOUT_H
#define OAUTH_LOGOUT_H

#include "oauth/browser.h"

struct logout {
    str id_token_hint, post_logout_redirect_uri, state, client_id, logout_hint, ui_locales;
    struct browser browser;
    const struct cached_client *client; /* whose id_token it was; NULL: no valid hint */
    bool hint_is_wrong;                 /* an id_token_hint was sent, and is none */
    struct id session;                  /* the one that the hint names */
    bool has_session;
    bool confirm; /* ask first */
    str redirect; /* where to go afterwards, proven, with state; p == NULL: stay */
};

/* From the query of a GET or the form of a POST. ERR_INVALID_REQUEST: a parameter came twice, is
 * too long, ... */
enum err logout_read(struct rq *rq, struct logout *out);
/* The same for the form of the confirmation; its CSRF token, too. */
str logout_seal(struct rq *rq, struct logout *l);
/* ERR_FORBIDDEN: not ours, of another browser, or somebody else has signed in since. */
enum err logout_open(struct rq *rq, str sealed, struct logout *out);
/* Ends the session that the hint names, or all of this browser's: effects. Then browser_write, and
 * 303 to l->redirect, or the page "signed out". */
void logout_end(struct rq *rq, struct logout *l);

#endif
