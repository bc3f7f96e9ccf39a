/* store_token: rows of tokens: there and back, spent once, revoked by their grant, swept; and the
 * counts of failed attempts. */
#include "store_support.h"

#include "store/client.h"
#include "store/grant.h"
#include "store/throttle.h"
#include "store/token.h"

static struct token sample_token(struct fixture *f)
{
    struct token t = {.id = id_next(&f->ids, NOW),
                      .client = uid_new(),
                      .scope = STR("group"),
                      .spelling = SPELLING_SID,
                      .shape = SHAPE_UUID,
                      .dialect = 2,
                      .epoch = 5,
                      .issued_s = NOW,
                      .access_exp_s = NOW + 100,
                      .refresh_exp_s = NOW + 200,
                      .family_exp_s = NOW + 300};

    t.grant = t.id;
    memset(t.access.b, 1, sizeof t.access.b);
    memset(t.refresh.b, 2, sizeof t.refresh.b);
    return t;
}

static struct token put_token(struct fixture *f, const struct token *t)
{
    struct effects fx = fixture_effects(f);
    struct token got;

    token_put(&fx, t);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(token_load(f->db, &f->arena, &t->id, &got), OK);
    return got;
}

static void tokens_there_and_back(void **state)
{
    struct fixture *f = *state;
    struct token t = sample_token(f), got = put_token(f, &t);
    struct id unknown = id_next(&f->ids, NOW);
    struct effects fx = fixture_effects(f);

    assert_true(id_eq(&got.grant, &t.id) && uid_eq(&got.client, &t.client));
    assert_str(got.scope, "group");
    assert_int_equal(got.spelling, SPELLING_SID);
    assert_int_equal(got.shape, SHAPE_UUID);
    assert_int_equal(got.dialect, 2);
    assert_int_equal(got.epoch, 5);
    assert_int_equal(got.issued_s, NOW);
    assert_int_equal(got.access_exp_s, NOW + 100);
    assert_int_equal(got.refresh_exp_s, NOW + 200);
    assert_int_equal(got.family_exp_s, NOW + 300);
    assert_memory_equal(got.access.b, t.access.b, 32);
    assert_memory_equal(got.refresh.b, t.refresh.b, 32);
    assert_int_equal(got.spent_s, 0);
    assert_null(got.sealed.p);
    assert_false(got.revoked);
    assert_int_equal(token_load(f->db, &f->arena, &unknown, &got), ERR_ABSENT);
    token_put(&fx, &t);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static void refresh_is_spent_once(void **state)
{
    struct fixture *f = *state;
    struct token t = sample_token(f), got = put_token(f, &t);
    struct id next = id_next(&f->ids, NOW);
    struct effects fx = fixture_effects(f);

    token_spend(&fx, &t.id, NOW + 1, &next, STR("sealed\0bytes"));
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    token_spend(&fx, &t.id, NOW + 2, &t.id, STR("other"));
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(token_load(f->db, &f->arena, &t.id, &got), OK);
    assert_int_equal(got.spent_s, NOW + 1);
    assert_true(id_eq(&got.successor, &next));
    assert_int_equal(got.sealed.n, 12);
    assert_memory_equal(got.sealed.p, "sealed\0bytes", 12);
}

static void ending_access_leaves_refresh(void **state)
{
    struct fixture *f = *state;
    struct token t = sample_token(f), got = put_token(f, &t);
    struct effects fx = fixture_effects(f);

    token_end_access(&fx, &t.id);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(token_load(f->db, &f->arena, &t.id, &got), OK);
    assert_int_equal(got.access_exp_s, 0);
    assert_int_equal(got.refresh_exp_s, NOW + 200);
    assert_memory_equal(got.refresh.b, t.refresh.b, 32);
}

static void a_missing_half_stores_no_digest(void **state)
{
    struct fixture *f = *state;
    struct token t = sample_token(f), got;
    static const struct digest zeros;

    t.access_exp_s = 0;
    got = put_token(f, &t);
    assert_int_equal(got.access_exp_s, 0);
    assert_memory_equal(got.access.b, zeros.b, 32);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM token WHERE access_hash IS NULL"), 1);
}

static void a_revoked_grant_shows_in_its_tokens(void **state)
{
    struct fixture *f = *state;
    struct token a = sample_token(f), b = sample_token(f), other = sample_token(f), got;
    struct effects fx = fixture_effects(f);
    bool revoked;
    int64_t deleted, end;

    b.grant = a.id;
    put_token(f, &a);
    put_token(f, &b);
    put_token(f, &other);
    grant_revoke(&fx, KEEP, &a.id, &a.client, NOW, NOW + 300);
    grant_revoke(&fx, KEEP, &a.id, &a.client, NOW + 9, NOW + 200);
    grant_revoke(&fx, DROP, &other.id, &a.client, NOW, NOW + 300);
    effects_refuse(&fx);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(token_load(f->db, &f->arena, &a.id, &got), OK);
    assert_true(got.revoked);
    assert_int_equal(token_load(f->db, &f->arena, &b.id, &got), OK);
    assert_true(got.revoked);
    assert_int_equal(token_load(f->db, &f->arena, &other.id, &got), OK);
    assert_false(got.revoked);
    assert_int_equal(grant_is_revoked(f->db, &a.id, &revoked), OK);
    assert_true(revoked);
    assert_int_equal(grant_is_revoked(f->db, &b.id, &revoked), OK);
    assert_false(revoked);
    /* The later end holds, and an access token of its last second has its life. */
    end = NOW + 300 + CLIENT_ACCESS_TTL_MAX_S;
    assert_int_equal(grant_sweep(f->db, end - 1, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(grant_sweep(f->db, end, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
}

static void tokens_are_swept_when_both_have_ended(void **state)
{
    struct fixture *f = *state;
    struct token t[6], got;
    int64_t deleted, count;

    for (int i = 0; i < 6; i++) {
        t[i] = sample_token(f);
        t[i].refresh_exp_s = i == 5 ? 0 : NOW + 200 + i;
        put_token(f, &t[i]);
    }
    assert_int_equal(token_sweep(f->db, NOW + 99, 100, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(token_sweep(f->db, NOW + 100, 100, &deleted), OK);
    assert_int_equal(deleted, 1); /* the one without a refresh token */
    assert_int_equal(token_sweep(f->db, NOW + 300, 3, &deleted), OK);
    assert_int_equal(deleted, 3);
    assert_int_equal(token_count(f->db, &count), OK);
    assert_int_equal(count, 2);
    assert_int_equal(token_load(f->db, &f->arena, &t[0].id, &got), ERR_ABSENT);
    assert_int_equal(token_load(f->db, &f->arena, &t[4].id, &got), OK);
}

static void attempts_count_within_a_window(void **state)
{
    struct fixture *f = *state;
    struct effects fx = fixture_effects(f);
    const str keys[THROTTLE_KEYS] = {STR("client:c"), STR("client:a"), {0}, STR("client:b")};
    struct throttle seen[THROTTLE_KEYS];
    int64_t attempts, end, deleted;

    for (int i = 0; i < 3; i++)
        throttle_count(&fx, STR("client:a"), NOW + i, 60);
    effects_refuse(&fx);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(throttle_load(f->db, STR("client:a"), NOW + 59, &attempts, &end), OK);
    assert_int_equal(attempts, 3);
    assert_int_equal(end, NOW + 60); /* guessing does not push it out */
    assert_int_equal(throttle_load(f->db, STR("client:a"), NOW + 60, &attempts, &end), OK);
    assert_int_equal(attempts, 0);
    assert_int_equal(throttle_load(f->db, STR("client:b"), NOW, &attempts, &end), OK);
    assert_int_equal(attempts, 0);
    fx = fixture_effects(f);
    throttle_count(&fx, STR("client:a"), NOW + 60, 60);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(throttle_load(f->db, STR("client:a"), NOW + 61, &attempts, &end), OK);
    assert_int_equal(attempts, 1);
    fx = fixture_effects(f);
    throttle_clear(&fx, STR("client:a"));
    throttle_count(&fx, STR("client:b"), NOW, 60);
    throttle_count(&fx, STR("client:c"), NOW + 1, 60);
    throttle_count(&fx, STR("client:c"), NOW + 2, 60);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(throttle_look(f->db, keys, THROTTLE_KEYS, NOW + 59, seen), OK);
    assert_int_equal(seen[0].attempts, 2);
    assert_int_equal(seen[0].window_end_s, NOW + 61);
    assert_int_equal(seen[0].last_s, NOW + 2);
    assert_int_equal(seen[1].attempts, 0); /* it was cleared */
    assert_int_equal(seen[2].attempts, 0); /* it is none */
    assert_int_equal(seen[3].attempts, 1);
    assert_int_equal(throttle_look(f->db, keys, THROTTLE_KEYS, NOW + 60, seen), OK);
    assert_int_equal(seen[0].attempts, 2);
    assert_int_equal(seen[3].attempts, 0); /* its window has ended */
    assert_int_equal(throttle_load(f->db, STR("client:a"), NOW + 61, &attempts, &end), OK);
    assert_int_equal(attempts, 0);
    assert_int_equal(throttle_sweep(f->db, NOW + 61, 10, &deleted), OK);
    assert_int_equal(deleted, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(tokens_there_and_back),
        TEST(refresh_is_spent_once),
        TEST(ending_access_leaves_refresh),
        TEST(a_missing_half_stores_no_digest),
        TEST(a_revoked_grant_shows_in_its_tokens),
        TEST(tokens_are_swept_when_both_have_ended),
        TEST(attempts_count_within_a_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
