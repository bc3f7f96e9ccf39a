/* The signer behind its channels: what it answers, to whom, and what happens when it is away. Both
 * sides run in threads of this process; that they are processes is test/spec/processes.test.js. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/rand.h"
#include "crypto/jwt.h"
#include "crypto/signer.h"
#include "signer/door.h"
#include "signer/message.h"
#include "signer/service.h"

#define ISSUER "http://127.0.0.1:1"

enum { KEYS = 6, CHANNELS = 4 };
enum { ES256, EDDSA, RETIRED, PEPPER, SHAPE, PAIRWISE };

static struct {
    struct arena a;
    struct master_key master;
    struct sign_rules rules;
    struct vault *local, *door;
    struct channel_region *region;
    struct service *service;
    struct sealed_key rows[KEYS];
    struct keyring *ring;
    struct signer *signer;
} f;

static const struct key kinds[KEYS] = {
    [ES256] = {.use = KEY_SIGNING, .alg = JWS_ES256, .state = KEY_ACTIVE},
    [EDDSA] = {.use = KEY_SIGNING, .alg = JWS_EDDSA, .state = KEY_ACTIVE},
    [RETIRED] = {.use = KEY_SIGNING, .alg = JWS_ES256, .state = KEY_RETIRED, .retired_s = 7},
    [PEPPER] = {.use = KEY_PEPPER, .state = KEY_ACTIVE, .created_s = 3, .activated_s = 4},
    [SHAPE] = {.use = KEY_SHAPE, .state = KEY_ACTIVE},
    [PAIRWISE] = {.use = KEY_PAIRWISE, .state = KEY_ACTIVE},
};

static int set_up(void **state)
{
    char why[CHANNEL_WHY];
    (void)state;
    memset(&f, 0, sizeof f);
    arena_init(&f.a, 16 << 20);
    seal_new_key(&f.master.keys[0]);
    f.master.n = 1;
    f.rules = (struct sign_rules){.issuer = STR(ISSUER)};
    f.local = vault_local(&f.master, &f.rules);
    f.region = channel_region_new(CHANNELS);
    f.service = service_start(f.region, f.local);
    f.door = door_open(f.region);
    for (int i = 0; i < KEYS; i++) {
        f.rows[i].key = kinds[i];
        f.rows[i].key.id = uid_new();
        assert_int_equal(f.door->ops->make(f.door, &f.a, &f.rows[i].key, NULL, &f.rows[i].sealed,
                                           why, sizeof why),
                         OK);
    }
    assert_int_equal(f.door->ops->open(f.door, f.rows, KEYS, &f.ring, why, sizeof why), OK);
    f.signer = f.door->ops->signer(f.door, f.ring);
    assert_non_null(f.signer);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    signer_close(f.signer);
    keyring_unref(f.ring);
    vault_close(f.door);
    if (f.service)
        service_stop(f.service);
    vault_close(f.local);
    channel_region_free(f.region);
    arena_free(&f.a);
    return 0;
}

static str claims_of(const char *issuer, int64_t life_s)
{
    static const struct clock system_clock;
    int64_t now_s = clock_now_s(&system_clock);
    return arena_printf(&f.a, "{\"iss\":\"%s\",\"iat\":%lld,\"exp\":%lld,\"sub\":\"x\"}", issuer,
                        (long long)now_s, (long long)(now_s + life_s));
}

static struct sign_item item_of(int key, str claims)
{
    return (struct sign_item){
        .kid = f.rows[key].key.id, .profile = SIGN_ACCESS, .claims = claims, .to = &f.a};
}

/* It verifies by the public key that came through the door. */
static void assert_verifies(str text)
{
    struct jwt jwt;
    assert_int_equal(jwt_parse(&f.a, text, &jwt), OK);
    assert_int_equal(jwt_verify(f.signer, &jwt, STR("at+jwt")), OK);
}

static void public_parts_come_back_and_secrets_do_not(void **state)
{
    (void)state;
    assert_int_equal(f.ring->n, KEYS);
    for (int i = 0; i < KEYS; i++) {
        const struct key *k = &f.ring->keys[i];
        assert_true(uid_eq(&k->id, &f.rows[i].key.id));
        assert_int_equal(k->state, kinds[i].state);
        assert_int_equal(k->created_s, kinds[i].created_s);
        assert_int_equal(k->retired_s, kinds[i].retired_s);
        assert_memory_equal(k->sealed_under, f.master.keys[0].fingerprint, SEAL_FINGERPRINT_BYTES);
        assert_int_equal(k->pkey != NULL, k->use == KEY_SIGNING);
        assert_int_equal(k->secret.n, k->use == KEY_SHAPE ? 16 : 0);
    }
}

static void batches_are_signed(void **state)
{
    enum { N = 150 }; /* more than one call takes */
    static struct sign_item items[N];
    (void)state;
    for (int i = 0; i < N; i++)
        items[i] = item_of(i % 2 ? EDDSA : ES256, claims_of(ISSUER, 60));
    signer_sign(f.signer, items, N);
    for (int i = 0; i < N; i++) {
        assert_int_equal(items[i].e, OK);
        assert_verifies(items[i].jwt);
    }
}

static void long_claims_are_spread_over_calls(void **state)
{
    enum { N = 60 };
    static struct sign_item items[N];
    static char filler[10000];
    (void)state;
    memset(filler, 'x', sizeof filler - 1);
    str claims = claims_of(ISSUER, 60);
    for (int i = 0; i < N; i++)
        items[i] = item_of(
            ES256, arena_printf(&f.a, "%.*s,\"f\":\"%s\"}", (int)claims.n - 1, claims.p, filler));
    signer_sign(f.signer, items, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(items[i].e, OK);
    assert_verifies(items[N - 1].jwt);
}

static void an_at_hash_is_of_the_jwt_before_wherever_calls_end(void **state)
{
    enum { N = 2 * CHANNEL_BATCH + 3 };
    static struct sign_item items[N];
    (void)state;
    items[0] = item_of(ES256, claims_of(ISSUER, 60)); /* pairs then straddle every 64th place */
    for (int i = 1; i + 1 < N; i += 2) {
        str claims = claims_of(ISSUER, 60);
        items[i] = item_of(ES256, claims);
        items[i + 1] = item_of(ES256, str_sub(claims, 0, claims.n - 1));
        items[i + 1].profile = SIGN_ID_TOKEN;
        items[i + 1].at_hash = true;
    }
    signer_sign(f.signer, items, N);
    for (int i = 0; i < N; i++)
        assert_int_equal(items[i].e, OK);
}

static void the_rules_hold_behind_the_door(void **state)
{
    (void)state;
    struct sign_item items[4] = {
        item_of(ES256, claims_of("https://evil.example", 60)),
        item_of(ES256, claims_of(ISSUER, 2592000 + 10)),
        item_of(PEPPER, claims_of(ISSUER, 60)),
        item_of(ES256, claims_of(ISSUER, 60)),
    };
    signer_sign(f.signer, items, 4);
    assert_int_equal(items[0].e, ERR_FORBIDDEN);
    assert_int_equal(items[1].e, ERR_FORBIDDEN);
    assert_int_equal(items[2].e, ERR_SERVER_ERROR);
    assert_int_equal(items[3].e, OK);
}

static void hashes_and_sealing_keys_are_those_of_the_secrets(void **state)
{
    char why[CHANNEL_WHY];
    struct keyring *ring;
    struct digest a, b;
    uint8_t x[32], y[32];
    int64_t today = clock_now_s(&(struct clock){0}) / SIGNER_DAY_S;
    (void)state;
    assert_int_equal(f.local->ops->open(f.local, f.rows, KEYS, &ring, why, sizeof why), OK);
    struct signer *s = f.local->ops->signer(f.local, ring);
    for (int i = PEPPER; i <= PAIRWISE; i += PAIRWISE - PEPPER) {
        assert_int_equal(signer_hmac(f.signer, &f.ring->keys[i], STR("m"), &a), OK);
        assert_int_equal(signer_hmac(s, &ring->keys[i], STR("m"), &b), OK);
        assert_memory_equal(a.b, b.b, 32);
    }
    assert_int_equal(signer_subkey(f.signer, &f.ring->keys[PEPPER], today, x), OK);
    assert_int_equal(signer_subkey(s, &ring->keys[PEPPER], today, y), OK);
    assert_memory_equal(x, y, 32);
    assert_int_equal(signer_hmac(f.signer, &f.ring->keys[SHAPE], STR("m"), &a), ERR_FORBIDDEN);
    assert_int_equal(signer_subkey(f.signer, &f.ring->keys[PEPPER], today - 3, x), ERR_FORBIDDEN);
    assert_int_equal(signer_subkey(f.signer, &f.ring->keys[PEPPER], today + 2, x), ERR_FORBIDDEN);
    signer_close(s);
    keyring_unref(ring);
}

/* More than one call takes, one of them too long and one under a key that hashes nothing. */
static void hashes_come_many_at_once(void **state)
{
    enum { MANY = 3 * CHANNEL_BATCH / 2, LONG = 5, WRONG = 70 };
    static char longest[SIGNER_MESSAGE_MAX + 1];
    static struct hash_item items[MANY];
    struct digest d;
    (void)state;
    for (int i = 0; i < MANY; i++)
        items[i] = (struct hash_item){.key = &f.ring->keys[i == WRONG ? SHAPE : PEPPER],
                                      .message = str_make(longest, SIGNER_MESSAGE_MAX - (size_t)i)};
    items[LONG].message = str_make(longest, sizeof longest);
    signer_hmac_all(f.signer, items, MANY);
    for (int i = 0; i < MANY; i++) {
        assert_int_equal(items[i].e, i == LONG || i == WRONG ? ERR_FORBIDDEN : OK);
        if (items[i].e)
            continue;
        assert_int_equal(signer_hmac(f.signer, items[i].key, items[i].message, &d), OK);
        assert_true(ct_digest_eq(&d, &items[i].hash));
    }
}

static void a_new_signer_gets_the_keys_by_itself(void **state)
{
    struct sign_item item = item_of(ES256, claims_of(ISSUER, 60));
    struct digest d;
    (void)state;
    for (int i = 0; i < 3; i++) {
        service_stop(f.service);
        channel_down(f.region, clock_mono_ms());
        f.service = service_start(f.region, f.local);
        signer_sign(f.signer, &item, 1);
        assert_int_equal(item.e, OK);
        assert_int_equal(
            signer_hmac(f.signer, &f.ring->keys[PEPPER], arena_printf(&f.a, "m%d", i), &d), OK);
    }
}

static void without_a_signer_calls_fail_at_once(void **state)
{
    struct sign_item item = item_of(ES256, claims_of(ISSUER, 60));
    char why[CHANNEL_WHY] = "";
    struct keyring *ring;
    (void)state;
    service_stop(f.service);
    f.service = NULL;
    channel_down(f.region, clock_mono_ms() + 5000);
    int64_t began_ms = clock_mono_ms();
    signer_sign(f.signer, &item, 1);
    assert_int_equal(item.e, ERR_UNAVAILABLE);
    assert_int_equal(f.door->ops->open(f.door, f.rows, KEYS, &ring, why, sizeof why),
                     ERR_UNAVAILABLE);
    assert_non_null(strstr(why, "does not answer"));
    assert_true(clock_mono_ms() - began_ms < 1000);
}

static void *start_late(void *arg)
{
    const struct timespec rest = {.tv_nsec = 100000000};
    (void)arg;
    nanosleep(&rest, NULL);
    f.service = service_start(f.region, f.local);
    return NULL;
}

static void one_that_is_expected_back_is_waited_for(void **state)
{
    struct sign_item item = item_of(ES256, claims_of(ISSUER, 60));
    pthread_t t;
    (void)state;
    service_stop(f.service);
    channel_down(f.region, clock_mono_ms() + 100);
    pthread_create(&t, NULL, start_late, NULL);
    signer_sign(f.signer, &item, 1);
    pthread_join(t, NULL);
    assert_int_equal(item.e, OK);
}

static void a_call_that_its_signer_left_open_is_answered_by_the_next(void **state)
{
    struct channel *c = &f.region->channels[1];
    struct sign_item item = item_of(ES256, claims_of(ISSUER, 60));
    (void)state;
    service_stop(f.service);
    atomic_fetch_add(&c->call, 1);
    assert_int_equal(channel_ready(f.region, c), ERR_UNAVAILABLE);
    f.service = service_start(f.region, f.local);
    assert_int_equal(channel_ready(f.region, c), OK);
    assert_int_equal(c->answer[0], CHANNEL_NO_KEYS);
    signer_sign(f.signer, &item, 1);
    assert_int_equal(item.e, OK);
}

static void every_thread_has_a_channel_until_there_are_none(void **state)
{
    struct signer *more[CHANNELS];
    (void)state;
    for (int i = 0; i < CHANNELS - 2; i++)
        assert_non_null(more[i] = f.door->ops->signer(f.door, f.ring));
    assert_null(f.door->ops->signer(f.door, f.ring));
    signer_close(more[0]);
    assert_non_null(more[0] = f.door->ops->signer(f.door, f.ring));
    for (int i = 0; i < CHANNELS - 2; i++)
        signer_close(more[i]);
}

static void what_cannot_be_opened_is_told(void **state)
{
    struct master_key other = {.n = 1, .path = "/the/file"};
    char why[CHANNEL_WHY] = "";
    struct keyring *ring = NULL;
    (void)state;
    f.rows[1].sealed = f.rows[0].sealed;
    assert_int_equal(f.door->ops->open(f.door, f.rows, KEYS, &ring, why, sizeof why),
                     ERR_INVALID_REQUEST);
    assert_non_null(strstr(why, "damaged"));
    service_stop(f.service);
    seal_new_key(&other.keys[0]);
    struct vault *stranger = vault_local(&other, &f.rules);
    f.service = service_start(f.region, stranger);
    assert_int_equal(f.door->ops->open(f.door, f.rows, KEYS, &ring, why, sizeof why),
                     ERR_FORBIDDEN);
    assert_non_null(strstr(why, "/the/file"));
    assert_null(ring);
    service_stop(f.service);
    f.service = NULL;
    vault_close(stranger);
}

/* The shape key alone comes out; no other row can be passed off as one. */
static void a_row_opens_as_no_other_use(void **state)
{
    char why[CHANNEL_WHY] = "";
    struct keyring *ring = NULL;
    (void)state;
    for (int i = 0; i < KEYS; i++) {
        struct sealed_key row = f.rows[i];
        row.key.use = KEY_SHAPE;
        assert_int_equal(f.door->ops->open(f.door, &row, 1, &ring, why, sizeof why),
                         i == SHAPE ? OK : ERR_INVALID_REQUEST);
        keyring_unref(ring);
        ring = NULL;
    }
}

/* How many channels there are is no word of the memory that others write to. */
static void what_the_memory_says_moves_no_border(void **state)
{
    struct sign_item item = item_of(ES256, claims_of(ISSUER, 60));
    (void)state;
    service_stop(f.service);
    memset(f.region->shared, 0xff, sizeof *f.region->shared);
    memset(&f.region->channels[1], 0xff, 128);
    channel_region_renew(f.region);
    assert_int_equal(f.region->channels_n, CHANNELS);
    assert_int_equal(atomic_load(&f.region->channels[1].call), 0);
    f.service = service_start(f.region, f.local);
    signer_sign(f.signer, &item, 1);
    assert_int_equal(item.e, OK);
}

/* ---- the service and what is no message ---- */

/* CHANNEL_ANSWERED only for an answer that gives something. */
static size_t said(struct service_thread *t, const void *request, size_t n)
{
    const uint8_t *answer;
    size_t answer_n = service_answer(t, request, n, &answer);
    assert_true(answer_n >= 1);
    if (answer[0] == CHANNEL_ANSWERED && answer_n > 1 && answer[1] != OK)
        return CHANNEL_MALFORMED;
    return answer[0];
}

static void what_is_no_request_is_refused(void **state)
{
    static uint8_t bytes[CHANNEL_ROOM];
    struct service_thread *t = service_thread_new(f.service);
    struct message m = message_new(bytes, sizeof bytes);
    (void)state;
    assert_int_equal(said(t, bytes, 0), CHANNEL_MALFORMED);
    for (unsigned op = 0; op < 256; op++) {
        bytes[0] = (uint8_t)op;
        memset(bytes + 1, 0xff, 64);
        for (size_t n = 1; n < 64; n++)
            assert_int_equal(said(t, bytes, n), CHANNEL_MALFORMED);
    }
    message_put_u8(&m, CHANNEL_SIGN);
    message_put_u32(&m, CHANNEL_BATCH + 1);
    assert_int_equal(said(t, bytes, sizeof bytes), CHANNEL_MALFORMED);
    service_thread_free(t);
}

/* Each prefix of a request that is one is none. */
static void what_is_cut_short_is_refused(void **state)
{
    static uint8_t bytes[4096];
    struct service_thread *t = service_thread_new(f.service);
    struct message m = message_new(bytes, sizeof bytes);
    str claims = claims_of(ISSUER, 60);
    (void)state;
    message_put_u8(&m, CHANNEL_SIGN);
    message_put_u32(&m, 1);
    message_put_raw(&m, f.rows[ES256].key.id.b, UID_BYTES);
    message_put_u8(&m, SIGN_ACCESS);
    message_put_u8(&m, 0);
    message_put_u8(&m, 0);
    message_put_str(&m, claims);
    message_put_str(&m, STR(""));
    for (size_t n = 0; n < m.n; n++)
        assert_int_equal(said(t, bytes, n), CHANNEL_MALFORMED);
    assert_int_equal(said(t, bytes, m.n), CHANNEL_ANSWERED);
    assert_int_equal(said(t, bytes, m.n + 1), CHANNEL_MALFORMED);
    service_thread_free(t);
}

static void a_length_beyond_the_channel_is_none(void **state)
{
    struct channel *c = &f.region->channels[CHANNELS - 1];
    (void)state;
    c->request_n = UINT32_MAX;
    atomic_fetch_add(&c->call, 1);
    channel_poke(c);
    while (atomic_load(&c->done) != atomic_load(&c->call))
        sched_yield();
    assert_int_equal(c->answer_n, 1);
    assert_int_equal(c->answer[0], CHANNEL_MALFORMED);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(public_parts_come_back_and_secrets_do_not),
        T(batches_are_signed),
        T(long_claims_are_spread_over_calls),
        T(an_at_hash_is_of_the_jwt_before_wherever_calls_end),
        T(the_rules_hold_behind_the_door),
        T(hashes_and_sealing_keys_are_those_of_the_secrets),
        T(hashes_come_many_at_once),
        T(a_new_signer_gets_the_keys_by_itself),
        T(without_a_signer_calls_fail_at_once),
        T(one_that_is_expected_back_is_waited_for),
        T(a_call_that_its_signer_left_open_is_answered_by_the_next),
        T(every_thread_has_a_channel_until_there_are_none),
        T(what_cannot_be_opened_is_told),
        T(a_row_opens_as_no_other_use),
        T(what_the_memory_says_moves_no_border),
        T(what_is_no_request_is_refused),
        T(what_is_cut_short_is_refused),
        T(a_length_beyond_the_channel_is_none),
    };
    log_open(2, LOG_OFF);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
