/* service: requests in, answers out; see service.h.
 *
 * All threads share the newest ring. Each has a signer of its own for it, its own copy of the
 * request it works on, and an arena that is wiped behind each request.
 */
#include "signer/service.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/limits.h"
#include "base/log.h"
#include "crypto/signer.h"
#include "signer/message.h"

enum { STACK = 262144, ARENA = 16 << 20, SEALED_MOST = 8192 };

struct service {
    struct vault *vault;
    struct channel_region *region;
    pthread_mutex_t lock; /* of ring */
    struct keyring *ring; /* NULL: it has been given none */
    atomic_bool stop;
    atomic_int running;
    struct service_thread **threads;
    size_t threads_n;
};

struct service_thread {
    struct service *service;
    struct channel *channel;
    unsigned seen;
    struct signer *signer;
    struct arena arena;
    pthread_t id;
    uint8_t request[CHANNEL_ROOM], answer[CHANNEL_ROOM];
};

/* ---- keys ---- */

static void install(struct service *s, struct keyring *ring)
{
    pthread_mutex_lock(&s->lock);
    struct keyring *old = s->ring;
    s->ring = ring;
    pthread_mutex_unlock(&s->lock);
    keyring_unref(old);
}

/* A signer for the newest ring. False: there is none yet. */
static bool follow_ring(struct service_thread *t)
{
    struct service *s = t->service;
    pthread_mutex_lock(&s->lock);
    struct keyring *ring = s->ring ? keyring_ref(s->ring) : NULL;
    pthread_mutex_unlock(&s->lock);
    if (ring && (!t->signer || signer_ring(t->signer) != ring)) {
        signer_close(t->signer);
        t->signer = s->vault->ops->signer(s->vault, ring);
    }
    keyring_unref(ring);
    return ring != NULL;
}

static bool read_kind(struct message *in, struct key *key)
{
    uint8_t use = message_u8(in), alg = message_u8(in), state = message_u8(in);
    key->use = (enum key_use)use;
    key->alg = (enum jws_alg)alg;
    key->state = (enum key_state)state;
    return use <= KEY_PAIRWISE && alg < JWS_ALGS && state <= KEY_RETIRED;
}

static bool read_row(struct message *in, struct sealed_key *row)
{
    message_raw(in, row->key.id.b, UID_BYTES);
    bool known = read_kind(in, &row->key);
    row->key.created_s = message_i64(in);
    row->key.activated_s = message_i64(in);
    row->key.retired_s = message_i64(in);
    row->sealed = message_str(in, SEALED_MOST);
    return known && !in->bad;
}

/* What the asker may know of a key. */
static str shown(struct arena *a, const struct key *key)
{
    if (key->use == KEY_SIGNING)
        return jwk_public_der(a, key->pkey);
    if (key->use == KEY_SHAPE)
        return str_make((const char *)key->secret.b, key->secret.n);
    return str_make("", 0);
}

static enum channel_said answer_open(struct service_thread *t, struct message *in,
                                     struct message *out)
{
    struct service *s = t->service;
    struct keyring *ring;
    char why[CHANNEL_WHY] = "";
    uint32_t n = message_u32(in);
    if (n > CHANNEL_ROWS)
        return CHANNEL_MALFORMED;
    struct sealed_key *rows = ARENA_ARRAY(&t->arena, struct sealed_key, n + 1);
    for (uint32_t i = 0; i < n; i++)
        if (!read_row(in, &rows[i]))
            return CHANNEL_MALFORMED;
    if (!message_done(in))
        return CHANNEL_MALFORMED;
    enum err e = s->vault->ops->open(s->vault, rows, n, &ring, why, sizeof why);
    message_put_u8(out, (uint8_t)e);
    if (e) {
        message_put_str(out, str_from(why));
        return CHANNEL_ANSWERED;
    }
    for (size_t i = 0; i < ring->n; i++)
        message_put_str(out, shown(&t->arena, &ring->keys[i]));
    install(s, ring);
    return CHANNEL_ANSWERED;
}

static enum channel_said answer_make(struct service_thread *t, struct message *in,
                                     struct message *out)
{
    struct vault *v = t->service->vault;
    struct key key = {0}, like = {0};
    char why[CHANNEL_WHY] = "";
    str sealed = {0};
    message_raw(in, key.id.b, UID_BYTES);
    bool known = read_kind(in, &key);
    bool has_like = message_u8(in) != 0;
    message_raw(in, like.sealed_under, sizeof like.sealed_under);
    if (!known || !message_done(in))
        return CHANNEL_MALFORMED;
    enum err e =
        v->ops->make(v, &t->arena, &key, has_like ? &like : NULL, &sealed, why, sizeof why);
    message_put_u8(out, (uint8_t)e);
    message_put_str(out, e ? str_from(why) : sealed);
    return CHANNEL_ANSWERED;
}

/* ---- signing, hashing ---- */

static bool read_item(struct message *in, struct arena *a, struct sign_item *item)
{
    message_raw(in, item->kid.b, UID_BYTES);
    uint8_t profile = message_u8(in), at_hash = message_u8(in), has_access = message_u8(in);
    item->profile = (enum sign_profile)profile;
    item->at_hash = at_hash != 0;
    item->claims = message_str(in, LIMIT_JWT);
    item->access = message_str(in, LIMIT_JWT);
    if (!has_access)
        item->access = str_make(NULL, 0);
    item->to = a;
    return profile < SIGN_PROFILES && !in->bad;
}

static enum channel_said answer_sign(struct service_thread *t, struct message *in,
                                     struct message *out)
{
    struct sign_item items[CHANNEL_BATCH] = {0};
    uint32_t n = message_u32(in);
    if (n > CHANNEL_BATCH)
        return CHANNEL_MALFORMED;
    for (uint32_t i = 0; i < n; i++)
        if (!read_item(in, &t->arena, &items[i]))
            return CHANNEL_MALFORMED;
    if (!message_done(in))
        return CHANNEL_MALFORMED;
    if (!follow_ring(t))
        return CHANNEL_NO_KEYS;
    signer_sign(t->signer, items, n);
    for (uint32_t i = 0; i < n; i++) {
        message_put_u8(out, (uint8_t)items[i].e);
        message_put_str(out, items[i].jwt);
    }
    return CHANNEL_ANSWERED;
}

static const struct key *read_key(struct service_thread *t, enum key_use use, const struct uid *id)
{
    return keyring_find(signer_ring(t->signer), use, id);
}

static void put_secret(struct message *out, enum err e, uint8_t bytes[32])
{
    message_put_u8(out, (uint8_t)e);
    if (e == OK)
        message_put_raw(out, bytes, 32);
    ct_wipe(bytes, 32);
}

/* A hash that is asked for; the key is looked for when all have been read. */
struct wanted {
    uint8_t use;
    struct uid id;
    str text;
};

static bool read_wanted(struct message *in, struct wanted *w)
{
    w->use = message_u8(in);
    message_raw(in, w->id.b, sizeof w->id.b);
    w->text = message_str(in, SIGNER_MESSAGE_MAX);
    return w->use <= KEY_PAIRWISE && !in->bad;
}

static void put_hash(struct service_thread *t, const struct wanted *w, struct message *out)
{
    struct digest d = {{0}};
    const struct key *key = read_key(t, (enum key_use)w->use, &w->id);
    put_secret(out, key ? signer_hmac(t->signer, key, w->text, &d) : ERR_SERVER_ERROR, d.b);
}

static enum channel_said answer_hmac(struct service_thread *t, struct message *in,
                                     struct message *out)
{
    struct wanted all[CHANNEL_BATCH];
    uint32_t n = message_u32(in);
    if (n > CHANNEL_BATCH)
        return CHANNEL_MALFORMED;
    for (uint32_t i = 0; i < n; i++)
        if (!read_wanted(in, &all[i]))
            return CHANNEL_MALFORMED;
    if (!message_done(in))
        return CHANNEL_MALFORMED;
    if (!follow_ring(t))
        return CHANNEL_NO_KEYS;
    for (uint32_t i = 0; i < n; i++)
        put_hash(t, &all[i], out);
    return CHANNEL_ANSWERED;
}

static enum channel_said answer_subkey(struct service_thread *t, struct message *in,
                                       struct message *out)
{
    uint8_t bytes[32] = {0};
    struct uid id;
    message_raw(in, id.b, sizeof id.b);
    int64_t day = message_i64(in);
    if (!message_done(in))
        return CHANNEL_MALFORMED;
    if (!follow_ring(t))
        return CHANNEL_NO_KEYS;
    const struct key *key = read_key(t, KEY_PEPPER, &id);
    put_secret(out, key ? signer_subkey(t->signer, key, day, bytes) : ERR_SERVER_ERROR, bytes);
    return CHANNEL_ANSWERED;
}

static enum channel_said answer_any(struct service_thread *t, struct message *in,
                                    struct message *out)
{
    switch ((enum channel_op)message_u8(in)) {
    case CHANNEL_OPEN:
        return answer_open(t, in, out);
    case CHANNEL_MAKE:
        return answer_make(t, in, out);
    case CHANNEL_SIGN:
        return answer_sign(t, in, out);
    case CHANNEL_HMAC:
        return answer_hmac(t, in, out);
    case CHANNEL_SUBKEY:
        return answer_subkey(t, in, out);
    }
    return CHANNEL_MALFORMED;
}

size_t service_answer(struct service_thread *t, const uint8_t *request, size_t n,
                      const uint8_t **out)
{
    struct message in = message_of(request, n), answer = message_new(t->answer, CHANNEL_ROOM);
    message_put_u8(&answer, CHANNEL_ANSWERED);
    enum channel_said said = answer_any(t, &in, &answer);
    if (answer.bad) /* it asked for more than fits */
        said = CHANNEL_MALFORMED;
    if (said != CHANNEL_ANSWERED)
        answer.n = 1;
    t->answer[0] = (uint8_t)said;
    arena_reset(&t->arena);
    *out = t->answer;
    return answer.n;
}

/* ---- threads ---- */

struct service_thread *service_thread_new(struct service *s)
{
    struct service_thread *t = calloc(1, sizeof *t);
    if (!t)
        fatal("no memory for a thread of the signer");
    t->service = s;
    arena_init(&t->arena, ARENA);
    return t;
}

void service_thread_free(struct service_thread *t)
{
    signer_close(t->signer);
    arena_free(&t->arena);
    free(t);
}

static void *run(void *arg)
{
    struct service_thread *t = arg;
    struct service *s = t->service;
    const uint8_t *answer;
    size_t n;
    while (channel_next(t->channel, &t->seen, &s->stop, t->request, &n)) {
        size_t answer_n = service_answer(t, t->request, n, &answer);
        channel_answer(t->channel, t->seen, answer, answer_n);
        ct_wipe(t->request, n); /* it may hold a client's secret, and the answer its hash */
        ct_wipe(t->answer, answer_n);
    }
    atomic_fetch_sub(&s->running, 1);
    return NULL;
}

struct service *service_new(struct vault *vault)
{
    struct service *s = calloc(1, sizeof *s);
    if (!s)
        fatal("no memory for the signer");
    s->vault = vault;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void service_free(struct service *s)
{
    keyring_unref(s->ring);
    pthread_mutex_destroy(&s->lock);
    free(s->threads);
    free(s);
}

/* A call that the predecessor left open is answered, and not begun again. */
static void settle(struct service_thread *t)
{
    const uint8_t no_keys = CHANNEL_NO_KEYS;
    t->seen = atomic_load(&t->channel->call);
    if (atomic_load(&t->channel->done) != t->seen)
        channel_answer(t->channel, t->seen, &no_keys, 1);
}

struct service *service_start(struct channel_region *r, struct vault *vault)
{
    struct service *s = service_new(vault);
    pthread_attr_t small;
    s->region = r;
    s->threads = calloc(r->channels_n + 1, sizeof(struct service_thread *));
    if (!s->threads || pthread_attr_init(&small) || pthread_attr_setstacksize(&small, STACK))
        fatal("no memory for the signer");
    for (size_t i = 0; i < r->channels_n; i++) {
        struct service_thread *t = service_thread_new(s);
        t->channel = &r->channels[i];
        settle(t);
        s->threads[s->threads_n++] = t;
        atomic_fetch_add(&s->running, 1);
        if (pthread_create(&t->id, &small, run, t) != 0)
            fatal("the signer cannot start %zu threads: too many, or no memory", r->channels_n);
    }
    pthread_attr_destroy(&small);
    channel_up(r);
    return s;
}

void service_stop(struct service *s)
{
    const struct timespec rest = {.tv_nsec = 1000000};
    atomic_store(&s->stop, true);
    while (atomic_load(&s->running) > 0) { /* one that was about to sleep misses the first poke */
        for (size_t i = 0; i < s->threads_n; i++)
            channel_poke(s->threads[i]->channel);
        nanosleep(&rest, NULL);
    }
    for (size_t i = 0; i < s->threads_n; i++) {
        pthread_join(s->threads[i]->id, NULL);
        service_thread_free(s->threads[i]);
    }
    service_free(s);
}
