/* sign_in: does this person know the password? (NIST SP 800-63B-4 3.2.2, security.md 61, 66-68)
 *
 * Throttling. Attempts are counted under the SHA-256 of the login in canonical spelling, whether
 * there is such an account or not. After FREE failures each further one must wait, twice as long
 * each time, up to a quarter of an hour; after ATTEMPTS_MAX within the window, until its end. An
 * account has two names at most, and they are counted apart, or a stranger would learn which two
 * belong together: together they make NIST's 100. A success ends the count.
 * That alone would let a stranger lock the owner out, so a source (an address, of IPv6 the /64)
 * from which the account has been signed in before has a counter of its own with the same rule, and
 * neither the account's nor the source's counter concerns it: the owner at home or at work is not
 * kept waiting by guesses from elsewhere. All other sources share the account's counter, and each
 * of them may fail SOURCE_MAX times a quarter of an hour over all accounts. Requests through a unix
 * socket have no source that could be told from others.
 * An attempt that must wait is refused before it is counted or reaches the pool, so waiting never
 * becomes longer by knocking, and refusing costs a few reads.
 *
 * Judging. The count is durable before the hash begins. The hash that is judged is the row's,
 * whoever the user is (disabled, of another organization), or argon2id for nothing, so time tells
 * no more than how the account's own hash is made; whether he may sign in is asked afterwards. Our
 * own hashes are of HMAC(pepper, user, NFKC password): a stolen database without the master key is
 * of no use to a guesser, and a hash of one row nothing in another. Imported hashes get the bytes
 * as they were typed, and are replaced at the first sign-in, as those of an old pepper are. Left
 * out on purpose: telling anybody that an account is locked; the administrator's remedy is `postern
 * user password`.
 */
#include "oauth/sign_in.h"

#include "codec/unicode.h"
#include "crypto/password.h"
#include "oauth/password_rules.h"
#include "oauth/source.h"
#include "store/secret_hash.h"
#include "store/session.h"
#include "store/throttle.h"
#include "store/user_grant.h"

#define PURPOSE         STR("user_password")
#define FREE            5
#define WAIT_MAX_S      900
#define ATTEMPTS_MAX    50
#define WINDOW_S        43200
#define SOURCE_MAX      100
#define SOURCE_WINDOW_S 900
#define KNOWN_S         (90 * 86400)
#define RULES_RETRY_S   60

/* What an attempt may be counted under, and what says that its source is known. */
enum counter { LOGIN, LOGIN_HERE, SOURCE, KNOWN, COUNTERS };
_Static_assert((int)COUNTERS <= (int)THROTTLE_KEYS, "one query asks for all");

struct counters {
    str key[COUNTERS]; /* SOURCE: p == NULL where it is not counted */
    struct throttle now[COUNTERS];
    bool is_known;
    enum counter account; /* LOGIN, or LOGIN_HERE where the source is known */
};

enum err sign_in_hash(struct signer *s, struct arena *a, const struct uid *user, str normalized,
                      str *encoded, struct uid *pepper)
{
    const struct key *key = keyring_active(signer_ring(s), KEY_PEPPER, 0);
    struct digest d;
    enum err e;

    if (key == NULL)
        return ERR_SERVER_ERROR;
    if ((e = secret_hash(s, key, PURPOSE, user, normalized, &d)) != OK)
        return e;
    *pepper = key->id;
    e = password_hash(a, str_make((const char *)d.b, sizeof d.b), encoded);
    ct_wipe(&d, sizeof d);
    return e;
}

/* ---- throttling ---- */

/* prefix ‖ hex of SHA-256(login ‖ 0 ‖ source): neither name nor address lies in the table. */
static str make_key(struct hasher *h, struct arena *a, str prefix, str login, str source)
{
    const str pieces[] = {login, STR("\0"), source};
    struct digest d;
    struct buf b;

    hash_sha256(h, pieces, source.p ? 3 : 1, &d);
    buf_init(&b, a, 96, 96);
    buf_put(&b, prefix);
    buf_hex(&b, d.b, sizeof d.b);
    return buf_str(&b);
}

static str key_of(struct rq *rq, str prefix, str login, str source)
{
    return make_key(rq->t->hasher, rq->arena, prefix, login, source);
}

void sign_in_forgive(struct effects *fx, struct hasher *h, str canonical)
{
    throttle_clear(fx, make_key(h, fx->arena, STR("login:"), canonical, (str){0}));
}

static enum err find_counters(struct rq *rq, str login, struct counters *out)
{
    str source = source_of(rq), place = source.p ? source : STR("-");
    enum err e;

    *out = (struct counters){.key = {
                                 [LOGIN] = key_of(rq, STR("login:"), login, (str){0}),
                                 [LOGIN_HERE] = key_of(rq, STR("login:"), login, place),
                                 [KNOWN] = key_of(rq, STR("known:"), login, place),
                             }};
    if (source.p)
        out->key[SOURCE] = arena_printf(rq->arena, "source:%.*s", STR_ARG(source));
    if ((e = throttle_look(rq->t->db, out->key, COUNTERS, rq->now_s, out->now)) != OK)
        return e;
    out->is_known = out->now[KNOWN].attempts > 0;
    out->account = out->is_known ? LOGIN_HERE : LOGIN;
    if (out->is_known)
        out->key[SOURCE] = (str){0};
    return OK;
}

/* Until when nobody may try, after so many failures; 0: now. */
static int64_t waits_until(const struct throttle *t)
{
    int64_t wait_s = 1;

    if (t->attempts < FREE)
        return 0;
    if (t->attempts >= ATTEMPTS_MAX)
        return t->window_end_s;
    for (int64_t i = FREE; i < t->attempts && wait_s < WAIT_MAX_S; i++)
        wait_s *= 2;
    return t->last_s + (wait_s < WAIT_MAX_S ? wait_s : WAIT_MAX_S);
}

/* ERR_TOO_MANY_REQUESTS while this attempt must wait. */
static enum err check_wait(struct rq *rq, const struct counters *c)
{
    const struct throttle *source = &c->now[SOURCE];
    int64_t until_s = waits_until(&c->now[c->account]);

    if (c->key[SOURCE].p && source->attempts >= SOURCE_MAX && source->window_end_s > until_s)
        until_s = source->window_end_s;
    if (until_s <= rq->now_s)
        return OK;
    rq->failure.retry_s = (int)(until_s - rq->now_s);
    return fail(rq, ERR_TOO_MANY_REQUESTS, "Too many attempts to sign in.");
}

/* Counted durably before it is judged: 200 parallel guesses count as 200. */
static enum err count_attempt(struct rq *rq, const struct counters *c)
{
    enum err e;

    if (rq->slow.password_counted)
        return OK;
    if ((e = check_wait(rq, c)) != OK)
        return e;
    if (rq->t->kind != THREAD_POOL)
        return ERR_SLOW;
    throttle_count(&rq->fx, c->key[c->account], rq->now_s, WINDOW_S);
    if (c->key[SOURCE].p)
        throttle_count(&rq->fx, c->key[SOURCE], rq->now_s, SOURCE_WINDOW_S);
    if ((e = rq_commit(rq)) != OK)
        return e;
    rq->slow.password_counted = true;
    return OK;
}

/* The attempt was none. The account's shared counter ends too: NIST counts consecutive failures. */
static void forget_attempts(struct rq *rq, const struct counters *c)
{
    throttle_clear(&rq->fx, c->key[c->account]);
    if (c->is_known)
        throttle_clear(&rq->fx, c->key[LOGIN]);
    else
        throttle_count(&rq->fx, c->key[KNOWN], rq->now_s, KNOWN_S);
    if (c->key[SOURCE].p)
        throttle_forgive(&rq->fx, c->key[SOURCE]);
}

/* ---- judging ---- */

/* Whose password is asked for; NULL: nobody's. */
static enum err find_user(struct rq *rq, str canonical, struct user *u, const struct user **found)
{
    enum err e = canonical.p ? user_find(rq->t->db, rq->arena, canonical, u) : ERR_ABSENT;

    *found = e == OK && u->password.n > 0 ? u : NULL;
    return e == ERR_ABSENT ? OK : e;
}

/* A password of ours: keyed first. */
static enum err judge_ours(struct rq *rq, const struct user *u, str password)
{
    const struct key *key = keyring_find(signer_ring(rq->t->signer), KEY_PEPPER, &u->pepper);
    struct digest d;
    str normalized;
    enum err e;

    if (key == NULL || !password_rules_normalize(rq->arena, password, &normalized))
        return ERR_SERVER_ERROR;
    if ((e = secret_hash(rq->t->signer, key, PURPOSE, &u->id, normalized, &d)) != OK)
        return e;
    e = password_verify(rq->arena, u->password, str_make((const char *)d.b, sizeof d.b));
    ct_wipe(&d, sizeof d);
    return e;
}

/* OK or ERR_WRONG_PASSWORD, for the price of one hash; ERR_UNAVAILABLE: the keys are away. */
static enum err judge_now(struct rq *rq, const struct user *u, str password)
{
    enum err e = ERR_SERVER_ERROR; /* nothing has been computed */

    if (u != NULL && password.n <= PASSWORD_BYTES_MAX)
        e = u->has_pepper ? judge_ours(rq, u, password)
                          : password_verify(rq->arena, u->password, password);
    if (e == ERR_SERVER_ERROR)
        password_dummy(str_sub(password, 0, PASSWORD_BYTES_MAX));
    return e == OK || e == ERR_UNAVAILABLE ? e : ERR_WRONG_PASSWORD;
}

/* The same, from an earlier run if the stored hash is still that one. */
static enum err judge(struct rq *rq, const struct user *u, str password)
{
    struct slow_results *done = &rq->slow;
    str encoded = u ? u->password : (str){0};

    if (done->password_judged && done->password_of.n == encoded.n &&
        ct_eq(done->password_of.p, encoded.p, encoded.n))
        return done->password_verdict;
    if (rq->t->kind != THREAD_POOL)
        return ERR_SLOW;
    if ((done->password_verdict = judge_now(rq, u, password)) == ERR_UNAVAILABLE)
        return ERR_UNAVAILABLE; /* not judged */
    done->password_of = encoded;
    done->password_hash = (str){0};
    done->password_judged = true;
    return done->password_verdict;
}

/* The new hash of this request, computed once. */
static enum err hash_once(struct rq *rq, const struct uid *user, str normalized)
{
    struct slow_results *done = &rq->slow;

    if (done->password_hash.n > 0)
        return OK;
    if (rq->t->kind != THREAD_POOL)
        return ERR_SLOW;
    return sign_in_hash(rq->t->signer, rq->arena, user, normalized, &done->password_hash,
                        &done->password_pepper);
}

/* An imported hash, or one of old parameters or an old pepper, gives way to one of ours. */
static enum err renew(struct rq *rq, const struct user *u, str password)
{
    const struct key *active = keyring_active(signer_ring(rq->t->signer), KEY_PEPPER, 0);
    str normalized;
    enum err e;

    if (active == NULL ||
        (u->has_pepper && uid_eq(&u->pepper, &active->id) && password_is_ours(u->password)))
        return OK;
    if (!password_rules_normalize(rq->arena, password, &normalized))
        return OK; /* no form of ours could take it: the imported hash stays */
    if ((e = hash_once(rq, &u->id, normalized)) != OK)
        return e;
    user_rehash(&rq->fx, &u->id, u->password, rq->slow.password_hash, &rq->slow.password_pepper);
    return OK;
}

/* Everything but what a success brings with it; *c is filled for that. */
static enum err prove(struct rq *rq, str login, str password, const struct id *organization,
                      struct counters *c, struct user *out)
{
    const struct user *u;
    enum err e;
    str name = {0};

    if (!unicode_login(rq->arena, login, &name))
        name = (str){0}; /* no account has it; counted as it is */
    if ((e = find_counters(rq, name.p ? name : login, c)) != OK)
        return e;
    if ((e = count_attempt(rq, c)) == ERR_TOO_MANY_REQUESTS) {
        enum err lost = find_user(rq, name, out, &u); /* not judged */
        return lost != OK ? lost : e;
    }
    if (e != OK || (e = find_user(rq, name, out, &u)) != OK || (e = judge(rq, u, password)) != OK)
        return e;
    if (!u->enabled || (organization && !id_eq(organization, &u->organization)))
        return ERR_WRONG_PASSWORD;
    return OK;
}

enum err sign_in_password(struct rq *rq, str login, str password, const struct id *organization,
                          struct user *out)
{
    struct counters c;
    enum err e = prove(rq, login, password, organization, &c, out);

    if (e != OK)
        return e;
    user_hold_password(&rq->fx, &out->id, out->password);
    forget_attempts(rq, &c);
    return renew(rq, out, password);
}

/* ---- a new password ---- */

static enum err check_fresh(struct rq *rq, const struct user *u, str fresh)
{
    const struct settings *s = rq->server->settings;
    const str context[] = {u->username, u->email, setting_text(s, issuer),
                           setting_text(s, ui_name)};
    const char *reason;

    if (rq->server->passwords == NULL) {
        rq->failure.retry_s = RULES_RETRY_S;
        return fail(rq, ERR_UNAVAILABLE,
                    "There is no list of common passwords, so no new password "
                    "can be judged.");
    }
    enum err e = password_rules_check(rq->server->passwords, rq->arena, fresh, context,
                                      sizeof context / sizeof *context, &reason);
    return e == OK ? OK : fail(rq, e, reason);
}

enum err sign_in_change_password(struct rq *rq, const struct user *u, str present, str fresh,
                                 const struct id *keep)
{
    struct counters c;
    struct user now;
    str normalized;
    enum err e;

    if ((e = check_fresh(rq, u, fresh)) != OK ||
        (e = prove(rq, u->username, present, &u->organization, &c, &now)) != OK)
        return e;
    if (!uid_eq(&now.id, &u->id) || !password_rules_normalize(rq->arena, fresh, &normalized))
        return ERR_WRONG_PASSWORD;
    if ((e = hash_once(rq, &u->id, normalized)) != OK)
        return e;
    user_set_password(&rq->fx, &u->id, now.password, rq->slow.password_hash,
                      &rq->slow.password_pepper, rq->now_s);
    forget_attempts(rq, &c); /* behind the user, as at a sign-in: locks have an order */
    session_end_all(&rq->fx, &u->id, keep, true, rq->now_s);
    user_grant_revoke_user(&rq->fx, &u->id, NULL, true, rq->now_s); /* under that session, too */
    return OK;
}
