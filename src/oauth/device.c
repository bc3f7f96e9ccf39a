/* device: begin, look up, ask, approve (RFC 8628).
 *
 * User codes are 8 letters of an alphabet of 20 without vowels and digits, so they spell nothing
 * and nothing in them looks alike (6.1): 34 bits, for ten minutes, and a source has ATTEMPTS_MAX
 * look-ups in WINDOW_S, right ones too, or a code of one's own would clear the count.
 *
 * A device is asked about every time, whatever was allowed before: whoever types the code may have
 * got it from a stranger (5.4).
 *
 * What a device gets does not end with the session of the browser at which it was allowed: signing
 * out here is not signing out there. Taking the consent back, or a new password, ends it.
 */
#include "oauth/device.h"

#include "base/rand.h"
#include "oauth/check/check.h"
#include "oauth/record.h"
#include "oauth/sealed.h"
#include "oauth/source.h"
#include "store/consent.h"
#include "store/throttle.h"
#include "store/user_grant.h"

#define PURPOSE      STR("device")
#define LETTERS      8
#define ATTEMPTS_MAX 50
#define WINDOW_S     900
/* Where sources cannot be told apart: all of them together. */
#define SHARED_ATTEMPTS_MAX 1000
#define TYPED_MAX           64

static const char alphabet[] = "BCDFGHJKLMNPQRSTVWXZ";
#define ALPHABET_N (sizeof alphabet - 1)

/* ---- the device ---- */

static void draw_user_code(char code[LETTERS])
{
    uint8_t byte;

    for (size_t i = 0; i < LETTERS;) {
        rand_bytes(&byte, 1);
        if (byte < 256 / ALPHABET_N * ALPHABET_N) /* or some letters would be likelier */
            code[i++] = alphabet[byte % ALPHABET_N];
    }
}

static str code_as_shown(struct rq *rq, const char code[LETTERS])
{
    return arena_printf(rq->arena, "%.4s-%.4s", code, code + 4);
}

static void tell(struct rq *rq, const struct device_code *row, const struct handle *h,
                 const char code[LETTERS], struct device_begun *out)
{
    str issuer = setting_text(rq->server->settings, issuer);
    struct buf text;

    if (str_ends(issuer, STR("/")))
        issuer.n--;
    buf_init(&text, rq->arena, HANDLE_CHARS, HANDLE_CHARS);
    handle_write(&text, h, SHAPE_HANDLE, NULL);
    *out = (struct device_begun){
        .device_code = buf_str(&text),
        .user_code = code_as_shown(rq, code),
        .verification_uri = arena_printf(rq->arena, "%.*s/device", STR_ARG(issuer)),
        .expires_in_s = row->exp_s - rq->now_s,
        .interval_s = row->interval_s,
    };
    out->verification_uri_complete = arena_printf(
        rq->arena, "%.*s?user_code=%.*s", STR_ARG(out->verification_uri), STR_ARG(out->user_code));
}

enum err device_begin(struct rq *rq, const struct authorize_request *ar, struct device_begun *out)
{
    const struct key *pepper = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    struct device_code row = {
        .id = id_next(&rq->server->ids, rq->now_s),
        .client = ar->client->client.id,
        .dialect = ar->dialect,
        .spelling = ar->spelling,
        .scope = ar->granted,
        .resources = ar->resources,
        .interval_s = setting_int(rq->server->settings, device_interval_s),
        .exp_s = rq->now_s + setting_int(rq->server->settings, device_ttl_s),
    };
    struct handle h;
    char code[LETTERS];
    enum err e;

    draw_user_code(code);
    e = device_code_hash(rq->t->signer, pepper, str_make(code, LETTERS), &row.user_code);
    if (e != OK)
        return e;
    handle_new(HANDLE_DEVICE, SHAPE_HANDLE, NULL, &row.id, &h);
    handle_digest(rq->t->hasher, &h, &row.hash);
    device_code_put(&rq->fx, &row);
    rq->stranger = true;
    tell(rq, &row, &h, code, out);
    return OK;
}

/* ---- the person ---- */

/* What was typed as it was drawn. False: that is no user code. */
static bool canonical(str typed, char code[LETTERS])
{
    size_t n = 0;

    for (size_t i = 0; i < typed.n && typed.n <= TYPED_MAX; i++) {
        char c = typed.p[i];
        if (c == ' ' || c == '-' || c == '\t')
            continue;
        c = c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
        if (n == LETTERS || c == '\0' || strchr(alphabet, c) == NULL)
            return false;
        code[n++] = c;
    }
    return n == LETTERS;
}

/* ERR_TOO_MANY_REQUESTS when there were `most` attempts already. */
static enum err check_attempts(struct rq *rq, str key, int64_t most)
{
    int64_t attempts, end_s;
    enum err e = throttle_load(rq->t->db, key, rq->now_s, &attempts, &end_s);

    if (e != OK || attempts < most)
        return e;
    rq->failure.retry_s = (int)(end_s - rq->now_s);
    return fail(rq, ERR_TOO_MANY_REQUESTS, "Too many codes were tried. Try again later.");
}

/* Durably, before the code is judged; what is refused anyway is refused without a write. */
static enum err count_attempt(struct rq *rq)
{
    str source = source_of(rq);
    int64_t most = source.p != NULL ? ATTEMPTS_MAX : SHARED_ATTEMPTS_MAX;
    str key = arena_printf(rq->arena, "user_code:%.*s", STR_ARG(source));
    enum err e;

    if (rq->slow.counted)
        return OK;
    if ((e = check_attempts(rq, key, most)) != OK)
        return e;
    if (rq->t->kind != THREAD_POOL)
        return ERR_SLOW;
    throttle_count(&rq->fx, key, rq->now_s, WINDOW_S);
    if ((e = rq_commit(rq)) != OK)
        return e;
    rq->slow.counted = true;
    return check_attempts(rq, key, most + 1);
}

/* Under whichever pepper it was hashed. */
static enum err find(struct rq *rq, str code, struct device_code *out)
{
    const struct keyring *ring = signer_ring(rq->t->signer);
    struct digest hash;
    enum err e = ERR_ABSENT;

    for (size_t i = 0; i < ring->n && e == ERR_ABSENT; i++) {
        if (ring->keys[i].use != KEY_PEPPER)
            continue;
        if ((e = device_code_hash(rq->t->signer, &ring->keys[i], code, &hash)) == OK)
            e = device_code_find(rq->t->db, rq->arena, &hash, out);
    }
    return e;
}

/* Who of this browser may answer: the one in use, or whoever is of the client's organization. */
static struct signed_in *find_who(struct browser *b, const struct cached_client *client)
{
    for (size_t i = 0; i < b->n; i++)
        if (id_eq(&b->in[i].user.organization, &client->client.organization))
            return &b->in[i];
    return NULL;
}

/* Still waiting, for a client that still may? */
static enum err look(struct rq *rq, struct browser *b, struct device_asking *out)
{
    enum err e;

    if (out->row.state != DEVICE_WAITING || out->row.exp_s <= rq->now_s)
        return ERR_ABSENT;
    e = client_cache_get(rq->t->clients, rq->t->db, &out->row.client, rq->now_s, &out->client);
    if (e != OK)
        return e;
    rq->client_id = out->row.client; /* for the log; it has proven nothing here */
    rq->has_client = true;
    if (!out->client->client.enabled || !(out->client->client.grants & GRANT_DEVICE_CODE))
        return ERR_ABSENT;
    out->who = find_who(b, out->client);
    return OK;
}

enum err device_lookup(struct rq *rq, struct browser *b, str typed, struct device_asking *out)
{
    char code[LETTERS];
    enum err e;

    *out = (struct device_asking){0};
    if (!canonical(typed, code))
        return ERR_ABSENT;
    if ((e = count_attempt(rq)) != OK)
        return e;
    if ((e = find(rq, str_make(code, LETTERS), &out->row)) != OK)
        return e;
    out->user_code = code_as_shown(rq, code);
    return look(rq, b, out);
}

/* ---- the question ---- */

/* binding ‖ device ‖ who, in hex, ‖ the code, of which the store has only a hash; nobody is all
 * zeros */
static str plain_of(struct rq *rq, const struct browser *b, const struct device_asking *d)
{
    static const struct uid nobody;
    struct buf plain;

    buf_init(&plain, rq->arena, 128, 128);
    buf_hex(&plain, b->binding, sizeof b->binding);
    id_write(&plain, &d->row.id);
    buf_hex(&plain, d->who != NULL ? d->who->user.id.b : nobody.b, UID_BYTES);
    buf_put(&plain, d->user_code);
    return buf_str(&plain);
}

#define BINDING_HEX ((size_t)2 * sizeof(((struct browser *)0)->binding))
#define WHO_AT      (BINDING_HEX + ID_HEX)
#define CODE_AT     (WHO_AT + (size_t)2 * UID_BYTES)

str device_seal(struct rq *rq, struct browser *b, const struct device_asking *d)
{
    browser_binding(b);
    return sealed_put(rq, PURPOSE, plain_of(rq, b, d));
}

static enum err not_ours(struct rq *rq)
{
    return fail(rq, ERR_FORBIDDEN,
                "This page does not belong to this browser, or it was changed. Type the code "
                "again.");
}

enum err device_open(struct rq *rq, struct browser *b, str sealed, struct device_asking *out,
                     bool *shown)
{
    struct id id;
    str plain, own;
    enum err e;

    *out = (struct device_asking){0};
    if (!b->has_binding || !sealed_open(rq, PURPOSE, sealed, &plain) ||
        plain.n != CODE_AT + DEVICE_USER_CODE_CHARS ||
        !id_parse(str_sub(plain, BINDING_HEX, WHO_AT), &id))
        return not_ours(rq);
    own = plain_of(rq, b, out);
    if (!ct_eq(plain.p, own.p, BINDING_HEX))
        return not_ours(rq);
    if ((e = device_code_load(rq->t->db, rq->arena, &id, &out->row)) != OK)
        return e;
    out->user_code = str_sub(plain, CODE_AT, plain.n);
    if ((e = look(rq, b, out)) != OK)
        return e;
    own = plain_of(rq, b, out);
    *shown =
        out->who != NULL && str_eq(str_sub(plain, WHO_AT, CODE_AT), str_sub(own, WHO_AT, CODE_AT));
    return OK;
}

/* ---- the answer ---- */

static enum err remember(struct rq *rq, const struct device_asking *d)
{
    struct consent c = {.user = d->who->user.id, .client = d->row.client, .created_s = rq->now_s};
    enum err e = consent_load(rq->t->db, rq->arena, &d->who->user.id, &d->row.client, &c);

    if (e != OK && e != ERR_ABSENT)
        return e;
    if (e == OK) /* else what is taken back at this moment comes back with the new */
        consent_hold(&rq->fx, &c);
    c.scopes = scope_join(rq->arena, c.scopes, d->row.scope);
    c.updated_s = rq->now_s;
    consent_put(&rq->fx, &c);
    return OK;
}

enum err device_approve(struct rq *rq, const struct device_asking *d)
{
    const struct session *s = &d->who->session;
    struct user_grant g = {
        .id = id_next(&rq->server->ids, rq->now_s),
        .client = d->row.client,
        .user = d->who->user.id,
        .dialect = d->row.dialect,
        .spelling = d->row.spelling,
        .scope = d->row.scope,
        .resources = d->row.resources,
        .auth_s = s->auth_s,
        .amr = s->amr,
        .acr = s->acr,
        .offline = scope_has(d->row.scope, STR("offline_access")),
        .epoch = d->client->epoch + d->who->user.epoch,
        .created_s = rq->now_s,
        /* whenever the device comes for it, its tokens end before this */
        .exp_s = d->row.exp_s + d->client->client.family_ttl_s,
    };
    enum err e;

    browser_hold(rq, d->who);
    if ((e = remember(rq, d)) != OK)
        return e;
    user_grant_put(&rq->fx, &g);
    record_done(rq, AUDIT_DEVICE_APPROVED, &(struct record){.user = &g.user, .client = &g.client});
    device_code_approve(&rq->fx, &d->row.id, &g.id);
    return OK;
}

void device_deny(struct rq *rq, const struct device_asking *d)
{
    record_done(rq, AUDIT_DEVICE_DENIED,
                &(struct record){.user = d->who != NULL ? &d->who->user.id : NULL,
                                 .client = &d->row.client});
    device_code_deny(&rq->fx, &d->row.id);
}
