/* key: signing keys, peppers, the shape key and the pairwise key at rest.
 *
 * Rows are opened, and made, by a vault: in this process or in the signer's (crypto/vault.h).
 *
 * That one key of a use and algorithm is active is a unique index; statements that would offend
 * it miss instead of failing, since a failure would take the whole batch with it.
 */
#include "store/key.h"

#include <stdio.h>

#include "store/statements.h"

enum {
    LIST,
    PUT,
    PUT_SUCCESSOR,
    HOLD,
    LOCK,
    SET_STATE,
    DELETE,
    RESEAL,
    LOCK_SHAPE,
    SEALED_OTHERWISE,
    COUNT,
    COUNT_USE,
    COUNT_ALG
};

static const struct sql sql[] = {
    [LIST] = {"key.list", "SELECT id, purpose, state, alg, sealed, created_s, activated_s, "
                          "retired_s FROM key ORDER BY created_s, id"},
    [PUT] = {"key.put", "INSERT INTO key (id, purpose, state, alg, sealed, created_s, "
                        "activated_s, retired_s) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) "
                        "ON CONFLICT DO NOTHING"},
    [PUT_SUCCESSOR] = {"key.put_successor",
                       "INSERT INTO key (id, purpose, state, alg, sealed, created_s, activated_s, "
                       "retired_s) SELECT $1, $2, $3, $4, $5, $6, $7, $8 WHERE NOT EXISTS "
                       "(SELECT 1 FROM key o WHERE o.purpose = $2 AND o.state = $3 "
                       "AND o.alg = $4) ON CONFLICT DO NOTHING"},
    [HOLD] = {"key.hold", "UPDATE key SET state = state WHERE id = $1 AND state = $2"},
    [LOCK] = {"key.lock", "UPDATE key SET state = state WHERE id = $1"},
    [SET_STATE] = {"key.set_state",
                   "UPDATE key SET state = $3, "
                   "activated_s = CASE WHEN CAST($3 AS BIGINT) = 1 THEN CAST($4 AS BIGINT) "
                   "ELSE activated_s END, "
                   "retired_s = CASE WHEN CAST($3 AS BIGINT) = 2 THEN CAST($4 AS BIGINT) "
                   "ELSE retired_s END "
                   "WHERE id = $1 AND state = $2 AND (CAST($3 AS BIGINT) <> 1 OR NOT EXISTS "
                   "(SELECT 1 FROM key o WHERE o.state = 1 AND o.purpose = key.purpose "
                   "AND o.alg = key.alg AND o.id <> key.id))"},
    [DELETE] = {"key.delete", "DELETE FROM key WHERE id = $1 AND (purpose <> 1 OR NOT EXISTS "
                              "(SELECT 1 FROM client_secret s WHERE s.pepper_id = $1 "
                              "AND (s.exp_s = 0 OR s.exp_s > $2)) AND NOT EXISTS "
                              "(SELECT 1 FROM account a WHERE a.pepper_id = $1 "
                              "OR (a.old_pepper_id = $1 AND a.old_exp_s > $2)) AND NOT EXISTS "
                              "(SELECT 1 FROM users u WHERE u.pepper_id = $1))"},
    [RESEAL] = {"key.reseal", "UPDATE key SET sealed = $2 WHERE id = $1 AND sealed = $3"},
    /* The row that is there once and never goes stands for all. */
    [LOCK_SHAPE] = {"key.lock_shape", "UPDATE key SET state = state WHERE purpose = 2"},
    [SEALED_OTHERWISE] = {"key.sealed_otherwise", "UPDATE key SET state = state WHERE purpose = 2 "
                                                  "AND substr(sealed, 2, 8) <> $1"},
    [COUNT] = {"key.count", "SELECT COUNT(*) FROM key"},
    [COUNT_USE] = {"key.count_use", "SELECT COUNT(*) FROM key WHERE purpose = $1"},
    [COUNT_ALG] = {"key.count_alg", "SELECT COUNT(*) FROM key WHERE purpose = 0 AND alg = $1"},
};

const struct sql_set key_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct sealed_key *out)
{
    row_bytes(r, 0, out->key.id.b, sizeof out->key.id.b);
    out->key.use = (enum key_use)row_int(r, 1);
    out->key.state = (enum key_state)row_int(r, 2);
    out->key.alg = (enum jws_alg)row_int(r, 3);
    out->sealed = row_text(r, 4, a);
    out->key.created_s = row_int(r, 5);
    out->key.activated_s = row_int(r, 6);
    out->key.retired_s = row_int(r, 7);
}

static enum err load_rows(struct db *db, struct arena *a, struct sealed_key **out, size_t *n)
{
    struct rows r = db_query(db, &sql[LIST], NO_ARGS);
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

enum err key_load(struct db *db, struct vault *vault, struct keyring **out, char *why,
                  size_t why_size)
{
    struct sealed_key *rows;
    struct arena a;
    size_t n;
    enum err e;

    arena_init(&a, 16 << 20);
    e = load_rows(db, &a, &rows, &n);
    if (e == OK)
        e = vault->ops->open(vault, rows, n, out, why, why_size);
    else
        snprintf(why, why_size, "cannot read the keys: %s", db->ops->message(db));
    arena_free(&a);
    return e;
}

enum err key_load_ring(struct db *db, const struct master_key *master, struct keyring **out,
                       char *why, size_t why_size)
{
    struct vault *vault = vault_local(master, NULL);
    enum err e = key_load(db, vault, out, why, why_size);

    vault_close(vault);
    return e;
}

static void changed(struct effects *fx)
{
    effects_change(fx, DROP, CHANGE_KEYS, NULL, 0);
}

static void prefer(struct master_key *master, const uint8_t print[SEAL_FINGERPRINT_BYTES])
{
    if (master->n > 1 && ct_eq(master->keys[1].fingerprint, print, SEAL_FINGERPRINT_BYTES)) {
        struct seal_key other = master->keys[0];
        master->keys[0] = master->keys[1];
        master->keys[1] = other;
        ct_secret_wipe(&other.key);
    }
}

void key_choose_master(struct master_key *master, const struct keyring *ring)
{
    for (size_t i = 0; i < ring->n; i++)
        if (ring->keys[i].use == KEY_SHAPE)
            prefer(master, ring->keys[i].sealed_under);
}

/* The rows are sealed under this key until the commit. Behind the lock it is known, and a rotation
 * of the master key that comes after it looks for what it has missed. */
static void hold_seal(struct effects *fx, str sealed)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[LOCK_SHAPE], NO_ARGS);
    effects_add(fx, DROP, 0, &sql[SEALED_OTHERWISE],
                ARGS(db_blob(sealed.p + 1, SEAL_FINGERPRINT_BYTES)));
}

static enum err put(struct effects *fx, struct arena *a, struct vault *vault, const struct key *key,
                    const struct key *like, const struct sql *statement, char *why, size_t why_size)
{
    str sealed;
    enum err e = vault->ops->make(vault, a, key, like, &sealed, why, why_size);

    if (e != OK)
        return e;
    hold_seal(fx, sealed);
    effects_add(fx, DROP, 1, statement,
                ARGS(db_bytes(&key->id), db_int(key->use), db_int(key->state), db_int(key->alg),
                     db_blob(sealed.p, sealed.n), db_int(key->created_s), db_int(key->activated_s),
                     db_int(0)));
    /* Every process makes sure of a pairwise key before it reads its keys; a running one of the
     * version before, told to read them again, would not know what this is. */
    if (key->use != KEY_PAIRWISE)
        changed(fx);
    return OK;
}

enum err key_put_new(struct effects *fx, struct arena *a, const struct master_key *master,
                     enum key_use use, enum jws_alg alg, enum key_state state, int64_t now_s,
                     struct uid *id)
{
    struct vault *vault = vault_local(master, NULL);
    char why[256];
    struct key key = {
        .id = uid_new(),
        .use = use,
        .alg = use == KEY_SIGNING ? alg : 0,
        .state = state,
        .created_s = now_s,
        .activated_s = state == KEY_ACTIVE ? now_s : 0,
    };
    enum err e = put(fx, a, vault, &key, NULL, &sql[PUT], why, sizeof why);

    *id = key.id;
    vault_close(vault);
    return e;
}

enum err key_put_next(struct effects *fx, struct arena *a, struct vault *vault,
                      const struct key *old, int64_t now_s, struct uid *id, char *why,
                      size_t why_size)
{
    struct key key = {
        .id = uid_new(),
        .use = KEY_SIGNING,
        .alg = old->alg,
        .state = KEY_PUBLISHED,
        .created_s = now_s,
    };

    /* Behind the lock on the old key, the insert sees a successor that was committed before it. */
    key_hold(fx, &old->id, KEY_ACTIVE);
    *id = key.id;
    return put(fx, a, vault, &key, old, &sql[PUT_SUCCESSOR], why, why_size);
}

enum err key_put_successor(struct effects *fx, struct arena *a, const struct master_key *master,
                           const struct key *old, int64_t now_s, struct uid *id)
{
    struct vault *vault = vault_local(master, NULL);
    char why[256];
    enum err e = key_put_next(fx, a, vault, old, now_s, id, why, sizeof why);

    vault_close(vault);
    return e;
}

void key_set_state(struct effects *fx, const struct uid *id, enum key_state from, enum key_state to,
                   int64_t now_s)
{
    effects_add(fx, DROP, 1, &sql[SET_STATE],
                ARGS(db_bytes(id), db_int(from), db_int(to), db_int(now_s)));
    changed(fx);
}

void key_hold(struct effects *fx, const struct uid *id, enum key_state state)
{
    effects_add(fx, DROP, 1, &sql[HOLD], ARGS(db_bytes(id), db_int(state)));
}

void key_lock(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, EXPECT_ANY, &sql[LOCK], ARGS(db_bytes(id)));
}

void key_delete(struct effects *fx, const struct uid *id, int64_t now_s)
{
    /* In two statements: behind the lock, the second one sees what was committed before it. */
    key_hold(fx, id, KEY_RETIRED);
    effects_add(fx, DROP, 1, &sql[DELETE], ARGS(db_bytes(id), db_int(now_s)));
    changed(fx);
}

enum err key_reseal(struct db *db, struct effects *fx, struct arena *a,
                    const struct master_key *master, size_t *n)
{
    struct sealed_key *rows;
    enum err e = load_rows(db, a, &rows, n);

    for (size_t i = 0; e == OK && i < *n; i++) {
        char storage[VAULT_CONTEXT];
        str plain, sealed, context = vault_context(&rows[i].key, storage);

        e = seal_open(a, master, rows[i].sealed, context, &plain);
        if (e != OK)
            return e == ERR_ABSENT ? ERR_FORBIDDEN : e;
        sealed = seal_put(a, master, plain, context);
        effects_add(fx, DROP, 1, &sql[RESEAL],
                    ARGS(db_bytes(&rows[i].key.id), db_blob(sealed.p, sealed.n),
                         db_blob(rows[i].sealed.p, rows[i].sealed.n)));
    }
    if (e == OK)
        changed(fx);
    return e;
}

enum err key_put_first(struct effects *fx, struct arena *a, const struct master_key *master,
                       int64_t now_s)
{
    struct uid id;
    enum err e = key_put_new(fx, a, master, KEY_SIGNING, JWS_ES256, KEY_ACTIVE, now_s, &id);

    /* Each misses when another process was first: its pepper is active already. */
    if (e == OK)
        e = key_put_new(fx, a, master, KEY_PEPPER, JWS_ES256, KEY_ACTIVE, now_s, &id);
    if (e == OK)
        e = key_put_new(fx, a, master, KEY_SHAPE, JWS_ES256, KEY_ACTIVE, now_s, &id);
    if (e == OK)
        e = key_put_new(fx, a, master, KEY_PAIRWISE, JWS_ES256, KEY_ACTIVE, now_s, &id);
    return e;
}

enum err key_count(struct db *db, int64_t *n)
{
    return db_query_int(db, &sql[COUNT], NO_ARGS, n);
}

enum err key_count_use(struct db *db, enum key_use use, int64_t *n)
{
    return db_query_int(db, &sql[COUNT_USE], ARGS(db_int(use)), n);
}

enum err key_count_alg(struct db *db, enum jws_alg alg, int64_t *n)
{
    return db_query_int(db, &sql[COUNT_ALG], ARGS(db_int(alg)), n);
}
