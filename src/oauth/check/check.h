/* check: one rule per file. A check returns OK or sets the failure. */
#ifndef OAUTH_CHECK_CHECK_H
#define OAUTH_CHECK_CHECK_H

#include "oauth/rq.h"

/* RFC 6749 3.3: the scope asked for, if well-formed and within `allowed`; all of `allowed` when
 * nothing was asked. */
enum err check_scope(struct rq *rq, str asked, str allowed, str *granted);
/* True if `word` is one of the space-separated words of scope. */
bool scope_has(str scope, str word);
/* RFC 8707: the resource asked for becomes the audience; none asked: the issuer. */
enum err check_resource(struct rq *rq, str resource);

#endif
