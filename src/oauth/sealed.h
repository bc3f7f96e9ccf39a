/* sealed: state that travels through the browser and comes back unread and unchanged.
 *
 * AES-256-GCM under keys of one day, which the signer derives from the peppers of the keyring, and
 * of those one for each purpose (HKDF-SHA-256). So nodes of one store open each other's texts, a
 * rotation breaks none, and whoever gets hold of the keys of this process can read and forge such
 * texts for a few days, not for ever. A text older than SIGNER_DAYS_BACK days opens no more. Exact
 * time, browser and single use are for the plain text and its reader to see to.
 */
#ifndef OAUTH_SEALED_H
#define OAUTH_SEALED_H

#include "oauth/rq.h"

/* base64url, about 4/3 of the plain text and 46 characters, in the arena. Empty when the keys are
 * away: then the request will be refused, whatever the caller does (signer_missed). */
str sealed_put(struct rq *rq, str purpose, str plain);
/* False: not ours, changed, of another purpose, too old; or the keys are away, as above. */
bool sealed_open(struct rq *rq, str purpose, str text, str *plain);

#endif
