/* Keys behind a door: questions that are counted, a door that does not answer, many signatures in
 * one question, and texts sealed for a day. The door is one of the test's own, in front of the
 * thread's signer.
 */
#include "oauth_tokens.h"

#include "oauth/sealed.h"

#define DAY_S 86400

static struct {
    struct signer *keys;                       /* behind it */
    int hashes, hashed, subkeys, signs, items; /* questions; hashes and JWTs of theirs */
    bool away;
} door;

static void door_sign(void *arg, struct sign_item *items, size_t n)
{
    (void)arg;
    door.signs++;
    door.items += (int)n;
    if (!door.away)
        signer_sign(door.keys, items, n);
    for (size_t i = 0; door.away && i < n; i++)
        items[i].e = ERR_UNAVAILABLE;
}

static void door_hmac(void *arg, struct hash_item *items, size_t n)
{
    (void)arg;
    door.hashes++;
    door.hashed += (int)n;
    if (!door.away)
        signer_hmac_all(door.keys, items, n);
    for (size_t i = 0; door.away && i < n; i++)
        items[i].e = ERR_UNAVAILABLE;
}

static enum err door_subkey(void *arg, const struct key *key, int64_t day, uint8_t out[32])
{
    (void)arg;
    door.subkeys++;
    return door.away ? ERR_UNAVAILABLE : signer_subkey(door.keys, key, day, out);
}

static void door_close(void *arg)
{
    (void)arg;
    signer_close(door.keys);
}

static const struct signer_ops ops = {door_sign, door_hmac, door_subkey, door_close};

static void stand_before(struct signer *keys)
{
    memset(&door, 0, sizeof door);
    door.keys = keys;
    w.thread.signer = signer_open_door(signer_ring(keys), &ops, NULL);
}

static int open_all(void **state)
{
    tokens_open(state);
    stand_before(w.thread.signer);
    return 0;
}

/* One more pepper; the first is retired, as a rotation leaves it. */
static void rotate_pepper(void)
{
    const struct key *old = keyring_active(w.server.ring, KEY_PEPPER, 0);
    struct effects fx = effects_now();
    char why[256];
    struct uid id;

    key_set_state(&fx, &old->id, KEY_ACTIVE, KEY_RETIRED, 2000);
    assert_int_equal(
        key_put_new(&fx, &w.arena, &w.master, KEY_PEPPER, JWS_ES256, KEY_ACTIVE, 2000, &id), OK);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    assert_int_equal(server_load_keys(&w.server, w.db, 0, why, sizeof why), OK);
    server_thread_refresh(&w.thread); /* a signer of its own again, for the new ring */
    stand_before(w.thread.signer);
}

static void begin_machine(struct call *c, str id, str secret)
{
    begin(c, "/token");
    header(c, "content-type", STR("application/x-www-form-urlencoded"));
    c->req.body =
        arena_printf(&c->arena, "grant_type=client_credentials&client_id=%.*s&client_secret=%.*s",
                     STR_ARG(id), STR_ARG(secret));
}

/* A machine asks; returns the status, and how many hashes that took, all by one question. */
static int ask(str id, str secret, int *hashes)
{
    struct call c;
    int questions = door.hashes, before = door.hashed, status;

    begin_machine(&c, id, secret);
    c.flow = handle_rq(&w.thread, &c.rq);
    status = finish(&c);
    arena_free(&c.arena);
    server_thread_refresh(&w.thread);
    *hashes = door.hashed - before;
    assert_int_equal(door.hashes - questions, *hashes > 0);
    return status;
}

#define WRONG STR("0123456789abcdefghijklmnopqrstuvwxyzABCDEFg")

/* security.md A32: the same questions for a wrong secret and for a client that nobody knows, before
 * and after the right one was seen. */
static void a32_only_a_right_secret_is_known(void **state)
{
    str known = id_of(&w.client), unknown = STR("00000000-0000-4000-8000-000000000000");
    int n;

    (void)state;
    for (int round = 0; round < 2; round++) {
        int peppers = 1 + round;
        assert_int_equal(ask(known, WRONG, &n), 401);
        assert_int_equal(n, peppers);
        assert_int_equal(ask(unknown, WRONG, &n), 401);
        assert_int_equal(n, peppers);
        assert_int_equal(ask(known, STR(SECRET), &n), 200);
        assert_int_equal(n, peppers);
        for (int i = 0; i < 3; i++) {
            assert_int_equal(ask(known, STR(SECRET), &n), 200);
            assert_int_equal(n, 0);
            assert_int_equal(ask(known, WRONG, &n), 401);
            assert_int_equal(n, peppers);
            assert_int_equal(ask(unknown, STR(SECRET), &n), 401);
            assert_int_equal(n, peppers);
        }
        if (round == 0)
            rotate_pepper();
    }
}

/* Guesses at a client, at none, and its secret, as they may come in one turn of a worker. */
static void many_guesses_are_few_questions(void **state)
{
    enum { MANY = 64 };
    static struct call calls[MANY];
    struct rq *rqs[MANY];
    enum flow flows[MANY];
    str known = id_of(&w.client), unknown = STR("00000000-0000-4000-8000-000000000000");
    int n;

    (void)state;
    rotate_pepper();
    for (int i = 0; i < MANY; i++) {
        begin_machine(&calls[i], i % 4 == 3 ? unknown : known, i % 4 == 1 ? STR(SECRET) : WRONG);
        rqs[i] = &calls[i].rq;
        assert_int_equal(oauth_handle(&w.thread, rqs[i]), FLOW_ASK);
    }
    oauth_ask(&w.thread, rqs, MANY, flows);
    assert_int_equal(door.hashes, 1);
    assert_int_equal(door.hashed, 2 * MANY); /* there are two peppers */
    for (int i = 0; i < MANY; i++) {
        calls[i].flow = sign_now(&w.thread, rqs[i], flows[i]);
        assert_int_equal(finish(&calls[i]), i % 4 == 1 ? 200 : 401);
        arena_free(&calls[i].arena);
    }
    assert_int_equal(ask(known, STR(SECRET), &n), 200); /* it proved right in that turn */
    assert_int_equal(n, 0);
}

/* The ring is another when the question is put than when it came up: its peppers are asked for. */
static void a_rotation_comes_between(void **state)
{
    struct call c;
    struct rq *rq = &c.rq;
    enum flow flow;

    (void)state;
    begin_machine(&c, id_of(&w.client), STR(SECRET));
    assert_int_equal(oauth_handle(&w.thread, rq), FLOW_ASK);
    rotate_pepper();
    oauth_ask(&w.thread, &rq, 1, &flow);
    assert_int_equal(door.hashed, 2);
    c.flow = sign_now(&w.thread, rq, flow);
    assert_int_equal(finish(&c), 200);
    arena_free(&c.arena);
}

/* ---- a door that does not answer ---- */

/* None of many is refused as wrong, and none goes through. */
static void without_hashes_all_of_a_turn_are_told(void **state)
{
    enum { MANY = 5 };
    static struct call calls[MANY];
    struct rq *rqs[MANY];
    enum flow flows[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        begin_machine(&calls[i], id_of(&w.client), i % 2 ? STR(SECRET) : WRONG);
        rqs[i] = &calls[i].rq;
        assert_int_equal(oauth_handle(&w.thread, rqs[i]), FLOW_ASK);
    }
    door.away = true;
    oauth_ask(&w.thread, rqs, MANY, flows);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(flows[i], FLOW_ANSWER);
        assert_int_equal(calls[i].res.status, 503);
        assert_true(effects_empty(&rqs[i]->fx));
        arena_free(&calls[i].arena);
    }
    door.away = false;
}

static void without_hashes_nobody_is_refused_as_wrong(void **state)
{
    struct call c;
    int n;

    (void)state;
    door.away = true;
    assert_int_equal(ask(id_of(&w.client), STR(SECRET), &n), 503);
    assert_int_equal(ask(id_of(&w.client), WRONG, &n), 503);
    assert_int_equal(ask(STR("00000000-0000-4000-8000-000000000000"), WRONG, &n), 503);
    send_as(&c, &w.client, "/token",
            code_form(put_code("openid"), WITH_VERIFIER)); /* and nothing is written */
    assert_int_equal(c.flow, FLOW_ANSWER);
    assert_int_equal(c.res.status, 503);
    assert_true(effects_empty(&c.rq.fx));
    assert_true(has(buf_str(&c.res.headers), "Retry-After: 1"));
    arena_free(&c.arena);
    door.away = false;
    assert_int_equal(ask(id_of(&w.client), WRONG, &n), 401);
    assert_int_equal(ask(id_of(&w.client), STR(SECRET), &n), 200);
}

static void without_signatures_nothing_of_the_answer_leaves(void **state)
{
    struct call c;
    struct rq *rq = &c.rq;

    (void)state;
    begin(&c, "/token");
    header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    c.req.body =
        arena_printf(&c.arena, "grant_type=client_credentials&client_id=%.*s&client_secret=" SECRET,
                     STR_ARG(id_of(&w.client)));
    assert_int_equal(ask_now(&w.thread, &c.rq, oauth_handle(&w.thread, &c.rq)), FLOW_SIGN);
    door.away = true;
    oauth_sign(&w.thread, &rq, 1);
    assert_int_equal(c.res.status, 503);
    assert_int_equal(c.res.holes_n, 0);
    assert_int_equal(c.rq.failure.e, ERR_UNAVAILABLE);
    assert_text(buf_str(&c.res.body), "UNAVAILABLE");
    assert_false(has(buf_str(&c.res.headers), "application/json"));
    assert_true(has(buf_str(&c.res.headers), "Retry-After: 1"));
    door.away = false;
    arena_free(&c.arena);
}

/* ---- many signatures ---- */

/* To where it waits for signatures. */
static void until_signing(struct call *c)
{
    if (c->flow == FLOW_COMMIT)
        c->flow = oauth_resume(&w.thread, &c->rq, commit(c));
    assert_int_equal(c->flow, FLOW_SIGN);
}

static void start_code(struct call *c)
{
    str code = put_code("openid");

    begin(c, "/token");
    header(c, "content-type", STR("application/x-www-form-urlencoded"));
    c->req.body = arena_printf(&c->arena, "%.*s&client_id=%.*s&client_secret=" SECRET,
                               STR_ARG(code_form(code, WITH_VERIFIER)), STR_ARG(id_of(&w.client)));
    c->flow = ask_now(&w.thread, &c->rq, oauth_handle(&w.thread, &c->rq));
    until_signing(c);
}

static const struct json *answered(struct call *c)
{
    struct json *v;

    assert_int_equal(c->res.status, 200);
    assert_int_equal(json_parse(&w.arena, arena_dup(&w.arena, body(c)), &v), OK);
    return v;
}

static void assert_at_hash(const struct json *answer)
{
    const struct json *claims = claims_of(json_get_str(answer, STR("id_token")), "JWT");
    str access = json_get_str(answer, STR("access_token"));
    uint8_t hash[32];
    struct buf b;

    hash_sha2(w.thread.hasher, 256, access, hash);
    buf_init(&b, &w.arena, 64, 64);
    b64url_write(&b, hash, 16);
    assert_true(str_eq(json_get_str(claims, STR("at_hash")), buf_str(&b)));
}

/* Each of 70 with an access token and an id_token of its own; one of them breaks the rules. */
static void many_are_signed_by_few_questions(void **state)
{
    enum { MANY = 70, BROKEN = 33 };
    static struct call calls[MANY];
    struct rq *rqs[MANY];

    (void)state;
    for (int i = 0; i < MANY; i++) {
        start_code(&calls[i]);
        rqs[i] = &calls[i].rq;
        assert_int_equal(calls[i].res.holes_n, 2);
    }
    calls[BROKEN].rq.jobs[0].claims = STR("{\"iss\":\"https://evil.example\"}");
    door.signs = door.items = 0;
    oauth_sign(&w.thread, rqs, MANY);
    assert_int_equal(door.signs, 2); /* of 64 requests at most */
    assert_int_equal(door.items, 2 * MANY);
    for (int i = 0; i < MANY; i++) {
        if (i == BROKEN)
            assert_int_equal(calls[i].res.status, 500);
        else
            assert_at_hash(answered(&calls[i]));
        arena_free(&calls[i].arena);
    }
}

/* ---- sealed texts ---- */

static void open_request(struct call *c)
{
    begin(c, "/token");
    rq_restart(&c->rq, &w.thread);
    signer_begin(w.thread.signer);
}

static bool opens(str sealed, str purpose)
{
    struct call c;
    str plain;
    bool ok;

    open_request(&c);
    ok = sealed_open(&c.rq, purpose, sealed, &plain);
    assert_true(!ok || str_eq(plain, STR("plain")));
    arena_free(&c.arena);
    return ok;
}

static str put_sealed(void)
{
    struct call c;
    str text;

    open_request(&c);
    text = arena_dup(&w.arena, sealed_put(&c.rq, STR("p"), STR("plain")));
    arena_free(&c.arena);
    return text;
}

static void a_sealed_text_lives_for_days_and_no_longer(void **state)
{
    str first, second;

    (void)state;
    sleep_s(100 * DAY_S);
    first = put_sealed();
    assert_int_equal(door.subkeys, 1);
    assert_true(opens(first, STR("p")));
    assert_false(opens(first, STR("q")));
    sleep_s(DAY_S);
    second = put_sealed();
    assert_true(opens(first, STR("p")));
    assert_true(opens(second, STR("p")));
    sleep_s((SIGNER_DAYS_BACK - 1) * DAY_S);
    assert_true(opens(first, STR("p")));
    sleep_s(DAY_S);
    assert_false(opens(first, STR("p"))); /* its day is over */
    assert_true(opens(second, STR("p")));
    assert_int_equal(door.subkeys, 2); /* one for each day, and none for the last try */
    rotate_pepper();
    assert_true(opens(second, STR("p"))); /* by the retired pepper */
    sleep_s(-4 * DAY_S);
    assert_false(opens(second, STR("p"))); /* of a day that is to come */
}

static void the_day_of_a_sealed_text_cannot_be_changed(void **state)
{
    str sealed, raw;
    struct buf b;

    (void)state;
    sleep_s(100 * DAY_S);
    sealed = put_sealed();
    assert_true(b64url_decode(&w.arena, sealed, &raw));
    for (int i = -3; i <= 3; i++) {
        uint8_t *day = (uint8_t *)raw.p + 3, was = *day;
        *day = (uint8_t)(was + i);
        buf_init(&b, &w.arena, 128, 128);
        b64url_write(&b, raw.p, raw.n);
        assert_int_equal(opens(buf_str(&b), STR("p")), i == 0);
        *day = was;
    }
    for (size_t n = 0; n < raw.n; n++) {
        buf_init(&b, &w.arena, 128, 128);
        b64url_write(&b, raw.p, n);
        assert_false(opens(buf_str(&b), STR("p")));
    }
}

static void nothing_is_sealed_while_the_keys_are_away(void **state)
{
    struct call c;

    (void)state;
    door.away = true;
    open_request(&c);
    assert_int_equal(sealed_put(&c.rq, STR("p"), STR("plain")).n, 0);
    assert_true(signer_missed(w.thread.signer)); /* so the request will be refused */
    arena_free(&c.arena);
    door.away = false;
    assert_true(opens(put_sealed(), STR("p")));
}

#define K(name) cmocka_unit_test_setup_teardown(name, open_all, world_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        K(a32_only_a_right_secret_is_known),
        K(many_guesses_are_few_questions),
        K(a_rotation_comes_between),
        K(without_hashes_all_of_a_turn_are_told),
        K(without_hashes_nobody_is_refused_as_wrong),
        K(without_signatures_nothing_of_the_answer_leaves),
        K(many_are_signed_by_few_questions),
        K(a_sealed_text_lives_for_days_and_no_longer),
        K(the_day_of_a_sealed_text_cannot_be_changed),
        K(nothing_is_sealed_while_the_keys_are_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
