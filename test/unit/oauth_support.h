/* oauth_support: the engine without a socket, on a real store (any_store.h), for the tests of
 * oauth/.
 *
 * Requests are taken apart by hand here, so that two of them can be in flight at once and the
 * order of their commits is the test's to choose.
 */
#ifndef TEST_UNIT_OAUTH_SUPPORT_H
#define TEST_UNIT_OAUTH_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>
#undef fail /* oauth/rq.h has a function of that name */

#include "any_store.h"
#include "crypto/password.h"
#include "db/migrate.h"
#include "oauth/rq.h"

#define SECRET "0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"

/* A dialect's way to refuse: the error's id as text. */
static inline void plain_refuse(struct rq *rq)
{
    rq_answer(rq, err_info(rq->failure.e)->status, STR("text/plain"));
    buf_put(&rq->res->body, str_from(err_info(rq->failure.e)->id));
}

/* ---- a server on a temporary store ---- */

struct world {
    char dir[64], url[ANY_STORE_URL];
    struct settings settings;
    struct server server;
    struct server_thread thread, slow;
    struct db *db; /* the committer's */
    struct master_key master;
    struct arena arena;
    struct client client;
};

static struct world w;

static inline void hash_under(struct keyring *ring, const struct uid *id, str secret,
                              struct digest *out)
{
    struct signer *s = signer_open(ring, NULL);

    assert_int_equal(client_hash_secret(s, keyring_active(ring, KEY_PEPPER, 0), id, secret, out),
                     OK);
    signer_close(s);
}

static inline void put_client(struct client *c, enum token_format format, str secret, bool weak)
{
    struct keyring *ring;
    struct effects fx;
    struct client_secret s = {.id = id_next(&w.server.ids, 1000), .created_s = 1000};
    char why[256];

    assert_int_equal(key_load_ring(w.db, &w.master, &ring, why, sizeof why), OK);
    effects_init(&fx, &w.arena);
    c->id = uid_new();
    c->token_format = format;
    client_put(&fx, c);
    s.pepper = keyring_active(ring, KEY_PEPPER, 0)->id;
    if (weak)
        assert_int_equal(password_hash(&w.arena, secret, &s.argon2), OK);
    else
        hash_under(ring, &c->id, secret, &s.hash);
    client_put_secret(&fx, &c->id, &s, 0);
    assert_int_equal(commit_one(w.db, &w.server.ids, &w.server.clock, &fx), OK);
    keyring_unref(ring);
}

static inline void make_store(void)
{
    struct organization o = {.name = STR("Org"), .created_s = 1000};
    struct effects fx;
    char why[512], path[128];
    int applied;

    any_store_make(w.dir, w.url);
    assert_int_equal(settings_set(&w.settings, STR("db"), str_from(w.url), "test", why, sizeof why),
                     OK);
    assert_int_equal(db_open(str_from(w.url), false, &w.db, why, sizeof why), OK);
    assert_int_equal(migrate_run(w.db, &applied, why, sizeof why), OK);
    snprintf(path, sizeof path, "%s/key", w.dir);
    assert_int_equal(seal_create_master(path, &w.master, why, sizeof why), OK);
    assert_int_equal(
        settings_set(&w.settings, STR("master_key"), str_from(path), "test", why, sizeof why), OK);
    id_source_init(&w.server.ids);
    o.id = id_next(&w.server.ids, 1000);
    effects_init(&fx, &w.arena);
    assert_int_equal(key_put_first(&fx, &w.arena, &w.master, 1000), OK);
    organization_put(&fx, &o);
    assert_int_equal(commit_one(w.db, &w.server.ids, &w.server.clock, &fx), OK);
    w.client = (struct client){
        .organization = o.id,
        .name = STR("C"),
        .grants = 3,
        .scopes = STR("group organization"),
        .all_groups = true,
        .enabled = true,
        .access_ttl_s = 3600,
        .refresh_ttl_s = 86400,
        .family_ttl_s = 864000,
        .created_s = 1000,
    };
}

static inline int world_open(const struct dialect *const *dialects)
{
    char why[512];

    memset(&w, 0, sizeof w);
    memcpy(w.dir, "/tmp/postern-engine-XXXXXX", 27);
    assert_non_null(mkdtemp(w.dir));
    arena_init(&w.arena, LIMIT_REQUEST_ARENA);
    settings_init(&w.settings);
    make_store();
    assert_int_equal(settings_check(&w.settings, why, sizeof why), OK);
    assert_int_equal(server_open(&w.server, &w.settings, dialects, w.db, why, sizeof why), OK);
    /* One that reads: that a worker leaves this to a reader is admin_shared's. */
    assert_int_equal(server_thread_open(&w.server, &w.thread,
                                        any_store_is_shared() ? THREAD_READER : THREAD_WORKER, why,
                                        sizeof why),
                     OK);
    assert_int_equal(server_thread_open(&w.server, &w.slow, THREAD_POOL, why, sizeof why), OK);
    w.server.clock.fixed_us = 2000 * 1000000LL;
    put_client(&w.client, TOKEN_JWT, STR(SECRET), false);
    return 0;
}

static inline int world_close(void **state)
{
    char command[128];

    (void)state;
    server_thread_close(&w.thread);
    server_thread_close(&w.slow);
    server_close(&w.server);
    db_close(w.db);
    any_store_drop(w.url);
    arena_free(&w.arena);
    arena_free(&w.settings.arena);
    snprintf(command, sizeof command, "rm -r %s", w.dir);
    return system(command);
}

/* ---- the engine, with hashes and signatures made as soon as they are asked for ---- */

static inline enum flow ask_now(struct server_thread *t, struct rq *rq, enum flow flow)
{
    if (flow == FLOW_ASK)
        oauth_ask(t, &rq, 1, &flow);
    return flow;
}

static inline enum flow sign_now(struct server_thread *t, struct rq *rq, enum flow flow)
{
    if (flow != FLOW_SIGN)
        return flow;
    oauth_sign(t, &rq, 1);
    return FLOW_ANSWER;
}

static inline enum flow handle_rq(struct server_thread *t, struct rq *rq)
{
    return sign_now(t, rq, ask_now(t, rq, oauth_handle(t, rq)));
}

static inline enum flow resume_rq(struct server_thread *t, struct rq *rq,
                                  enum commit_outcome outcome)
{
    return sign_now(t, rq, ask_now(t, rq, oauth_resume(t, rq, outcome)));
}

/* ---- one request at a time, or several in flight ---- */

struct call {
    struct arena arena;
    struct http_req req;
    struct http_res res;
    struct rq rq;
    enum flow flow;
};

static inline void begin(struct call *c, const char *path)
{
    memset(c, 0, sizeof *c);
    arena_init(&c->arena, LIMIT_REQUEST_ARENA);
    c->req = (struct http_req){
        .method = HTTP_POST, .path = str_from(path), .host = STR("localhost"), .peer = STR("test")};
    http_res_init(&c->res, &c->arena);
    rq_init(&c->rq, &w.thread, &c->req, &c->res, &c->arena);
}

static inline void header(struct call *c, const char *name, str value)
{
    c->req.headers[c->req.headers_n++] = (struct http_header){str_from(name), value};
}

static inline str client_id(struct call *c)
{
    struct buf b;

    buf_init(&b, &c->arena, 64, 64);
    uid_write(&b, &w.client.id, CLIENT_SID, SPELLING_UUID);
    return buf_str(&b);
}

/* Commits the effects, tells the threads. */
static inline enum commit_outcome commit(struct call *c)
{
    struct commit_set set = {.fx = &c->rq.fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    return set.outcome;
}

/* To the end, whatever it takes. */
static inline int finish(struct call *c)
{
    while (c->flow != FLOW_ANSWER)
        c->flow = c->flow == FLOW_COMMIT ? resume_rq(&w.thread, &c->rq, commit(c))
                                         : handle_rq(&w.slow, &c->rq);
    return c->res.status;
}

static inline void start_form(struct call *c, const char *path, const char *format, str token)
{
    begin(c, path);
    header(c, "content-type", STR("application/x-www-form-urlencoded"));
    c->req.body = arena_printf(&c->arena, format, STR_ARG(token));
    c->req.body = arena_printf(&c->arena, "%.*s&client_id=%.*s&client_secret=" SECRET,
                               STR_ARG(c->req.body), STR_ARG(client_id(c)));
    c->flow = handle_rq(&w.thread, &c->rq);
}

/* The answer with its signatures in it. */
static inline str body(struct call *c)
{
    str text = buf_str(&c->res.body);
    struct buf b;
    size_t at = 0;

    buf_init(&b, &c->arena, 8192, 65536);
    for (size_t i = 0; i < c->res.holes_n; i++) {
        buf_put(&b, str_sub(text, at, c->res.holes[i].at));
        buf_put(&b, c->res.holes[i].text);
        at = c->res.holes[i].at;
    }
    buf_put(&b, str_sub(text, at, text.n));
    return buf_str(&b);
}

static inline void sleep_s(int64_t s)
{
    w.server.clock.fixed_us += s * 1000000;
}

#endif
