/* penalty: debts of sources, in failures, that shrink with time.
 *
 * A source is an IPv4 address or the /64 of an IPv6 one, which is what one customer has. Each
 * failure adds 1 to its debt, and the debt shrinks by `threshold` in each window. Beyond the
 * threshold its requests are refused; beyond three times that its connections are closed at once.
 * The debt stops at ten times. Being refused costs too, but only in the first window of a penalty
 * and up to those three times: a crowd behind one address asks as often as before while one of it
 * is the reason, and would never be let in again if its own questions kept the debt up. So who
 * stops failing is let in after ten windows at most, however much he asks.
 *
 * A success takes half a failure away, down to a credit of one threshold, so a crowd behind one
 * address whose members mostly succeed may fail more often; it cannot pay for guessing at more than
 * every third request.
 *
 * Whoever has a whole /48 has 65,536 such sources. Its failures are counted as one source, too,
 * each as 1/NETWORK, so they are bounded by what NETWORK sources may do; a /64 that is refused
 * already adds nothing, so it cannot shut its neighbours out alone. IPv4 clients that a translator
 * passes on (64:ff9b::/96, RFC 6052) are sources by their IPv4 address, not one crowd.
 *
 * The table has LIMIT_SOURCES places in buckets of 8, chosen by a hash with a random key. A
 * newcomer takes the place of the smallest debt that no open connection belongs to, and takes over
 * up to half a threshold of that debt: so whoever wants to get rid of his own must bring eight
 * sources into his bucket that owe more than he does, none of which he can choose, and being
 * forgotten never makes one cheaper than half. Sources that merely connect only take places without
 * debt.
 *
 * The buckets share locks. As long as nobody is beyond the threshold, `alarm_ms` has passed and the
 * question for each request needs no lock.
 */
#include "net/penalty.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/limits.h"
#include "base/rand.h"

enum {
    WAYS = 8,
    BUCKETS = LIMIT_SOURCES / WAYS,
    LOCKS = 64,
    GOES_ON = 3, /* times the threshold */
    CAP = 10,
    NETWORK = 64, /* sources of one /48 that may fail as much as they can */
};

static const double refusal_costs = 0.25, success_pays = 0.5;

struct entry {
    struct address key;
    int64_t at_ms; /* when debt was as written; 0: the place is free */
    double debt;
    int64_t over_ms; /* when the debt last passed the threshold */
    int64_t told_ms; /* when that was told last; 0: never */
    int connections;
};

struct penalties {
    struct penalty_options o;
    uint64_t seed[2];
    atomic_llong alarm_ms; /* until then somebody may be beyond the threshold */
    atomic_long requests, connections, crowds;
    pthread_mutex_t locks[LOCKS];
    struct entry entries[BUCKETS][WAYS];
};

struct penalties *penalty_open(const struct penalty_options *options)
{
    struct penalties *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->o = *options;
    rand_bytes(p->seed, sizeof p->seed);
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_init(&p->locks[i], NULL);
    return p;
}

void penalty_close(struct penalties *p)
{
    if (!p)
        return;
    for (int i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&p->locks[i]);
    free(p);
}

/* ---- places ---- */

static bool is_translated(const struct address *a)
{
    static const uint8_t prefix[12] = {0, 0x64, 0xff, 0x9b};
    return memcmp(a->b, prefix, sizeof prefix) == 0;
}

static struct address key_of(const struct address *a)
{
    return address_is_ipv4(a) || is_translated(a) ? *a : address_prefix(a, 64);
}

/* The key of its /48, which no /64 has; false: it is in none. */
static bool network_of(const struct address *a, struct address *key)
{
    *key = address_prefix(a, 48);
    key->b[15] = 1;
    return !address_is_ipv4(a) && !is_translated(a);
}

static uint64_t mix(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    h ^= h >> 32;
    h *= UINT64_C(0xd6e8feb86659fd93);
    return h ^ h >> 32;
}

static size_t bucket_of(const struct penalties *p, const struct address *key)
{
    uint64_t word[2];
    memcpy(word, key->b, sizeof word);
    return (size_t)(mix(mix(word[0] ^ p->seed[0]) ^ word[1] ^ p->seed[1]) % BUCKETS);
}

static pthread_mutex_t *lock_of(struct penalties *p, size_t bucket)
{
    return &p->locks[bucket % LOCKS];
}

/* What is left of a debt, or of a credit, at now_ms. */
static double debt_now(const struct penalties *p, const struct entry *e, int64_t now_ms)
{
    double paid = (double)(now_ms - e->at_ms) * p->o.threshold / (p->o.window_s * 1000.0);
    if (e->debt > 0)
        return e->debt > paid ? e->debt - paid : 0;
    return -e->debt > paid ? e->debt + paid : 0;
}

static struct entry *find(struct penalties *p, size_t bucket, const struct address *key)
{
    for (int i = 0; i < WAYS; i++) {
        struct entry *e = &p->entries[bucket][i];
        if (e->at_ms != 0 && address_eq(&e->key, key))
            return e;
    }
    return NULL;
}

/* The place that a newcomer may have: a free one, else the smallest debt of those without
 * connections; NULL: none. */
static struct entry *cheapest(struct penalties *p, size_t bucket, int64_t now_ms)
{
    struct entry *best = NULL;
    for (int i = 0; i < WAYS; i++) {
        struct entry *e = &p->entries[bucket][i];
        if (e->at_ms == 0)
            return e;
        if (e->connections == 0 && (!best || debt_now(p, e, now_ms) < debt_now(p, best, now_ms)))
            best = e;
    }
    return best;
}

/* The source's place, a new one if need be; NULL: there is none for it. */
static struct entry *take(struct penalties *p, size_t bucket, const struct address *key,
                          bool for_debt, int64_t now_ms)
{
    struct entry *e = find(p, bucket, key);
    if (e) {
        e->debt = debt_now(p, e, now_ms);
        e->at_ms = now_ms;
        return e;
    }
    if (!(e = cheapest(p, bucket, now_ms)))
        return NULL;
    double debt = e->at_ms ? debt_now(p, e, now_ms) : 0, half = p->o.threshold / 2.0;
    if (debt > 0 && !for_debt)
        return NULL;
    *e = (struct entry){.key = *key,
                        .at_ms = now_ms,
                        .debt = debt > half ? half
                                : debt > 0  ? debt
                                            : 0};
    return e;
}

/* ---- debts ---- */

/* Makes the questions of penalty_wait_s look, until this debt is below the threshold. */
static void raise_alarm(struct penalties *p, const struct entry *e)
{
    double over = e->debt - p->o.threshold;
    if (over <= 0)
        return;
    long long until = e->at_ms + 1 + (long long)(over / p->o.threshold * p->o.window_s * 1000.0);
    long long now = atomic_load(&p->alarm_ms);
    while (now < until && !atomic_compare_exchange_weak(&p->alarm_ms, &now, until)) {
    }
}

/* e->debt is that of e->at_ms. */
static void owe(struct penalties *p, struct entry *e, double debt, int most)
{
    double cap = (double)p->o.threshold * most;
    if (e->debt >= cap)
        return;
    if (e->debt <= p->o.threshold)
        e->over_ms = e->at_ms;
    e->debt += debt;
    if (e->debt > cap)
        e->debt = cap;
    raise_alarm(p, e);
}

/* For having been refused. */
static void owe_refusal(struct penalties *p, struct entry *e)
{
    if (e->at_ms - e->over_ms < p->o.window_s * 1000LL)
        owe(p, e, refusal_costs, GOES_ON + 1);
}

/* Whoever stays near the threshold passes it often. */
static bool is_told(const struct penalties *p, struct entry *e)
{
    if (e->told_ms != 0 && e->at_ms - e->told_ms < p->o.window_s * 1000LL)
        return false;
    e->told_ms = e->at_ms;
    return true;
}

/* False: the key was refused before that. */
static bool charge(struct penalties *p, const struct address *key, double debt, int64_t now_ms)
{
    bool begins = false;
    size_t b = bucket_of(p, key);
    bool was_refused = false;
    pthread_mutex_lock(lock_of(p, b));
    struct entry *e = take(p, b, key, true, now_ms);
    if (e) {
        was_refused = e->debt > p->o.threshold;
        owe(p, e, debt, CAP);
        begins = !was_refused && e->debt > p->o.threshold && is_told(p, e);
    }
    pthread_mutex_unlock(lock_of(p, b));
    struct address source = key_of(key); /* of a /48, too, without its mark */
    if (begins && p->o.begun)
        p->o.begun(p->o.who, &source);
    return !was_refused;
}

void penalty_fail(struct penalties *p, const struct address *a, double share, int64_t now_ms)
{
    struct address key = key_of(a), network;
    if (p->o.threshold > 0 && charge(p, &key, share, now_ms) && network_of(a, &network))
        charge(p, &network, share / NETWORK, now_ms);
}

static void pay(struct penalties *p, struct entry *e, double debt)
{
    if (!e)
        return;
    e->debt -= debt;
    if (e->debt < -p->o.threshold)
        e->debt = -p->o.threshold;
}

void penalty_credit(struct penalties *p, const struct address *a, unsigned successes,
                    int64_t now_ms)
{
    if (p->o.threshold <= 0)
        return;
    struct address key = key_of(a), network;
    size_t b = bucket_of(p, &key);
    pthread_mutex_lock(lock_of(p, b));
    pay(p, take(p, b, &key, false, now_ms), success_pays * successes);
    pthread_mutex_unlock(lock_of(p, b));
    if (!network_of(a, &network))
        return;
    b = bucket_of(p, &network);
    pthread_mutex_lock(lock_of(p, b));
    if (find(p, b, &network)) /* one that owes nothing needs no place */
        pay(p, take(p, b, &network, false, now_ms), success_pays * successes / NETWORK);
    pthread_mutex_unlock(lock_of(p, b));
}

/* Until half of the threshold is left, so that there is room when it comes back. */
static int wait_of(const struct penalties *p, double debt)
{
    double over = debt - p->o.threshold / 2.0;
    return (int)(over / p->o.threshold * p->o.window_s) + 1;
}

/* What key must wait; its own refusals count. */
static int refuse(struct penalties *p, const struct address *key, int64_t now_ms, bool *goes_on)
{
    size_t b = bucket_of(p, key);
    int wait_s = 0;
    pthread_mutex_lock(lock_of(p, b));
    struct entry *e = find(p, b, key);
    if (e && debt_now(p, e, now_ms) > p->o.threshold) {
        e->debt = debt_now(p, e, now_ms);
        e->at_ms = now_ms;
        owe_refusal(p, e);
        wait_s = wait_of(p, e->debt);
        *goes_on = e->debt > (double)p->o.threshold * GOES_ON;
    }
    pthread_mutex_unlock(lock_of(p, b));
    return wait_s;
}

/* The same for a network, whose members do not pay for each other's questions. */
static int refuse_network(struct penalties *p, const struct address *key, int64_t now_ms)
{
    size_t b = bucket_of(p, key);
    pthread_mutex_lock(lock_of(p, b));
    const struct entry *e = find(p, b, key);
    double debt = e ? debt_now(p, e, now_ms) : 0;
    pthread_mutex_unlock(lock_of(p, b));
    return debt > p->o.threshold ? wait_of(p, debt) : 0;
}

int penalty_wait_s(struct penalties *p, const struct address *a, int64_t now_ms, bool *goes_on)
{
    *goes_on = false;
    if (now_ms > atomic_load_explicit(&p->alarm_ms, memory_order_relaxed))
        return 0;
    struct address key = key_of(a), network;
    int wait_s = refuse(p, &key, now_ms, goes_on);
    if (wait_s == 0 && network_of(a, &network))
        wait_s = refuse_network(p, &network, now_ms);
    if (wait_s > 0)
        atomic_fetch_add_explicit(&p->requests, 1, memory_order_relaxed);
    return wait_s;
}

/* ---- connections ---- */

static enum penalty_entry enter(struct penalties *p, struct entry *e)
{
    if (!e)
        return PENALTY_UNCOUNTED;
    if (p->o.threshold > 0 && e->debt > (double)p->o.threshold * GOES_ON) {
        owe_refusal(p, e);
        atomic_fetch_add_explicit(&p->connections, 1, memory_order_relaxed);
        return PENALTY_GOES_ON;
    }
    if (p->o.connections_max > 0 && e->connections >= p->o.connections_max) {
        atomic_fetch_add_explicit(&p->crowds, 1, memory_order_relaxed);
        return PENALTY_CROWD;
    }
    e->connections++;
    return PENALTY_ENTERED;
}

enum penalty_entry penalty_enter(struct penalties *p, const struct address *a, int64_t now_ms)
{
    struct address key = key_of(a);
    size_t b = bucket_of(p, &key);
    pthread_mutex_lock(lock_of(p, b));
    enum penalty_entry verdict = enter(p, take(p, b, &key, false, now_ms));
    pthread_mutex_unlock(lock_of(p, b));
    return verdict;
}

void penalty_leave(struct penalties *p, const struct address *a)
{
    struct address key = key_of(a);
    size_t b = bucket_of(p, &key);
    pthread_mutex_lock(lock_of(p, b));
    struct entry *e = find(p, b, &key);
    if (e && e->connections > 0)
        e->connections--;
    pthread_mutex_unlock(lock_of(p, b));
}

void penalty_count(struct penalties *p, int64_t now_ms, struct penalty_counts *out)
{
    *out = (struct penalty_counts){.requests = atomic_load(&p->requests),
                                   .connections = atomic_load(&p->connections),
                                   .crowds = atomic_load(&p->crowds)};
    if (now_ms > atomic_load(&p->alarm_ms))
        return;
    for (size_t b = 0; b < BUCKETS; b++) {
        pthread_mutex_lock(lock_of(p, b));
        for (int i = 0; i < WAYS; i++) {
            const struct entry *e = &p->entries[b][i];
            if (e->at_ms != 0 && debt_now(p, e, now_ms) > p->o.threshold)
                out->sources++;
        }
        pthread_mutex_unlock(lock_of(p, b));
    }
}
