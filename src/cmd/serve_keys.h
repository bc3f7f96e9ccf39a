/* serve_keys: the steps in a signing key's life that time alone decides. */
#ifndef CMD_SERVE_KEYS_H
#define CMD_SERVE_KEYS_H

#include "config/settings.h"
#include "crypto/keyring.h"
#include "store/client.h"

/* The longest life of an access token (DESIGN.md: 60 s to 30 days). */
#define SERVE_KEYS_LONGEST_TOKEN_S CLIENT_ACCESS_TTL_MAX_S
/* What the max-age of the JWKS does not say: when the last worker published the key, how long an
 * answer was under way, and how far the clocks of servers and nodes are apart. */
#define SERVE_KEYS_MARGIN_S 60

enum key_step {
    KEY_STEP_NONE,
    KEY_STEP_SUCCESSOR, /* of an active key: a new one is published */
    KEY_STEP_RETIRE,    /* of an active key: its published successor takes over */
    KEY_STEP_ACTIVATE,  /* of a published key: it signs, and the one before it retires */
    KEY_STEP_DROP,      /* of a retired key: nothing signed by it can be alive */
};

/* What the settings say about it. */
struct key_rules {
    int64_t max_age_s;      /* jwks.max_age */
    int64_t rotation_age_s; /* keys.rotation_age; 0: no successors by age */
    int64_t deaf_s;         /* for how long a process may not hear of a new key and yet let others
                               keep its JWKS: db.max_age of nodes, else 0 (oauth/endpoint/jwks.c) */
};

/* The next step in the life of a key of the ring, and when, which may have passed. */
struct key_next {
    enum key_step step;
    int64_t at_s;
};

struct key_rules serve_keys_rules(const struct settings *s);
struct key_next serve_keys_next(const struct keyring *ring, const struct key *k,
                                const struct key_rules *rules);
/* A key whose step is due, and the step; NULL when nothing is. KEY_STEP_RETIRE is never due by
 * itself: it is a part of the successor's KEY_STEP_ACTIVATE. */
const struct key *serve_keys_due(const struct keyring *ring, const struct key_rules *rules,
                                 int64_t now_s, enum key_step *step);
/* Records KEY_STEP_ACTIVATE or KEY_STEP_DROP. */
void serve_keys_take(const struct keyring *ring, const struct key *k, enum key_step step,
                     int64_t now_s, struct effects *fx);
/* Words for users: "active" for KEY_STEP_ACTIVATE, ... */
const char *serve_keys_word(enum key_step step);

#endif
