/* store_model: every function of organization, group and client, there and back through a SQLite
 * file. Tokens and their like: store_token.c. */
#include "store_support.h"

#include "base/limits.h"
#include "store/client.h"
#include "store/group.h"
#include "store/key.h"

static struct group put_group(struct fixture *f, const struct id *organization, const char *name,
                              const char *bio)
{
    struct group g = {.id = id_next(&f->ids, NOW),
                      .organization = *organization,
                      .name = str_from(name),
                      .bio = str_from(bio),
                      .created_s = NOW};
    struct effects fx = fixture_effects(f);

    group_put(&fx, &g);
    assert_non_null(fx.changes);
    assert_int_equal(fx.changes->kind, CHANGE_GROUP);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return g;
}

static struct client sample_client(const struct id *organization)
{
    return (struct client){.id = uid_new(),
                           .organization = *organization,
                           .name = STR("Back office"),
                           .grants = GRANT_CLIENT_CREDENTIALS | GRANT_REFRESH_TOKEN,
                           .scopes = STR("group organization"),
                           .token_format = TOKEN_OPAQUE,
                           .auth_method = CLIENT_AUTH_POST,
                           .rotation = ROTATION_AUTO,
                           .introspect_organization = true,
                           .enabled = true,
                           .access_ttl_s = 3600,
                           .refresh_ttl_s = 7200,
                           .family_ttl_s = 9000,
                           .created_s = NOW};
}

static struct client put_client(struct fixture *f, const struct id *organization)
{
    struct client c = sample_client(organization);
    struct effects fx = fixture_effects(f);

    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return c;
}

static enum err give_groups(struct fixture *f, const struct client *c, const struct id *ids,
                            size_t n)
{
    struct effects fx = fixture_effects(f);

    client_set_groups(&fx, c, ids, n);
    return fixture_commit(f, &fx);
}

static void organizations(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), got, *list;
    struct organization second = fixture_organization(f, "Acme"); /* names need not differ */
    struct effects fx = fixture_effects(f);
    size_t n;

    organization_rename(&fx, &o.id, STR("Acme & Sons"));
    organization_revoke_all(&fx, &o.id);
    assert_int_equal(fx.changes->kind, CHANGE_ORGANIZATION);
    assert_memory_equal(fx.changes->subject, o.id.b, ID_BYTES);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(organization_load(f->db, &f->arena, &o.id, &got), OK);
    assert_str(got.name, "Acme & Sons");
    assert_int_equal(got.epoch, 1);
    assert_int_equal(got.created_s, NOW);
    assert_int_equal(organization_list(f->db, &f->arena, &list, &n), OK);
    assert_int_equal(n, 2);
    assert_true(id_eq(&list[0].id, &o.id) && id_eq(&list[1].id, &second.id));
}

static void organization_ids_are_new_and_known(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), got;
    struct id unknown = id_next(&f->ids, NOW);
    struct effects fx = fixture_effects(f);

    organization_put(&fx, &o);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    organization_rename(&fx, &unknown, STR("x"));
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(organization_load(f->db, &f->arena, &unknown, &got), ERR_ABSENT);
}

static void organization_delete_takes_all_along(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct client c = put_client(f, &o.id), kept = put_client(f, &other.id);
    struct group g = put_group(f, &o.id, "Ward", NULL);
    struct client_secret s = {.id = id_next(&f->ids, NOW), .pepper = fixture_pepper(f, 7)};
    struct effects fx = fixture_effects(f);

    put_group(f, &other.id, "Ward", NULL);
    client_put_secret(&fx, &c.id, &s, NOW);
    client_put_secret(&fx, &kept.id, &s, NOW);
    client_set_groups(&fx, &c, &g.id, 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    organization_delete(&fx, &o.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM organization"), 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM client"), 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM client_secret"), 1);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM client_group"), 0);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM groups"), 1);
}

static void nothing_is_added_to_a_missing_organization(void **state)
{
    struct fixture *f = *state;
    struct id nowhere = id_next(&f->ids, NOW);
    struct client c = sample_client(&nowhere);
    struct group g = {.id = id_next(&f->ids, NOW), .organization = nowhere, .name = STR("x")};
    struct effects fx = fixture_effects(f);

    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    group_put(&fx, &g);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM client"), 0);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM groups"), 0);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM change"), 0);
}

static void groups_there_and_back(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct group g = put_group(f, &o.id, "Ward", NULL), got;
    struct effects fx = fixture_effects(f);

    assert_int_equal(group_load(f->db, &f->arena, &g.id, &got), OK);
    assert_str(got.name, "Ward");
    assert_null(got.bio.p);
    assert_true(id_eq(&got.organization, &o.id));
    group_update(&fx, &g.id, &o.id, STR("Ward 2"), STR(""));
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(group_load(f->db, &f->arena, &g.id, &got), OK);
    assert_str(got.name, "Ward 2");
    assert_str(got.bio, ""); /* empty is not the same as none */
    fx = fixture_effects(f);
    group_update(&fx, &g.id, &other.id, STR("stolen"), STR(""));
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    group_delete(&fx, &g.id, &other.id);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    group_delete(&fx, &g.id, &o.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(group_load(f->db, &f->arena, &g.id, &got), ERR_ABSENT);
}

static void assert_page(struct fixture *f, const struct group_query *q, const struct group *all,
                        const int *want, size_t want_n)
{
    struct group *list;
    size_t n;

    assert_int_equal(group_list(f->db, &f->arena, q, &list, &n), OK);
    assert_int_equal(n, want_n);
    for (size_t i = 0; i < n; i++)
        assert_true(id_eq(&list[i].id, &all[want[i]].id));
}

static void group_pages(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct client c = put_client(f, &o.id);
    static const char *const names[] = {"a", "b", "a", "c", "a"};
    struct group all[5];
    struct group_query q = {.organization = o.id, .limit = -1};
    int64_t count;

    put_group(f, &other.id, "a", NULL);
    for (int i = 0; i < 5; i++)
        all[i] = put_group(f, &o.id, names[i], "bio");
    struct id given[] = {all[4].id, all[1].id, all[2].id, all[2].id};
    assert_int_equal(give_groups(f, &c, given, 4), OK);

    assert_page(f, &q, all, (int[]){0, 1, 2, 3, 4}, 5);
    q.limit = 2;
    q.offset = 1;
    assert_page(f, &q, all, (int[]){1, 2}, 2);
    q.offset = 0;
    q.after = &all[2].id;
    assert_page(f, &q, all, (int[]){3, 4}, 2);
    q = (struct group_query){.organization = o.id, .limit = -1, .name = STR("a")};
    assert_page(f, &q, all, (int[]){0, 2, 4}, 3);
    assert_int_equal(group_count(f->db, &q, &count), OK);
    assert_int_equal(count, 3);
    q.client = &c.id;
    assert_page(f, &q, all, (int[]){2, 4}, 2);
    assert_int_equal(group_count(f->db, &q, &count), OK);
    assert_int_equal(count, 2);
    q.name = (str){0};
    assert_page(f, &q, all, (int[]){1, 2, 4}, 3);
    q.after = &all[1].id;
    q.limit = 1;
    assert_page(f, &q, all, (int[]){2}, 1);
    assert_int_equal(group_count(f->db, &q, &count), OK); /* the whole, not the page */
    assert_int_equal(count, 3);
    q = (struct group_query){.organization = other.id, .client = &c.id, .limit = -1};
    assert_page(f, &q, all, NULL, 0);
}

static void an_organization_has_so_many_groups(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct group g = {.organization = o.id, .name = STR("g"), .created_s = NOW};
    struct group_query q = {.organization = o.id};
    struct effects fx = fixture_effects(f);
    struct id *ids;
    int64_t count;
    size_t n;

    for (int i = 0; i < LIMIT_GROUPS - 1; i++) {
        g.id = id_next(&f->ids, NOW);
        group_put(&fx, &g);
    }
    assert_int_equal(fixture_commit(f, &fx), OK);
    /* Two for the last place in one set: neither is there. */
    fx = fixture_effects(f);
    for (int i = 0; i < 2; i++) {
        g.id = id_next(&f->ids, NOW);
        group_put(&fx, &g);
    }
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    put_group(f, &o.id, "last", NULL);
    fx = fixture_effects(f);
    g.id = id_next(&f->ids, NOW);
    group_put(&fx, &g);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(group_count(f->db, &q, &count), OK);
    assert_int_equal(count, LIMIT_GROUPS);
    g = put_group(f, &other.id, "elsewhere", NULL);
    assert_int_equal(group_ids(f->db, &f->arena, &other.id, -1, &ids, &n), OK);
    assert_true(n == 1 && id_eq(&ids[0], &g.id));
    assert_int_equal(group_ids(f->db, &f->arena, &o.id, -1, &ids, &n), OK);
    assert_int_equal(n, LIMIT_GROUPS);
    assert_true(memcmp(ids[0].b, ids[1].b, ID_BYTES) < 0);
    assert_int_equal(group_ids(f->db, &f->arena, &o.id, 7, &ids, &n), OK);
    assert_int_equal(n, 7);
}

static void groups_of_a_client(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct client c = put_client(f, &o.id);
    struct group mine = put_group(f, &o.id, "a", NULL),
                 foreign = put_group(f, &other.id, "a", NULL);
    struct id both[] = {mine.id, foreign.id}, *got;
    struct effects fx;
    size_t n;
    bool yes;

    assert_int_equal(give_groups(f, &c, both, 2), ERR_CONFLICT);
    assert_int_equal(client_groups(f->db, &f->arena, &c.id, &got, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(give_groups(f, &c, both, 1), OK);
    assert_int_equal(client_groups(f->db, &f->arena, &c.id, &got, &n), OK);
    assert_int_equal(n, 1);
    assert_true(id_eq(&got[0], &mine.id));
    assert_int_equal(group_is_of_client(f->db, &mine.id, &c.id, &yes), OK);
    assert_true(yes);
    assert_int_equal(group_is_of_client(f->db, &foreign.id, &c.id, &yes), OK);
    assert_false(yes);
    fx = fixture_effects(f);
    group_delete(&fx, &mine.id, &o.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(group_is_of_client(f->db, &mine.id, &c.id, &yes), OK);
    assert_false(yes);
    c.id = uid_new();
    assert_int_equal(give_groups(f, &c, NULL, 0), ERR_CONFLICT); /* no such client */
}

static void clients_there_and_back(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id), got;
    struct effects fx = fixture_effects(f);

    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_true(uid_eq(&got.id, &c.id) && id_eq(&got.organization, &o.id));
    assert_str(got.name, "Back office");
    assert_str(got.scopes, "group organization");
    assert_int_equal(got.grants, c.grants);
    assert_int_equal(got.token_format, TOKEN_OPAQUE);
    assert_int_equal(got.auth_method, CLIENT_AUTH_POST);
    assert_int_equal(got.rotation, ROTATION_AUTO);
    assert_true(got.introspect_organization && got.enabled && !got.all_groups);
    assert_int_equal(got.access_ttl_s, 3600);
    assert_int_equal(got.refresh_ttl_s, 7200);
    assert_int_equal(got.family_ttl_s, 9000);
    assert_int_equal(got.secrets_n, 0);
    got.name = STR("Front office");
    got.all_groups = true;
    got.access_ttl_s = 60;
    client_update(&fx, &got);
    client_set_enabled(&fx, &c.id, false);
    client_revoke_all(&fx, &c.id);
    client_revoke_all(&fx, &c.id);
    assert_int_equal(fx.changes->kind, CHANGE_CLIENT);
    assert_null(fx.changes->next); /* told once */
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_str(got.name, "Front office");
    assert_true(got.all_groups && !got.enabled);
    assert_int_equal(got.access_ttl_s, 60);
    assert_int_equal(got.epoch, 2);
    fx = fixture_effects(f);
    client_hold_app(&fx, &got);
    got.enabled = true; /* as it was when an app's PUT loaded it: not written back */
    got.scopes = STR("everything");
    got.policy = STR("{}");
    got.name = STR("Renamed");
    client_update_app(&fx, &got);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_str(got.name, "Renamed");
    assert_false(got.enabled);
    assert_false(str_eq(got.scopes, STR("everything")));
    got.policy = STR("{\"allow\":[\"a\"]}"); /* another one was in force when we decided */
    fx = fixture_effects(f);
    client_hold_app(&fx, &got);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* the id is taken */
    fx = fixture_effects(f);
    client_delete(&fx, &c.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), ERR_ABSENT);
    fx = fixture_effects(f);
    client_update(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void client_lists(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme"), other = fixture_organization(f, "B");
    struct client *list;
    struct uid last;
    size_t n;

    for (int i = 0; i < 20; i++)
        put_client(f, i % 4 == 0 ? &other.id : &o.id);
    assert_int_equal(client_list(f->db, &f->arena, NULL, NULL, -1, &list, &n), OK);
    assert_int_equal(n, 20);
    assert_int_equal(client_list(f->db, &f->arena, &other.id, NULL, -1, &list, &n), OK);
    assert_int_equal(n, 5);
    last = list[1].id;
    assert_int_equal(client_list(f->db, &f->arena, &other.id, &last, 2, &list, &n), OK);
    assert_int_equal(n, 2);
    assert_true(memcmp(list[0].id.b, last.b, UID_BYTES) > 0);
    assert_true(id_eq(&list[0].organization, &other.id));
}

static struct client_secret secret(struct fixture *f, uint8_t fill, int64_t exp_s)
{
    struct client_secret s = {.id = id_next(&f->ids, NOW), .created_s = NOW, .exp_s = exp_s};

    memset(s.hash.b, fill, sizeof s.hash.b);
    memset(s.pepper.b, 7, sizeof s.pepper.b);
    return s;
}

static enum err add_secret(struct fixture *f, const struct client *c, uint8_t fill, int64_t old_exp)
{
    struct client_secret s = secret(f, fill, 0);
    struct effects fx = fixture_effects(f);

    client_put_secret(&fx, &c->id, &s, old_exp);
    return fixture_commit(f, &fx);
}

static void secrets_overlap(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id), got;
    struct uid pepper = fixture_pepper(f, 7);
    int64_t count;

    assert_int_equal(add_secret(f, &c, 1, NOW), OK);
    assert_int_equal(add_secret(f, &c, 2, NOW + 100), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW + 99, &got), OK);
    assert_int_equal(got.secrets_n, 2);
    assert_int_equal(got.secrets[0].hash.b[0], 2); /* newest first */
    assert_int_equal(got.secrets[0].exp_s, 0);
    assert_int_equal(got.secrets[1].exp_s, NOW + 100);
    assert_null(got.secrets[0].argon2.p);
    assert_true(uid_eq(&got.secrets[0].pepper, &pepper));
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW + 100, &got), OK);
    assert_int_equal(got.secrets_n, 1);
    assert_int_equal(client_count_by_pepper(f->db, &pepper, NOW, &count), OK);
    assert_int_equal(count, 2);
    /* A third pushes the first out; the second's end may come earlier, never later. */
    assert_int_equal(add_secret(f, &c, 3, NOW + 50), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_int_equal(got.secrets_n, 2);
    assert_int_equal(got.secrets[1].hash.b[0], 2);
    assert_int_equal(got.secrets[1].exp_s, NOW + 50);
    assert_int_equal(add_secret(f, &c, 4, 0), OK); /* at once */
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_int_equal(got.secrets_n, 1);
    c.id = uid_new();
    assert_int_equal(add_secret(f, &c, 5, NOW), ERR_CONFLICT);
}

/* Ids of different processes are in no order within a second. */
static void the_newest_secret_is_told_without_ids(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");

    fixture_pepper(f, 7);
    for (int i = 0; i < 20; i++) {
        struct client c = put_client(f, &o.id), got;
        for (uint8_t k = 1; k <= 3; k++) {
            id_source_init(&f->ids); /* another process */
            assert_int_equal(add_secret(f, &c, k, NOW + 100), OK);
        }
        assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
        assert_int_equal(got.secrets_n, 2);
        assert_int_equal(got.secrets[0].hash.b[0], 3);
        assert_int_equal(got.secrets[1].hash.b[0], 2);
    }
}

static void a_pepper_stays_while_a_secret_needs_it(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id), got;
    struct uid old = fixture_pepper(f, 7), next;
    struct client_secret s = secret(f, 1, 0);
    struct effects fx = fixture_effects(f);

    s.id = id_next(&f->ids, NOW);
    client_put_secret(&fx, &c.id, &s, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_delete(&fx, &old, NOW); /* active */
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    key_set_state(&fx, &old, KEY_ACTIVE, KEY_RETIRED, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    next = fixture_pepper(f, 8);
    /* Made under the old pepper by a process that does not know yet: refused, or left as it was. */
    assert_int_equal(add_secret(f, &c, 2, NOW), ERR_CONFLICT);
    s.hash.b[0] = 99;
    fx = fixture_effects(f);
    client_rehash(&fx, &c.id, &s);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_int_equal(got.secrets[0].hash.b[0], 1);
    fx = fixture_effects(f);
    key_delete(&fx, &old, NOW); /* the secret names it */
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    s.pepper = next;
    fx = fixture_effects(f);
    client_rehash(&fx, &c.id, &s);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_int_equal(got.secrets[0].hash.b[0], 99);
    fx = fixture_effects(f);
    key_delete(&fx, &old, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(add_secret(f, &c, 3, NOW), ERR_CONFLICT); /* it is gone */
}

static void an_ended_secret_needs_no_pepper(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id);
    struct uid pepper = fixture_pepper(f, 7);
    struct client_secret s = secret(f, 1, NOW + 5);
    struct effects fx = fixture_effects(f);

    client_put_secret(&fx, &c.id, &s, NOW);
    key_set_state(&fx, &pepper, KEY_ACTIVE, KEY_RETIRED, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    key_delete(&fx, &pepper, NOW + 4);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    fx = fixture_effects(f);
    key_delete(&fx, &pepper, NOW + 5);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void weak_secrets_and_rehash(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id), got;
    struct client_secret s = secret(f, 9, 0);
    struct effects fx = fixture_effects(f);
    int64_t count, before;

    s.argon2 = STR("$argon2id$v=19$...");
    client_put_secret(&fx, &c.id, &s, NOW); /* needs no pepper */
    assert_int_equal(fixture_commit(f, &fx), OK);
    fixture_pepper(f, 7);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_str(got.secrets[0].argon2, "$argon2id$v=19$...");
    assert_int_equal(got.secrets[0].hash.b[0], 0);
    s.argon2 = (str){0};
    fx = fixture_effects(f);
    client_rehash(&fx, &c.id, &s);
    assert_int_equal(fx.changes->kind, CHANGE_CLIENT);
    before = fixture_count(f, "SELECT COUNT(*) FROM change");
    assert_int_equal(fixture_commit(f, &fx), OK);
    /* Other processes' copies are as good as before. */
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM change"), before);
    assert_int_equal(client_load(f->db, &f->arena, &c.id, NOW, &got), OK);
    assert_null(got.secrets[0].argon2.p);
    assert_int_equal(got.secrets[0].hash.b[0], 9);
    assert_int_equal(client_count_by_pepper(f->db, &s.pepper, NOW, &count), OK);
    assert_int_equal(count, 1);
}

static void secret_hashes(void **state)
{
    struct fixture *f = *state;
    struct signer *s = fixture_signer();
    const struct key *pepper = &signer_ring(s)->keys[0], *other = pepper + 1;
    struct uid a = uid_new(), b = uid_new();
    struct digest d[5];
    char message[13 + UID_BYTES + 3] = "client_secret";

    memcpy(message + 13, a.b, UID_BYTES);
    memcpy(message + 13 + UID_BYTES, "abc", 3);
    hash_hmac(f->hasher, &pepper->secret, str_make(message, sizeof message), &d[4]);
    assert_int_equal(client_hash_secret(s, pepper, &a, STR("abc"), &d[0]), OK);
    assert_int_equal(client_hash_secret(s, pepper, &b, STR("abc"), &d[1]), OK);
    assert_int_equal(client_hash_secret(s, other, &a, STR("abc"), &d[2]), OK);
    assert_int_equal(client_hash_secret(s, pepper, &a, STR("abd"), &d[3]), OK);
    assert_memory_equal(d[0].b, d[4].b, sizeof d[0].b);
    for (int i = 1; i < 4; i++)
        assert_memory_not_equal(d[0].b, d[i].b, sizeof d[0].b);
    signer_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(organizations),
        TEST(organization_ids_are_new_and_known),
        TEST(organization_delete_takes_all_along),
        TEST(nothing_is_added_to_a_missing_organization),
        TEST(groups_there_and_back),
        TEST(group_pages),
        TEST(an_organization_has_so_many_groups),
        TEST(groups_of_a_client),
        TEST(clients_there_and_back),
        TEST(client_lists),
        TEST(secrets_overlap),
        TEST(the_newest_secret_is_told_without_ids),
        TEST(a_pepper_stays_while_a_secret_needs_it),
        TEST(an_ended_secret_needs_no_pepper),
        TEST(weak_secrets_and_rehash),
        TEST(secret_hashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
