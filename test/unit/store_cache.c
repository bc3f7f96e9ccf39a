/* store_cache: the client cache is filled on a miss, bounded, and forgets what changes name. */
#include "store_support.h"

#include "store/client_cache.h"
#include "store/group.h"

static struct client put_client(struct fixture *f, const struct id *organization, const char *name)
{
    struct client c = {.id = uid_new(),
                       .organization = *organization,
                       .name = str_from(name),
                       .scopes = STR("group"),
                       .enabled = true};
    struct effects fx = fixture_effects(f);

    client_put(&fx, &c);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return c;
}

static void put_groups(struct fixture *f, const struct client *c, int n)
{
    struct effects fx = fixture_effects(f);
    struct id ids[64];

    for (int i = 0; i < n; i++) {
        struct group g = {.id = id_next(&f->ids, NOW),
                          .organization = c->organization,
                          .name = STR("g"),
                          .created_s = NOW};
        ids[i] = g.id;
        group_put(&fx, &g);
    }
    client_set_groups(&fx, c, ids, (size_t)n);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void run_sql(struct fixture *f, const char *text)
{
    assert_int_equal(f->db->ops->exec(f->db, text), DB_DONE);
}

static void tell(struct fixture *f, struct client_cache *cache, enum change_kind kind,
                 const void *subject, size_t n)
{
    uint8_t bytes[16] = {0};

    memcpy(bytes, subject, n);
    change_publish(&f->log, kind, bytes);
    client_cache_refresh(cache);
}

static const struct cached_client *get(struct fixture *f, struct client_cache *cache,
                                       const struct uid *id, int64_t now_s)
{
    const struct cached_client *out = NULL;

    assert_int_equal(client_cache_get(cache, f->db, id, now_s, &out), OK);
    return out;
}

static void filled_with_all_a_request_needs(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id, "one");
    struct client_secret s = {.id = id_next(&f->ids, NOW), .argon2 = STR("$argon2id$x")};
    struct client_cache *cache = client_cache_open(100, &f->log);
    struct effects fx = fixture_effects(f);
    const struct cached_client *cc;

    client_put_secret(&fx, &c.id, &s, NOW);
    client_revoke_all(&fx, &c.id);
    organization_revoke_all(&fx, &o.id);
    organization_revoke_all(&fx, &o.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    put_groups(f, &c, 3);
    cc = get(f, cache, &c.id, NOW);
    assert_str(cc->client.name, "one");
    assert_str(cc->client.scopes, "group");
    assert_str(cc->organization.name, "Acme");
    assert_str(cc->client.secrets[0].argon2, "$argon2id$x");
    assert_int_equal(cc->epoch, 3);
    assert_int_equal(cc->groups_n, 3);
    assert_true(id_time_s(&cc->groups[2]) == NOW);
    assert_ptr_equal(get(f, cache, &c.id, NOW + 5), cc);
    client_cache_close(cache);
}

static void all_groups_and_too_many(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client some = put_client(f, &o.id, "some"), every = put_client(f, &o.id, "every");
    struct client_cache *cache = client_cache_open(100, &f->log);
    struct effects fx = fixture_effects(f);

    every.all_groups = true;
    client_update(&fx, &every);
    assert_int_equal(fixture_commit(f, &fx), OK);
    put_groups(f, &some, CLIENT_CACHE_GROUPS);
    assert_int_equal(get(f, cache, &some.id, NOW)->groups_n, CLIENT_CACHE_GROUPS);
    assert_int_equal(get(f, cache, &every.id, NOW)->groups_n, CLIENT_CACHE_GROUPS);
    put_groups(f, &some, 1);
    tell(f, cache, CHANGE_GROUP, o.id.b, sizeof o.id.b);
    assert_int_equal(get(f, cache, &some.id, NOW)->groups_n, 1);
    assert_int_equal(get(f, cache, &every.id, NOW)->groups_n, -1);
    client_cache_close(cache);
}

static void absence_is_not_remembered(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id, "one");
    struct client_cache *cache = client_cache_open(100, &f->log);
    const struct cached_client *out;
    struct uid unknown = uid_new();

    assert_int_equal(client_cache_get(cache, f->db, &unknown, NOW, &out), ERR_ABSENT);
    run_sql(f, any_store_text("UPDATE client SET id = x'000102030405060708090a0b0c0d0e0f'",
                              "UPDATE client SET id = '\\x000102030405060708090a0b0c0d0e0f'"));
    for (int i = 0; i < 16; i++)
        unknown.b[i] = (uint8_t)i;
    assert_int_equal(client_cache_get(cache, f->db, &c.id, NOW, &out), ERR_ABSENT);
    assert_int_equal(client_cache_get(cache, f->db, &unknown, NOW, &out), OK);
    client_cache_close(cache);
}

static void changes_drop_what_they_name(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A"), p = fixture_organization(f, "B");
    struct client a = put_client(f, &o.id, "a"), b = put_client(f, &o.id, "b"),
                  c = put_client(f, &p.id, "c");
    struct client_cache *cache = client_cache_open(100, &f->log);

    get(f, cache, &a.id, NOW);
    get(f, cache, &b.id, NOW);
    get(f, cache, &c.id, NOW);
    run_sql(f, "UPDATE client SET name = 'new'");
    assert_str(get(f, cache, &a.id, NOW)->client.name, "a"); /* until it is told */
    tell(f, cache, CHANGE_CLIENT, a.id.b, sizeof a.id.b);
    assert_str(get(f, cache, &a.id, NOW)->client.name, "new");
    assert_str(get(f, cache, &b.id, NOW)->client.name, "b");
    tell(f, cache, CHANGE_ORGANIZATION, o.id.b, sizeof o.id.b);
    assert_str(get(f, cache, &b.id, NOW)->client.name, "new");
    assert_str(get(f, cache, &c.id, NOW)->client.name, "c");
    tell(f, cache, CHANGE_KEYS, "", 0);
    assert_str(get(f, cache, &c.id, NOW)->client.name, "c");
    for (int i = 0; i <= CHANGE_LOG_SIZE; i++) /* too many to be told them all */
        change_publish(&f->log, CHANGE_KEYS, (const uint8_t[16]){0});
    client_cache_refresh(cache);
    assert_str(get(f, cache, &c.id, NOW)->client.name, "new");
    client_cache_close(cache);
}

static void the_oldest_goes_when_full(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct client c[40];
    struct client_cache *cache = client_cache_open(16, &f->log);

    for (int i = 0; i < 40; i++)
        c[i] = put_client(f, &o.id, "old");
    for (int i = 0; i < 16; i++)
        get(f, cache, &c[i].id, NOW);
    get(f, cache, &c[0].id, NOW); /* used again: not the oldest any more */
    run_sql(f, "UPDATE client SET name = 'new'");
    get(f, cache, &c[16].id, NOW);
    assert_str(get(f, cache, &c[0].id, NOW)->client.name, "old");
    assert_str(get(f, cache, &c[1].id, NOW)->client.name, "new"); /* had to be read again */
    for (int i = 0; i < 400; i++)
        get(f, cache, &c[i % 40].id, NOW);
    client_cache_close(cache);
}

static void reading_again_is_limited(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct client c = put_client(f, &o.id, "old");
    struct client_cache *cache = client_cache_open(16, &f->log);
    const struct cached_client *first = get(f, cache, &c.id, NOW), *out;

    run_sql(f, "UPDATE client SET name = 'new'");
    assert_int_equal(client_cache_again(cache, f->db, &c.id, NOW, &out), OK);
    assert_str(out->client.name, "new");   /* the load in this very second does not count */
    assert_str(first->client.name, "old"); /* the request may still hold it */
    run_sql(f, "UPDATE client SET name = 'newer'");
    assert_int_equal(client_cache_again(cache, f->db, &c.id, NOW, &out), OK);
    assert_str(out->client.name, "new"); /* the reading before does */
    assert_int_equal(client_cache_again(cache, f->db, &c.id, NOW + 1, &out), OK);
    assert_str(out->client.name, "newer");
    run_sql(f, "DELETE FROM client");
    assert_int_equal(client_cache_again(cache, f->db, &c.id, NOW + 2, &out), ERR_ABSENT);
    assert_int_equal(client_cache_get(cache, f->db, &c.id, NOW + 2, &out), ERR_ABSENT);
    client_cache_close(cache);
}

static void secrets_end_in_the_cache_too(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct client c = put_client(f, &o.id, "a");
    struct uid pepper = fixture_pepper(f, 7);
    struct client_secret s = {.id = id_next(&f->ids, NOW), .pepper = pepper};
    struct client_secret t = {.id = id_next(&f->ids, NOW), .pepper = pepper};
    struct client_cache *cache = client_cache_open(16, &f->log);
    struct effects fx = fixture_effects(f);

    client_put_secret(&fx, &c.id, &s, NOW);
    client_put_secret(&fx, &c.id, &t, NOW + 10);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(get(f, cache, &c.id, NOW)->client.secrets_n, 2);
    assert_int_equal(get(f, cache, &c.id, NOW + 9)->client.secrets_n, 2);
    assert_int_equal(get(f, cache, &c.id, NOW + 10)->client.secrets_n, 1);
    assert_true(id_eq(&get(f, cache, &c.id, NOW + 10)->client.secrets[0].id, &t.id));
    client_cache_close(cache);
}

/* What people see of a client is in the entry's own memory, and changes drop it. */
static void the_relying_party_comes_with_its_client(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id, "one"), machine = put_client(f, &o.id, "two");
    struct client_cache *cache = client_cache_open(100, &f->log);
    struct relying_party rp = {
        .is_public = true,
        .pkce = PKCE_OPTIONAL,
        .trusted = true,
        .require_par = true,
        .redirect_uris = STR("https://a.example/cb\nhttps://b.example/cb"),
        .post_logout_redirect_uris = STR("https://a.example/bye"),
        .origins = STR("https://a.example\nhttps://b.example\nhttps://a.example"),
        .resources = STR("https://api.example"),
        .response_modes = MODE_FORM_POST,
        .jwks = STR("{\"keys\":[]}"),
        .assertion_audience = ASSERTION_ENDPOINT,
        .request_object = REQUEST_OBJECT_REQUIRED,
        .id_token_alg = JWS_EDDSA,
        .userinfo_alg = JWS_ES256,
        .pairwise = true,
        .sector = STR("sector.example"),
        .claims = STR("a=b"),
        .default_max_age_s = 60,
        .logo_uri = STR("https://a.example/logo"),
        .policy_uri = STR("https://a.example/policy"),
        .tos_uri = STR("https://a.example/tos"),
    };
    struct effects fx = fixture_effects(f);
    const struct relying_party *got;
    bool known;

    assert_false(get(f, cache, &c.id, NOW)->rp.there);
    relying_party_put(&fx, &c.id, &rp);
    assert_int_equal(fx.changes->kind, CHANGE_CLIENT);
    assert_memory_equal(fx.changes->subject, c.id.b, UID_BYTES);
    assert_int_equal(fixture_commit(f, &fx), OK);
    tell(f, cache, CHANGE_CLIENT, c.id.b, sizeof c.id.b);
    assert_non_null(get(f, cache, &c.id, NOW));
    assert_false(get(f, cache, &machine.id, NOW)->rp.there); /* and the scratch is another's */
    got = &get(f, cache, &c.id, NOW)->rp;
    assert_true(got->there && got->is_public && got->trusted && got->require_par && got->pairwise);
    assert_int_equal(got->pkce, PKCE_OPTIONAL);
    assert_str(got->redirect_uris, "https://a.example/cb\nhttps://b.example/cb");
    assert_str(got->post_logout_redirect_uris, "https://a.example/bye");
    assert_str(got->origins, "https://a.example\nhttps://b.example\nhttps://a.example");
    assert_str(got->resources, "https://api.example");
    assert_int_equal(got->response_modes, MODE_FORM_POST);
    assert_str(got->jwks, "{\"keys\":[]}");
    assert_int_equal(got->assertion_audience, ASSERTION_ENDPOINT);
    assert_int_equal(got->request_object, REQUEST_OBJECT_REQUIRED);
    assert_int_equal(got->id_token_alg, JWS_EDDSA);
    assert_int_equal(got->userinfo_alg, JWS_ES256);
    assert_str(got->sector, "sector.example");
    assert_str(got->claims, "a=b");
    assert_int_equal(got->default_max_age_s, 60);
    assert_str(got->logo_uri, "https://a.example/logo");
    assert_str(got->policy_uri, "https://a.example/policy");
    assert_str(got->tos_uri, "https://a.example/tos");
    assert_int_equal(relying_party_origin_known(f->db, STR("https://b.example"), &known), OK);
    assert_true(known);
    rp.origins = STR("https://c.example");
    rp.userinfo_alg = USERINFO_JSON;
    fx = fixture_effects(f);
    relying_party_put(&fx, &c.id, &rp);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(relying_party_origin_known(f->db, STR("https://b.example"), &known), OK);
    assert_false(known);
    tell(f, cache, CHANGE_CLIENT, c.id.b, sizeof c.id.b);
    assert_int_equal(get(f, cache, &c.id, NOW)->rp.userinfo_alg, USERINFO_JSON);
    client_cache_close(cache);
}

static void a_relying_party_needs_its_client(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "Acme");
    struct client c = put_client(f, &o.id, "one");
    struct uid unknown = uid_new();
    struct relying_party rp, got;
    struct effects fx = fixture_effects(f);

    relying_party_defaults(&rp);
    rp.origins = STR("https://a.example");
    relying_party_put(&fx, &unknown, &rp);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(relying_party_load(f->db, &f->arena, &c.id, &got), ERR_ABSENT);
    assert_false(got.there);
    assert_int_equal(got.id_token_alg, JWS_RS256); /* OpenID Connect Registration 2 */
    assert_int_equal(got.default_max_age_s, -1);
    fx = fixture_effects(f);
    relying_party_put(&fx, &c.id, &rp);
    relying_party_delete(&fx, &c.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(relying_party_load(f->db, &f->arena, &c.id, &got), ERR_ABSENT);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM client_origin"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(filled_with_all_a_request_needs),  TEST(all_groups_and_too_many),
        TEST(absence_is_not_remembered),        TEST(changes_drop_what_they_name),
        TEST(the_oldest_goes_when_full),        TEST(reading_again_is_limited),
        TEST(secrets_end_in_the_cache_too),     TEST(the_relying_party_comes_with_its_client),
        TEST(a_relying_party_needs_its_client),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
