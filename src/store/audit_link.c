/* audit_link: the statements of linking, heads, checkpoints and pruning.
 *
 * The head is moved first in its set: on a shared store the second linker waits there for the
 * first, misses, and its set does nothing. A row's link is set where there is none only, so that no
 * link is ever changed.
 */
#include "store/audit_link.h"

#include "store/statements.h"

enum {
    WAITING,
    UNLINKED,
    MAKE_HEAD,
    MOVE_HEAD,
    SET_LINK,
    HEAD,
    HEADS,
    PROVEN,
    PROVEN_CUT,
    PUT_CHECKPOINT,
    PUT_KEY,
    CHECKPOINTS,
    CUT,
    KEYS,
    BEFORE,
    HASH_OF,
    NODES,
    COUNT_WAITING,
    DELETE_ROWS,
    DELETE_CHECKPOINTS,
};

#define CHECKPOINT "SELECT seq, hash, at_s, cut, jwt FROM audit_checkpoint WHERE node = $1 AND "

static const struct sql sql[] = {
    [WAITING] = {"audit_link.waiting", "SELECT DISTINCT node FROM audit WHERE seq IS NULL "
                                       "ORDER BY node LIMIT $1"},
    [UNLINKED] = {"audit_link.unlinked",
                  "SELECT id, at_s, event, actor, client, subject, organization, result, source, "
                  "request, detail FROM audit WHERE node = $1 AND seq IS NULL AND id < $2 "
                  "ORDER BY id LIMIT $3"},
    [MAKE_HEAD] = {"audit_link.make_head",
                   "INSERT INTO audit_head (node, seq, hash, proven_seq, proven_s) "
                   "VALUES ($1, 0, $2, 0, 0) ON CONFLICT (node) DO NOTHING"},
    [MOVE_HEAD] = {"audit_link.move_head", "UPDATE audit_head SET seq = $2, hash = $3 "
                                           "WHERE node = $1 AND seq = $4"},
    [SET_LINK] = {"audit_link.set", "UPDATE audit SET seq = $2, hash = $3 "
                                    "WHERE id = $1 AND seq IS NULL"},
    [HEAD] = {"audit_link.head", "SELECT node, seq, hash, proven_seq, proven_s FROM audit_head "
                                 "WHERE node = $1"},
    [HEADS] = {"audit_link.heads", "SELECT node, seq, hash, proven_seq, proven_s FROM audit_head "
                                   "ORDER BY node"},
    [PROVEN] = {"audit_link.proven", "UPDATE audit_head SET proven_seq = $2, proven_s = $3 "
                                     "WHERE node = $1 AND proven_seq = $4"},
    [PROVEN_CUT] = {"audit_link.proven_cut", "UPDATE audit_head SET proven_seq = $2, proven_s = $3 "
                                             "WHERE node = $1 AND proven_seq < $2"},
    [PUT_CHECKPOINT] = {"audit_link.put_checkpoint",
                        "INSERT INTO audit_checkpoint (node, seq, hash, at_s, cut, jwt) "
                        "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (node, seq) DO UPDATE SET "
                        "hash = excluded.hash, at_s = excluded.at_s, cut = excluded.cut, "
                        "jwt = excluded.jwt WHERE audit_checkpoint.cut = 0"},
    [PUT_KEY] = {"audit_link.put_key", "INSERT INTO audit_key (kid, jwk, first_s) "
                                       "VALUES ($1, $2, $3) ON CONFLICT (kid) DO NOTHING"},
    [CHECKPOINTS] = {"audit_link.checkpoints", CHECKPOINT "seq > $2 ORDER BY seq LIMIT $3"},
    [CUT] = {"audit_link.cut", CHECKPOINT "cut = 1 ORDER BY seq DESC LIMIT 1"},
    [KEYS] = {"audit_link.keys", "SELECT jwk FROM audit_key ORDER BY kid"},
    [BEFORE] = {"audit_link.before",
                "SELECT COALESCE((SELECT MIN(seq) - 1 FROM audit WHERE node = $1 "
                "AND seq IS NOT NULL AND at_s >= $2), (SELECT MAX(seq) FROM audit "
                "WHERE node = $1 AND seq IS NOT NULL), 0)"},
    [HASH_OF] = {"audit_link.hash_of", "SELECT hash FROM audit WHERE node = $1 AND seq = $2"},
    [NODES] = {"audit_link.nodes",
               "SELECT node FROM (SELECT node FROM audit_head UNION SELECT node FROM "
               "audit_checkpoint UNION SELECT node FROM audit WHERE seq IS NOT NULL) AS chains "
               "WHERE node > $1 ORDER BY node LIMIT $2"},
    [COUNT_WAITING] = {"audit_link.count_waiting", "SELECT COUNT(*) FROM audit WHERE seq IS NULL"},
    [DELETE_ROWS] = {"audit_link.delete",
                     "DELETE FROM audit WHERE id IN (SELECT id FROM audit WHERE node = $1 "
                     "AND seq IS NOT NULL AND seq <= $2 LIMIT $3)"},
    [DELETE_CHECKPOINTS] = {"audit_link.delete_checkpoints",
                            "DELETE FROM audit_checkpoint WHERE node = $1 AND seq < $2"},
};

const struct sql_set audit_link_statements = {sql, sizeof sql / sizeof *sql};

static enum err read_nodes(struct rows r, struct arena *a, str **nodes, size_t *n)
{
    *nodes = ARENA_ARRAY(a, str, AUDIT_CHAINS);
    for (*n = 0; *n < AUDIT_CHAINS && rows_next(&r); ++*n)
        (*nodes)[*n] = row_text(&r, 0, a);
    return rows_end(&r);
}

enum err audit_link_waiting(struct db *db, struct arena *a, str **nodes, size_t *n)
{
    return read_nodes(db_query(db, &sql[WAITING], ARGS(db_int(AUDIT_CHAINS))), a, nodes, n);
}

enum err audit_link_nodes(struct db *db, struct arena *a, str after, str **nodes, size_t *n)
{
    return read_nodes(db_query(db, &sql[NODES], ARGS(db_some_text(after), db_int(AUDIT_CHAINS))), a,
                      nodes, n);
}

enum err audit_link_count_waiting(struct db *db, int64_t *n)
{
    return db_query_int(db, &sql[COUNT_WAITING], NO_ARGS, n);
}

enum err audit_link_hash(struct db *db, str node, int64_t seq, struct digest *hash)
{
    struct rows r = db_query(db, &sql[HASH_OF], ARGS(db_text(node), db_int(seq)));

    if (rows_next(&r))
        row_bytes(&r, 0, hash->b, sizeof hash->b);
    return rows_end_one(&r);
}

static void read_head(struct rows *r, struct arena *a, struct audit_head *out)
{
    out->node = row_text(r, 0, a);
    out->seq = row_int(r, 1);
    row_bytes(r, 2, out->hash.b, sizeof out->hash.b);
    out->proven_seq = row_int(r, 3);
    out->proven_s = row_int(r, 4);
}

enum err audit_link_head(struct db *db, struct arena *a, str node, struct audit_head *out)
{
    struct rows r = db_query(db, &sql[HEAD], ARGS(db_text(node)));

    *out = (struct audit_head){.node = node};
    if (rows_next(&r))
        read_head(&r, a, out);
    return rows_end_one(&r);
}

enum err audit_link_heads(struct db *db, struct arena *a, struct audit_head **out, size_t *n)
{
    size_t room = 0;
    struct rows r = db_query(db, &sql[HEADS], NO_ARGS);

    *out = NULL;
    for (*n = 0; rows_next(&r); ++*n) {
        ARENA_MORE(a, *out, *n, room);
        read_head(&r, a, &(*out)[*n]);
    }
    return rows_end(&r);
}

static enum err read_unlinked(struct db *db, struct arena *a, str node, int64_t until_s,
                              struct audit_row *out, size_t *n)
{
    struct id until = id_floor(until_s);
    struct rows r =
        db_query(db, &sql[UNLINKED],
                 ARGS(db_text(node), db_bytes(&until), db_int((int64_t)AUDIT_LINK_ROWS)));

    for (*n = 0; *n < AUDIT_LINK_ROWS && rows_next(&r); ++*n) {
        struct audit_row *row = &out[*n];
        str *const texts[] = {&row->event,   &row->actor,        &row->client,
                              &row->subject, &row->organization, &row->result,
                              &row->source,  &row->request,      &row->detail};
        row_bytes(&r, 0, row->id.b, sizeof row->id.b);
        row->node = node;
        row->at_s = row_int(&r, 1);
        for (int i = 0; i < (int)(sizeof texts / sizeof *texts); i++)
            *texts[i] = row_text(&r, 2 + i, a);
    }
    return rows_end(&r);
}

enum err audit_link_run(struct db *db, struct arena *a, struct hasher *h, str node, int64_t until_s,
                        struct effects *fx, size_t *n)
{
    static const struct digest nothing;
    struct audit_row *rows = ARENA_ARRAY(a, struct audit_row, AUDIT_LINK_ROWS);
    struct audit_head head;
    enum err e = audit_link_head(db, a, node, &head);

    *n = 0;
    if (e == ERR_ABSENT)
        effects_add(fx, KEEP, EXPECT_ANY, &sql[MAKE_HEAD], ARGS(db_text(node), db_bytes(&nothing)));
    else if (e != OK)
        return e;
    if ((e = read_unlinked(db, a, node, until_s, rows, n)) != OK || *n == 0)
        return e;
    struct digest last = head.hash;
    for (size_t i = 0; i < *n; i++) {
        rows[i].seq = head.seq + 1 + (int64_t)i;
        audit_chain_hash(h, &last, &rows[i], &rows[i].hash);
        last = rows[i].hash;
    }
    effects_add(fx, KEEP, 1, &sql[MOVE_HEAD],
                ARGS(db_text(node), db_int(rows[*n - 1].seq), db_bytes(&last), db_int(head.seq)));
    for (size_t i = 0; i < *n; i++)
        effects_add(fx, KEEP, 1, &sql[SET_LINK],
                    ARGS(db_bytes(&rows[i].id), db_int(rows[i].seq), db_bytes(&rows[i].hash)));
    return OK;
}

/* ---- checkpoints ---- */

void audit_link_prove(struct effects *fx, const struct audit_head *head,
                      const struct audit_checkpoint *p, str kid, str jwk)
{
    if (p->cut)
        effects_add(fx, KEEP, EXPECT_ANY, &sql[PROVEN_CUT],
                    ARGS(db_text(p->node), db_int(p->seq), db_int(p->at_s)));
    else
        effects_add(
            fx, KEEP, 1, &sql[PROVEN],
            ARGS(db_text(p->node), db_int(p->seq), db_int(p->at_s), db_int(head->proven_seq)));
    effects_add(fx, KEEP, 1, &sql[PUT_CHECKPOINT],
                ARGS(db_text(p->node), db_int(p->seq), db_bytes(&p->hash), db_int(p->at_s),
                     db_int(p->cut), db_text(p->jwt)));
    effects_add(fx, KEEP, EXPECT_ANY, &sql[PUT_KEY],
                ARGS(db_text(kid), db_text(jwk), db_int(p->at_s)));
}

static void read_checkpoint(struct rows *r, struct arena *a, str node, struct audit_checkpoint *out)
{
    out->node = node;
    out->seq = row_int(r, 0);
    row_bytes(r, 1, out->hash.b, sizeof out->hash.b);
    out->at_s = row_int(r, 2);
    out->cut = row_int(r, 3) == 1;
    out->jwt = row_text(r, 4, a);
}

enum err audit_link_checkpoints(struct db *db, struct arena *a, str node, int64_t seq, size_t max,
                                struct audit_checkpoint *out, size_t *n)
{
    struct rows r =
        db_query(db, &sql[CHECKPOINTS], ARGS(db_text(node), db_int(seq), db_int((int64_t)max)));

    for (*n = 0; *n < max && rows_next(&r); ++*n)
        read_checkpoint(&r, a, node, &out[*n]);
    return rows_end(&r);
}

enum err audit_link_cut(struct db *db, struct arena *a, str node, struct audit_checkpoint *out)
{
    struct rows r = db_query(db, &sql[CUT], ARGS(db_text(node)));

    if (rows_next(&r))
        read_checkpoint(&r, a, node, out);
    return rows_end_one(&r);
}

enum err audit_link_keys(struct db *db, struct arena *a, const struct json **jwks)
{
    struct audit_keys keys;
    struct rows r = db_query(db, &sql[KEYS], NO_ARGS);

    audit_chain_keys(&keys, a);
    while (rows_next(&r))
        audit_chain_add_key(&keys, row_text(&r, 0, a));
    *jwks = keys.set;
    return rows_end(&r);
}

/* ---- pruning ---- */

enum err audit_link_before(struct db *db, str node, int64_t before_s, int64_t *seq,
                           struct digest *hash)
{
    enum err e = db_query_int(db, &sql[BEFORE], ARGS(db_text(node), db_int(before_s)), seq);

    if (e != OK || *seq <= 0)
        return e;
    e = audit_link_hash(db, node, *seq, hash);
    if (e == ERR_ABSENT) { /* cut there already */
        *seq = 0;
        e = OK;
    }
    return e;
}

enum err audit_link_delete(struct db *db, str node, int64_t seq, int64_t limit, int64_t *deleted)
{
    enum err e =
        db_run(db, &sql[DELETE_ROWS], ARGS(db_text(node), db_int(seq), db_int(limit)), deleted);

    if (e == OK && *deleted < limit)
        e = db_run(db, &sql[DELETE_CHECKPOINTS], ARGS(db_text(node), db_int(seq)), NULL);
    return e;
}
