/* audit: what goes in, what is linked, and each way to damage a chain, found (security.md A31). */
#include "store_support.h"

#include "codec/b64url.h"
#include "crypto/jwt.h"
#include "crypto/keyring.h"
#include "store/audit_gate.h"
#include "store/audit_link.h"

#define NODE    STR("one")
#define ROWS    12
#define PROVEN  8
#define UNTIL_S (NOW + 1000)

static void commit(struct fixture *f, struct effects *fx)
{
    assert_int_equal(fixture_commit(f, fx), OK);
}

static void put(struct fixture *f, str node, const struct audit_entry *e)
{
    struct effects fx = fixture_effects(f);
    struct id id = id_next(&f->ids, NOW);

    audit_put(&fx, KEEP, &id, NOW, node, e);
    assert_int_equal(audit_count(&fx), 1);
    commit(f, &fx);
}

static void put_some(struct fixture *f, str node, int n)
{
    for (int i = 0; i < n; i++) {
        struct audit_entry e = {
            .event = i % 2 ? AUDIT_SIGN_IN : AUDIT_CLIENT_AUTH,
            .result = i % 2 ? OK : ERR_INVALID_CLIENT,
            .actor = STR("user:6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
            .client = STR("a client"),
            .subject = STR("somebody"),
            .organization = STR("an organization"),
            .source = STR("192.0.2.7"),
            .request = STR("a request"),
            .detail = arena_printf(&f->arena, "number %d", i),
        };
        put(f, node, &e);
    }
}

static size_t link_all(struct fixture *f, str node)
{
    size_t n, all = 0;

    do {
        struct effects fx = fixture_effects(f);
        assert_int_equal(audit_link_run(f->db, &f->arena, f->hasher, node, UNTIL_S, &fx, &n), OK);
        if (n > 0)
            commit(f, &fx);
        all += n;
    } while (n == AUDIT_LINK_ROWS);
    return all;
}

/* ---- a key of our own ---- */

struct own_key {
    struct pkey *pkey;
    struct jws_ctx *ctx;
    str jwk;
};

static void make_key(struct fixture *f, const char *kid, struct own_key *out)
{
    struct buf b;

    out->pkey = jwk_generate(JWS_ES256);
    out->ctx = jws_open(JWS_ES256, out->pkey);
    buf_init(&b, &f->arena, 512, 4096);
    jwk_write_entry(&b, out->pkey, JWS_ES256, str_from(kid));
    out->jwk = buf_str(&b);
}

static void free_key(struct own_key *k)
{
    jws_close(k->ctx);
    jwk_free(k->pkey);
}

static str sign(struct fixture *f, struct own_key *k, const char *kid, const char *typ,
                const struct audit_checkpoint *p)
{
    struct buf b, claims;
    uint8_t signature[64];
    size_t n = sizeof signature;

    buf_init(&claims, &f->arena, 512, 4096);
    audit_chain_claims(&claims, STR("https://issuer.example"), p);
    buf_init(&b, &f->arena, 512, 4096);
    str header =
        arena_printf(&f->arena, "{\"alg\":\"ES256\",\"kid\":\"%s\",\"typ\":\"%s\"}", kid, typ);
    b64url_write(&b, header.p, header.n);
    buf_char(&b, '.');
    b64url_write(&b, claims.p, claims.n);
    assert_int_equal(jws_sign(k->ctx, buf_str(&b), signature, &n), OK);
    buf_char(&b, '.');
    b64url_write(&b, signature, n);
    return buf_str(&b);
}

static void prove(struct fixture *f, struct own_key *k, const char *kid, str node, int64_t seq,
                  const struct digest *hash, bool cut)
{
    struct effects fx = fixture_effects(f);
    struct audit_head head;
    struct audit_checkpoint p = {node, seq, *hash, NOW, cut, {0}};

    assert_int_equal(audit_link_head(f->db, &f->arena, node, &head), OK);
    p.jwt = sign(f, k, kid, "audit-checkpoint+jwt", &p);
    audit_link_prove(&fx, &head, &p, str_from(kid), k->jwk);
    commit(f, &fx);
}

/* ---- verification of what the store has ---- */

static struct audit_chain verify(struct fixture *f, str node)
{
    struct audit_chain c;
    struct audit_row rows[64];
    struct audit_checkpoint points[16], cut;
    struct audit_head head;
    const struct json *jwks;
    size_t n, m, at = 0;

    assert_int_equal(audit_link_keys(f->db, &f->arena, &jwks), OK);
    audit_chain_begin(&c, f->hasher, jwks, node);
    if (audit_link_cut(f->db, &f->arena, node, &cut) == OK)
        audit_chain_checkpoint(&c, &f->arena, &cut);
    assert_int_equal(audit_linked(f->db, &f->arena, node, c.seq, 64, rows, &n), OK);
    assert_int_equal(audit_link_checkpoints(f->db, &f->arena, node, c.seq, 16, points, &m), OK);
    for (size_t i = 0; i < n; i++) {
        audit_chain_row(&c, &rows[i]);
        if (at < m && points[at].seq <= rows[i].seq)
            audit_chain_checkpoint(&c, &f->arena, &points[at++]);
    }
    while (at < m)
        audit_chain_checkpoint(&c, &f->arena, &points[at++]);
    assert_int_equal(audit_link_head(f->db, &f->arena, node, &head), OK);
    audit_chain_end(&c, head.seq, &head.hash);
    return c;
}

static void expect(struct fixture *f, enum audit_fault fault, int64_t seq)
{
    struct audit_chain c = verify(f, NODE);

    assert_int_equal(c.fault, fault);
    assert_int_equal(c.fault_seq, seq);
}

static void run(struct fixture *f, const char *text)
{
    if (f->db->ops->exec(f->db, text) != DB_DONE)
        fail_msg("%s: %s", text, f->db->ops->message(f->db));
}

/* A chain of ROWS rows, proven up to PROVEN; *k proves. */
static void make_chain(struct fixture *f, struct own_key *k)
{
    struct audit_head head;

    make_key(f, "key-1", k);
    put_some(f, NODE, PROVEN);
    assert_int_equal(link_all(f, NODE), PROVEN);
    assert_int_equal(audit_link_head(f->db, &f->arena, NODE, &head), OK);
    prove(f, k, "key-1", NODE, PROVEN, &head.hash, false);
    put_some(f, NODE, ROWS - PROVEN);
    assert_int_equal(link_all(f, NODE), ROWS - PROVEN);
}

static void whole_chain(void **state)
{
    struct fixture *f = *state;
    struct own_key k;
    struct audit_head head;

    make_chain(f, &k);
    struct audit_chain c = verify(f, NODE);
    assert_int_equal(c.fault, AUDIT_FINE);
    assert_int_equal(c.rows, ROWS);
    assert_int_equal(c.checkpoints, 1);
    assert_int_equal(c.covered_seq, PROVEN); /* the rows behind it are not covered yet */
    assert_int_equal(link_all(f, NODE), 0);
    assert_int_equal(audit_link_head(f->db, &f->arena, NODE, &head), OK);
    assert_int_equal(head.proven_seq, PROVEN);
    free_key(&k);
}

/* Each statement damages a fresh chain; each is found, at that link. */
static void each_damage_is_found(void **state)
{
    static const struct {
        const char *text, *postgresql; /* NULL: the same */
        enum audit_fault fault;
        int64_t seq;
    } damages[] = {
        {"UPDATE audit SET at_s = at_s + 1 WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET event = 'sign_out' WHERE seq = 1", NULL, AUDIT_CHANGED, 1},
        {"UPDATE audit SET actor = 'user:7' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET client = 'another' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET subject = 'some body' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET organization = '' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET result = 'ok' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET source = '192.0.2.8' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET request = 'b request' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET detail = 'number 3' WHERE seq = 3", NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit SET id = x'000000000000000000000001' WHERE seq = 3",
         "UPDATE audit SET id = '\\x000000000000000000000001' WHERE seq = 3", AUDIT_CHANGED, 3},
        {"UPDATE audit SET client = 'a client' || 'somebody', subject = '' WHERE seq = 3", NULL,
         AUDIT_CHANGED, 3},
        {"UPDATE audit SET hash = (SELECT hash FROM audit WHERE seq = 4) WHERE seq = 3", NULL,
         AUDIT_CHANGED, 3},
        {"UPDATE audit SET seq = NULL, hash = NULL WHERE seq = 3", NULL, AUDIT_MISSING, 3},
        {"DELETE FROM audit WHERE seq = 3", NULL, AUDIT_MISSING, 3},
        {"DELETE FROM audit WHERE seq = 1", NULL, AUDIT_MISSING, 1},
        {"DELETE FROM audit WHERE seq = 12", NULL, AUDIT_CUT, 12},
        {"UPDATE audit_head SET seq = 9, hash = (SELECT hash FROM audit WHERE seq = 10); DELETE "
         "FROM "
         "audit WHERE seq > 9",
         NULL, AUDIT_CHANGED, 9},
        {"DELETE FROM audit WHERE seq > 6; UPDATE audit_head SET seq = 6, hash = (SELECT hash FROM "
         "audit WHERE seq = 6)",
         NULL, AUDIT_CUT, 7},
        {"DELETE FROM audit", NULL, AUDIT_CUT, 1},
        {"UPDATE audit SET seq = 99 WHERE seq = 3; UPDATE audit SET seq = 3 WHERE seq = 4; "
         "UPDATE audit SET seq = 4 WHERE seq = 99",
         NULL, AUDIT_CHANGED, 3},
        {"UPDATE audit_checkpoint SET seq = 7, hash = (SELECT hash FROM audit WHERE seq = 7)", NULL,
         AUDIT_FORGED, 7},
        {"UPDATE audit_checkpoint SET at_s = at_s + 1", NULL, AUDIT_FORGED, 8},
        {"UPDATE audit_checkpoint SET cut = 1; DELETE FROM audit WHERE seq <= 8", NULL,
         AUDIT_FORGED, 8},
        {"DELETE FROM audit WHERE seq <= 8", NULL, AUDIT_MISSING, 1},
        {"DELETE FROM audit_key", NULL, AUDIT_FORGED, 8},
    };

    for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
        struct own_key k;
        struct fixture *f = *state;
        const char *text = damages[i].text;
        if (damages[i].postgresql)
            text = any_store_text(text, damages[i].postgresql);
        run(f, "DELETE FROM audit; DELETE FROM audit_head; DELETE FROM audit_checkpoint; "
               "DELETE FROM audit_key");
        make_chain(f, &k);
        expect(f, AUDIT_FINE, 0);
        run(f, text);
        struct audit_chain c = verify(f, NODE);
        if (c.fault != damages[i].fault || c.fault_seq != damages[i].seq)
            fail_msg("%s: %s at %lld", text, audit_chain_fault(c.fault), (long long)c.fault_seq);
        free_key(&k);
    }
}

/* Everything recomputed by somebody who owns the database, but not the keys. */
static void relink(struct fixture *f)
{
    static const struct sql set = {"test.relink", "UPDATE audit SET hash = $2 WHERE id = $1"},
                            head = {"test.head", "UPDATE audit_head SET hash = $1"};
    struct audit_row rows[ROWS];
    struct digest last = {{0}};
    size_t n;

    assert_int_equal(audit_linked(f->db, &f->arena, NODE, 0, ROWS, rows, &n), OK);
    for (size_t i = 0; i < n; i++) {
        audit_chain_hash(f->hasher, &last, &rows[i], &last);
        db_run(f->db, &set, ARGS(db_bytes(&rows[i].id), db_bytes(&last)), NULL);
    }
    assert_int_equal(db_run(f->db, &head, ARGS(db_bytes(&last)), NULL), OK);
}

static void rewritten_rows_contradict_the_checkpoint(void **state)
{
    struct fixture *f = *state;
    struct own_key k;

    make_chain(f, &k);
    run(f, "UPDATE audit SET result = 'ok' WHERE seq = 10");
    relink(f);
    struct audit_chain c = verify(f, NODE);
    assert_int_equal(c.fault, AUDIT_FINE); /* not covered: said so */
    assert_int_equal(c.covered_seq, PROVEN);
    run(f, "UPDATE audit SET result = 'ok' WHERE seq = 3");
    relink(f);
    expect(f, AUDIT_REWRITTEN, PROVEN);
    free_key(&k);
}

static void forged_checkpoints_are_found(void **state)
{
    struct fixture *f = *state;
    struct own_key k, stranger;
    struct audit_row rows[ROWS];
    size_t n;

    make_chain(f, &k);
    make_key(f, "key-1", &stranger); /* by another key under our kid */
    assert_int_equal(audit_linked(f->db, &f->arena, NODE, 0, ROWS, rows, &n), OK);
    prove(f, &stranger, "key-1", NODE, 10, &rows[9].hash, false);
    expect(f, AUDIT_FORGED, 10);
    run(f, "DELETE FROM audit_checkpoint WHERE seq = 10");
    prove(f, &k, "key-1", NODE, 10, &rows[9].hash, false); /* ours: fine */
    expect(f, AUDIT_FINE, 0);
    struct audit_checkpoint p = {NODE, 11, rows[10].hash, NOW, false, {0}};
    struct audit_head head;
    struct effects fx = fixture_effects(f);
    assert_int_equal(audit_link_head(f->db, &f->arena, NODE, &head), OK);
    p.jwt = sign(f, &k, "key-1", "at+jwt", &p); /* a token of ours is no checkpoint */
    audit_link_prove(&fx, &head, &p, STR("key-1"), k.jwk);
    commit(f, &fx);
    expect(f, AUDIT_FORGED, 11);
    free_key(&k);
    free_key(&stranger);
}

static void another_nodes_rows_are_no_part(void **state)
{
    struct fixture *f = *state;
    struct own_key k;

    make_chain(f, &k);
    put_some(f, STR("two"), ROWS);
    assert_int_equal(link_all(f, STR("two")), ROWS);
    assert_int_equal(verify(f, STR("two")).fault, AUDIT_FINE);
    run(f, "UPDATE audit SET node = 'three' WHERE node = 'one' AND seq = 10; "
           "UPDATE audit SET node = 'one' WHERE node = 'two' AND seq = 10");
    expect(f, AUDIT_CHANGED, 10);
    assert_int_equal(verify(f, STR("two")).fault, AUDIT_MISSING);
    free_key(&k);
}

static void two_linkers_make_one_chain(void **state)
{
    struct fixture *f = *state;
    struct effects first = fixture_effects(f), second = fixture_effects(f);
    size_t n, m;

    put_some(f, NODE, 3);
    assert_int_equal(link_all(f, NODE), 3);
    put_some(f, NODE, 4);
    assert_int_equal(audit_link_run(f->db, &f->arena, f->hasher, NODE, UNTIL_S, &first, &n), OK);
    put_some(f, NODE, 1);
    assert_int_equal(audit_link_run(f->db, &f->arena, f->hasher, NODE, UNTIL_S, &second, &m), OK);
    assert_int_equal(n, 4);
    assert_int_equal(m, 5);
    assert_int_equal(fixture_commit(f, &first), OK);
    assert_int_equal(fixture_commit(f, &second), ERR_CONFLICT);
    assert_int_equal(link_all(f, NODE), 1);
    struct audit_chain c = verify(f, NODE);
    assert_int_equal(c.fault, AUDIT_FINE);
    assert_int_equal(c.rows, 8);
}

static void a_cut_is_an_anchor(void **state)
{
    struct fixture *f = *state;
    struct own_key k;
    struct digest hash;
    int64_t seq, deleted;

    make_chain(f, &k);
    run(f, "UPDATE audit SET at_s = 1"); /* not part of what is tested */
    relink(f);
    assert_int_equal(audit_link_before(f->db, NODE, 1, &seq, &hash), OK);
    assert_int_equal(seq, 0);
    assert_int_equal(audit_link_before(f->db, NODE, 2, &seq, &hash), OK);
    assert_int_equal(seq, ROWS);
    run(f, "DELETE FROM audit_checkpoint; UPDATE audit SET at_s = 5 WHERE seq = 6");
    relink(f);
    assert_int_equal(audit_link_before(f->db, NODE, 2, &seq, &hash), OK);
    assert_int_equal(seq, 5); /* everything before the first row that is younger */
    prove(f, &k, "key-1", NODE, seq, &hash, true);
    assert_int_equal(audit_link_delete(f->db, NODE, seq, 3, &deleted), OK);
    assert_int_equal(deleted, 3);
    expect(f, AUDIT_FINE, 0); /* half done: what is left before the cut is not judged */
    assert_int_equal(audit_link_delete(f->db, NODE, seq, 3, &deleted), OK);
    assert_int_equal(deleted, 2);
    struct audit_chain c = verify(f, NODE);
    assert_int_equal(c.fault, AUDIT_FINE);
    assert_int_equal(c.rows, ROWS - 5);
    assert_int_equal(audit_link_before(f->db, NODE, 2, &seq, &hash), OK);
    assert_int_equal(seq, 0); /* cut there already */
    run(f, "DELETE FROM audit_checkpoint WHERE cut = 1");
    expect(f, AUDIT_MISSING, 1);
    free_key(&k);
}

/* security.md A31 */
static void hostile_texts_are_made_fit(void **state)
{
    struct fixture *f = *state;
    char *giant = arena_alloc(&f->arena, 1 << 20);
    struct audit_query q = {.limit = 10};
    struct audit_row *rows;
    size_t n;

    memset(giant, 'a', 1 << 20);
    struct audit_entry e = {.event = AUDIT_SIGN_IN,
                            .actor = STR("a\r\nb\x1b[31m%n\xff${jndi:x}\0z"),
                            .client = STR("x\xe2\x80\xae"
                                          "y"),
                            .subject = str_make(giant, 1 << 20),
                            .detail = STR("\xc3\xa9t\xc3\xa9")};
    put(f, NODE, &e);
    assert_int_equal(audit_list(f->db, &f->arena, &q, &rows, &n), OK);
    assert_int_equal(n, 1);
    assert_true(str_eq(rows->actor, STR("a??b?[31m%n?${jndi:x}?z")));
    assert_true(str_eq(rows->client, STR("x?y")));
    assert_int_equal(rows->subject.n, AUDIT_TEXT_MAX);
    assert_true(str_eq(rows->detail, STR("\xc3\xa9t\xc3\xa9")));
    assert_true(str_eq(rows->result, STR("ok")));
    assert_int_equal(rows->seq, 0);
}

static void lists_what_was_asked_for(void **state)
{
    struct fixture *f = *state;
    struct audit_query all = {.limit = 100}, none = {.since_s = NOW + 1, .limit = 100},
                       some = {.event = STR("sign_in"), .limit = 2},
                       who = {.user = STR("6ba7b810-9dad-41d1-80b4-00c04fd430c8"), .limit = 100},
                       before = {.until_s = NOW, .limit = 100};
    struct audit_row *rows;
    size_t n;

    put_some(f, NODE, 7);
    assert_int_equal(audit_list(f->db, &f->arena, &all, &rows, &n), OK);
    assert_int_equal(n, 7);
    assert_true(str_eq(rows[0].detail, STR("number 6")));
    assert_true(str_eq(rows[0].result, STR("refused INVALID_CLIENT")));
    assert_int_equal(audit_list(f->db, &f->arena, &none, &rows, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(audit_list(f->db, &f->arena, &before, &rows, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(audit_list(f->db, &f->arena, &some, &rows, &n), OK);
    assert_int_equal(n, 2);
    assert_true(str_eq(rows[1].detail, STR("number 3")));
    assert_int_equal(audit_list(f->db, &f->arena, &who, &rows, &n), OK);
    assert_int_equal(n, 7);
}

static void floods_are_bounded(void **state)
{
    static struct audit_gate g;
    struct audit_note notes[AUDIT_GATE_NOTES];
    int admitted = 0;

    (void)state;
    audit_gate_init(&g, 10);
    for (int i = 0; i < 100000; i++) /* ten seconds */
        admitted += audit_gate_admit(&g, AUDIT_CLIENT_AUTH, 1000000 + i * INT64_C(100));
    assert_in_range(admitted, AUDIT_GATE_BURST + 99, AUDIT_GATE_BURST + 102);
    assert_int_equal(audit_gate_take(&g, AUDIT_CLIENT_AUTH), 100000 - admitted);
    assert_int_equal(audit_gate_take(&g, AUDIT_CLIENT_AUTH), 0);
    assert_true(audit_gate_admit(&g, AUDIT_CODE_REPLAYED, 11000000)); /* a kind of its own */
    for (int i = 0; i < AUDIT_GATE_NOTES + 3; i++)
        audit_gate_note(&g, AUDIT_PENALTY_BEGUN, STR("192.0.2.7"), STR("too much"));
    assert_int_equal(audit_gate_notes(&g, notes), AUDIT_GATE_NOTES);
    assert_string_equal(notes[0].source, "192.0.2.7");
    assert_int_equal(audit_gate_notes(&g, notes), 0);
    assert_int_equal(audit_gate_take(&g, AUDIT_PENALTY_BEGUN), 3);
}

static void what_is_spare_can_go(void **state)
{
    struct fixture *f = *state;
    struct effects fx = fixture_effects(f);
    struct audit_entry e = {.event = AUDIT_SIGN_IN, .result = ERR_WRONG_PASSWORD};
    struct id id = id_next(&f->ids, NOW);

    audit_put(&fx, KEEP_SPARE, &id, NOW, NODE, &e);
    audit_put(&fx, DROP, &id, NOW, NODE, &e);
    assert_true(effects_has(&fx, DROP));
    effects_refuse(&fx);
    assert_false(effects_has(&fx, DROP));
    assert_int_equal(audit_count(&fx), 1);
    effects_forgo(&fx);
    assert_true(effects_empty(&fx));
    audit_put(&fx, KEEP, &id, NOW, NODE, &e); /* the list goes on */
    assert_int_equal(audit_count(&fx), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(whole_chain),
        TEST(each_damage_is_found),
        TEST(rewritten_rows_contradict_the_checkpoint),
        TEST(forged_checkpoints_are_found),
        TEST(another_nodes_rows_are_no_part),
        TEST(two_linkers_make_one_chain),
        TEST(a_cut_is_an_anchor),
        TEST(hostile_texts_are_made_fit),
        TEST(lists_what_was_asked_for),
        TEST(floods_are_bounded),
        TEST(what_is_spare_can_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
