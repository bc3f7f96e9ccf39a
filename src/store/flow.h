/* flow: an authorization that waits for a page of the company's own (headless login).
 *
 * `sealed` is what the built-in pages carry in their form. The page's server reads the flow by its
 * handle (HANDLE_FLOW) and accepts or rejects it once; the browser that began it then finishes it,
 * once. Each step is one conditional statement on `state`. While it waits, user and auth_s say who
 * was signed in at that browser already; zeros: nobody.
 */
#ifndef STORE_FLOW_H
#define STORE_FLOW_H

#include "store/effects.h"
#include "store/handle.h"

enum flow_state { FLOW_WAITING, FLOW_ACCEPTED, FLOW_REJECTED, FLOW_FINISHED };

struct flow_row {
    struct id id;
    struct digest hash;
    struct uid client;
    str sealed;
    enum flow_state state;
    struct uid user;
    int64_t auth_s; /* from here on: filled by accept */
    str scope;      /* what was granted */
    str amr, acr;   /* amr empty: no new sign-in, the session there goes on */
    bool remember;  /* remember the consent */
    int64_t epoch;  /* the user's: what ends his sessions ends this, too */
    str error;      /* rejected: wire name, e.g. "access_denied" */
    int64_t exp_s;
};

enum err flow_load(struct db *db, struct arena *a, const struct id *id, struct flow_row *out);
void flow_put(struct effects *fx, const struct flow_row *f);
/* Each expects the state before: WAITING for the first two, ACCEPTED or REJECTED for the last. */
void flow_accept(struct effects *fx, const struct flow_row *f);
void flow_reject(struct effects *fx, const struct id *id, str error);
void flow_finish(struct effects *fx, const struct id *id);
enum err flow_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
