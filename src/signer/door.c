/* door: asks the signer process; see door.h.
 *
 * A question that finds no signer, or gets no answer in time, is ERR_UNAVAILABLE. One that a new
 * signer answers by CHANNEL_NO_KEYS is asked once more, behind the keys.
 */
#include "signer/door.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/log.h"
#include "codec/b64url.h"
#include "crypto/signer.h"
#include "signer/message.h"

enum {
    ASK_MS = 2000,   /* a signature of a busy machine */
    OPEN_MS = 5000,  /* RSA keys are checked */
    MAKE_MS = 20000, /* RSA keys are searched for */
    FRAME = 1024,    /* header and signature of the largest key */
    HEADER = 64,     /* of a request, of an item, of an answer */
    HASHES = HEADER + CHANNEL_BATCH * (SIGNER_MESSAGE_MAX + HEADER),
};
_Static_assert((int)HASHES <= (int)CHANNEL_ROOM, "a call takes that many hashes");

struct door_vault {
    struct vault vault; /* first */
    struct channel_region *region;
    pthread_mutex_t lock; /* of the rest, and of the first channel */
    atomic_uint known;    /* generation of the signer that has been given the rows; odd: none */
    uint8_t *rows;        /* the newest CHANNEL_OPEN that was answered by keys */
    size_t rows_n;
    bool taken[CHANNEL_MOST];
    uint8_t answer[CHANNEL_ROOM];
};

struct door {
    struct door_vault *v;
    size_t at;               /* which channel */
    uint8_t request[HASHES]; /* of hashes and sealing keys */
    uint8_t answer[CHANNEL_ROOM];
};

/* ---- calls ---- */

static const char away[] = "the signer process does not answer; it is started again when it has "
                           "ended, and the log says why";

/* One round: the request is copied into the channel. */
static enum err ask_once(struct door_vault *v, size_t at, const uint8_t *request, size_t n, int ms,
                         uint8_t *answer, struct message *out)
{
    struct channel *c = &v->region->channels[at];
    size_t answer_n;
    enum err e = channel_ready(v->region, c);
    if (e)
        return e;
    memcpy(c->request, request, n);
    e = channel_call(v->region, c, n, ms, answer, &answer_n);
    ct_wipe(c->request, n);
    if (e == OK) /* what the signer wrote last, until it is asked again */
        ct_wipe(c->answer, answer_n);
    *out = message_of(answer, answer_n);
    return e;
}

/* A signer that ended over the question is forgiven once: another may come in a moment, and asking
 * twice does no harm. */
static enum err ask(struct door_vault *v, size_t at, const uint8_t *request, size_t n, int ms,
                    uint8_t *answer, struct message *out)
{
    unsigned generation = atomic_load(&v->region->shared->generation);
    enum err e = ask_once(v, at, request, n, ms, answer, out);
    if (e == OK || generation == atomic_load(&v->region->shared->generation))
        return e;
    return ask_once(v, at, request, n, ms, answer, out);
}

/* Gives the signer of that generation the rows, if there are any. The lock is held. */
static enum err give_rows(struct door_vault *v, unsigned generation)
{
    struct message m;
    if (!v->rows)
        return ERR_UNAVAILABLE;
    enum err e = ask(v, 0, v->rows, v->rows_n, OPEN_MS, v->answer, &m);
    if (e == OK && (message_u8(&m) != CHANNEL_ANSWERED || message_u8(&m) != OK)) {
        log_note(LOG_ERROR, "signer", "a new signer cannot open the keys: %.*s",
                 STR_ARG(message_str(&m, CHANNEL_WHY)));
        e = ERR_UNAVAILABLE;
    }
    ct_wipe(v->answer, m.n); /* it has the shape key */
    if (e == OK)
        atomic_store(&v->known, generation);
    return e;
}

/* The signer of now has the keys. */
static enum err see_to_keys(struct door_vault *v, bool again)
{
    unsigned generation = atomic_load(&v->region->shared->generation);
    enum err e = OK;
    if (generation == atomic_load(&v->known) && !again)
        return OK;
    pthread_mutex_lock(&v->lock);
    generation = atomic_load(&v->region->shared->generation);
    if (generation != atomic_load(&v->known) || again)
        e = give_rows(v, generation);
    pthread_mutex_unlock(&v->lock);
    return e;
}

/* A question to a signer that has the keys; the message stands behind CHANNEL_ANSWERED. */
static enum err ask_with_keys(struct door *d, struct message *request, struct message *out)
{
    struct channel *c = &d->v->region->channels[d->at];
    enum err e = request->bad ? ERR_SERVER_ERROR : channel_ready(d->v->region, c);
    for (int i = 0; i < 2 && e == OK; i++) {
        uint8_t said;
        if ((e = see_to_keys(d->v, i > 0)) ||
            (e = ask(d->v, d->at, request->p, request->n, ASK_MS, d->answer, out)))
            break;
        if ((said = message_u8(out)) == CHANNEL_ANSWERED)
            return OK;
        e = said == CHANNEL_NO_KEYS && i == 0 ? OK : ERR_SERVER_ERROR;
    }
    return e;
}

/* ---- JWTs ---- */

/* Bytes of an item in a request, or of its JWT in an answer. */
static size_t room_of(const struct sign_item *item)
{
    return HEADER + B64URL_CHARS(item->claims.n + HEADER) + item->access.n + FRAME;
}

/* How many items one call takes: never none; a JWT whose at_hash is of the one before goes with
 * that. *room: bytes enough for the request, and for the answer. */
static size_t take(const struct sign_item *items, size_t n, size_t *room)
{
    size_t taken = 0;
    *room = HEADER;
    while (taken < n && taken < CHANNEL_BATCH) {
        size_t with_next = taken + 1 < n && items[taken + 1].at_hash && !items[taken + 1].access.p;
        size_t more = room_of(&items[taken]) + (with_next ? room_of(&items[taken + 1]) : 0);
        if (taken > 0 && (*room + more > CHANNEL_ROOM || taken + 1 + with_next > CHANNEL_BATCH))
            break;
        *room += more;
        taken += 1 + with_next;
    }
    if (*room > CHANNEL_ROOM)
        *room = CHANNEL_ROOM;
    return taken;
}

static void put_item(struct message *m, const struct sign_item *item)
{
    message_put_raw(m, item->kid.b, UID_BYTES);
    message_put_u8(m, (uint8_t)item->profile);
    message_put_u8(m, item->at_hash);
    message_put_u8(m, item->access.p != NULL);
    message_put_str(m, item->claims);
    message_put_str(m, item->access);
}

static enum err read_jwts(struct message *m, struct sign_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        uint8_t e = message_u8(m);
        str jwt = message_str(m, LIMIT_JWT);
        items[i].e = e < ERR_COUNT ? (enum err)e : ERR_SERVER_ERROR;
        if (e == OK)
            items[i].jwt = arena_dup(items[i].to, jwt);
    }
    return message_done(m) ? OK : ERR_SERVER_ERROR;
}

static void sign_some(struct door *d, struct sign_item *items, size_t n, size_t room)
{
    struct arena scratch;
    struct message m, answer;
    arena_init(&scratch, 2 * CHANNEL_ROOM);
    m = message_new(arena_alloc(&scratch, room), room);
    message_put_u8(&m, CHANNEL_SIGN);
    message_put_u32(&m, (uint32_t)n);
    for (size_t i = 0; i < n; i++)
        put_item(&m, &items[i]);
    enum err e = ask_with_keys(d, &m, &answer);
    if (e == OK) {
        e = read_jwts(&answer, items, n);
        ct_wipe(d->answer, answer.n); /* tokens shall not outlive their requests */
    }
    for (size_t i = 0; e && i < n; i++)
        items[i].e = e;
    arena_free(&scratch);
}

static void sign(void *door, struct sign_item *items, size_t n)
{
    for (size_t done = 0, some, room; done < n; done += some) {
        some = take(items + done, n - done, &room);
        sign_some(door, items + done, some, room);
    }
}

/* ---- hashes ---- */

static enum err read_err(struct message *m)
{
    uint8_t said = message_u8(m);
    return said < ERR_COUNT ? (enum err)said : ERR_SERVER_ERROR;
}

static enum err read_hashes(struct message *m, struct hash_item *items, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if ((items[i].e = read_err(m)) == OK)
            message_raw(m, items[i].hash.b, sizeof items[i].hash.b);
    return message_done(m) ? OK : ERR_SERVER_ERROR;
}

static void hmac_some(struct door *d, struct hash_item *items, size_t n)
{
    struct message m = message_new(d->request, sizeof d->request), answer;
    message_put_u8(&m, CHANNEL_HMAC);
    message_put_u32(&m, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        message_put_u8(&m, (uint8_t)items[i].key->use);
        message_put_raw(&m, items[i].key->id.b, UID_BYTES);
        message_put_str(&m, items[i].message);
    }
    enum err e = ask_with_keys(d, &m, &answer);
    ct_wipe(m.p, m.n);
    if (e == OK) {
        e = read_hashes(&answer, items, n);
        ct_wipe(d->answer, answer.n);
    }
    for (size_t i = 0; e && i < n; i++)
        items[i].e = e;
}

/* Longer messages would spoil the call for the others. */
static void hmac(void *door, struct hash_item *items, size_t n)
{
    for (size_t done = 0, some; done < n; done += some) {
        for (some = 0; done + some < n && some < CHANNEL_BATCH; some++)
            if (items[done + some].message.n > SIGNER_MESSAGE_MAX)
                break;
        if (some > 0)
            hmac_some(door, items + done, some);
        else
            items[done + some++].e = ERR_FORBIDDEN;
    }
}

static enum err subkey(void *door, const struct key *pepper, int64_t day, uint8_t out[32])
{
    struct door *d = door;
    struct message m = message_new(d->request, sizeof d->request), answer;
    message_put_u8(&m, CHANNEL_SUBKEY);
    message_put_raw(&m, pepper->id.b, UID_BYTES);
    message_put_i64(&m, day);
    enum err e = ask_with_keys(d, &m, &answer);
    if (e || (e = read_err(&answer)))
        return e;
    message_raw(&answer, out, 32);
    e = message_done(&answer) ? OK : ERR_SERVER_ERROR;
    ct_wipe(d->answer, answer.n);
    return e;
}

static void close_door(void *door)
{
    struct door *d = door;
    pthread_mutex_lock(&d->v->lock);
    d->v->taken[d->at] = false;
    pthread_mutex_unlock(&d->v->lock);
    ct_wipe(d->answer, sizeof d->answer);
    free(d);
}

static const struct signer_ops door_ops = {sign, hmac, subkey, close_door};

static struct signer *open_signer(struct vault *vault, struct keyring *ring)
{
    struct door_vault *v = (struct door_vault *)vault;
    struct door *d = calloc(1, sizeof *d);
    size_t at = 1;
    if (!d)
        fatal("no memory for a door");
    pthread_mutex_lock(&v->lock);
    size_t most = v->region->channels_n < CHANNEL_MOST ? v->region->channels_n : CHANNEL_MOST;
    while (at < most && v->taken[at])
        at++;
    bool room = at < most;
    if (room)
        v->taken[at] = true;
    pthread_mutex_unlock(&v->lock);
    if (!room) {
        free(d);
        return NULL;
    }
    d->v = v;
    d->at = at;
    return signer_open_door(ring, &door_ops, d);
}

/* ---- keys ---- */

static void put_kind(struct message *m, const struct key *key)
{
    message_put_u8(m, (uint8_t)key->use);
    message_put_u8(m, (uint8_t)key->alg);
    message_put_u8(m, (uint8_t)key->state);
}

static void put_rows(struct message *m, const struct sealed_key *rows, size_t n)
{
    message_put_u8(m, CHANNEL_OPEN);
    message_put_u32(m, (uint32_t)n);
    for (size_t i = 0; i < n; i++) {
        const struct key *key = &rows[i].key;
        message_put_raw(m, key->id.b, UID_BYTES);
        put_kind(m, key);
        message_put_i64(m, key->created_s);
        message_put_i64(m, key->activated_s);
        message_put_i64(m, key->retired_s);
        message_put_str(m, rows[i].sealed);
    }
}

/* What the signer shows of that key. */
static enum err take_key(struct message *m, const struct sealed_key *row, struct key *out)
{
    str shown = message_str(m, FRAME);
    *out = row->key;
    if (row->sealed.n < SEAL_OVERHEAD)
        return ERR_SERVER_ERROR;
    memcpy(out->sealed_under, row->sealed.p + 1, SEAL_FINGERPRINT_BYTES);
    if (row->key.use == KEY_SIGNING)
        return jwk_from_public_der(row->key.alg, shown, &out->pkey);
    if (row->key.use == KEY_SHAPE && shown.n != 16)
        return ERR_SERVER_ERROR;
    if (row->key.use == KEY_SHAPE)
        ct_secret_set(&out->secret, shown.p, shown.n);
    return OK;
}

static struct keyring *make_ring(struct message *m, const struct sealed_key *rows, size_t n)
{
    struct key *keys = calloc(n ? n : 1, sizeof *keys);
    size_t taken = 0;
    if (!keys)
        fatal("out of memory");
    while (taken < n && take_key(m, &rows[taken], &keys[taken]) == OK)
        taken++;
    struct keyring *ring = keyring_new(keys, taken);
    if (taken == n && message_done(m))
        return ring;
    keyring_unref(ring);
    return NULL;
}

/* The signer's answer to CHANNEL_OPEN. */
static enum err read_opened(struct message *m, const struct sealed_key *rows, size_t n,
                            struct keyring **out, char *why, size_t why_size)
{
    uint8_t said = message_u8(m), e = message_u8(m);
    if (said == CHANNEL_ANSWERED && e == OK && (*out = make_ring(m, rows, n)) != NULL)
        return OK;
    str because = said == CHANNEL_ANSWERED && e != OK ? message_str(m, CHANNEL_WHY)
                                                      : STR("the signer did not understand it");
    snprintf(why, why_size, "%.*s", STR_ARG(because));
    return said == CHANNEL_ANSWERED && e != OK && e < ERR_COUNT ? (enum err)e : ERR_SERVER_ERROR;
}

static void keep_rows(struct door_vault *v, const struct message *m)
{
    free(v->rows);
    v->rows = malloc(m->n);
    if (!v->rows)
        fatal("out of memory");
    memcpy(v->rows, m->p, m->n);
    v->rows_n = m->n;
}

static enum err open_locked(struct door_vault *v, struct message *m, const struct sealed_key *rows,
                            size_t n, struct keyring **out, char *why, size_t why_size)
{
    struct message answer;
    enum err e = channel_ready(v->region, &v->region->channels[0]);
    unsigned generation = atomic_load(&v->region->shared->generation);
    e = e ? e : ask(v, 0, m->p, m->n, OPEN_MS, v->answer, &answer);
    if (e) {
        snprintf(why, why_size, "%s", away);
        return e;
    }
    e = read_opened(&answer, rows, n, out, why, why_size);
    ct_wipe(v->answer, answer.n);
    if (e == OK) {
        keep_rows(v, m);
        atomic_store(&v->known, generation);
    }
    return e;
}

static enum err open_rows(struct vault *vault, const struct sealed_key *rows, size_t n,
                          struct keyring **out, char *why, size_t why_size)
{
    struct door_vault *v = (struct door_vault *)vault;
    struct arena scratch;
    enum err e = ERR_SERVER_ERROR;
    arena_init(&scratch, 2 * CHANNEL_ROOM);
    struct message m = message_new(arena_alloc(&scratch, CHANNEL_ROOM), CHANNEL_ROOM);
    *out = NULL;
    put_rows(&m, rows, n);
    if (m.bad || n > CHANNEL_ROWS) {
        snprintf(why, why_size,
                 "the store has %zu keys, more than the signer takes (%d): drop retired ones "
                 "(postern key drop)",
                 n, CHANNEL_ROWS);
    } else {
        pthread_mutex_lock(&v->lock);
        e = open_locked(v, &m, rows, n, out, why, why_size);
        pthread_mutex_unlock(&v->lock);
    }
    arena_free(&scratch);
    return e;
}

static enum err make_key(struct vault *vault, struct arena *a, const struct key *key,
                         const struct key *like, str *sealed, char *why, size_t why_size)
{
    static const uint8_t nobody[SEAL_FINGERPRINT_BYTES];
    struct door_vault *v = (struct door_vault *)vault;
    uint8_t storage[2 * HEADER];
    struct message m = message_new(storage, sizeof storage), answer;
    message_put_u8(&m, CHANNEL_MAKE);
    message_put_raw(&m, key->id.b, UID_BYTES);
    put_kind(&m, key);
    message_put_u8(&m, like != NULL);
    message_put_raw(&m, like ? like->sealed_under : nobody, SEAL_FINGERPRINT_BYTES);
    pthread_mutex_lock(&v->lock);
    enum err e = ask(v, 0, m.p, m.n, MAKE_MS, v->answer, &answer);
    if (e) {
        snprintf(why, why_size, "%s", away);
    } else {
        uint8_t said = message_u8(&answer), made = message_u8(&answer);
        str text = message_str(&answer, CHANNEL_ROOM);
        e = said != CHANNEL_ANSWERED || made >= ERR_COUNT ? ERR_SERVER_ERROR : (enum err)made;
        if (e)
            snprintf(why, why_size, "%.*s", STR_ARG(text));
        else
            *sealed = arena_dup(a, text);
    }
    pthread_mutex_unlock(&v->lock);
    return e;
}

static void close_vault(struct vault *vault)
{
    struct door_vault *v = (struct door_vault *)vault;
    pthread_mutex_destroy(&v->lock);
    free(v->rows);
    free(v);
}

static const struct vault_ops vault_ops = {open_rows, make_key, open_signer, close_vault};

struct vault *door_open(struct channel_region *r)
{
    struct door_vault *v = calloc(1, sizeof *v);
    if (!v)
        fatal("no memory for a vault");
    v->vault.ops = &vault_ops;
    v->region = r;
    pthread_mutex_init(&v->lock, NULL);
    atomic_store(&v->known, 1);
    return &v->vault;
}
