/* The signer: what it signs and refuses with the keys at hand, and what it keeps of what a door
 * says. */
#include "crypto_vectors.h"

#include "base/rand.h"
#include "codec/b64url.h"
#include "crypto/jwt.h"

#define NOW    1700000000
#define DAY    (NOW / SIGNER_DAY_S)
#define ISS    "https://id.example"
#define HEAD   "{\"iss\":\"" ISS "\",\"iat\":1700000000"
#define CLAIMS HEAD ",\"exp\":1700003600}"
#define OPEN   HEAD ",\"exp\":1700003600"

enum { ES, ED, PEPPER, OLD, SHAPE, PAIRWISE, KEYS };

static const struct clock clock_at = {.fixed_us = NOW * INT64_C(1000000)};
static const struct sign_rules rules = {.issuer = STR_INIT(ISS), .clock = &clock_at};

static struct arena a;
static struct keyring *ring;
static struct signer *local;

static void make(struct key *k, enum key_use use, enum jws_alg alg)
{
    uint8_t bytes[32];
    *k = (struct key){.id = uid_new(), .use = use, .state = KEY_ACTIVE, .alg = alg};
    rand_bytes(bytes, sizeof bytes);
    if (use == KEY_SIGNING)
        k->pkey = jwk_generate(alg);
    else
        ct_secret_set(&k->secret, bytes, use == KEY_SHAPE ? 16 : 32);
}

static int set_up(void **state)
{
    struct key *keys = calloc(KEYS, sizeof *keys);
    (void)state;
    make(&keys[ES], KEY_SIGNING, JWS_ES256);
    make(&keys[ED], KEY_SIGNING, JWS_EDDSA);
    make(&keys[PEPPER], KEY_PEPPER, 0);
    make(&keys[OLD], KEY_PEPPER, 0);
    make(&keys[SHAPE], KEY_SHAPE, 0);
    make(&keys[PAIRWISE], KEY_PAIRWISE, 0);
    arena_init(&a, 1 << 20);
    ring = keyring_new(keys, KEYS);
    local = signer_open(ring, &rules);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    signer_close(local);
    keyring_unref(ring);
    arena_free(&a);
    return 0;
}

static struct sign_item item(int key, enum sign_profile p, const char *claims)
{
    return (struct sign_item){
        .kid = ring->keys[key].id, .profile = p, .claims = str_from(claims), .to = &a};
}

static struct sign_item id_token(int key, str access)
{
    struct sign_item i = item(key, SIGN_ID_TOKEN, OPEN);
    i.at_hash = true;
    i.access = access;
    return i;
}

static str claim(str token, str typ, str name)
{
    struct jwt jwt;
    assert_int_equal(jwt_parse(&a, token, &jwt), OK);
    assert_int_equal(jwt_verify(local, &jwt, typ), OK);
    return json_get_str(jwt.claims, name);
}

/* ---- JWTs ---- */

static void profiles_are_signed_by_their_keys(void **state)
{
    struct sign_item items[] = {
        item(ES, SIGN_ACCESS, CLAIMS),
        item(ED, SIGN_ACCESS_TWILIO, CLAIMS),
        item(ES, SIGN_ID_TOKEN, CLAIMS),
        item(ED, SIGN_USERINFO, HEAD "}"),
    };
    struct jwt jwt;
    (void)state;
    signer_sign(local, items, 4);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(items[i].e, OK);
    assert_str(claim(items[0].jwt, STR("at+jwt"), STR("iss")), STR(ISS));
    assert_str(claim(items[1].jwt, STR("JWT"), STR("iss")), STR(ISS));
    assert_int_equal(jwt_parse(&a, items[3].jwt, &jwt), OK);
    assert_int_equal(jwt_verify(local, &jwt, STR("JWT")), ERR_INVALID_TOKEN); /* it has no exp */
}

/* OIDC Core 3.1.3.6: by the signature's own hash, of a JWT made in the same call or of a handle. */
static void an_id_token_has_the_hash_of_its_access_token(void **state)
{
    struct sign_item items[] = {
        item(ES, SIGN_ACCESS, CLAIMS),
        id_token(ED, (str){0}),
        id_token(ES, STR("opaque")),
    };
    struct hasher *h = hash_open();
    uint8_t hash[64];
    char text[64];
    struct buf b;
    (void)state;
    signer_sign(local, items, 3);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(items[i].e, OK);
    hash_sha2(h, 512, items[0].jwt, hash);
    buf_fixed(&b, text, sizeof text);
    b64url_write(&b, hash, 32);
    assert_str(claim(items[1].jwt, STR("JWT"), STR("at_hash")), buf_str(&b));
    hash_sha2(h, 256, STR("opaque"), hash);
    buf_fixed(&b, text, sizeof text);
    b64url_write(&b, hash, 16);
    assert_str(claim(items[2].jwt, STR("JWT"), STR("at_hash")), buf_str(&b));
    hash_close(h);
}

static void what_is_against_the_rules_is_not_signed(void **state)
{
    struct sign_item items[] = {
        item(ES, SIGN_ACCESS, "{\"iss\":\"https://evil.example\",\"iat\":1700000000,\"exp\":1}"),
        id_token(ES, (str){0}), /* of what was refused */
        item(ES, SIGN_ACCESS, OPEN),
        item(ES, SIGN_PROFILES, CLAIMS),
        item(PEPPER, SIGN_ACCESS, CLAIMS),
        item(ES, SIGN_ACCESS, CLAIMS), /* and the next is not the worse for it */
    };
    static const enum err want[] = {ERR_FORBIDDEN, ERR_FORBIDDEN,    ERR_FORBIDDEN,
                                    ERR_FORBIDDEN, ERR_SERVER_ERROR, OK};
    struct sign_item first = id_token(ES, (str){0}), closed = id_token(ES, STR("x"));
    (void)state;
    signer_sign(local, items, 6);
    for (size_t i = 0; i < 6; i++) {
        assert_int_equal(items[i].e, want[i]);
        assert_int_equal(items[i].jwt.p != NULL, want[i] == OK);
    }
    signer_sign(local, &first, 1); /* of nothing */
    assert_int_equal(first.e, ERR_SERVER_ERROR);
    closed.claims = STR(CLAIMS);
    signer_sign(local, &closed, 1);
    assert_int_equal(closed.e, ERR_FORBIDDEN);
    struct signer *none = signer_open(ring, NULL);
    signer_sign(none, &items[5], 1);
    assert_int_equal(items[5].e, ERR_FORBIDDEN);
    assert_null(items[5].jwt.p);
    signer_close(none);
}

/* ---- hashes and sealing keys ---- */

static void peppers_and_the_pairwise_key_hash_and_no_others(void **state)
{
    struct digest d, want;
    struct key copy = ring->keys[PEPPER];
    struct hasher *h = hash_open();
    char longest[SIGNER_MESSAGE_MAX + 1] = {0};
    (void)state;
    for (int k = 0; k < KEYS; k++) {
        bool may = k == PEPPER || k == OLD || k == PAIRWISE;
        signer_begin(local);
        assert_int_equal(signer_hmac(local, &ring->keys[k], STR("m"), &d),
                         may ? OK : ERR_FORBIDDEN);
        assert_int_equal(signer_missed(local), !may);
        hash_hmac(h, &ring->keys[k].secret, STR("m"), &want);
        assert_int_equal(ct_digest_eq(&d, &want), may);
    }
    assert_int_equal(signer_hmac(local, &copy, STR("m"), &d), ERR_FORBIDDEN);
    assert_int_equal(
        signer_hmac(local, &ring->keys[PEPPER], str_make(longest, SIGNER_MESSAGE_MAX), &d), OK);
    assert_int_equal(
        signer_hmac(local, &ring->keys[PEPPER], str_make(longest, SIGNER_MESSAGE_MAX + 1), &d),
        ERR_FORBIDDEN);
    hash_close(h);
}

static void sealing_keys_are_of_these_days(void **state)
{
    uint8_t keys[5][32], other[32];
    struct digest d;
    (void)state;
    for (int i = -SIGNER_DAYS_BACK - 1; i <= 2; i++) {
        bool may = i >= -SIGNER_DAYS_BACK && i <= 1;
        assert_int_equal(signer_subkey(local, &ring->keys[PEPPER], DAY + i, other),
                         may ? OK : ERR_FORBIDDEN);
        if (may)
            memcpy(keys[i + SIGNER_DAYS_BACK], other, 32);
    }
    for (int i = 0; i < 4; i++)
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(keys[i], keys[j], 32);
    assert_int_equal(signer_subkey(local, &ring->keys[OLD], DAY, other), OK);
    assert_memory_not_equal(other, keys[SIGNER_DAYS_BACK], 32);
    assert_int_equal(signer_subkey(local, &ring->keys[PEPPER], DAY, other), OK);
    assert_memory_equal(other, keys[SIGNER_DAYS_BACK], 32);
    assert_int_equal(signer_subkey(local, &ring->keys[SHAPE], DAY, other), ERR_FORBIDDEN);
    assert_int_equal(signer_subkey(local, &ring->keys[PAIRWISE], DAY, other), ERR_FORBIDDEN);
    /* Whoever may ask for hashes under the pepper does not get a sealing key by that. */
    str text = arena_printf(&a, "postern sealing key of day %ld", (long)DAY);
    str expand = arena_printf(&a, "%.*s\x01", STR_ARG(text));
    assert_int_equal(signer_hmac(local, &ring->keys[PEPPER], text, &d), OK);
    assert_memory_not_equal(d.b, keys[SIGNER_DAYS_BACK], 32);
    assert_int_equal(signer_hmac(local, &ring->keys[PEPPER], expand, &d), OK);
    assert_memory_not_equal(d.b, keys[SIGNER_DAYS_BACK], 32);
}

/* ---- a door ---- */

static struct {
    int hashes, subkeys, signs, closed;
    bool away;
} door;

static void door_sign(void *arg, struct sign_item *items, size_t n)
{
    (void)arg;
    door.signs++;
    signer_sign(local, items, n);
}

static void door_hmac(void *arg, struct hash_item *items, size_t n)
{
    (void)arg;
    door.hashes++;
    if (!door.away)
        signer_hmac_all(local, items, n);
    for (size_t i = 0; door.away && i < n; i++) {
        items[i].e = ERR_UNAVAILABLE;
        memset(&items[i].hash, 7,
               sizeof items[i].hash); /* what it leaves behind must not be used */
    }
}

static enum err door_subkey(void *arg, const struct key *key, int64_t day, uint8_t out[32])
{
    (void)arg;
    door.subkeys++;
    memset(out, 7, 32);
    return door.away ? ERR_UNAVAILABLE : signer_subkey(local, key, day, out);
}

static void door_close(void *arg)
{
    (void)arg;
    door.closed++;
}

static const struct signer_ops door_ops = {door_sign, door_hmac, door_subkey, door_close};

static struct signer *open_door(void)
{
    memset(&door, 0, sizeof door);
    return signer_open_door(ring, &door_ops, NULL);
}

/* Asks, and says whether the door was asked. */
static bool asks(struct signer *s, int key, str message)
{
    struct digest d, want;
    int before = door.hashes;
    assert_int_equal(signer_hmac(s, &ring->keys[key], message, &d), OK);
    assert_int_equal(signer_hmac(local, &ring->keys[key], message, &want), OK);
    assert_true(ct_digest_eq(&d, &want));
    return door.hashes > before;
}

static void only_what_proved_right_is_kept(void **state)
{
    struct signer *s = open_door();
    struct digest d;
    (void)state;
    signer_begin(s);
    for (int i = 0; i < 3; i++)
        assert_true(asks(s, PEPPER, STR("wrong")));
    assert_int_equal(signer_hmac(s, &ring->keys[PEPPER], STR("right"), &d), OK);
    signer_keep(s, &ring->keys[PEPPER], STR("right"), &d);
    assert_false(asks(s, PEPPER, STR("right")));
    assert_true(asks(s, PEPPER, STR("wrong")));
    assert_true(asks(s, PEPPER, STR("righ")));
    assert_true(asks(s, OLD, STR("right"))); /* under another pepper it is another hash */
    signer_close(s);
    assert_int_equal(door.closed, 1);
    s = open_door(); /* another signer knows nothing of it */
    assert_true(asks(s, PEPPER, STR("right")));
    signer_close(s);
}

static void what_is_kept_is_bounded(void **state)
{
    struct signer *s = open_door();
    struct digest d;
    int known = 0;
    (void)state;
    signer_begin(s);
    for (int i = 0; i < 20000; i++) {
        str m = str_make((const char *)&i, sizeof i);
        assert_int_equal(signer_hmac(s, &ring->keys[PEPPER], m, &d), OK);
        signer_keep(s, &ring->keys[PEPPER], m, &d);
        assert_false(asks(s, PEPPER, m));
    }
    for (int i = 0; i < 20000; i++)
        known += !asks(s, PEPPER, str_make((const char *)&i, sizeof i));
    assert_in_range(known, 3500, 4096);
    signer_close(s);
}

static void a_door_that_does_not_answer_is_noticed(void **state)
{
    static const struct digest zero;
    struct signer *s = open_door();
    struct digest d;
    uint8_t key[32];
    (void)state;
    signer_begin(s);
    door.away = true;
    assert_int_equal(signer_hmac(s, &ring->keys[PEPPER], STR("m"), &d), ERR_UNAVAILABLE);
    assert_true(ct_digest_eq(&d, &zero));
    assert_true(signer_missed(s));
    signer_begin(s);
    assert_false(signer_missed(s));
    assert_int_equal(signer_subkey(s, &ring->keys[PEPPER], DAY, key), ERR_UNAVAILABLE);
    assert_memory_equal(key, zero.b, 32);
    assert_true(signer_missed(s));
    signer_begin(s);
    door.away = false;
    assert_true(asks(s, PEPPER, STR("m")));
    assert_int_equal(signer_subkey(s, &ring->keys[PEPPER], DAY, key), OK);
    assert_memory_not_equal(key, zero.b, 32);
    assert_false(signer_missed(s));
    signer_close(s);
}

static void sealing_keys_are_asked_for_once(void **state)
{
    struct signer *s = open_door();
    uint8_t one[32], two[32];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int k = PEPPER; k <= OLD; k++) {
            for (int i = -SIGNER_DAYS_BACK; i <= 1; i++) {
                assert_int_equal(signer_subkey(s, &ring->keys[k], DAY + i, one), OK);
                assert_int_equal(signer_subkey(local, &ring->keys[k], DAY + i, two), OK);
                assert_memory_equal(one, two, 32);
            }
        }
    }
    assert_int_equal(door.subkeys, 2 * (SIGNER_DAYS_BACK + 2));
    signer_close(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(profiles_are_signed_by_their_keys),
        cmocka_unit_test(an_id_token_has_the_hash_of_its_access_token),
        cmocka_unit_test(what_is_against_the_rules_is_not_signed),
        cmocka_unit_test(peppers_and_the_pairwise_key_hash_and_no_others),
        cmocka_unit_test(sealing_keys_are_of_these_days),
        cmocka_unit_test(only_what_proved_right_is_kept),
        cmocka_unit_test(what_is_kept_is_bounded),
        cmocka_unit_test(a_door_that_does_not_answer_is_noticed),
        cmocka_unit_test(sealing_keys_are_asked_for_once),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
