/* account: one per organization, its auth token and the one before, and who is given one later. */
#include "store_support.h"

#include "store/account.h"
#include "store/key.h"

#undef fail

static struct account_token token_of(const struct uid *pepper, uint8_t fill)
{
    struct account_token t = {.there = true, .pepper = *pepper};

    memset(t.hash.b, fill, sizeof t.hash.b);
    return t;
}

static enum err put_token(struct fixture *f, const struct uid *id, const struct account_token *t,
                          int64_t old_exp_s)
{
    struct effects fx = fixture_effects(f);

    account_put_token(&fx, id, t, old_exp_s);
    return fixture_commit(f, &fx);
}

static void an_organization_has_one_from_the_start(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A"), p = {0}, loaded;
    struct account a, b;
    struct effects fx;

    assert_int_equal(account_load_of(f->db, &o.id, &a), OK);
    assert_true(id_eq(&a.organization, &o.id));
    assert_false(a.token.there || a.old.there);
    assert_int_equal(account_load(f->db, &a.id, &b), OK);
    assert_true(id_eq(&b.organization, &o.id));
    assert_int_equal(organization_load(f->db, &f->arena, &o.id, &loaded), OK);
    assert_true(uid_eq(&loaded.account, &a.id));

    /* an id that comes along; and it is nobody else's then */
    p = (struct organization){.id = id_next(&f->ids, NOW), .name = STR("P"), .account = uid_new()};
    fx = fixture_effects(f);
    organization_put(&fx, &p);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(account_load(f->db, &p.account, &b), OK);
    assert_true(id_eq(&b.organization, &p.id));
    p.id = id_next(&f->ids, NOW);
    fx = fixture_effects(f);
    organization_put(&fx, &p);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM organization"), 2);

    /* not two of one organization */
    fx = fixture_effects(f);
    p.account = uid_new();
    account_put(&fx, &p.account, &o.id, NOW);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void it_goes_with_the_organization(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct effects fx = fixture_effects(f);
    struct account a;

    organization_delete(&fx, &o.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(account_load_of(f->db, &o.id, &a), ERR_ABSENT);
}

static void a_token_and_the_one_before(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct uid pepper = fixture_pepper(f, 1), other = {{0}};
    struct account_token first = token_of(&pepper, 1), second = token_of(&pepper, 2);
    struct account a;

    assert_int_equal(account_load_of(f->db, &o.id, &a), OK);
    assert_int_equal(put_token(f, &a.id, &first, NOW + 60), OK);
    assert_int_equal(account_load(f->db, &a.id, &a), OK);
    assert_true(a.token.there);
    assert_false(a.old.there);
    assert_int_equal(put_token(f, &a.id, &second, NOW + 70), OK);
    assert_int_equal(account_load(f->db, &a.id, &a), OK);
    assert_true(ct_digest_eq(&a.token.hash, &second.hash));
    assert_true(a.old.there && ct_digest_eq(&a.old.hash, &first.hash));
    assert_int_equal(a.old_exp_s, NOW + 70);

    assert_int_equal(put_token(f, &other, &first, NOW), ERR_CONFLICT); /* no such account */
    second.pepper = other;
    assert_int_equal(put_token(f, &a.id, &second, NOW), ERR_CONFLICT); /* no such pepper */
}

static void a_pepper_stays_while_a_token_needs_it(void **state)
{
    struct fixture *f = *state;
    struct organization o = fixture_organization(f, "A");
    struct uid pepper = fixture_pepper(f, 1), next;
    struct account_token before = token_of(&pepper, 1), after;
    struct effects fx;
    struct account a;
    int64_t n;

    assert_int_equal(account_load_of(f->db, &o.id, &a), OK);
    assert_int_equal(put_token(f, &a.id, &before, NOW), OK);
    assert_int_equal(account_count_by_pepper(f->db, &pepper, NOW, &n), OK);
    assert_int_equal(n, 1);
    assert_int_equal(f->db->ops->exec(f->db, "UPDATE key SET state = 2"), DB_DONE);
    fx = fixture_effects(f);
    key_delete(&fx, &pepper, NOW);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);

    next = fixture_pepper(f, 2);
    after = token_of(&next, 3);
    fx = fixture_effects(f);
    account_rehash(&fx, &a.id, &before, &after);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(account_load(f->db, &a.id, &a), OK);
    assert_true(ct_digest_eq(&a.token.hash, &after.hash));
    assert_true(uid_eq(&a.token.pepper, &next));
    fx = fixture_effects(f);
    key_delete(&fx, &pepper, NOW);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

/* As after a migration, or after a node of an earlier version has made an organization. */
static void those_without_one_are_given_one(void **state)
{
    struct fixture *f = *state;
    struct organization o;
    struct effects fx;
    size_t n;

    for (int i = 0; i < 5; i++)
        o = fixture_organization(f, "A");
    assert_int_equal(f->db->ops->exec(f->db, "DELETE FROM account"), DB_DONE);
    assert_int_equal(organization_load(f->db, &f->arena, &o.id, &o), OK);
    assert_true(uid_eq(&o.account, &(struct uid){{0}}));
    for (size_t want = 3; want > 0; want -= want == 2 ? 2 : 1) {
        fx = fixture_effects(f);
        assert_int_equal(account_fill(f->db, &fx, 3, NOW, &n), OK);
        assert_int_equal(n, want);
        assert_int_equal(fixture_commit(f, &fx), OK);
    }
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM account"), 5);
    assert_int_equal(organization_load(f->db, &f->arena, &o.id, &o), OK);
    assert_false(uid_eq(&o.account, &(struct uid){{0}}));
}

/* The hash is bound to the account, to its purpose and to the pepper. */
static void hashes_differ(void **state)
{
    (void)state;
    struct uid a = uid_new(), b = uid_new();
    struct signer *s = fixture_signer();
    const struct key *pepper = &signer_ring(s)->keys[0], *other = pepper + 1;
    struct digest d[4];

    assert_int_equal(account_hash_token(s, pepper, &a, STR("token"), &d[0]), OK);
    assert_int_equal(account_hash_token(s, pepper, &b, STR("token"), &d[1]), OK);
    assert_int_equal(account_hash_token(s, other, &a, STR("token"), &d[2]), OK);
    assert_int_equal(account_hash_token(s, pepper, &a, STR("token"), &d[3]), OK);
    assert_false(ct_digest_eq(&d[0], &d[1]));
    assert_false(ct_digest_eq(&d[0], &d[2]));
    assert_true(ct_digest_eq(&d[0], &d[3]));
    signer_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_organization_has_one_from_the_start),
        TEST(it_goes_with_the_organization),
        TEST(a_token_and_the_one_before),
        TEST(a_pepper_stays_while_a_token_needs_it),
        TEST(those_without_one_are_given_one),
        TEST(hashes_differ),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
