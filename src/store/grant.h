/* grant: what an authorization led to, and the switch that turns all of it off.
 *
 * A token is valid only if its grant is live. A machine's grant has no row while it lives: its id
 * is the id of its first token (or the jti of its JWT), and revoking it writes the row. So
 * issuing costs nothing here, revoking one row, whatever the number of tokens.
 */
#ifndef STORE_GRANT_H
#define STORE_GRANT_H

#include "store/effects.h"

/* Revokes; idempotent. `end_s`: after it nothing is issued under the grant (the end of its family;
 * the token's own end when it has none). The row stays for the longest life of an access token
 * more, when none can be alive. */
void grant_revoke(struct effects *fx, enum effect_life life, const struct id *grant,
                  const struct uid *client, int64_t now_s, int64_t end_s);
/* For whoever revokes by statements of his own: this process looks for rows with that revoked_s
 * before it answers, others when they hear of it. */
void grant_tell(struct effects *fx, enum effect_life life, int64_t now_s);
/* A revoked grant whose tokens are all dead by their epoch: the row says nothing any more. */
void grant_forget(struct effects *fx, const struct id *grant);
enum err grant_is_revoked(struct db *db, const struct id *grant, bool *revoked);
enum err grant_sweep(struct db *db, int64_t now_s, int64_t limit, int64_t *deleted);

#endif
