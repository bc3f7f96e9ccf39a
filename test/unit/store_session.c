/* store_session: sessions and consents, and which grants end with them. */
#include "store_person.h"

static void a_session_comes_back(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada");
    struct session s = person_session(f, &u.id), got, *list;
    struct effects fx = fixture_effects(f);
    size_t n;

    assert_int_equal(session_load(f->db, &f->arena, &s.id, &got), OK);
    assert_true(id_eq(&got.id, &s.id) && uid_eq(&got.user, &u.id));
    assert_memory_equal(got.hash.b, s.hash.b, sizeof s.hash.b);
    assert_str(got.amr, "pwd");
    assert_str(got.acr, "pwd");
    assert_str(got.agent, "Firefox on Linux");
    assert_str(got.peer, "192.0.2.1");
    assert_int_equal(got.auth_s, NOW - 1);
    assert_int_equal(got.seen_s, NOW);
    assert_int_equal(got.exp_s, NOW + 600);
    assert_int_equal(got.end_s, NOW + 3600);
    session_put(&fx, &s);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* the id is taken */
    struct session later = person_session(f, &u.id);
    assert_int_equal(session_list(f->db, &f->arena, &u.id, NOW, &list, &n), OK);
    assert_int_equal(n, 2);
    assert_true(id_eq(&list[0].id, &later.id)); /* newest first */
    assert_int_equal(session_list(f->db, &f->arena, &u.id, NOW + 600, &list, &n), OK);
    assert_int_equal(n, 0);
}

static void nobody_signs_in_who_is_disabled_or_gone(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada");
    struct session s = person_session(f, &u.id);
    struct effects fx = fixture_effects(f);

    user_set_enabled(&fx, &u.id, false, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    s.id = id_next(&f->ids, NOW);
    fx = fixture_effects(f);
    session_put(&fx, &s);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    struct effects enable = fixture_effects(f);
    user_set_enabled(&enable, &u.id, true, NOW);
    assert_int_equal(fixture_commit(f, &enable), OK);
    assert_int_equal(fixture_commit(f, &fx), OK);
    s.id = id_next(&f->ids, NOW);
    s.user = uid_new();
    fx = fixture_effects(f);
    session_put(&fx, &s);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static enum err hold(struct fixture *f, const struct id *session, int64_t seen_s, int64_t exp_s)
{
    struct effects fx = fixture_effects(f);

    session_hold(&fx, session, seen_s, exp_s);
    return fixture_commit(f, &fx);
}

static void use_moves_the_idle_end_but_not_the_last(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada");
    struct session s = person_session(f, &u.id), got;
    int64_t deleted;

    assert_int_equal(hold(f, &s.id, NOW + 60, NOW + 660), OK);
    assert_int_equal(hold(f, &s.id, NOW + 50, NOW + 650), OK); /* an earlier use, written later */
    assert_int_equal(session_load(f->db, &f->arena, &s.id, &got), OK);
    assert_int_equal(got.seen_s, NOW + 60);
    assert_int_equal(got.exp_s, NOW + 660);
    assert_int_equal(hold(f, &s.id, NOW + 3500, NOW + 4100), OK);
    assert_int_equal(session_load(f->db, &f->arena, &s.id, &got), OK);
    assert_int_equal(got.exp_s, NOW + 3600);
    assert_int_equal(session_sweep(f->db, NOW + 3599, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(session_sweep(f->db, NOW + 3600, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(hold(f, &s.id, NOW, NOW), ERR_CONFLICT);
    assert_int_equal(session_load(f->db, &f->arena, &s.id, &got), ERR_ABSENT);
}

static void consents_are_remembered_and_relied_on(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client a = person_client(f, &o.id), b = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada");
    struct consent c = person_consent(f, &u.id, &a.id, "openid"), got, *list;
    struct effects fx = fixture_effects(f);
    size_t n;

    person_consent(f, &u.id, &b.id, "openid");
    assert_int_equal(consent_load(f->db, &f->arena, &u.id, &a.id, &got), OK);
    assert_str(got.scopes, "openid");
    consent_hold(&fx, &got);
    assert_int_equal(fixture_commit(f, &fx), OK);
    c.scopes = STR("openid email");
    c.created_s = c.updated_s = NOW + 5;
    struct effects more = fixture_effects(f);
    consent_put(&more, &c);
    assert_int_equal(fixture_commit(f, &more), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* it is not what was relied on */
    assert_int_equal(consent_load(f->db, &f->arena, &u.id, &a.id, &got), OK);
    assert_str(got.scopes, "openid email");
    assert_int_equal(got.created_s, NOW);
    assert_int_equal(got.updated_s, NOW + 5);
    assert_int_equal(consent_list(f->db, &f->arena, &u.id, &list, &n), OK);
    assert_int_equal(n, 2);
    c.client = uid_new();
    fx = fixture_effects(f);
    consent_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* for no application */
    assert_int_equal(consent_load(f->db, &f->arena, &u.id, &c.client, &got), ERR_ABSENT);
}

/* What a sign-out and its like must end, and what lives on. */
enum kind { PLAIN, OFFLINE, OFFLINE_CODE, DEVICE, KINDS };

struct granted {
    struct id ids[KINDS];
};

/* Of each kind one, under that session. */
static struct granted grant_all(struct fixture *f, const struct uid *user, const struct uid *client,
                                const struct id *session)
{
    struct user_grant device = person_grant_sample(f, user, client);
    struct granted g = {{person_grant(f, user, client, session, false, true),
                         person_grant(f, user, client, session, true, true),
                         person_grant(f, user, client, session, true, false)}};
    struct effects fx = fixture_effects(f);

    device.has_code = false;
    device.offline = true;
    device.has_session = session != NULL;
    if (session)
        device.session = *session;
    device.exp_s = NOW + 9000;
    user_grant_put(&fx, &device);
    assert_int_equal(fixture_commit(f, &fx), OK);
    g.ids[DEVICE] = device.id;
    return g;
}

/* One bit for each kind that is revoked. */
static unsigned revoked(struct fixture *f, const struct granted *g)
{
    unsigned bits = 0;

    for (int i = 0; i < KINDS; i++)
        bits |= person_is_revoked(f, &g->ids[i]) ? 1u << i : 0;
    return bits;
}

#define ENDS_WITH_SESSION (1u << PLAIN | 1u << OFFLINE_CODE)
#define ALL               ((1u << KINDS) - 1)

/* openid.md 3.4: sign-out ends the session, its codes and its refresh tokens; grants with
 * offline_access live on. */
static void sign_out_ends_what_it_must(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada");
    struct session s = person_session(f, &u.id), other = person_session(f, &u.id), left;
    struct granted mine = grant_all(f, &u.id, &c.id, &s.id);
    struct granted others = grant_all(f, &u.id, &c.id, &other.id);
    struct granted none = grant_all(f, &u.id, &c.id, NULL);
    struct effects fx = fixture_effects(f), code = fixture_effects(f);

    session_end(&fx, &s.id, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), OK); /* a second time changes nothing */
    assert_int_equal(revoked(f, &mine), ENDS_WITH_SESSION);
    assert_int_equal(revoked(f, &others), 0);
    assert_int_equal(revoked(f, &none), 0);
    assert_int_equal(session_load(f->db, &f->arena, &s.id, &left), ERR_ABSENT);
    assert_int_equal(session_load(f->db, &f->arena, &other.id, &left), OK);
    user_grant_spend(&code, &mine.ids[OFFLINE_CODE], NOW, NOW + 9000);
    assert_int_equal(fixture_commit(f, &code), ERR_CONFLICT);
}

/* Nothing of the grant may outlive its row in `grants`: no longer than the longest access token. */
static void a_revocation_outlives_the_grant(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada");
    struct session s = person_session(f, &u.id);
    struct id grant = person_grant(f, &u.id, &c.id, &s.id, false, true);
    int64_t end_s = NOW + 9000 + CLIENT_ACCESS_TTL_MAX_S, deleted;
    struct effects fx = fixture_effects(f);

    session_end(&fx, &s.id, NOW + 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_count(f, "SELECT revoked_s FROM grants"), NOW + 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM grants g JOIN client c "
                                      "ON c.id = g.client_id"),
                     1);
    assert_int_equal(grant_sweep(f->db, end_s - 1, 10, &deleted), OK);
    assert_true(person_is_revoked(f, &grant));
    assert_int_equal(grant_sweep(f->db, end_s, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
}

static void all_sessions_but_this_one(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada"), eve = person_user(f, &o.id, "eve");
    struct session here = person_session(f, &u.id), there = person_session(f, &u.id), left;
    struct session hers = person_session(f, &eve.id);
    struct granted a = grant_all(f, &u.id, &c.id, &here.id);
    struct granted b = grant_all(f, &u.id, &c.id, &there.id);
    struct granted none = grant_all(f, &u.id, &c.id, NULL);
    struct granted e = grant_all(f, &eve.id, &c.id, &hers.id);
    struct effects fx = fixture_effects(f);

    session_end_all(&fx, &u.id, &here.id, false, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(session_load(f->db, &f->arena, &here.id, &left), OK);
    assert_int_equal(session_load(f->db, &f->arena, &there.id, &left), ERR_ABSENT);
    assert_int_equal(revoked(f, &a), 0);
    assert_int_equal(revoked(f, &b), ENDS_WITH_SESSION);
    assert_int_equal(revoked(f, &none), ENDS_WITH_SESSION);
    fx = fixture_effects(f);
    session_end_all(&fx, &u.id, &here.id, true, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(revoked(f, &a), 0);
    assert_int_equal(revoked(f, &b), ALL);
    assert_int_equal(revoked(f, &none), ALL);
    fx = fixture_effects(f);
    session_end_all(&fx, &u.id, NULL, false, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(revoked(f, &a), ENDS_WITH_SESSION);
    assert_int_equal(session_load(f->db, &f->arena, &here.id, &left), ERR_ABSENT);
    assert_int_equal(revoked(f, &e), 0);
    assert_int_equal(session_load(f->db, &f->arena, &hers.id, &left), OK);
}

/* Taking a consent back ends what was built on it, also what is built at the same moment. */
static void a_consent_taken_back_ends_its_grants(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id), other = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada"), eve = person_user(f, &o.id, "eve");
    struct session s = person_session(f, &u.id);
    struct consent allowed = person_consent(f, &u.id, &c.id, "openid"), left;
    struct granted mine = grant_all(f, &u.id, &c.id, &s.id);
    struct granted elsewhere = grant_all(f, &u.id, &other.id, &s.id);
    struct granted hers = grant_all(f, &eve.id, &c.id, NULL);
    struct effects fx = fixture_effects(f), late = fixture_effects(f);
    struct user_grant g = person_grant_sample(f, &u.id, &c.id);

    person_consent(f, &u.id, &other.id, "openid");
    consent_revoke(&fx, &u.id, &c.id, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(revoked(f, &mine), ALL);
    assert_int_equal(revoked(f, &elsewhere), 0);
    assert_int_equal(revoked(f, &hers), 0);
    assert_int_equal(consent_load(f->db, &f->arena, &u.id, &c.id, &left), ERR_ABSENT);
    assert_int_equal(consent_load(f->db, &f->arena, &u.id, &other.id, &left), OK);
    session_hold(&late, &s.id, NOW, NOW + 600);
    consent_hold(&late, &allowed);
    user_grant_put(&late, &g);
    assert_int_equal(fixture_commit(f, &late), ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_session_comes_back),
        TEST(nobody_signs_in_who_is_disabled_or_gone),
        TEST(use_moves_the_idle_end_but_not_the_last),
        TEST(consents_are_remembered_and_relied_on),
        TEST(sign_out_ends_what_it_must),
        TEST(a_revocation_outlives_the_grant),
        TEST(all_sessions_but_this_one),
        TEST(a_consent_taken_back_ends_its_grants),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
