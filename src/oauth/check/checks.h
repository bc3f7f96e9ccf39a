/* checks: the table of rules that an authorization request must obey, in the order of the
 * specifications. One rule per file; one loop executes.
 *
 * Until `redirect_uri` has passed, a failure may be shown to nobody but the person in front of the
 * browser; after it, what the error list calls redirectable goes back to the client. A rule leaves
 * expected and received with fail_rule(), for `postern explain`.
 */
#ifndef OAUTH_CHECK_CHECKS_H
#define OAUTH_CHECK_CHECKS_H

#include "oauth/authorize/request.h"

struct check {
    const char *name; /* "redirect_uri" */
    const char *spec; /* "RFC 6749 3.1.2.3" */
    unsigned via;     /* mask of enum via */
    enum err (*run)(struct rq *rq, struct authorize_request *ar);
    const char *remedy; /* what to do when it fails, for whoever operates client or server */
};

extern const struct check checks[];
extern const size_t checks_n;

/* Runs the rows that stand for ar->via; sets rq->failure.rule on the first failure. A test build
 * (-DCHECK_SWITCH) leaves out the row that $CHECK_OFF names. */
enum err checks_run(struct rq *rq, struct authorize_request *ar);
/* By its name, or NULL. */
const struct check *checks_find(str name);

#endif
