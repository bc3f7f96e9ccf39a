/* audit_chain: the hash chain over a node's audit rows, and its verification as a stream.
 *
 * hash(row) = SHA-256("postern audit 1" ‖ hash(row before) ‖ every field of the row), each field
 * with its length before it, so that no two rows look the same. The hash before the first row is 32
 * zeros. Whoever changes, drops, adds or swaps a row has to compute all later hashes anew, and the
 * signed checkpoints say what they were.
 *
 * No store and no file here: rows and checkpoints come from whoever has them.
 */
#ifndef STORE_AUDIT_CHAIN_H
#define STORE_AUDIT_CHAIN_H

#include "base/id.h"
#include "codec/json.h"
#include "crypto/hash.h"

struct audit_row {
    struct id id;
    str node, event, actor, client, subject, organization, result, source, request, detail;
    int64_t at_s;
    int64_t seq;        /* from 1; 0: not linked yet */
    struct digest hash; /* of a linked row */
};

struct audit_checkpoint {
    str node;
    int64_t seq;
    struct digest hash;
    int64_t at_s;
    bool cut; /* the rows up to seq were taken away on purpose (`postern audit prune`) */
    str jwt;
};

/* The link of that row, which has its seq, behind `before`. */
void audit_chain_hash(struct hasher *h, const struct digest *before, const struct audit_row *row,
                      struct digest *out);

enum audit_fault {
    AUDIT_FINE,
    AUDIT_MISSING,   /* a row of the chain is not there */
    AUDIT_CHANGED,   /* a row is not the one that was linked */
    AUDIT_REWRITTEN, /* the links agree with each other, but not with a checkpoint */
    AUDIT_CUT,       /* the end is missing: a checkpoint or the head knows of later rows */
    AUDIT_FORGED,    /* a checkpoint that no key of ours has signed, or that says another thing */
    AUDIT_FAULTS
};
/* In words: "a row is missing". */
const char *audit_chain_fault(enum audit_fault f);

/* One chain on its way. */
struct audit_chain {
    struct hasher *hasher;
    const struct json *jwks; /* public keys that may have signed checkpoints */
    str node;
    int64_t seq;         /* of the last row that was right, or of the cut before the first */
    struct digest hash;  /* its hash */
    int64_t covered_seq; /* the newest link that a checkpoint proves; 0: none */
    int64_t covered_s;
    int64_t rows, checkpoints; /* that were right */
    enum audit_fault fault;    /* the first one */
    int64_t fault_seq;
};

/* At the beginning of node's chain. What is borrowed outlives it. */
void audit_chain_begin(struct audit_chain *c, struct hasher *h, const struct json *jwks, str node);
/* The chain goes on behind that link, which is taken on trust: an export that begins later. */
void audit_chain_skip(struct audit_chain *c, int64_t seq, const struct digest *hash);
/* The next row, in the order of seq. After a fault nothing more is judged. */
void audit_chain_row(struct audit_chain *c, const struct audit_row *row);
/* A checkpoint, after the row of its seq and before the next one; a cut before all rows. `a` is
 * used for the JWT and may be reset afterwards. */
void audit_chain_checkpoint(struct audit_chain *c, struct arena *a,
                            const struct audit_checkpoint *p);
/* The end: the head of the chain is at that link. */
void audit_chain_end(struct audit_chain *c, int64_t seq, const struct digest *hash);

/* A JWKS that grows key by key, however many there are. */
struct audit_keys {
    struct arena *arena;
    struct json *set, *list, **end;
};
void audit_chain_keys(struct audit_keys *k, struct arena *a);
/* A public JWK as text; what is none is left out: nothing is proven by it. */
void audit_chain_add_key(struct audit_keys *k, str jwk);

/* The claims of a checkpoint's JWT (crypto/sign_rules.h, SIGN_CHECKPOINT). */
void audit_chain_claims(struct buf *out, str issuer, const struct audit_checkpoint *p);

#endif
