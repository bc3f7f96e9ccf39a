/* store_people: users, their names and passwords, and what goes when one of them goes. */
#include "store_person.h"

#include "store/key.h"

static void a_user_comes_back(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_sample(&o.id, "ada"), got;
    str names[] = {STR("ada"), STR("ada@example.com"), STR("ada")}; /* one of them twice */
    struct effects fx = fixture_effects(f);

    u.email = STR("Ada@example.com");
    u.email_verified = true;
    u.has_pepper = true;
    u.pepper = fixture_pepper(f, 7);
    user_put(&fx, &u, names, 3);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_str(got.username, "ada");
    assert_str(got.email, "Ada@example.com");
    assert_true(got.email_verified && got.enabled && got.has_pepper);
    assert_true(uid_eq(&got.pepper, &u.pepper) && id_eq(&got.organization, &o.id));
    assert_str(got.claims, "{\"given_name\":\"Ada\"}");
    assert_str(got.roles, "nurse admin");
    assert_str(got.password, "$argon2id$old");
    assert_int_equal(got.password_s, NOW - 5);
    assert_int_equal(got.epoch, 0);
    assert_int_equal(got.created_s, NOW);
    assert_int_equal(got.updated_s, NOW);
    assert_int_equal(user_find(f->db, &f->arena, STR("ada@example.com"), &got), OK);
    assert_true(uid_eq(&got.id, &u.id));
    assert_int_equal(user_find(f->db, &f->arena, STR("Ada"), &got), ERR_ABSENT);
}

static void absent_members_stay_absent(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = {.id = uid_new(), .organization = o.id, .username = STR("bob")}, got;
    struct effects fx = fixture_effects(f);

    user_put(&fx, &u, NULL, 0);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_null(got.email.p);
    assert_false(got.has_pepper || got.enabled);
    assert_str(got.claims, "{}");
    assert_int_equal(got.password.n, 0);
    assert_int_equal(user_load(f->db, &f->arena, &o.account, &got), ERR_ABSENT);
}

/* security.md 67: all spellings of a name are one, and belong to one person. */
static void names_are_one_space(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct user first = person_user(f, &o.id, "ada"), got;
    struct user second = person_sample(&other.id, "eve");
    str names[] = {STR("eve"), STR("ada")};
    struct effects fx = fixture_effects(f);

    user_put(&fx, &second, names, 2);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(user_find(f->db, &f->arena, STR("eve"), &got), ERR_ABSENT); /* nothing of it */
    fx = fixture_effects(f);
    user_put(&fx, &second, names, 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    user_update(&fx, &second, names, 2);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(user_find(f->db, &f->arena, STR("ada"), &got), OK);
    assert_true(uid_eq(&got.id, &first.id));
    assert_int_equal(user_find(f->db, &f->arena, STR("eve"), &got), OK);
}

/* security.md 16: the sub of a user and that of a client never meet. */
static void ids_are_no_clients(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada"), clash = person_sample(&o.id, "eve");
    struct effects fx = fixture_effects(f);

    clash.id = c.id;
    user_put(&fx, &clash, &clash.username, 1);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    clash.id = u.id;
    fx = fixture_effects(f);
    user_put(&fx, &clash, &clash.username, 1);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    c.id = u.id;
    fx = fixture_effects(f);
    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    clash = person_sample(&u.organization, "eve");
    clash.organization = id_next(&f->ids, NOW); /* of nobody */
    fx = fixture_effects(f);
    user_put(&fx, &clash, &clash.username, 1);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void an_update_replaces_the_names(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada"), got;
    str names[] = {STR("countess"), STR("ada@example.com")};
    struct effects fx = fixture_effects(f);

    u.username = STR("countess");
    u.email = STR("ada@example.com");
    u.claims = STR("{}");
    u.roles = STR("");
    u.enabled = false;
    u.password = STR("another");
    u.updated_s = NOW + 1;
    user_update(&fx, &u, names, 2);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_find(f->db, &f->arena, STR("ada"), &got), ERR_ABSENT);
    assert_int_equal(user_find(f->db, &f->arena, STR("countess"), &got), OK);
    assert_str(got.email, "ada@example.com");
    assert_str(got.claims, "{}");
    assert_int_equal(got.roles.n, 0);
    assert_int_equal(got.updated_s, NOW + 1);
    assert_true(got.enabled); /* neither that nor the password is an update's business */
    assert_str(got.password, "$argon2id$old");
    u.id = uid_new();
    fx = fixture_effects(f);
    user_update(&fx, &u, NULL, 0);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void users_are_listed_in_pages(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct user *list, *rest;
    size_t n;

    person_user(f, &o.id, "one");
    person_user(f, &o.id, "two");
    person_user(f, &other.id, "three");
    assert_int_equal(user_list(f->db, &f->arena, NULL, NULL, -1, &list, &n), OK);
    assert_int_equal(n, 3);
    assert_true(memcmp(list[0].id.b, list[1].id.b, UID_BYTES) < 0);
    assert_int_equal(user_list(f->db, &f->arena, NULL, &list[0].id, 1, &rest, &n), OK);
    assert_int_equal(n, 1);
    assert_true(uid_eq(&rest[0].id, &list[1].id));
    assert_int_equal(user_list(f->db, &f->arena, &other.id, NULL, -1, &list, &n), OK);
    assert_int_equal(n, 1);
    assert_str(list[0].username, "three");
}

static enum err set_password(struct fixture *f, const struct uid *id, const char *before,
                             const struct uid *pepper)
{
    struct effects fx = fixture_effects(f);

    user_set_password(&fx, id, str_from(before), STR("$argon2id$new"), pepper, NOW + 9);
    return fixture_commit(f, &fx);
}

static void of_two_new_passwords_one_holds(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada"), got;
    struct uid pepper = fixture_pepper(f, 7), unknown = uid_new();

    assert_int_equal(set_password(f, &u.id, "$argon2id$old", &unknown), ERR_CONFLICT);
    assert_int_equal(set_password(f, &u.id, "$argon2id$old", &pepper), OK);
    assert_int_equal(set_password(f, &u.id, "$argon2id$old", &pepper), ERR_CONFLICT);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_str(got.password, "$argon2id$new");
    assert_int_equal(got.password_s, NOW + 9);
    assert_true(got.has_pepper && uid_eq(&got.pepper, &pepper));
    assert_int_equal(set_password(f, &u.id, "$argon2id$new", NULL), OK);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_false(got.has_pepper);
}

static void a_rehash_never_undoes_a_new_password(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada"), got;
    struct uid pepper = fixture_pepper(f, 7), unknown = uid_new();
    struct effects fx = fixture_effects(f);

    user_rehash(&fx, &u.id, STR("$argon2id$old"), STR("stale"), &unknown); /* retired meanwhile */
    user_rehash(&fx, &u.id, STR("$argon2id$old"), STR("strong"), &pepper);
    user_rehash(&fx, &u.id, STR("$argon2id$old"), STR("late"), NULL);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_str(got.password, "strong");
    assert_int_equal(got.password_s, NOW - 5); /* it is the same password */
    fx = fixture_effects(f);
    user_rehash(&fx, &u.id, STR("strong"), STR("plain"), NULL);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
    assert_str(got.password, "plain");
    assert_false(got.has_pepper);
}

static void a_pepper_stays_while_a_password_needs_it(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct user u = person_user(f, &o.id, "ada");
    struct uid pepper = fixture_pepper(f, 7);
    struct effects fx = fixture_effects(f);
    int64_t n;

    assert_int_equal(set_password(f, &u.id, "$argon2id$old", &pepper), OK);
    assert_int_equal(user_count_by_pepper(f->db, &pepper, &n), OK);
    assert_int_equal(n, 1);
    key_set_state(&fx, &pepper, KEY_ACTIVE, KEY_RETIRED, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_delete(&fx, &pepper, NOW + 1000000);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(set_password(f, &u.id, "$argon2id$new", NULL), OK);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

/* Two people of two organizations, each with an application, a session and a consent. */
static void two_of_everything(struct fixture *f, struct organization o[2], struct client c[2],
                              struct user u[2])
{
    for (int i = 0; i < 2; i++) {
        struct relying_party rp;
        struct effects fx = fixture_effects(f);

        o[i] = fixture_organization(f, "Acme");
        c[i] = person_client(f, &o[i].id);
        u[i] = person_user(f, &o[i].id, i ? "eve" : "ada");
        person_session(f, &u[i].id);
        person_consent(f, &u[i].id, &c[i].id, "openid");
        relying_party_defaults(&rp);
        rp.origins = STR("https://app.example");
        relying_party_put(&fx, &c[i].id, &rp);
        assert_int_equal(fixture_commit(f, &fx), OK);
    }
}

static void assert_rows(struct fixture *f, const char *tables[], int n)
{
    for (; *tables; tables++) {
        str text = arena_printf(&f->arena, "SELECT COUNT(*) FROM %s", *tables);
        if (fixture_count(f, arena_cstr(&f->arena, text)) != n)
            fail_msg("%s: not %d rows", *tables, n);
    }
}

static void an_organization_takes_its_people_along(void **state)
{
    static const char *all[] = {"users",         "login",   "session",       "consent", "client",
                                "relying_party", "account", "client_origin", NULL};
    struct fixture *f = *state;
    struct organization o[2];
    struct client c[2];
    struct user u[2], got;
    struct effects fx = fixture_effects(f);

    two_of_everything(f, o, c, u);
    assert_rows(f, all, 2);
    organization_delete(&fx, &o[0].id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_rows(f, all, 1);
    assert_int_equal(user_load(f->db, &f->arena, &u[1].id, &got), OK);
    assert_int_equal(user_find(f->db, &f->arena, STR("ada"), &got), ERR_ABSENT);
}

static void a_client_takes_its_consents_along(void **state)
{
    static const char *gone[] = {"consent", "client", "relying_party", "client_origin", NULL};
    static const char *kept[] = {"users", "login", "session", NULL};
    struct fixture *f = *state;
    struct organization o[2];
    struct client c[2];
    struct user u[2];
    struct effects fx = fixture_effects(f);

    two_of_everything(f, o, c, u);
    client_delete(&fx, &c[0].id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_rows(f, gone, 1);
    assert_rows(f, kept, 2);
}

static void a_user_takes_all_of_his_along(void **state)
{
    static const char *gone[] = {"users", "login", "session", "consent", NULL};
    struct fixture *f = *state;
    struct organization o[2];
    struct client c[2];
    struct user u[2];
    struct effects fx = fixture_effects(f);

    two_of_everything(f, o, c, u);
    struct id his = person_grant(f, &u[0].id, &c[0].id, NULL, true, true);
    struct id another = person_grant(f, &u[1].id, &c[1].id, NULL, true, true);
    user_delete(&fx, &u[0].id, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_rows(f, gone, 1);
    assert_true(person_is_revoked(f, &his));
    assert_false(person_is_revoked(f, &another));
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* there is nobody any more */
}

/* security.md 1g: what ends a user ends every token, code and session of him. */
static void revoking_a_user_ends_all(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = person_client(f, &o.id);
    struct user u = person_user(f, &o.id, "ada"), eve = person_user(f, &o.id, "eve"), got;

    for (int disable = 0; disable < 2; disable++) {
        struct session s = person_session(f, &u.id), hers = person_session(f, &eve.id), left;
        struct id ids[] = {person_grant(f, &u.id, &c.id, &s.id, false, true),
                           person_grant(f, &u.id, &c.id, &s.id, true, true),
                           person_grant(f, &u.id, &c.id, &s.id, true, false),
                           person_grant(f, &u.id, &c.id, NULL, true, true)};
        struct id another = person_grant(f, &eve.id, &c.id, &hers.id, false, false);
        struct effects fx = fixture_effects(f);

        if (disable)
            user_set_enabled(&fx, &u.id, false, NOW);
        else
            user_revoke_all(&fx, &u.id, NOW);
        assert_int_equal(fixture_commit(f, &fx), OK);
        for (int i = 0; i < 4; i++)
            assert_true(person_is_revoked(f, &ids[i]));
        assert_false(person_is_revoked(f, &another));
        assert_int_equal(session_load(f->db, &f->arena, &s.id, &left), ERR_ABSENT);
        assert_int_equal(session_load(f->db, &f->arena, &hers.id, &left), OK);
        assert_int_equal(user_load(f->db, &f->arena, &u.id, &got), OK);
        assert_int_equal(got.epoch, disable + 1);
        assert_int_equal(got.enabled, !disable);
    }
    struct effects fx = fixture_effects(f);
    user_hold(&fx, &u.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    u.id = uid_new();
    fx = fixture_effects(f);
    user_hold(&fx, &u.id);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    user_revoke_all(&fx, &u.id, NOW);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_user_comes_back),
        TEST(absent_members_stay_absent),
        TEST(names_are_one_space),
        TEST(ids_are_no_clients),
        TEST(an_update_replaces_the_names),
        TEST(users_are_listed_in_pages),
        TEST(of_two_new_passwords_one_holds),
        TEST(a_rehash_never_undoes_a_new_password),
        TEST(a_pepper_stays_while_a_password_needs_it),
        TEST(an_organization_takes_its_people_along),
        TEST(a_client_takes_its_consents_along),
        TEST(a_user_takes_all_of_his_along),
        TEST(revoking_a_user_ends_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
