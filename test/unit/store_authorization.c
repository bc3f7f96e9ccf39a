/* store_authorization: codes and grants of people, and what waits for them: pushed requests, flows,
 * devices; what may be used once; why requests were refused; tokens of people. */
#include "store_person.h"

#include "store/device_code.h"
#include "store/explanation.h"
#include "store/flow.h"
#include "store/pending.h"
#include "store/pushed_request.h"
#include "store/replay.h"
#include "store/token.h"

static struct organization org;
static struct client app;
static struct user ada;

static int begin(void **state)
{
    struct fixture *f;

    fixture_open(state);
    f = *state;
    org = fixture_organization(f, "Acme");
    app = person_client(f, &org.id);
    ada = person_user(f, &org.id, "ada");
    return 0;
}

static void a_grant_comes_back(void **state)
{
    struct fixture *f = *state;
    struct session s = person_session(f, &ada.id);
    struct user_grant g = person_grant_sample(f, &ada.id, &app.id), got;
    struct effects fx = fixture_effects(f);

    g.session = s.id;
    g.has_session = true;
    g.resources = STR("https://api.example");
    g.claims = STR("{\"userinfo\":{}}");
    g.nonce = STR("n-1");
    g.offline = true;
    g.epoch = 77;
    g.redirect_uri = STR("https://app.example/cb");
    g.challenge = STR("E9Melhoa");
    user_grant_put(&fx, &g);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_grant_load(f->db, &f->arena, &g.id, &got), OK);
    assert_true(id_eq(&got.id, &g.id) && id_eq(&got.session, &s.id) && got.has_session);
    assert_true(uid_eq(&got.client, &app.id) && uid_eq(&got.user, &ada.id));
    assert_int_equal(got.dialect, 2);
    assert_int_equal(got.spelling, SPELLING_SID);
    assert_str(got.scope, "openid");
    assert_str(got.resources, "https://api.example");
    assert_str(got.claims, "{\"userinfo\":{}}");
    assert_str(got.nonce, "n-1");
    assert_str(got.amr, "pwd");
    assert_str(got.acr, "pwd");
    assert_str(got.redirect_uri, "https://app.example/cb");
    assert_str(got.challenge, "E9Melhoa");
    assert_true(got.offline && got.has_code);
    assert_memory_equal(got.code.b, g.code.b, sizeof g.code.b);
    assert_int_equal(got.auth_s, NOW - 1);
    assert_int_equal(got.created_s, NOW);
    assert_int_equal(got.epoch, 77);
    assert_int_equal(got.code_exp_s, NOW + 60);
    assert_int_equal(got.spent_s, 0);
    assert_int_equal(got.exp_s, NOW + 60);
    assert_false(got.revoked);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT); /* the id is taken */
}

static void a_device_grant_has_neither_code_nor_session(void **state)
{
    struct fixture *f = *state;
    struct user_grant g = person_grant_sample(f, &ada.id, &app.id), got;
    struct effects fx = fixture_effects(f);

    g.has_code = false;
    user_grant_put(&fx, &g);
    grant_revoke(&fx, DROP, &g.id, &app.id, NOW, NOW + 60);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(user_grant_load(f->db, &f->arena, &g.id, &got), OK);
    assert_false(got.has_code || got.has_session);
    assert_null(got.nonce.p);
    assert_null(got.redirect_uri.p);
    assert_null(got.challenge.p);
    assert_int_equal(got.resources.n, 0);
    assert_true(got.revoked);
    fx = fixture_effects(f);
    user_grant_spend(&fx, &g.id, NOW, NOW + 9000); /* there is nothing to spend */
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
}

static enum err spend(struct fixture *f, const struct id *id, int64_t now_s)
{
    struct effects fx = fixture_effects(f);

    user_grant_spend(&fx, id, now_s, now_s + 9000);
    return fixture_commit(f, &fx);
}

/* RFC 6749 4.1.2, security.md 1b: a code is used once, and in its time. */
static void a_code_is_spent_once(void **state)
{
    struct fixture *f = *state;
    struct id id = person_grant(f, &ada.id, &app.id, NULL, false, false);
    struct id late = person_grant(f, &ada.id, &app.id, NULL, false, false);
    struct user_grant got;
    int64_t deleted;

    assert_int_equal(spend(f, &id, NOW + 3), OK);
    assert_int_equal(spend(f, &id, NOW + 3), ERR_CONFLICT);
    assert_int_equal(user_grant_load(f->db, &f->arena, &id, &got), OK);
    assert_int_equal(got.spent_s, NOW + 3);
    assert_int_equal(got.exp_s, NOW + 9003);
    assert_int_equal(spend(f, &late, NOW + 60), ERR_CONFLICT);
    assert_int_equal(user_grant_sweep(f->db, NOW + 9002, 10, &deleted), OK);
    assert_int_equal(deleted, 1); /* the one that nobody redeemed */
    assert_int_equal(user_grant_sweep(f->db, NOW + 9003, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(user_grant_load(f->db, &f->arena, &id, &got), ERR_ABSENT);
}

static void pushed_requests(void **state)
{
    struct fixture *f = *state;
    struct pushed_request p = {.id = id_next(&f->ids, NOW),
                               .client = app.id,
                               .params = STR("response_type=code&scope=openid"),
                               .exp_s = NOW + 60},
                          got;
    struct effects fx = fixture_effects(f);
    int64_t deleted;

    memset(p.hash.b, 3, sizeof p.hash.b);
    pushed_request_put(&fx, &p);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(pushed_request_load(f->db, &f->arena, &p.id, &got), OK);
    assert_true(id_eq(&got.id, &p.id) && uid_eq(&got.client, &app.id));
    assert_memory_equal(got.hash.b, p.hash.b, sizeof p.hash.b);
    assert_str(got.params, "response_type=code&scope=openid");
    assert_int_equal(got.exp_s, NOW + 60);
    assert_int_equal(got.spent_s, 0);
    fx = fixture_effects(f);
    pushed_request_spend(&fx, &p.id, NOW + 1);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(pushed_request_load(f->db, &f->arena, &p.id, &got), OK);
    assert_int_equal(got.spent_s, NOW + 1);
    assert_int_equal(pushed_request_sweep(f->db, NOW + 59, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(pushed_request_sweep(f->db, NOW + 60, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(pushed_request_load(f->db, &f->arena, &p.id, &got), ERR_ABSENT);
}

static struct flow_row put_flow(struct fixture *f)
{
    struct flow_row row = {.id = id_next(&f->ids, NOW),
                           .client = app.id,
                           .sealed = STR("sealed"),
                           .state = FLOW_FINISHED, /* whatever it says, it begins waiting */
                           .exp_s = NOW + 600};
    struct effects fx = fixture_effects(f);

    memset(row.hash.b, 4, sizeof row.hash.b);
    flow_put(&fx, &row);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    return row;
}

static enum err step(struct fixture *f, const struct flow_row *row, enum flow_state to)
{
    struct effects fx = fixture_effects(f);

    if (to == FLOW_ACCEPTED)
        flow_accept(&fx, row);
    else if (to == FLOW_REJECTED)
        flow_reject(&fx, &row->id, STR("access_denied"));
    else
        flow_finish(&fx, &row->id);
    return fixture_commit(f, &fx);
}

static void flows_go_one_way(void **state)
{
    struct fixture *f = *state;
    struct flow_row row = put_flow(f), other = put_flow(f), got;
    int64_t deleted;

    assert_int_equal(flow_load(f->db, &f->arena, &row.id, &got), OK);
    assert_int_equal(got.state, FLOW_WAITING);
    assert_true(uid_eq(&got.client, &app.id));
    assert_memory_equal(got.hash.b, row.hash.b, sizeof row.hash.b);
    assert_str(got.sealed, "sealed");
    assert_int_equal(got.exp_s, NOW + 600);
    assert_int_equal(step(f, &row, FLOW_FINISHED), ERR_CONFLICT);
    row.user = ada.id;
    row.scope = STR("openid");
    row.amr = STR("pwd");
    row.acr = STR("pwd");
    row.auth_s = NOW;
    row.remember = true;
    assert_int_equal(step(f, &row, FLOW_ACCEPTED), OK);
    assert_int_equal(step(f, &row, FLOW_ACCEPTED), ERR_CONFLICT);
    assert_int_equal(step(f, &row, FLOW_REJECTED), ERR_CONFLICT);
    assert_int_equal(flow_load(f->db, &f->arena, &row.id, &got), OK);
    assert_int_equal(got.state, FLOW_ACCEPTED);
    assert_true(uid_eq(&got.user, &ada.id) && got.remember);
    assert_str(got.scope, "openid");
    assert_str(got.amr, "pwd");
    assert_str(got.acr, "pwd");
    assert_int_equal(got.auth_s, NOW);
    assert_int_equal(step(f, &row, FLOW_FINISHED), OK);
    assert_int_equal(step(f, &row, FLOW_FINISHED), ERR_CONFLICT);
    assert_int_equal(step(f, &other, FLOW_REJECTED), OK);
    assert_int_equal(step(f, &other, FLOW_ACCEPTED), ERR_CONFLICT);
    assert_int_equal(flow_load(f->db, &f->arena, &other.id, &got), OK);
    assert_int_equal(got.state, FLOW_REJECTED);
    assert_str(got.error, "access_denied");
    assert_int_equal(step(f, &other, FLOW_FINISHED), OK);
    assert_int_equal(flow_sweep(f->db, NOW + 599, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(flow_sweep(f->db, NOW + 600, 10, &deleted), OK);
    assert_int_equal(deleted, 2);
    assert_int_equal(flow_load(f->db, &f->arena, &row.id, &got), ERR_ABSENT);
}

static struct device_code put_device(struct fixture *f, uint8_t user_code)
{
    struct device_code d = {.id = id_next(&f->ids, NOW),
                            .client = app.id,
                            .dialect = 2,
                            .spelling = SPELLING_SID,
                            .scope = STR("openid"),
                            .interval_s = 5,
                            .exp_s = NOW + 600};
    struct effects fx = fixture_effects(f);

    memset(d.hash.b, 5, sizeof d.hash.b);
    memset(d.user_code.b, user_code, sizeof d.user_code.b);
    device_code_put(&fx, &d);
    assert_int_equal(fixture_commit(f, &fx), OK);
    return d;
}

static void device_codes_come_back(void **state)
{
    struct fixture *f = *state;
    struct device_code d = put_device(f, 1), got, clash = d;
    struct effects fx = fixture_effects(f);
    int64_t deleted;

    assert_int_equal(device_code_load(f->db, &f->arena, &d.id, &got), OK);
    assert_memory_equal(got.hash.b, d.hash.b, sizeof d.hash.b);
    assert_memory_equal(got.user_code.b, d.user_code.b, sizeof d.user_code.b);
    assert_true(uid_eq(&got.client, &app.id));
    assert_int_equal(got.dialect, 2);
    assert_int_equal(got.spelling, SPELLING_SID);
    assert_str(got.scope, "openid");
    assert_int_equal(got.resources.n, 0);
    assert_int_equal(got.state, DEVICE_WAITING);
    assert_int_equal(got.interval_s, 5);
    assert_int_equal(got.polled_s, 0);
    assert_int_equal(got.exp_s, NOW + 600);
    clash.id = id_next(&f->ids, NOW);
    device_code_put(&fx, &clash); /* the same user code */
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(device_code_find(f->db, &f->arena, &d.user_code, &got), OK);
    assert_true(id_eq(&got.id, &d.id));
    assert_int_equal(device_code_find(f->db, &f->arena, &d.hash, &got), ERR_ABSENT);
    assert_int_equal(device_code_sweep(f->db, NOW + 599, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(device_code_sweep(f->db, NOW + 600, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(device_code_load(f->db, &f->arena, &d.id, &got), ERR_ABSENT);
}

static enum err device_step(struct fixture *f, const struct device_code *d, enum device_state to)
{
    struct id grant = id_next(&f->ids, NOW);
    struct effects fx = fixture_effects(f);

    if (to == DEVICE_APPROVED)
        device_code_approve(&fx, &d->id, &grant);
    else if (to == DEVICE_DENIED)
        device_code_deny(&fx, &d->id);
    else
        device_code_spend(&fx, &d->id);
    return fixture_commit(f, &fx);
}

static void a_device_is_approved_once_and_spent_once(void **state)
{
    struct fixture *f = *state;
    struct device_code a = put_device(f, 1), b = put_device(f, 2), got;
    struct effects fx = fixture_effects(f);
    struct id grant = id_next(&f->ids, NOW);

    assert_int_equal(device_step(f, &a, DEVICE_SPENT), ERR_CONFLICT);
    device_code_approve(&fx, &a.id, &grant);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(device_step(f, &a, DEVICE_APPROVED), ERR_CONFLICT);
    assert_int_equal(device_step(f, &a, DEVICE_DENIED), ERR_CONFLICT);
    assert_int_equal(device_code_load(f->db, &f->arena, &a.id, &got), OK);
    assert_int_equal(got.state, DEVICE_APPROVED);
    assert_true(id_eq(&got.grant, &grant));
    assert_int_equal(device_step(f, &a, DEVICE_SPENT), OK);
    assert_int_equal(device_step(f, &a, DEVICE_SPENT), ERR_CONFLICT);
    assert_int_equal(device_step(f, &b, DEVICE_DENIED), OK);
    assert_int_equal(device_step(f, &b, DEVICE_APPROVED), ERR_CONFLICT);
    assert_int_equal(device_step(f, &b, DEVICE_SPENT), ERR_CONFLICT);
    assert_int_equal(device_code_load(f->db, &f->arena, &b.id, &got), OK);
    assert_int_equal(got.state, DEVICE_DENIED);
}

/* RFC 8628 3.5: slow_down raises the interval by 5 seconds, for good; the poll was refused, so only
 * what is kept counts. */
static void polls_are_kept_and_slow_down(void **state)
{
    struct fixture *f = *state;
    struct device_code d = put_device(f, 1), got;
    struct effects fx = fixture_effects(f);

    device_code_polled(&fx, &d, NOW + 5);
    device_code_polled_early(&fx, &d.id, NOW + 6);
    device_code_polled_early(&fx, &d.id, NOW + 4);
    effects_refuse(&fx);
    assert_int_equal(fixture_commit(f, &fx), OK);
    fx = fixture_effects(f);
    device_code_polled(&fx, &d, NOW + 7); /* as if nobody had polled before */
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(device_code_load(f->db, &f->arena, &d.id, &got), OK);
    assert_int_equal(got.interval_s, 15);
    assert_int_equal(got.polled_s, NOW + 6);
}

/* security.md A36: what anybody can make has an end; what was decided or spent stays known. */
enum { FLOOD = 3 };

static void put_waiting(struct fixture *f, int kind, const struct uid *client, struct id *id)
{
    static uint32_t serial;
    struct effects fx = fixture_effects(f);
    struct pushed_request p = {.client = *client, .exp_s = NOW + 600};
    struct flow_row flow = {.client = *client, .exp_s = NOW + 600};
    struct device_code d = {.client = *client, .exp_s = NOW + 600};

    *id = p.id = flow.id = d.id = id_next(&f->ids, NOW);
    serial++;
    memcpy(d.user_code.b, &serial, sizeof serial);
    p.hash.b[0] = flow.hash.b[0] = d.hash.b[0] = (uint8_t)serial; /* as by chance */
    if (kind == 0)
        pushed_request_put(&fx, &p);
    else if (kind == 1)
        flow_put(&fx, &flow);
    else
        device_code_put(&fx, &d);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static void decide(struct fixture *f, int kind, const struct id *id)
{
    struct effects fx = fixture_effects(f);

    if (kind == 0)
        pushed_request_spend(&fx, id, NOW);
    else if (kind == 1)
        flow_reject(&fx, id, STR("access_denied"));
    else
        device_code_deny(&fx, id);
    assert_int_equal(fixture_commit(f, &fx), OK);
}

static enum err load_one(struct fixture *f, int kind, const struct id *id)
{
    struct pushed_request p;
    struct flow_row flow;
    struct device_code d;

    if (kind == 0)
        return pushed_request_load(f->db, &f->arena, id, &p);
    if (kind == 1)
        return flow_load(f->db, &f->arena, id, &flow);
    return device_code_load(f->db, &f->arena, id, &d);
}

static void a36_the_oldest_of_a_client_that_still_wait_make_room(void **state)
{
    static const char *const counts[FLOOD] = {"SELECT COUNT(*) FROM pushed_request",
                                              "SELECT COUNT(*) FROM flow",
                                              "SELECT COUNT(*) FROM device_code"};
    struct fixture *f = *state;
    struct uid other = uid_new();
    struct id decided, oldest, of_other, last;

    for (int kind = 0; kind < FLOOD; kind++) {
        put_waiting(f, kind, &app.id, &decided);
        decide(f, kind, &decided);
        put_waiting(f, kind, &other, &of_other);
        put_waiting(f, kind, &app.id, &oldest);
        for (int i = 1; i < LIMIT_PENDING; i++)
            put_waiting(f, kind, &app.id, &last);
        assert_int_equal(load_one(f, kind, &oldest), OK);
        for (int i = 0; i < 300; i++)
            put_waiting(f, kind, &app.id, &last);
        assert_in_range(fixture_count(f, counts[kind]), LIMIT_PENDING + 2, LIMIT_PENDING + 66);
        assert_int_equal(load_one(f, kind, &oldest), ERR_ABSENT);
        assert_int_equal(load_one(f, kind, &decided), OK);
        assert_int_equal(load_one(f, kind, &of_other), OK);
        assert_int_equal(load_one(f, kind, &last), OK);
    }
}

static void user_codes_are_hashed_under_the_pepper(void **state)
{
    struct fixture *f = *state;
    struct signer *s = fixture_signer();
    const struct key *pepper = &signer_ring(s)->keys[0], *other = pepper + 1;
    struct digest a, b;

    assert_int_equal(device_code_hash(s, pepper, STR("WDJBMJHT"), &a), OK);
    assert_int_equal(device_code_hash(s, pepper, STR("WDJBMJHT"), &b), OK);
    assert_true(ct_digest_eq(&a, &b));
    assert_int_equal(device_code_hash(s, pepper, STR("WDJBMJHU"), &b), OK);
    assert_false(ct_digest_eq(&a, &b));
    assert_int_equal(device_code_hash(s, other, STR("WDJBMJHT"), &b), OK);
    assert_false(ct_digest_eq(&a, &b));
    hash_hmac(f->hasher, &pepper->secret, STR("user_codeWDJBMJHT"), &b);
    assert_true(ct_digest_eq(&a, &b));
    signer_close(s);
}

/* security.md 39: of two that show the same assertion one misses, though it is refused later. */
static void an_assertion_is_used_once(void **state)
{
    struct fixture *f = *state;
    struct digest d = {{1}}, other = {{2}};
    struct effects fx = fixture_effects(f);
    int64_t deleted;
    bool seen;

    assert_int_equal(replay_seen(f->db, &d, &seen), OK);
    assert_false(seen);
    replay_put(&fx, &d, NOW + 60);
    effects_refuse(&fx);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_commit(f, &fx), ERR_CONFLICT);
    assert_int_equal(replay_seen(f->db, &d, &seen), OK);
    assert_true(seen);
    assert_int_equal(replay_seen(f->db, &other, &seen), OK);
    assert_false(seen);
    assert_int_equal(replay_sweep(f->db, NOW + 59, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(replay_sweep(f->db, NOW + 60, 10, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(replay_seen(f->db, &d, &seen), OK);
    assert_false(seen);
}

static void explanations_are_a_ring(void **state)
{
    static const uint8_t node[5] = "node1", second[5] = "node2";
    struct fixture *f = *state;
    struct explanation x = {.id = uid_new(), .at_s = NOW, .what = STR("{\"rule\":\"pkce\"}")}, got;
    struct explanation y = {.id = uid_new(), .at_s = NOW + 1, .what = STR("{}")};
    struct effects fx = fixture_effects(f);
    int64_t deleted;

    explanation_put(&fx, node, 1, &x);
    explanation_put(&fx, second, 1, &y);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(explanation_find(f->db, &f->arena, &x.id, &got), OK);
    assert_true(uid_eq(&got.id, &x.id));
    assert_int_equal(got.at_s, NOW);
    assert_str(got.what, "{\"rule\":\"pkce\"}");
    fx = fixture_effects(f);
    explanation_put(&fx, node, 1, &y); /* round again */
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM explanation"), 2);
    assert_int_equal(explanation_find(f->db, &f->arena, &x.id, &got), ERR_ABSENT);
    assert_int_equal(explanation_find(f->db, &f->arena, &y.id, &got), OK);
    assert_int_equal(explanation_sweep(f->db, NOW + 86400, 10, &deleted), OK);
    assert_int_equal(deleted, 0);
    assert_int_equal(explanation_sweep(f->db, NOW + 86401, 1, &deleted), OK);
    assert_int_equal(deleted, 1);
    assert_int_equal(explanation_sweep(f->db, NOW + 86401, 9, &deleted), OK);
    assert_int_equal(deleted, 1);
}

static struct token sample_token(struct fixture *f)
{
    struct token t = {.id = id_next(&f->ids, NOW),
                      .client = app.id,
                      .scope = STR("openid"),
                      .issued_s = NOW,
                      .access_exp_s = NOW + 100,
                      .refresh_exp_s = NOW + 200,
                      .family_exp_s = NOW + 300,
                      .is_user = true,
                      .resources = STR("https://api.example")};

    t.grant = t.id;
    memset(t.refresh.b, 2, sizeof t.refresh.b);
    return t;
}

/* The row of a JWT keeps its end, so that a replay makes the same one; nothing proves itself by a
 * digest that is not there. */
static void a_jwt_has_a_row_that_proves_nothing(void **state)
{
    struct fixture *f = *state;
    struct token t = sample_token(f), got;
    struct digest zero = {{0}}, one = {{1}};
    struct effects fx = fixture_effects(f);

    token_put(&fx, &t);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(fixture_count(f, "SELECT COUNT(*) FROM token WHERE access_hash IS NULL "
                                      "AND refresh_hash IS NOT NULL"),
                     1);
    assert_int_equal(token_load(f->db, &f->arena, &t.id, &got), OK);
    assert_int_equal(got.access_exp_s, NOW + 100);
    assert_true(got.is_user);
    assert_str(got.resources, "https://api.example");
    assert_false(token_is_opaque(&got));
    assert_false(token_proves(&got.access, &zero));
    assert_false(token_proves(&got.access, &one));
    assert_true(token_proves(&got.refresh, &t.refresh));
    assert_false(token_proves(&got.refresh, &one));
    t = sample_token(f);
    t.is_user = false;
    t.resources = STR("");
    memset(t.access.b, 1, sizeof t.access.b);
    fx = fixture_effects(f);
    token_put(&fx, &t);
    assert_int_equal(fixture_commit(f, &fx), OK);
    assert_int_equal(token_load(f->db, &f->arena, &t.id, &got), OK);
    assert_true(token_is_opaque(&got) && token_proves(&got.access, &t.access));
    assert_false(got.is_user);
    assert_str(got.resources, "");
}

#define T(name) cmocka_unit_test_setup_teardown(name, begin, fixture_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_grant_comes_back),
        T(a_device_grant_has_neither_code_nor_session),
        T(a_code_is_spent_once),
        T(pushed_requests),
        T(flows_go_one_way),
        T(device_codes_come_back),
        T(a_device_is_approved_once_and_spent_once),
        T(polls_are_kept_and_slow_down),
        T(a36_the_oldest_of_a_client_that_still_wait_make_room),
        T(user_codes_are_hashed_under_the_pepper),
        T(an_assertion_is_used_once),
        T(explanations_are_a_ring),
        T(a_jwt_has_a_row_that_proves_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
