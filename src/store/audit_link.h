/* audit_link: links rows that are in the store into their chains, and keeps heads, checkpoints and
 * the public keys that prove them.
 *
 * Anybody may link the rows of any node: the head of a chain is moved by an expectation, so of two
 * that try at once one does nothing. Rows are linked in the order in which they are found, oldest
 * id first; one that becomes visible later is linked later.
 */
#ifndef STORE_AUDIT_LINK_H
#define STORE_AUDIT_LINK_H

#include "store/audit.h"

enum { AUDIT_LINK_ROWS = 256, AUDIT_CHAINS = 1024 };

struct audit_head {
    str node;
    int64_t seq;
    struct digest hash;
    int64_t proven_seq, proven_s; /* the newest checkpoint; 0: none */
};

/* The chains that have rows that are not linked, by name; at most AUDIT_CHAINS. */
enum err audit_link_waiting(struct db *db, struct arena *a, str **nodes, size_t *n);
/* Records the links of at most AUDIT_LINK_ROWS rows of that chain whose ids are before `until`.
 * *n: how many; what is recorded expects that nobody else moves the head. */
enum err audit_link_run(struct db *db, struct arena *a, struct hasher *h, str node, int64_t until_s,
                        struct effects *fx, size_t *n);
/* All heads, by name. */
enum err audit_link_heads(struct db *db, struct arena *a, struct audit_head **out, size_t *n);
/* The next AUDIT_CHAINS chains behind that name (empty: from the first) of which anything is left,
 * also if the head was taken away. */
enum err audit_link_nodes(struct db *db, struct arena *a, str after, str **nodes, size_t *n);
/* The hash of that link. ERR_ABSENT. */
enum err audit_link_hash(struct db *db, str node, int64_t seq, struct digest *hash);
/* Rows that wait to be linked, of all chains. */
enum err audit_link_count_waiting(struct db *db, int64_t *n);
enum err audit_link_head(struct db *db, struct arena *a, str node, struct audit_head *out);

/* A signed checkpoint of that chain, and the public key (its JWKS entry) that proves it. Expects
 * that the newest checkpoint is still the one of `head`, unless it is a cut, which is one as well
 * if none is newer. */
void audit_link_prove(struct effects *fx, const struct audit_head *head,
                      const struct audit_checkpoint *p, str kid, str jwk);
/* The checkpoints of that chain behind `seq`, at most max, in order. */
enum err audit_link_checkpoints(struct db *db, struct arena *a, str node, int64_t seq, size_t max,
                                struct audit_checkpoint *out, size_t *n);
/* The newest cut of that chain. ERR_ABSENT: nothing was cut. */
enum err audit_link_cut(struct db *db, struct arena *a, str node, struct audit_checkpoint *out);
/* All keys that have signed checkpoints, as a JWKS. */
enum err audit_link_keys(struct db *db, struct arena *a, const struct json **jwks);

/* Up to which link every row is older than that; 0: none is. And that link's hash. */
enum err audit_link_before(struct db *db, str node, int64_t before_s, int64_t *seq,
                           struct digest *hash);
/* Deletes linked rows and checkpoints up to that link, at most `limit` rows; *deleted: how many
 * rows. Only behind a cut that was committed. */
enum err audit_link_delete(struct db *db, str node, int64_t seq, int64_t limit, int64_t *deleted);

#endif
