/* serve_keys: the steps in a key's life that time alone decides. */
#ifndef CMD_SERVE_KEYS_H
#define CMD_SERVE_KEYS_H

#include "crypto/keyring.h"
#include "store/client.h"

/* The longest life of an access token (DESIGN.md: 60 s to 30 days). */
#define SERVE_KEYS_LONGEST_TOKEN_S CLIENT_ACCESS_TTL_MAX_S
/* What the max-age of the JWKS does not say: when the last worker published the key, how long an
 * answer was under way, and how far the clocks of servers and nodes are apart. */
#define SERVE_KEYS_MARGIN_S 60

/* Records what is due: published -> active (and the one before it retired) after the max-age of
 * the JWKS and a minute; retired and past the longest token life -> deleted. At most one step a
 * call; false when nothing is due. */
bool serve_keys_due(const struct keyring *ring, int64_t now_s, int64_t max_age_s,
                    struct effects *fx);

#endif
