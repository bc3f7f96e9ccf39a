/* explain: keeps why requests were refused, for `postern explain ID`.
 *
 * Every refusal carries its request id (X-Request-Id; pages and redirects show it as "error id").
 * After the answer has left, what failed goes into a bounded ring in memory; housekeeping writes
 * it to the store in batches. So an attack costs a copy per request and a fixed number of rows.
 *
 * Members of the JSON: error, rule, spec, text, where, expected, received, detail, method, path,
 * client_id. Never credentials, codes, tokens or cookies; what came from outside is cut at 300
 * bytes and control characters are escaped.
 */
#ifndef OAUTH_EXPLAIN_H
#define OAUTH_EXPLAIN_H

#include "oauth/rq.h"

struct explain_ring;

struct explain_ring *explain_open(void);
void explain_close(struct explain_ring *r);
/* After the request: keeps rq->failure if there is one. Thread-safe, never blocks long. */
void explain_note(const struct rq *rq);
/* Effects for what has been noted since the last call, at most `limit`; false when there is
 * nothing. In the housekeeping thread. */
bool explain_flush(struct explain_ring *r, struct server *s, struct effects *fx, size_t limit);

#endif
