/* vault: sealed keys opened in this very process.
 *
 * Each row is sealed under the master key with its kid as context, so a row cannot be exchanged
 * for another. The master key is the caller's, or is read at each use and wiped behind it. Private
 * bytes pass through an arena of their own, which is wiped.
 */
#include "crypto/vault.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/rand.h"
#include "crypto/signer.h"

#define SCRATCH (16 << 20)

struct local {
    struct vault vault;              /* first: what callers hold */
    const struct master_key *master; /* NULL: */
    vault_read *read;
    void *arg;
    struct sign_rules rules;
};

str vault_context(const struct key *key, char out[VAULT_CONTEXT])
{
    memcpy(out, "key:", 4);
    keyring_kid(key, out + 4);
    return str_make(out, VAULT_CONTEXT);
}

void vault_explain(enum err e, const struct sealed_key *row, const char *master_path, char *why,
                   size_t why_size)
{
    char kid[UID_SID_CHARS], print[2 * SEAL_FINGERPRINT_BYTES];
    struct buf b;
    keyring_kid(&row->key, kid);
    buf_fixed(&b, print, sizeof print);
    if (row->sealed.n >= SEAL_OVERHEAD) /* version ‖ fingerprint ‖ ... */
        buf_hex(&b, row->sealed.p + 1, SEAL_FINGERPRINT_BYTES);
    if (e == ERR_FORBIDDEN)
        snprintf(
            why, why_size,
            "key %.*s is sealed under the master key with fingerprint %.*s, which %s does not "
            "hold: give the master key file that belongs to this database, the same one on every "
            "node",
            UID_SID_CHARS, kid, STR_ARG(buf_str(&b)), master_path);
    else
        snprintf(why, why_size,
                 "key %.*s in the database is damaged: restore the database from a backup",
                 UID_SID_CHARS, kid);
}

/* The master key into `own`, unless the vault has it. */
static enum err master_of(struct local *l, struct master_key *own, const struct master_key **out,
                          char *why, size_t why_size)
{
    *out = l->master ? l->master : own;
    memset(own, 0, sizeof *own);
    return l->master ? OK : l->read(l->arg, own, why, why_size);
}

static size_t secret_bytes(enum key_use use)
{
    return use == KEY_SHAPE ? 16 : 32;
}

static enum err fill_key(struct key *key, str plain)
{
    if (key->use == KEY_SIGNING)
        return jwk_from_private_der(key->alg, plain, &key->pkey);
    if (plain.n != secret_bytes(key->use))
        return ERR_INVALID_REQUEST;
    ct_secret_set(&key->secret, plain.p, plain.n);
    return OK;
}

static enum err open_row(struct arena *a, const struct master_key *master,
                         const struct sealed_key *row, struct key *out)
{
    char context[VAULT_CONTEXT];
    str plain;
    enum err e = seal_open(a, master, row->sealed, vault_context(&row->key, context), &plain);
    *out = row->key;
    if (e)
        return e == ERR_ABSENT ? ERR_FORBIDDEN : e;
    memcpy(out->sealed_under, row->sealed.p + 1, SEAL_FINGERPRINT_BYTES);
    return fill_key(out, plain);
}

/* What was opened stays in keys for the ring to free. */
static enum err open_rows(const struct master_key *master, const struct sealed_key *rows, size_t n,
                          struct key *keys, size_t *opened, char *why, size_t why_size)
{
    struct arena a;
    enum err e = OK;
    arena_init(&a, SCRATCH);
    for (size_t i = 0; i < n && e == OK; i++) {
        e = open_row(&a, master, &rows[i], &keys[i]);
        if (e)
            vault_explain(e, &rows[i], master->path, why, why_size);
        else
            (*opened)++;
    }
    arena_free(&a);
    return e;
}

static enum err open_all(struct vault *v, const struct sealed_key *rows, size_t n,
                         struct keyring **out, char *why, size_t why_size)
{
    struct local *l = (struct local *)v;
    struct master_key own;
    const struct master_key *master;
    size_t opened = 0;
    enum err e = master_of(l, &own, &master, why, why_size);
    *out = NULL;
    if (e)
        return e;
    struct key *keys = keyring_array(n);
    e = open_rows(master, rows, n, keys, &opened, why, why_size);
    seal_wipe(&own);
    *out = keyring_new(keys, opened);
    if (e) {
        keyring_unref(*out);
        *out = NULL;
    }
    return e;
}

/* A fresh private part in the arena. */
static enum err make_plain(struct arena *a, enum key_use use, enum jws_alg alg, str *plain)
{
    if (use == KEY_SIGNING) {
        struct pkey *pkey = jwk_generate(alg);
        if (!pkey)
            return ERR_SERVER_ERROR;
        *plain = jwk_private_der(a, pkey);
        jwk_free(pkey);
        return plain->p ? OK : ERR_SERVER_ERROR;
    }
    size_t n = secret_bytes(use);
    void *bytes = arena_alloc(a, n);
    rand_bytes(bytes, n);
    *plain = str_make(bytes, n);
    return OK;
}

/* Under the first of two master keys, or under the one that has sealed `like`. */
static str put_sealed(struct arena *a, const struct master_key *master, const struct key *key,
                      const struct key *like, str plain)
{
    char context[VAULT_CONTEXT];
    struct master_key one = {.n = 1, .keys[0] = master->keys[0]};
    for (size_t i = 0; like && i < master->n; i++)
        if (ct_eq(master->keys[i].fingerprint, like->sealed_under, SEAL_FINGERPRINT_BYTES))
            one.keys[0] = master->keys[i];
    str sealed = seal_put(a, &one, plain, vault_context(key, context));
    seal_wipe(&one);
    return sealed;
}

static enum err make_key(struct vault *v, struct arena *a, const struct key *key,
                         const struct key *like, str *sealed, char *why, size_t why_size)
{
    struct local *l = (struct local *)v;
    struct master_key own;
    const struct master_key *master;
    struct arena scratch;
    str plain;
    enum err e = master_of(l, &own, &master, why, why_size);
    if (e)
        return e;
    arena_init(&scratch, SCRATCH);
    e = make_plain(&scratch, key->use, key->alg, &plain);
    if (e == OK)
        *sealed = put_sealed(a, master, key, like, plain);
    else
        snprintf(why, why_size, "the library could not make a key");
    arena_free(&scratch);
    seal_wipe(&own);
    return e;
}

static struct signer *open_signer(struct vault *v, struct keyring *ring)
{
    return signer_open(ring, &((struct local *)v)->rules);
}

static void close_local(struct vault *v)
{
    free(v);
}

static const struct vault_ops local_ops = {open_all, make_key, open_signer, close_local};

static struct vault *new_local(const struct sign_rules *rules)
{
    struct local *l = calloc(1, sizeof *l);
    if (!l)
        fatal("no memory for a vault");
    l->vault.ops = &local_ops;
    if (rules)
        l->rules = *rules;
    return &l->vault;
}

struct vault *vault_local(const struct master_key *master, const struct sign_rules *rules)
{
    struct vault *v = new_local(rules);
    ((struct local *)v)->master = master;
    return v;
}

struct vault *vault_reader(vault_read *read, void *arg, const struct sign_rules *rules)
{
    struct vault *v = new_local(rules);
    ((struct local *)v)->read = read;
    ((struct local *)v)->arg = arg;
    return v;
}

static enum err read_file(void *path, struct master_key *out, char *why, size_t why_size)
{
    return seal_read_master(path, out, why, why_size);
}

struct vault *vault_file(const char *path, const struct sign_rules *rules)
{
    return vault_reader(read_file, (void *)(uintptr_t)path, rules);
}

void vault_close(struct vault *v)
{
    if (v)
        v->ops->close(v);
}
