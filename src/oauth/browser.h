/* browser: who is signed in at the browser that sent the request, from its cookies.
 *
 * Two cookies: the session cookie holds up to BROWSER_SESSIONS session handles, the one in use
 * first; the flow cookie holds 16 random bytes that bind sealed forms to this browser. Under an
 * https issuer they are called __Host-postern and __Host-postern-flow and are Secure; a loopback
 * http issuer, for which browsers refuse that prefix, has postern and postern-flow. HttpOnly,
 * SameSite=Lax, Path=/, no Domain (security.md 60). Cookies that come twice, are malformed or name
 * nothing of ours are as good as absent (A27).
 */
#ifndef OAUTH_BROWSER_H
#define OAUTH_BROWSER_H

#include "oauth/rq.h"
#include "store/session.h"
#include "store/user.h"

#define BROWSER_SESSIONS 5

struct signed_in {
    struct session session;
    struct user user;
    struct handle handle;
    char text[HANDLE_CHARS]; /* of the handle, as it stands in the cookie */
};

struct browser {
    struct signed_in *in; /* live sessions of enabled users, the one in use first; in the arena */
    size_t n;
    uint8_t binding[16];
    bool has_binding;
    bool changed; /* the session cookie must be set again */
    bool drawn;   /* the flow cookie must be set */
};

/* Loads the sessions. ERR_UNAVAILABLE only. */
enum err browser_read(struct rq *rq, struct browser *out);
/* The one of that id, or NULL. */
struct signed_in *browser_find(struct browser *b, const struct id *session);
/* A new session for a user who has proven himself by those methods, so well, at that time: effects,
 * and first in the cookie. An earlier one of the same user ends (security.md 59); what was granted
 * under it goes on under the new one. */
struct signed_in *browser_sign_in(struct rq *rq, struct browser *b, const struct user *u, str amr,
                                  str acr, int64_t auth_s);
/* Ends sessions: effects, and out of the cookie. */
void browser_sign_out(struct rq *rq, struct browser *b, const struct id *session);
void browser_sign_out_all(struct rq *rq, struct browser *b);
/* Expects that the session is still there and locks it, for whoever relies on it; that it was used
 * is written once a minute at most. */
void browser_hold(struct rq *rq, const struct signed_in *in);
/* Moves a session to the front: it is the one in use. */
void browser_prefer(struct browser *b, const struct id *session);
/* The flow binding, drawn if there is none. */
const uint8_t *browser_binding(struct browser *b);
/* Set-Cookie headers for what has changed; call after rq_answer. */
void browser_write(struct rq *rq, const struct browser *b);
/* A form was posted from one of our own pages: Origin and Sec-Fetch-Site say nothing else (A26). */
bool browser_same_origin(const struct rq *rq);
/* This POST as a GET of the same path, for a 303: browsers send no SameSite=Lax cookies with a form
 * that another site posts, but do so behind that redirect. p == NULL: it would be too long, or is
 * at fault as a POST (A15). */
str browser_as_get(struct rq *rq);
/* A token for forms outside a flow (account, sign-out), bound to purpose, browser and the session
 * in use, good for a day; and whether that is one. */
str browser_csrf(struct rq *rq, struct browser *b, str purpose);
bool browser_csrf_ok(struct rq *rq, const struct browser *b, str purpose, str token);

#endif
