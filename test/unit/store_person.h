/* store_person: a person, an application and what is between them, for the tests of store/. */
#ifndef TEST_UNIT_STORE_PERSON_H
#define TEST_UNIT_STORE_PERSON_H

#include "store_support.h"

#include "store/client.h"
#include "store/consent.h"
#include "store/grant.h"
#include "store/relying_party.h"
#include "store/session.h"
#include "store/user.h"
#include "store/user_grant.h"

static inline struct client person_client(struct fixture *f, const struct id *organization)
{
    struct client c = {.id = uid_new(),
                       .organization = *organization,
                       .name = STR("App"),
                       .scopes = STR("openid email"),
                       .enabled = true,
                       .created_s = NOW};
    struct effects fx = fixture_effects(f);

    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return c;
}

static inline struct user person_sample(const struct id *organization, const char *username)
{
    return (struct user){.id = uid_new(),
                         .organization = *organization,
                         .username = str_from(username),
                         .claims = STR("{\"given_name\":\"Ada\"}"),
                         .roles = STR("nurse admin"),
                         .password = STR("$argon2id$old"),
                         .password_s = NOW - 5,
                         .enabled = true,
                         .created_s = NOW,
                         .updated_s = NOW};
}

/* With his user name, as it is, for a login. */
static inline struct user person_user(struct fixture *f, const struct id *organization,
                                      const char *username)
{
    struct user u = person_sample(organization, username);
    struct effects fx = fixture_effects(f);

    user_put(&fx, &u, &u.username, 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return u;
}

static inline struct session person_session(struct fixture *f, const struct uid *user)
{
    struct session s = {.id = id_next(&f->ids, NOW),
                        .user = *user,
                        .auth_s = NOW - 1,
                        .amr = STR("pwd"),
                        .acr = STR("pwd"),
                        .agent = STR("Firefox on Linux"),
                        .peer = STR("192.0.2.1"),
                        .seen_s = NOW,
                        .exp_s = NOW + 600,
                        .end_s = NOW + 3600};
    struct effects fx = fixture_effects(f);

    memset(s.hash.b, 7, sizeof s.hash.b);
    session_put(&fx, &s);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return s;
}

static inline struct consent person_consent(struct fixture *f, const struct uid *user,
                                            const struct uid *client, const char *scopes)
{
    struct consent c = {.user = *user,
                        .client = *client,
                        .scopes = str_from(scopes),
                        .created_s = NOW,
                        .updated_s = NOW};
    struct effects fx = fixture_effects(f);

    consent_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return c;
}

static inline struct user_grant person_grant_sample(struct fixture *f, const struct uid *user,
                                                    const struct uid *client)
{
    struct user_grant g = {.id = id_next(&f->ids, NOW),
                           .client = *client,
                           .user = *user,
                           .dialect = 2,
                           .spelling = SPELLING_SID,
                           .scope = STR("openid"),
                           .auth_s = NOW - 1,
                           .amr = STR("pwd"),
                           .acr = STR("pwd"),
                           .created_s = NOW,
                           .has_code = true,
                           .code_exp_s = NOW + 60,
                           .exp_s = NOW + 60};

    memset(g.code.b, 9, sizeof g.code.b);
    return g;
}

/* Under a session (or none); `spent`: its code has been redeemed. */
static inline struct id person_grant(struct fixture *f, const struct uid *user,
                                     const struct uid *client, const struct id *session,
                                     bool offline, bool spent)
{
    struct user_grant g = person_grant_sample(f, user, client);
    struct effects fx = fixture_effects(f);

    g.offline = offline;
    g.has_session = session != NULL;
    if (session)
        g.session = *session;
    user_grant_put(&fx, &g);
    if (spent)
        user_grant_spend(&fx, &g.id, NOW, NOW + 9000);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return g.id;
}

static inline bool person_is_revoked(struct fixture *f, const struct id *grant)
{
    bool revoked;

    assert_int_equal(grant_is_revoked(f->db, grant, &revoked), OK);
    return revoked;
}

#endif
