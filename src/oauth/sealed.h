/* sealed: state that travels through the browser and comes back unread and unchanged.
 *
 * AES-256-GCM under keys derived from the peppers of the keyring (HKDF-SHA-256, one key a purpose),
 * so nodes of one store open each other's texts and a rotation breaks none. Time, browser and
 * single use are for the plain text and its reader to see to.
 */
#ifndef OAUTH_SEALED_H
#define OAUTH_SEALED_H

#include "oauth/rq.h"

/* base64url, about 4/3 of the plain text and 40 characters, in the arena. */
str sealed_put(struct rq *rq, str purpose, str plain);
/* False: not ours, changed, or of another purpose. */
bool sealed_open(struct rq *rq, str purpose, str text, str *plain);

#endif
