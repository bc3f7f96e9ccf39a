/* timing: does the time of a refusal tell how much of a secret was right? (security.md A32)
 *
 *     timing SAMPLES [NAME]     prints "NAME t=1.23 ..." for each comparison; exit 1: one tells
 *
 * The method is dudect's (Reparaz, Balasch, Verbauwhede 2017): two classes of input, drawn at
 * random for each sample, the real function under a cycle counter, and Welch's t-test on the two
 * sets of times, whole and without the slowest 1, 10 and 50 percent (what the scheduler did). |t|
 * below 4.5 is no evidence of a difference. Above it the same is measured once more, since a busy
 * machine can do that, too; what is above it twice with the same sign fails.
 *
 * Stored are hashes, so nobody can choose how far a wrong secret agrees with the right one. Here
 * the stored hash is bent instead: its first byte (class 0: a loop that stops early stops at once)
 * or its last one (class 1: it goes all the way). Both are refusals. test/torture/ct_early.c has
 * such a loop; with it this program must fail.
 *
 * Left out on purpose: networks. What this does not see in 10^6 samples of the bare function cannot
 * be seen through one.
 */
#include "../unit/oauth_people.h"

#include <math.h>
#include <time.h>

#include "base/rand.h"
#include "codec/b64url.h"
#include "oauth/client_auth/client_auth.h"
#include "store/device_code.h"

#define LIMIT_T 4.5
#define CROPS   4

static const double crop_share[CROPS] = {1, 0.99, 0.9, 0.5};

/* ---- the clock and the statistics ---- */

static uint64_t ticks(void)
{
#if defined(__x86_64__)
    unsigned low, high, core;

    __asm__ volatile("rdtscp" : "=a"(low), "=d"(high), "=c"(core)::"memory");
    return (uint64_t)high << 32 | low;
#else
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
#endif
}

struct sample {
    uint32_t time;
    uint8_t class;
};

/* Mean and sum of squares, one value at a time (Welford). */
struct moments {
    double n, mean, m2;
};

static void moments_add(struct moments *m, double x)
{
    double d = x - m->mean;

    m->n++;
    m->mean += d / m->n;
    m->m2 += d * (x - m->mean);
}

static double welch(const struct moments m[2])
{
    double variance = 0;

    for (int i = 0; i < 2; i++)
        variance += m[i].n > 1 ? m[i].m2 / (m[i].n - 1) / m[i].n : 0;
    return variance > 0 ? (m[0].mean - m[1].mean) / sqrt(variance) : 0;
}

static int by_time(const void *a, const void *b)
{
    uint32_t x = ((const struct sample *)a)->time, y = ((const struct sample *)b)->time;

    return (x > y) - (x < y);
}

struct verdict {
    double t;          /* the largest of the crops by its absolute value */
    double difference; /* of the means, in ticks, of the samples within 90 percent */
    double mean;
};

static struct verdict judge(struct sample *s, size_t n)
{
    struct verdict v = {0};

    qsort(s, n, sizeof *s, by_time);
    for (int crop = 0; crop < CROPS; crop++) {
        struct moments m[2] = {{0}};
        double t;
        for (size_t i = 0; i < (size_t)((double)n * crop_share[crop]); i++)
            moments_add(&m[s[i].class], s[i].time);
        t = welch(m);
        if (fabs(t) > fabs(v.t))
            v.t = t;
        if (crop_share[crop] == 0.9) {
            v.difference = m[0].mean - m[1].mean;
            v.mean = m[0].mean;
        }
    }
    return v;
}

/* ---- what is compared ---- */

static struct call *call;            /* its arena is emptied between samples */
static struct browser browser;       /* of the CSRF token */
static struct cached_client bent[2]; /* their hash is bent at its first, its last byte */
static struct cached_client known;
static const struct cached_client *const asked[2] = {NULL, &known};
static struct uid nobody;
static str secret_sent, csrf_token, forged[2];
static char cookie[600];
static volatile int sink;

static void digest_bend(struct digest *d, int class)
{
    d->b[class == 0 ? 0 : sizeof d->b - 1] ^= 1;
}

static void secret_open(void)
{
    const struct cached_client *c;

    assert_int_equal(client_cache_get(w.thread.clients, w.thread.db, &w.client.id, 2000, &c), OK);
    for (int class = 0; class < 2; class ++) {
        bent[class] = *c;
        digest_bend(&bent[class].client.secrets[0].hash, class);
    }
    known = *c;
}

/* Always the same memory, whatever the class. */
static void secret_set(int class)
{
    known.client.secrets[0].hash = bent[class].client.secrets[0].hash;
}

static void secret_run(int class)
{
    (void)class;
    call->rq.hashed.under = NULL; /* another request: nothing is hashed yet */
    sink += secret_check(&call->rq, &known, &w.client.id, STR(SECRET)) == OK;
}

static void client_open(void)
{
    secret_open();
    nobody = w.client.id;
    secret_sent = STR("0123456789abcdefghijklmnopqrstuvwxyzABCDEFx");
}

static void client_run(int class)
{
    call->rq.hashed.under = NULL;
    sink += secret_check(&call->rq, asked[class], &nobody, secret_sent) == OK;
}

/* One session whose hash is bent on its way out of the store. */
static struct db_ops bending;
static uint8_t stored[2][32], *handed;

static enum db_type bent_column(struct db_stmt *s, int index, int64_t *i, str *bytes)
{
    enum db_type type = sqlite_ops.column(s, index, i, bytes);

    if (type == DB_BLOB && bytes->n == sizeof stored[0])
        bytes->p = (const char *)handed;
    return type;
}

static void session_open(void)
{
    struct visitor v = {0};
    struct session s;
    struct id id = sign_in_as(&v, &alice);

    snprintf(cookie, sizeof cookie, "postern=%s", v.session);
    header(call, "Cookie", str_from(cookie));
    assert_int_equal(session_load(w.db, &w.arena, &id, &s), OK);
    for (int class = 0; class < 2; class ++) {
        struct digest hash = s.hash;
        digest_bend(&hash, class);
        memcpy(stored[class], hash.b, sizeof hash.b);
    }
    bending = sqlite_ops;
    bending.column = bent_column;
    w.thread.db->ops = &bending;
    db_use_views(w.thread.db); /* or locks take longer than all the rest */
}

static void session_set(int class)
{
    static uint8_t here[32];

    memcpy(here, stored[class], sizeof here);
    handed = here;
}

static void session_run(int class)
{
    struct browser b;

    (void)class;
    sink += browser_read(&call->rq, &b) == OK && b.n > 0;
}

static void csrf_open(void)
{
    rand_bytes(browser.binding, sizeof browser.binding);
    browser.has_binding = true;
    csrf_token = arena_dup(&w.arena, browser_csrf(&call->rq, &browser, STR("timing")));
}

static uint8_t csrf_binding[16];

static void csrf_set(int class)
{
    if (csrf_binding[0] == 0)
        memcpy(csrf_binding, browser.binding, sizeof csrf_binding);
    memcpy(browser.binding, csrf_binding, sizeof csrf_binding);
    browser.binding[class == 0 ? 0 : sizeof browser.binding - 1] ^= 1;
}

static void csrf_run(int class)
{
    (void)class;
    sink += browser_csrf_ok(&call->rq, &browser, STR("timing"), csrf_token);
}

/* A token whose seal is wrong at its first or last byte: the tag stands at the end. */
static void seal_open_(void)
{
    uint8_t bytes[512];
    size_t n;

    csrf_open();
    for (int class = 0; class < 2; class ++) {
        char *text = arena_alloc(&w.arena, csrf_token.n);
        n = csrf_token.n * 3 / 4;
        assert_true(b64url_decode_exact(csrf_token, bytes, n));
        bytes[class == 0 ? n - 16 : n - 1] ^= 1;
        b64url_encode(bytes, n, text);
        forged[class] = str_make(text, csrf_token.n);
    }
    csrf_token = str_make(arena_alloc(&w.arena, csrf_token.n), csrf_token.n);
}

static void seal_set(int class)
{
    memcpy((char *)(uintptr_t)csrf_token.p, forged[class].p, csrf_token.n);
}

/* Wrong codes: without one right letter, and with each letter right every other time. Each sample
 * draws its own, of millions: where a hash lies in the index makes a difference, which a small lot
 * of codes would give to its class. */
static char code_typed[8];

static void draw_code(char *code, int class)
{
    static const char good[] = "BCDFGHJK", bad[] = "LMNPQRSTVWXZ";
    uint8_t random[9];

    rand_bytes(random, sizeof random);
    uint8_t right = class == 0 ? 0 : random[8] == 0xff ? 0xfe : random[8];
    for (size_t i = 0; i < 8; i++)
        code[i] = right >> i & 1 ? good[i] : bad[random[i] % (sizeof bad - 1)];
}

static void code_open(void)
{
    struct device_code row = {
        .id = id_next(&w.server.ids, 1000),
        .exp_s = 9000,
        .interval_s = 5,
        .client = w.client.id,
        .scope = STR("openid"),
    };
    struct effects fx = effects_now();

    device_code_hash(w.thread.signer, keyring_active(signer_ring(w.thread.signer), KEY_PEPPER, 0),
                     STR("BCDFGHJK"), &row.user_code);
    device_code_put(&fx, &row);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

/* Both are drawn, so that the way here is the same whatever the class. */
static void code_set(int class)
{
    char drawn[2][8];

    draw_code(drawn[0], 0);
    draw_code(drawn[1], 1);
    memcpy(code_typed, drawn[class], sizeof code_typed);
}

static void code_run(int class)
{
    struct device_code row;
    struct digest hash;

    (void)class;
    device_code_hash(w.thread.signer, keyring_active(signer_ring(w.thread.signer), KEY_PEPPER, 0),
                     str_make(code_typed, sizeof code_typed), &hash);
    sink += device_code_find(w.thread.db, &call->arena, &hash, &row) == OK;
}

static void none(int class)
{
    (void)class;
}

struct lot {
    const char *name;
    void (*open)(void);
    void (*set)(int class);
    void (*run)(int class);
    double allowed; /* a difference of so many ticks is no failure */
};

/* Ids are no secrets, and to look a client up takes longer than this; the rows of a client that is
 * there lie elsewhere in memory than those of none. */
#define KNOWN_TICKS 20

static const struct lot lots[] = {
    {"client_secret", secret_open, secret_set, secret_run, 0},
    {"client_unknown", client_open, none, client_run, KNOWN_TICKS},
    {"session", session_open, session_set, session_run, 0},
    {"csrf_token", csrf_open, csrf_set, csrf_run, 0},
    {"csrf_seal", seal_open_, seal_set, csrf_run, 0},
    {"user_code", code_open, code_set, code_run, 0},
};

/* ---- the measurement ---- */

static void measure(const struct lot *lot, struct sample *s, size_t n)
{
    uint8_t coin[64];

    for (size_t i = 0; i < n; i++) {
        uint64_t start;
        if (i % sizeof coin == 0)
            rand_bytes(coin, sizeof coin);
        s[i].class = coin[i % sizeof coin] & 1;
        arena_reset(&call->arena);
        effects_init(&call->rq.fx, &call->arena);
        memset(&call->rq.failure, 0, sizeof call->rq.failure);
        lot->set(s[i].class);
        start = ticks();
        lot->run(s[i].class);
        s[i].time = (uint32_t)(ticks() - start);
    }
}

static bool tells(const struct lot *lot, const struct verdict *v)
{
    return fabs(v->t) >= LIMIT_T && fabs(v->difference) >= lot->allowed;
}

static struct verdict try(const struct lot *lot, struct sample *s, size_t n)
{
    measure(lot, s, n / 20); /* caches and branches get used to it */
    measure(lot, s, n);
    return judge(s, n);
}

/* True: nothing is told. */
static bool is_silent(const struct lot *lot, struct sample *s, size_t n)
{
    struct visitor v = {0};
    struct verdict first, again = {0};
    bool silent;

    call = visit(&v, HTTP_POST, "/");
    lot->open();
    first = try(lot, s, n);
    silent = !tells(lot, &first);
    if (!silent) {
        again = try(lot, s, n);
        silent = !tells(lot, &again) || (again.t > 0) != (first.t > 0);
    }
    printf("%s %s t=%.2f again=%.2f mean=%.0f difference=%.2f samples=%zu\n",
           silent ? "ok" : "not ok", lot->name, first.t, again.t, first.mean, first.difference, n);
    fflush(stdout);
    db_view_end(w.thread.db);
    w.thread.db->ops = &sqlite_ops;
    return silent;
}

int main(int argc, char **argv)
{
    size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 100000;
    struct sample *s = calloc(n, sizeof *s);
    bool silent = true;

    if (n < 1000 || s == NULL) {
        fprintf(stderr, "usage: timing SAMPLES [NAME], at least 1000\n");
        return 2;
    }
    people_open(NULL);
    for (size_t i = 0; i < sizeof lots / sizeof *lots; i++)
        if (argc < 3 || strcmp(argv[2], lots[i].name) == 0)
            silent = is_silent(&lots[i], s, n) && silent;
    free(s);
    people_close(NULL);
    return silent ? 0 : 1;
}
