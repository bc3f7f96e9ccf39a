/* store_support: a migrated database of its own (any_store.h), for the tests of store/. */
#ifndef TEST_UNIT_STORE_SUPPORT_H
#define TEST_UNIT_STORE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "any_store.h"
#include "base/log.h"
#include "crypto/hash.h"
#include "crypto/signer.h"
#include "db/migrate.h"
#include "store/commit.h"
#include "store/organization.h"

#define NOW 1700000000

static const struct clock at_now = {.fixed_us = NOW * INT64_C(1000000)};

struct fixture {
    char dir[32];
    char url[ANY_STORE_URL];
    struct db *db;
    struct id_source ids;
    struct change_log log;
    struct arena arena;
    struct hasher *hasher;
};

static inline struct db *fixture_handle(const char *url, bool read_only)
{
    struct db *db = NULL;
    char why[512] = "";
    enum err e = db_open(str_from(url), read_only, &db, why, sizeof why);

    if (e != OK)
        fail_msg("%s", why);
    return db;
}

/* A signer over two peppers whose secrets differ; its keys are those of its ring. */
static inline struct signer *fixture_signer(void)
{
    static const char *const secrets[] = {"0123456789abcdef0123456789abcdef",
                                          "1123456789abcdef0123456789abcdef"};
    struct key *keys = calloc(2, sizeof *keys);
    struct keyring *ring;
    struct signer *s;

    for (size_t i = 0; i < 2; i++) {
        keys[i].id = uid_new();
        keys[i].use = KEY_PEPPER;
        ct_secret_set(&keys[i].secret, secrets[i], 32);
    }
    ring = keyring_new(keys, 2);
    s = signer_open(ring, NULL);
    keyring_unref(ring);
    return s;
}

static inline int fixture_open(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    char why[512];
    int applied;

    snprintf(f->dir, sizeof f->dir, "/tmp/postern-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    any_store_make(f->dir, f->url);
    f->db = fixture_handle(f->url, false);
    assert_int_equal(migrate_run(f->db, &applied, why, sizeof why), OK);
    id_source_init(&f->ids);
    change_log_init(&f->log);
    arena_init(&f->arena, 64 << 20);
    f->hasher = hash_open();
    log_open(2, LOG_OFF);
    *state = f;
    return 0;
}

static inline int fixture_close(void **state)
{
    static const char *const files[] = {"db", "db-wal", "db-shm"};
    struct fixture *f = *state;
    char path[64];

    db_close(f->db);
    any_store_drop(f->url);
    arena_free(&f->arena);
    hash_close(f->hasher);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", f->dir, files[i]);
        unlink(path);
    }
    rmdir(f->dir);
    free(f);
    return 0;
}

static inline struct effects fixture_effects(struct fixture *f)
{
    struct effects fx;

    effects_init(&fx, &f->arena);
    return fx;
}

static inline enum err fixture_commit(struct fixture *f, struct effects *fx)
{
    return commit_one(f->db, &f->ids, &at_now, fx);
}

/* An active pepper whose id is `fill` all over; its sealed part is nobody's business here. */
static inline struct uid fixture_pepper(struct fixture *f, uint8_t fill)
{
    struct sql *put = ARENA_NEW(&f->arena, struct sql);
    struct uid id;

    memset(id.b, fill, sizeof id.b);
    put->name = "test";
    put->text = "INSERT INTO key (id, purpose, state, alg, sealed, created_s, activated_s, "
                "retired_s) VALUES ($1, 1, 1, 0, $2, 1, 1, 0)";
    assert_int_equal(db_run(f->db, put, ARGS(db_bytes(&id), db_blob("", 1)), NULL), OK);
    return id;
}

static inline struct organization fixture_organization(struct fixture *f, const char *name)
{
    struct organization o = {.id = id_next(&f->ids, NOW), .name = str_from(name), .created_s = NOW};
    struct effects fx = fixture_effects(f);

    organization_put(&fx, &o);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return o;
}

static inline int64_t fixture_count(struct fixture *f, const char *text)
{
    struct sql *q = ARENA_NEW(&f->arena, struct sql);
    int64_t n;

    q->name = "test";
    q->text = arena_cstr(&f->arena, str_from(text));
    struct rows r = db_query(f->db, q, NO_ARGS);
    assert_true(rows_next(&r));
    n = row_int(&r, 0);
    assert_int_equal(rows_end(&r), OK);
    return n;
}

static inline void assert_str(str got, const char *want)
{
    assert_non_null(got.p);
    assert_int_equal(got.n, strlen(want));
    assert_memory_equal(got.p, want, got.n);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_open, fixture_close)

#endif
