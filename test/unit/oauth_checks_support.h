/* oauth_checks_support: one client, one authorization request at a time, and what the checks say.
 */
#ifndef TEST_UNIT_OAUTH_CHECKS_SUPPORT_H
#define TEST_UNIT_OAUTH_CHECKS_SUPPORT_H

#include "oauth_support.h"

#include "crypto/jwt.h"
#include "oauth/check/check.h"
#include "oauth/check/checks.h"
#include "oauth/check/uri_rules.h"
#include "store/relying_party.h"

/* fail_msg of cmocka needs its own fail. */
#define die(...)                                                                                   \
    do {                                                                                           \
        print_error(__VA_ARGS__);                                                                  \
        print_error("\n");                                                                         \
        _fail(__FILE__, __LINE__);                                                                 \
    } while (0)

#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define CB        "https%3A%2F%2Fapp.example%2Fcb"
#define NOBODY    "00000000-0000-4000-8000-000000000000"

static const struct route no_routes[] = {{.methods = HTTP_GET, .path = "/oauth2/authorize"}};
static const struct dialect standard = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = (const char *const[]){"", NULL},
    .routes = no_routes,
    .routes_n = 1,
    .refuse = plain_refuse,
};
static const struct dialect *const dialects[] = {&standard, NULL};

/* The client's keys, to sign with; and somebody else's. */
static struct signer *own, *foreign;
static struct relying_party rp;
static struct client other; /* another client of the organization */
/* The request that was asked last, and what the checks made of it. */
static struct call c;
static struct authorize_request ar;

static inline struct signer *make_signer(enum jws_alg alg)
{
    struct key *keys = calloc(2, sizeof *keys);
    struct keyring *ring;
    struct signer *s;

    for (size_t i = 0; i < 2; i++)
        keys[i] = (struct key){.id = uid_new(), .use = KEY_SIGNING, .state = KEY_ACTIVE};
    keys[0].alg = alg;
    keys[1].alg = JWS_RS256;
    for (size_t i = 0; i < 2; i++)
        keys[i].pkey = jwk_generate(keys[i].alg);
    ring = keyring_new(keys, 2);
    s = signer_open(ring, NULL);
    keyring_unref(ring);
    return s;
}

static inline void apply(struct effects *fx)
{
    struct commit_set set = {.fx = fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    assert_int_equal(set.outcome, COMMIT_DONE);
    server_thread_refresh(&w.thread);
}

static inline void store_rp(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    relying_party_put(&fx, &w.client.id, &rp);
    relying_party_put(&fx, &other.id, &rp);
    apply(&fx);
}

static inline void store_client(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    client_update(&fx, &w.client);
    client_set_enabled(&fx, &w.client.id, w.client.enabled);
    apply(&fx);
}

/* As most tests want it. */
static inline void reset(void)
{
    relying_party_defaults(&rp);
    rp.there = true;
    rp.redirect_uris = STR("https://app.example/cb\nhttp://127.0.0.1/cb\ncom.example.app:/cb");
    rp.resources = STR("https://api.example/\nurn:example:other");
    rp.jwks = signer_ring(own)->jwks;
    w.client.enabled = true;
    w.client.grants = GRANT_AUTHORIZATION_CODE | GRANT_REFRESH_TOKEN | GRANT_DEVICE_CODE;
    w.client.scopes = STR("openid profile offline_access");
    settings_set(&w.settings, STR("par.required"), STR("false"), "test", (char[256]){0}, 256);
    store_rp();
    store_client();
}

static inline int set_up(void **state)
{
    (void)state;
    assert_int_equal(world_open(dialects), 0);
    sleep_s(1000000);
    own = make_signer(JWS_ES256);
    foreign = make_signer(JWS_ES256);
    other = w.client;
    put_client(&other, TOKEN_JWT, STR("another secret that is long enough, surely"), false);
    reset();
    return 0;
}

static inline int tear_down(void **state)
{
    arena_free(&c.arena);
    signer_close(own);
    signer_close(foreign);
    return world_close(state);
}

/* ---- one request ---- */

static const struct {
    const char *name, *value;
} usual[] = {{"client_id", NULL},
             {"redirect_uri", CB},
             {"response_type", "code"},
             {"code_challenge", CHALLENGE},
             {"code_challenge_method", "S256"},
             {"scope", "openid"},
             {"state", "s%20t"}};

static inline bool lists(const char *list, const char *name)
{
    str rest = str_from(list), word;

    while (list != NULL && str_next(&rest, ' ', &word))
        if (str_eq(word, str_from(name)))
            return true;
    return false;
}

/* The usual request without the parameters that `drop` lists, and with `add` behind. */
static inline str query_of(const char *drop, str add)
{
    struct buf b;

    buf_init(&b, &c.arena, 256, LIMIT_BODY);
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++) {
        if (lists(drop, usual[i].name))
            continue;
        buf_printf(&b, "%s=", usual[i].name);
        if (usual[i].value != NULL)
            buf_put(&b, str_from(usual[i].value));
        else
            buf_put(&b, client_id(&c));
        buf_char(&b, '&');
    }
    buf_put(&b, add);
    return buf_str(&b);
}

static inline void open_call(enum http_method method)
{
    arena_free(&c.arena);
    begin(&c, "/oauth2/authorize");
    c.req.method = method;
    c.rq.dialect = &standard;
}

static inline enum err judge(enum via via, int dialect)
{
    enum err e;

    if (via != VIA_AUTHORIZE)
        assert_int_equal(
            client_cache_get(w.thread.clients, w.db, &w.client.id, c.rq.now_s, &c.rq.client), OK);
    if ((e = authorize_request_bind(&c.rq, via, dialect, &ar)) != OK)
        return e;
    return checks_run(&c.rq, &ar);
}

static inline enum err ask_as(enum via via, int dialect, const char *drop, str add)
{
    bool post = via != VIA_AUTHORIZE;
    str text;

    open_call(post ? HTTP_POST : HTTP_GET);
    if (post)
        header(&c, "content-type", STR("application/x-www-form-urlencoded"));
    text = query_of(drop, add);
    if (post)
        c.req.body = text;
    else
        c.req.query = text;
    c.req.has_query = !post;
    return judge(via, dialect);
}

static inline enum err ask(const char *drop, const char *add)
{
    return ask_as(VIA_AUTHORIZE, DIALECT_RFC, drop, str_from(add));
}

/* Refused by that row, and whether the client is told. */
static inline void expect_refusal(const char *title, enum err got, enum err want, const char *rule,
                                  bool told)
{
    bool tells = ar.redirect_to.p != NULL && err_info(want)->redirectable;

    if (got != want || c.rq.failure.rule == NULL || strcmp(c.rq.failure.rule, rule) != 0 ||
        tells != told)
        die("%s: got %s by %s, told %d; want %s by %s, told %d", title,
            got == OK ? "OK" : err_info(got)->id,
            c.rq.failure.rule == NULL ? "nobody" : c.rq.failure.rule, tells, err_info(want)->id,
            rule, told);
    assert_non_null(c.rq.failure.text);
    assert_non_null(c.rq.failure.expected.p);
    assert_non_null(c.rq.failure.received.p);
}

static inline void expect_ok(const char *title, enum err got)
{
    if (got != OK)
        die("%s: got %s by %s (%.*s)", title, err_info(got)->id,
            c.rq.failure.rule == NULL ? "nobody" : c.rq.failure.rule,
            STR_ARG(c.rq.failure.received));
    assert_int_equal(c.rq.failure.e, OK);
}

/* That many characters. */
#define X16   "xxxxxxxxxxxxxxxx"
#define X256  X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X4096 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256
#define ALL_BUT_CLIENT                                                                             \
    "redirect_uri response_type code_challenge "                                                   \
    "code_challenge_method scope state"

#endif
