/* flows: the API for a company that brings its own sign-in pages (docs/headless.md).
 *
 * Whoever calls proves to be the account of the client's organization: HTTP Basic with its SID and
 * auth token. On the administrator's listener when there is one. A flow that is unknown, over or
 * another organization's is 404, one that has been decided 409.
 */
#ifndef ADMIN_FLOWS_H
#define ADMIN_FLOWS_H

#include "oauth/operation.h"

enum err flows_get(struct rq *rq);    /* GET /admin/flows/{id} */
enum err flows_accept(struct rq *rq); /* POST /admin/flows/{id}/accept */
enum err flows_reject(struct rq *rq); /* POST /admin/flows/{id}/reject */

extern const struct operation flows_get_operation, flows_accept_operation, flows_reject_operation;

#endif
