/* session: a browser in which somebody is signed in.
 *
 * The cookie holds a handle (store/handle.h, HANDLE_SESSION); the row's id, in hex, is the `sid` of
 * id_tokens. A session ends by sign-out, by its idle time (exp_s, moved with use) or by its
 * absolute time (end_s).
 */
#ifndef STORE_SESSION_H
#define STORE_SESSION_H

#include "store/effects.h"
#include "store/handle.h"

struct session {
    struct id id;
    struct digest hash;
    struct uid user;
    int64_t auth_s; /* auth_time */
    str amr;        /* space separated: "pwd" */
    str acr;
    str agent; /* what to call the browser in a list, at most 200 bytes */
    str peer;
    int64_t seen_s, exp_s, end_s;
};

/* The row, whatever its times say. ERR_ABSENT. */
enum err session_load(struct db *db, struct arena *a, const struct id *id, struct session *out);
/* Live ones of the user, newest first. */
enum err session_list(struct db *db, struct arena *a, const struct uid *user, int64_t now_s,
                      struct session **out, size_t *n);
/* Expects that the user exists and is enabled. */
void session_put(struct effects *fx, const struct session *s);
/* Expects that it is still there and locks it: for whoever relies on it. Moves seen_s and exp_s. */
void session_hold(struct effects *fx, const struct id *id, int64_t seen_s, int64_t exp_s);
/* Deletes it and revokes its grants without offline access. Nothing when it is gone. */
void session_end(struct effects *fx, const struct id *id, int64_t now_s);
/* The same person has proven himself again: the old session is gone, its grants go on under the
 * new one. Nothing when it is gone already. */
void session_replace(struct effects *fx, const struct id *old, const struct id *fresh);
/* All sessions of the user but `but` (may be NULL), with their grants; `offline` too if asked. */
void session_end_all(struct effects *fx, const struct uid *user, const struct id *but, bool offline,
                     int64_t now_s);
enum err session_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
