/* endpoint: the operations of the standard surface, one file each. Routed in dialect/rfc.c. */
#ifndef OAUTH_ENDPOINT_ENDPOINT_H
#define OAUTH_ENDPOINT_ENDPOINT_H

#include "oauth/operation.h"

enum err token_endpoint(struct rq *rq);                /* RFC 6749 3.2 */
enum err par_endpoint(struct rq *rq);                  /* RFC 9126 2 */
enum err device_authorization_endpoint(struct rq *rq); /* RFC 8628 3.1 */
enum err introspect_endpoint(struct rq *rq);           /* RFC 7662 */
enum err revoke_endpoint(struct rq *rq);               /* RFC 7009 */
enum err userinfo_endpoint(struct rq *rq);             /* OIDC Core 5.3 */
enum err jwks_endpoint(struct rq *rq);                 /* RFC 7517 5 */
enum err metadata_endpoint(struct rq *rq);             /* RFC 8414 */

/* What each takes and gives. */
extern const struct operation token_operation, par_operation, device_authorization_operation,
    introspect_operation, revoke_operation, userinfo_operation, jwks_operation, metadata_operation,
    metadata_openid_operation;

#endif
