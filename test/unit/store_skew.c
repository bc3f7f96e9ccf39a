/* store_skew: two writers of a shared store at once, at READ COMMITTED.
 *
 * The first transaction has run its statements and not ended when the second begins; so each test
 * shows that the second waits for what it relies on, and finds it as it is after the first. Without
 * the locks that store/ takes both would pass.
 */
#include "postgres_server.h"

#include <pthread.h>

#include "db/migrate.h"
#include "store/client.h"
#include "store/commit.h"
#include "store/organization.h"
#include "store/session.h"
#include "store/user.h"
#include "store/user_grant.h"

#define NOW 1700000000

static const struct clock at_now = {.fixed_us = NOW * INT64_C(1000000)};

struct two {
    struct pg_fixture *f;
    struct db *second;
    struct id_source ids;
    struct organization o;
    struct effects fx, then; /* the first's, the second's */
    int64_t swept;           /* of the second, when it sweeps */
    bool sweeps;
    enum err result; /* of the second */
    pthread_t thread;
};

static struct organization put_organization(struct two *t)
{
    struct organization o = {.id = id_next(&t->ids, NOW), .name = STR("O"), .created_s = NOW};
    struct effects fx;

    effects_init(&fx, &t->f->arena);
    organization_put(&fx, &o);
    assert_int_equal(commit_one(t->f->db, &t->ids, &at_now, &fx), OK);
    return o;
}

static void two_open(struct two *t, struct pg_fixture *f)
{
    char why[512];
    int applied;

    *t = (struct two){.f = f};
    if (migrate_run(f->db, &applied, why, sizeof why) != OK)
        fail_msg("%s", why);
    id_source_init(&t->ids);
    t->second = pg_open(f->url, false);
    t->o = put_organization(t);
    effects_init(&t->fx, &f->arena);
    effects_init(&t->then, &f->arena);
}

static void *run_second(void *arg)
{
    struct two *t = arg;

    int64_t grants = 0;

    if (t->sweeps) { /* by a clock at which both have ended */
        t->result = session_sweep(t->second, NOW + 200, 10, &t->swept);
        if (t->result == OK)
            t->result = user_grant_sweep(t->second, NOW + 200, 10, &grants);
        t->swept += grants;
    } else {
        t->result = commit_one(t->second, &t->ids, &at_now, &t->then);
    }
    return NULL;
}

/* Runs the first's statements, then the second while the first is open, then ends the first. */
static enum err both(struct two *t)
{
    assert_int_equal(db_begin(t->f->db), OK);
    for (const struct effect *e = t->fx.first; e; e = e->next) {
        int64_t changed;
        assert_int_equal(db_run(t->f->db, e->sql, e->args, e->n, &changed), OK);
        if (e->expect != EXPECT_ANY)
            assert_int_equal(changed, e->expect);
    }
    pthread_create(&t->thread, NULL, run_second, t);
    sleep_ms(150); /* it waits now, or has passed */
    assert_int_equal(db_commit(t->f->db), OK);
    pthread_join(t->thread, NULL);
    db_close(t->second);
    return t->result;
}

static int64_t count(struct two *t, const char *text)
{
    struct sql *q = ARENA_NEW(&t->f->arena, struct sql);
    int64_t n;

    *q = (struct sql){"test", text};
    assert_int_equal(db_query_int(t->f->db, q, NO_ARGS, &n), OK);
    return n;
}

static struct client client_of(const struct organization *o)
{
    return (struct client){.id = uid_new(),
                           .organization = o->id,
                           .name = STR("C"),
                           .scopes = STR("openid"),
                           .enabled = true,
                           .created_s = NOW};
}

static struct user user_of(const struct organization *o)
{
    return (struct user){.id = uid_new(),
                         .organization = o->id,
                         .username = STR("ada"),
                         .claims = STR("{}"),
                         .enabled = true,
                         .created_s = NOW};
}

static void put(struct two *t, struct effects *fx)
{
    assert_int_equal(commit_one(t->f->db, &t->ids, &at_now, fx), OK);
    effects_init(fx, &t->f->arena);
}

/* security.md 16, in different organizations, whose rows do not bring them together. */
static void an_id_is_a_clients_or_a_users(void **state)
{
    for (int user_first = 0; user_first < 2; user_first++) {
        struct two t;
        two_open(&t, *state);
        struct organization other = put_organization(&t);
        struct client c = client_of(&t.o);
        struct user u = user_of(&other);
        u.id = c.id;
        client_put(user_first ? &t.then : &t.fx, &c);
        user_put(user_first ? &t.fx : &t.then, &u, NULL, 0);
        assert_int_equal(both(&t), ERR_CONFLICT);
        assert_int_equal(count(&t, "SELECT COUNT(*) FROM client") +
                             count(&t, "SELECT COUNT(*) FROM users"),
                         user_first + 1);
        assert_int_equal(count(&t, "SELECT COUNT(*) FROM replay"), 0);
    }
}

/* Nothing is left for whoever comes to have that client's id. */
static void nothing_stays_of_a_deleted_organization(void **state)
{
    struct two t;

    two_open(&t, *state);
    struct client c = client_of(&t.o);
    struct client_secret s = {.id = id_next(&t.ids, NOW), .argon2 = STR("$argon2id$x")};
    client_put(&t.fx, &c);
    put(&t, &t.fx);
    client_put_secret(&t.fx, &c.id, &s, NOW);
    organization_delete(&t.then, &t.o.id);
    assert_int_equal(both(&t), OK);
    assert_int_equal(count(&t, "SELECT COUNT(*) FROM client"), 0);
    assert_int_equal(count(&t, "SELECT COUNT(*) FROM client_secret"), 0);
}

static struct user_grant grant_of(struct two *t, const struct client *c, const struct user *u,
                                  const struct session *s)
{
    return (struct user_grant){.id = id_next(&t->ids, NOW),
                               .client = c->id,
                               .user = u->id,
                               .session = s->id,
                               .has_session = true,
                               .scope = STR("openid"),
                               .created_s = NOW,
                               .has_code = true,
                               .code_exp_s = NOW + 60,
                               .exp_s = NOW + 60};
}

static struct session session_of(struct two *t, const struct user *u)
{
    return (struct session){.id = id_next(&t->ids, NOW),
                            .user = u->id,
                            .auth_s = NOW,
                            .seen_s = NOW,
                            .exp_s = NOW + 100,
                            .end_s = NOW + 900};
}

struct people {
    struct client c;
    struct user u;
    struct session s;
    struct user_grant g;
};

static void put_people(struct two *t, struct people *p, bool with_grant)
{
    p->c = client_of(&t->o);
    p->u = user_of(&t->o);
    p->s = session_of(t, &p->u);
    p->g = grant_of(t, &p->c, &p->u, &p->s);
    client_put(&t->fx, &p->c);
    user_put(&t->fx, &p->u, &p->u.username, 1);
    session_put(&t->fx, &p->s);
    if (with_grant)
        user_grant_put(&t->fx, &p->g);
    put(t, &t->fx);
}

static void redemption_and_the_end_of_the_session(void **state)
{
    for (int spend_first = 0; spend_first < 2; spend_first++) {
        struct two t;
        struct people p;
        two_open(&t, *state);
        put_people(&t, &p, true);
        user_grant_spend(spend_first ? &t.fx : &t.then, &p.g.id, NOW, NOW + 500);
        session_end(spend_first ? &t.then : &t.fx, &p.s.id, NOW);
        assert_int_equal(both(&t), spend_first ? OK : ERR_CONFLICT);
        assert_int_equal(count(&t, "SELECT COUNT(*) FROM grants"), 1); /* dead in both cases */
        assert_int_equal(count(&t, "SELECT exp_s FROM grants"),
                         (spend_first ? NOW + 500 : NOW + 60) + CLIENT_ACCESS_TTL_MAX_S);
        count(&t, "DELETE FROM grants RETURNING 1");
        count(&t, "DELETE FROM login RETURNING 1");
    }
}

/* A code under a session that ends, or of a user who is disabled, at that moment. */
static void no_code_is_left_behind(void **state)
{
    for (int disable = 0; disable < 2; disable++) {
        struct two t;
        struct people p;
        two_open(&t, *state);
        put_people(&t, &p, false);
        session_hold(&t.fx, &p.s.id, NOW, NOW + 100);
        user_grant_put(&t.fx, &p.g);
        if (disable)
            user_set_enabled(&t.then, &p.u.id, false, NOW);
        else
            session_end(&t.then, &p.s.id, NOW);
        assert_int_equal(both(&t), OK);
        assert_int_equal(count(&t, "SELECT COUNT(*) FROM grants"), disable + 1);
        count(&t, "DELETE FROM login RETURNING 1");
    }
}

/* Of a session in use, and of a code that is redeemed on a node whose clock is behind. */
static void a_sweep_spares_what_is_prolonged(void **state)
{
    struct two t;
    struct people p;

    two_open(&t, *state);
    put_people(&t, &p, true);
    t.sweeps = true;
    session_hold(&t.fx, &p.s.id, NOW, NOW + 500);
    user_grant_spend(&t.fx, &p.g.id, NOW, NOW + 500);
    assert_int_equal(both(&t), OK);
    assert_int_equal(t.swept, 0);
    assert_int_equal(count(&t, "SELECT COUNT(*) FROM session"), 1);
    assert_int_equal(count(&t, "SELECT COUNT(*) FROM user_grant"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PG_TEST(an_id_is_a_clients_or_a_users),
        PG_TEST(nothing_stays_of_a_deleted_organization),
        PG_TEST(redemption_and_the_end_of_the_session),
        PG_TEST(no_code_is_left_behind),
        PG_TEST(a_sweep_spares_what_is_prolonged),
    };

    return cmocka_run_group_tests(tests, server_begin, server_end);
}
