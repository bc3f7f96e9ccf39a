/* Fuzz target: what the network process may send to the signer, once somebody else owns it.
 *
 * An input is up to 8 messages to one service, in frames: kind, length (two bytes, the higher one
 * first), bytes. Kind 0 is a message as it stands. Since sealed rows differ from run to run, kind 1
 * is the opening of the real ones, changed by its bytes in threes (place, place, xor). Kind 2 is a
 * batch to be signed whose lengths are right: items with 0x01 between them, each of key, profile,
 * flags, claims and, behind 0x02, what at_hash is of.
 *
 * Held against it: every answer has its form. No answer has a piece of a private key, of the master
 * key, of a pepper or of the pairwise key in it, raw or in base64url. A JWT that was signed
 * verifies, and jansson finds in it the issuer, the times and the type that its profile demands. A
 * hash is of a pepper or the pairwise key; a sealing key is of these days; a key that was made is
 * sealed. Before the first input each of these is shown what it must find.
 *
 * Left out: the making of RSA keys, which takes longer than all the rest.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "codec/b64url.h"
#include "crypto/jwt.h"
#include "crypto/signer.h"
#include "signer/message.h"
#include "signer/service.h"

#define NOW 1700000000
#define ISS "https://id.example"

enum { ES256, EDDSA, RETIRED, PEPPER, SHAPE, PAIRWISE, KEYS };
enum { FRAMES = 8, PIECE = 16, NEEDLES = 1024, ROOM = 65536 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static const struct clock now_clock = {.fixed_us = (int64_t)NOW * 1000000};
static const struct sign_rules rules = {.issuer = STR_INIT(ISS), .clock = &now_clock};
static const struct key kinds[KEYS] = {
    [ES256] = {.use = KEY_SIGNING, .alg = JWS_ES256, .state = KEY_ACTIVE},
    [EDDSA] = {.use = KEY_SIGNING, .alg = JWS_EDDSA, .state = KEY_ACTIVE},
    [RETIRED] = {.use = KEY_SIGNING, .alg = JWS_ES256, .state = KEY_RETIRED, .retired_s = 7},
    [PEPPER] = {.use = KEY_PEPPER, .state = KEY_ACTIVE},
    [SHAPE] = {.use = KEY_SHAPE, .state = KEY_ACTIVE},
    [PAIRWISE] = {.use = KEY_PAIRWISE, .state = KEY_ACTIVE},
};
static const int64_t life_s[SIGN_PROFILES] = {
#define X(name, typ, life) [name] = life,
    SIGN_PROFILE_LIST(X)
#undef X
};

static struct {
    struct arena a;
    struct master_key master;
    struct vault *vault;
    struct sealed_key rows[KEYS];
    struct keyring *ring;
    struct signer *signer; /* verifies */
    uint8_t open[ROOM];    /* the opening of the rows */
    size_t open_n;
    str needles[NEEDLES];
    size_t needles_n;
    size_t signed_n; /* JWTs that were judged */
} f;

static void must(bool ok)
{
    if (!ok)
        abort();
}

/* ---- secrets ---- */

static bool has(str hay, str needle)
{
    return memmem(hay.p, hay.n, needle.p, needle.n) != NULL;
}

/* Every piece of the secret that `known` does not have, as it is and in base64url. */
static void add_secret(str secret, str known)
{
    for (size_t i = 0; i + PIECE <= secret.n; i++) {
        str piece = str_sub(secret, i, i + PIECE);
        if (has(known, piece))
            continue;
        char text[B64URL_CHARS(PIECE)];
        b64url_encode(piece.p, PIECE, text);
        must(f.needles_n + 2 <= NEEDLES);
        f.needles[f.needles_n++] = arena_dup(&f.a, piece);
        /* the last character depends on what follows */
        f.needles[f.needles_n++] = arena_dup(&f.a, str_make(text, sizeof text - 1));
    }
}

static bool leaks(str answer)
{
    for (size_t i = 0; i < f.needles_n; i++)
        if (has(answer, f.needles[i]))
            return true;
    return false;
}

/* ---- JWTs ---- */

static bool about_now(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= NOW - SIGN_BACK_S &&
           json_integer_value(v) <= NOW + SIGN_AHEAD_S;
}

static bool is_within(enum sign_profile p, const json_t *claims)
{
    const json_t *iss = json_object_get(claims, "iss"), *exp = json_object_get(claims, "exp");
    const json_t *iat = json_object_get(claims, "iat"), *nbf = json_object_get(claims, "nbf");
    return json_is_string(iss) && json_string_length(iss) == strlen(ISS) &&
           strcmp(json_string_value(iss), ISS) == 0 && about_now(iat) &&
           (nbf == NULL || about_now(nbf)) && (exp != NULL) == (life_s[p] > 0) &&
           (exp == NULL || (json_is_integer(exp) &&
                            json_integer_value(exp) <= json_integer_value(iat) + life_s[p]));
}

static str claims_of(struct arena *a, str jwt)
{
    str head, rest, payload = {0}, signature, out = {0};
    must(str_cut(jwt, '.', &head, &rest) && str_cut(rest, '.', &payload, &signature));
    must(b64url_decode(a, payload, &out));
    return out;
}

/* By jansson as it is: codec/json has it take memory from arenas. What jansson cannot hold
 * (numbers, depth) passes; that the rules see through it is what test/fuzz/sign_rules.c is for. */
static bool is_within_text(enum sign_profile p, str claims)
{
    json_malloc_t its_malloc;
    json_free_t its_free;
    json_error_t error;
    json_get_alloc_funcs(&its_malloc, &its_free);
    json_set_alloc_funcs(malloc, free);
    json_t *members = json_loadb(claims.p, claims.n, 0, &error);
    bool ok = members ? is_within(p, members)
                      : json_error_code(&error) == json_error_numeric_overflow ||
                            json_error_code(&error) == json_error_stack_overflow;
    json_decref(members);
    json_set_alloc_funcs(its_malloc, its_free);
    return ok;
}

/* May this JWT be in the world? The strict reader refuses more than the rules, a name that repeats
 * for one; and it verifies tokens alone, which have an exp. */
static bool is_allowed(struct arena *a, const struct sign_item *item, str jwt)
{
    struct jwt parsed;
    str claims = claims_of(a, jwt), typ = sign_rules_typ(item->profile);
    bool ok = is_within_text(item->profile, claims) && str_starts(claims, item->claims);
    if (ok && life_s[item->profile] > 0 && jwt_parse(a, jwt, &parsed) == OK)
        ok = jwt_verify(f.signer, &parsed, typ) == OK && str_eq(parsed.typ, typ);
    return ok;
}

static void judge_signed(struct arena *a, struct message in, struct message out)
{
    uint32_t n = message_u32(&in);
    must(n <= CHANNEL_BATCH);
    for (uint32_t i = 0; i < n; i++) {
        struct sign_item item = {0};
        message_raw(&in, item.kid.b, UID_BYTES);
        item.profile = (enum sign_profile)message_u8(&in);
        item.at_hash = message_u8(&in) != 0;
        message_u8(&in);
        item.claims = message_str(&in, LIMIT_JWT);
        message_str(&in, LIMIT_JWT);
        uint8_t e = message_u8(&out);
        str jwt = message_str(&out, LIMIT_JWT);
        must(!in.bad && !out.bad && e < ERR_COUNT && (e == OK) == (jwt.n > 0));
        f.signed_n += e == OK;
        must(e != OK || (keyring_find(f.ring, KEY_SIGNING, &item.kid) != NULL &&
                         item.profile < SIGN_PROFILES && is_allowed(a, &item, jwt)));
    }
    must(message_done(&out));
}

/* ---- hashes, sealing keys, new keys ---- */

static void judge_hashes(struct message in, struct message out)
{
    uint32_t n = message_u32(&in);
    must(n <= CHANNEL_BATCH);
    for (uint32_t i = 0; i < n; i++) {
        struct uid id;
        uint8_t use = message_u8(&in), hash[32];
        message_raw(&in, id.b, sizeof id.b);
        (void)message_str(&in, SIGNER_MESSAGE_MAX);
        if (message_u8(&out) != OK)
            continue;
        must(use == KEY_PEPPER || use == KEY_PAIRWISE);
        must(keyring_find(f.ring, (enum key_use)use, &id) != NULL);
        message_raw(&out, hash, sizeof hash);
    }
    must(message_done(&in) && message_done(&out));
}

static void judge_subkey(struct message in, struct message out)
{
    const int64_t today = NOW / SIGNER_DAY_S;
    struct uid id;
    uint8_t key[32];
    message_raw(&in, id.b, sizeof id.b);
    int64_t day = message_i64(&in);
    if (message_u8(&out) != OK) {
        must(message_done(&out));
        return;
    }
    must(day >= today - SIGNER_DAYS_BACK && day <= today + 1);
    must(keyring_find(f.ring, KEY_PEPPER, &id) != NULL);
    message_raw(&out, key, sizeof key);
    must(message_done(&out));
}

static void judge_made(struct arena *a, struct message in, struct message out)
{
    struct key key = {0};
    char context[VAULT_CONTEXT];
    str plain, sealed;
    message_raw(&in, key.id.b, UID_BYTES);
    uint8_t e = message_u8(&out);
    sealed = message_str(&out, CHANNEL_ROOM);
    must(message_done(&out));
    if (e != OK)
        return;
    must(seal_open(a, &f.master, sealed, vault_context(&key, context), &plain) == OK);
    must(plain.n >= 16 && !has(sealed, plain));
}

/* ---- messages ---- */

/* Fuzzing would do nothing else. */
static bool makes_rsa(const uint8_t *p, size_t n)
{
    struct message in = message_of(p, n);
    uint8_t id[UID_BYTES];
    if (message_u8(&in) != CHANNEL_MAKE)
        return false;
    message_raw(&in, id, sizeof id);
    uint8_t use = message_u8(&in), alg = message_u8(&in);
    return use == KEY_SIGNING && (alg == JWS_RS256 || alg == JWS_PS256);
}

static enum channel_said send(struct service_thread *t, const uint8_t *p, size_t n)
{
    struct arena a;
    const uint8_t *answer = NULL;
    if (makes_rsa(p, n))
        return CHANNEL_MALFORMED;
    uint8_t *exact = malloc(n + 1); /* so that a look beyond is noticed */
    memcpy(exact, p, n);
    uint8_t *request = realloc(exact, n ? n : 1);
    size_t answer_n = service_answer(t, request, n, &answer);
    must(answer_n >= 1 && answer_n <= CHANNEL_ROOM);
    struct message in = message_of(request, n), out = message_of(answer, answer_n);
    enum channel_said said = (enum channel_said)message_u8(&out);
    must(said == CHANNEL_ANSWERED || said == CHANNEL_NO_KEYS || said == CHANNEL_MALFORMED);
    must(said == CHANNEL_ANSWERED || answer_n == 1);
    must(!leaks(str_make((const char *)answer, answer_n)));
    uint8_t op = message_u8(&in);
    arena_init(&a, 64 << 20);
    if (said == CHANNEL_ANSWERED && op == CHANNEL_SIGN)
        judge_signed(&a, in, out);
    else if (said == CHANNEL_ANSWERED && op == CHANNEL_HMAC)
        judge_hashes(in, out);
    else if (said == CHANNEL_ANSWERED && op == CHANNEL_SUBKEY)
        judge_subkey(in, out);
    else if (said == CHANNEL_ANSWERED && op == CHANNEL_MAKE)
        judge_made(&a, in, out);
    arena_free(&a);
    free(request);
    return said;
}

static void put_kind(struct message *m, const struct key *key)
{
    message_put_u8(m, (uint8_t)key->use);
    message_put_u8(m, (uint8_t)key->alg);
    message_put_u8(m, (uint8_t)key->state);
}

/* The opening of the rows, changed at places. */
static enum channel_said send_open(struct service_thread *t, str changes)
{
    static uint8_t copy[ROOM];
    memcpy(copy, f.open, f.open_n);
    for (size_t i = 0; i + 3 <= changes.n; i += 3) {
        size_t at = (size_t)((uint8_t)changes.p[i] << 8 | (uint8_t)changes.p[i + 1]);
        copy[at % f.open_n] ^= (uint8_t)changes.p[i + 2];
    }
    return send(t, copy, f.open_n);
}

static enum channel_said send_batch(struct service_thread *t, str items)
{
    static uint8_t storage[CHANNEL_ROOM];
    struct message m = message_new(storage, sizeof storage);
    uint32_t n = 0;
    str item;
    message_put_u8(&m, CHANNEL_SIGN);
    message_put_u32(&m, 0);
    while (str_next(&items, 0x01, &item)) {
        if (item.n < 3)
            continue;
        str claims, access = {0}, rest = str_sub(item, 3, item.n);
        if (!str_cut(rest, 0x02, &claims, &access))
            claims = rest;
        message_put_raw(&m, f.rows[(uint8_t)item.p[0] % KEYS].key.id.b, UID_BYTES);
        message_put_u8(&m, (uint8_t)item.p[1]);
        message_put_u8(&m, item.p[2] & 1);
        message_put_u8(&m, item.p[2] & 2);
        message_put_str(&m, claims);
        message_put_str(&m, access);
        n++;
    }
    memcpy(storage + 1, &n, sizeof n);
    return m.bad ? CHANNEL_MALFORMED : send(t, storage, m.n);
}

/* ---- what they are, and controls ---- */

static void make_rows(void)
{
    char why[CHANNEL_WHY];
    for (int i = 0; i < KEYS; i++) {
        f.rows[i].key = kinds[i];
        memset(f.rows[i].key.id.b, 'A' + i, UID_BYTES);
        must(f.vault->ops->make(f.vault, &f.a, &f.rows[i].key, NULL, &f.rows[i].sealed, why,
                                sizeof why) == OK);
    }
    must(f.vault->ops->open(f.vault, f.rows, KEYS, &f.ring, why, sizeof why) == OK);
    struct message m = message_new(f.open, sizeof f.open);
    message_put_u8(&m, CHANNEL_OPEN);
    message_put_u32(&m, KEYS);
    for (int i = 0; i < KEYS; i++) {
        message_put_raw(&m, f.rows[i].key.id.b, UID_BYTES);
        put_kind(&m, &f.rows[i].key);
        for (int times = 0; times < 3; times++)
            message_put_i64(&m, 0);
        message_put_str(&m, f.rows[i].sealed);
    }
    must(!m.bad);
    f.open_n = m.n;
}

static void list_secrets(void)
{
    add_secret(str_make((const char *)f.master.keys[0].key.b, 32), STR(""));
    for (size_t i = 0; i < f.ring->n; i++) {
        const struct key *k = &f.ring->keys[i];
        if (k->use == KEY_SIGNING)
            add_secret(jwk_private_der(&f.a, k->pkey), jwk_public_der(&f.a, k->pkey));
        else if (k->use != KEY_SHAPE) /* which the network process has to have */
            add_secret(str_make((const char *)k->secret.b, k->secret.n), STR(""));
    }
}

static void controls(void)
{
    static const char good[] = "{\"iss\":\"" ISS "\",\"iat\":1700000000,\"exp\":1700000060}";
    static const char bad[] = "{\"iss\":\"https://evil\",\"iat\":1700000000,\"exp\":1700000060}";
    struct service *s = service_new(f.vault);
    struct service_thread *t = service_thread_new(s);
    const struct key *pepper = keyring_active(f.ring, KEY_PEPPER, 0);
    struct sign_item item = {.kid = f.rows[ES256].key.id, .to = &f.a};
    char text[256] = "x";
    struct buf jwt;
    memcpy(text + 1, pepper->secret.b + 7, 20);
    must(leaks(str_make(text, sizeof text)));
    b64url_encode(f.master.keys[0].key.b, 32, text + 5);
    must(leaks(str_make(text, sizeof text)) && !leaks(STR("nothing of the kind")));
    must(send_batch(t, STR("")) == CHANNEL_NO_KEYS && send_open(t, STR("")) == CHANNEL_ANSWERED);
    /* What is above the rules signs whatever it is told. */
    for (int i = 0; i < 2; i++) {
        item.claims = str_from(i ? bad : good);
        buf_init(&jwt, &f.a, 256, LIMIT_JWT);
        must(jwt_sign(f.signer, keyring_find(f.ring, KEY_SIGNING, &item.kid), STR("at+jwt"),
                      item.claims, &jwt) == OK);
        must(is_allowed(&f.a, &item, buf_str(&jwt)) == (i == 0));
    }
    snprintf(text, sizeof text, "%c%c%c%s", ES256, SIGN_ACCESS, 0, good);
    must(send_batch(t, str_make(text, 3 + strlen(good))) == CHANNEL_ANSWERED);
    must(f.signed_n == 1);
    service_thread_free(t);
    service_free(s);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    arena_init(&f.a, 16 << 20);
    seal_new_key(&f.master.keys[0]);
    f.master.n = 1;
    f.vault = vault_local(&f.master, &rules);
    make_rows();
    f.signer = signer_open(f.ring, &rules);
    list_secrets();
    controls();
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct service *s = service_new(f.vault);
    struct service_thread *t = service_thread_new(s);
    for (int i = 0; i < FRAMES && size >= 3; i++) {
        size_t n = (size_t)(data[1] << 8 | data[2]);
        n = n < size - 3 ? n : size - 3;
        str bytes = str_make((const char *)data + 3, n);
        if (data[0] % 3 == 0)
            send(t, data + 3, n);
        else if (data[0] % 3 == 1)
            send_open(t, bytes);
        else
            send_batch(t, bytes);
        data += 3 + n;
        size -= 3 + n;
    }
    service_thread_free(t);
    service_free(s);
    return 0;
}
