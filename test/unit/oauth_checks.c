/* The table of checks: every row, refused and let through, by the way that it came. */
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

static struct signer *make_signer(enum jws_alg alg)
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
    s = signer_open(ring);
    keyring_unref(ring);
    return s;
}

static void apply(struct effects *fx)
{
    struct commit_set set = {.fx = fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    assert_int_equal(set.outcome, COMMIT_DONE);
    server_thread_refresh(&w.thread);
}

static void store_rp(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    relying_party_put(&fx, &w.client.id, &rp);
    relying_party_put(&fx, &other.id, &rp);
    apply(&fx);
}

static void store_client(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    client_update(&fx, &w.client);
    client_set_enabled(&fx, &w.client.id, w.client.enabled);
    apply(&fx);
}

/* As most tests want it. */
static void reset(void)
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

static int set_up(void **state)
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

static int tear_down(void **state)
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

static bool lists(const char *list, const char *name)
{
    str rest = str_from(list), word;

    while (list != NULL && str_next(&rest, ' ', &word))
        if (str_eq(word, str_from(name)))
            return true;
    return false;
}

/* The usual request without the parameters that `drop` lists, and with `add` behind. */
static str query_of(const char *drop, str add)
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

static void open_call(enum http_method method)
{
    arena_free(&c.arena);
    begin(&c, "/oauth2/authorize");
    c.req.method = method;
    c.rq.dialect = &standard;
}

static enum err judge(enum via via, int dialect)
{
    enum err e;

    if (via != VIA_AUTHORIZE)
        assert_int_equal(
            client_cache_get(w.thread.clients, w.db, &w.client.id, c.rq.now_s, &c.rq.client), OK);
    if ((e = authorize_request_bind(&c.rq, via, dialect, &ar)) != OK)
        return e;
    return checks_run(&c.rq, &ar);
}

static enum err ask_as(enum via via, int dialect, const char *drop, str add)
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

static enum err ask(const char *drop, const char *add)
{
    return ask_as(VIA_AUTHORIZE, DIALECT_RFC, drop, str_from(add));
}

/* Refused by that row, and whether the client is told. */
static void expect_refusal(const char *title, enum err got, enum err want, const char *rule,
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

static void expect_ok(const char *title, enum err got)
{
    if (got != OK)
        die("%s: got %s by %s (%.*s)", title, err_info(got)->id,
            c.rq.failure.rule == NULL ? "nobody" : c.rq.failure.rule,
            STR_ARG(c.rq.failure.received));
    assert_int_equal(c.rq.failure.e, OK);
}

/* ---- plain parameters ---- */

struct refused {
    const char *title, *drop, *add;
    enum err e;
    const char *rule;
    bool told;
};

#define X16   "xxxxxxxxxxxxxxxx"
#define X256  X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define X4096 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256 X256

static const struct refused refusals[] = {
    {"4: no client", "client_id", "", ERR_INVALID_REQUEST, "client", false},
    {"4: empty client", "client_id", "client_id=", ERR_INVALID_REQUEST, "client", false},
    {"4: unknown client", "client_id", "client_id=" NOBODY, ERR_INVALID_REQUEST, "client", false},
    {"4: no client id", "client_id", "client_id=%C3%A9", ERR_INVALID_REQUEST, "client", false},
    {"7: client twice", "", "client_id=" NOBODY, ERR_INVALID_REQUEST, "client", false},
    {"4: no redirect_uri", "redirect_uri", "", ERR_INVALID_REQUEST, "redirect_uri", false},
    {"7: redirect_uri twice", "", "redirect_uri=" CB, ERR_INVALID_REQUEST, "redirect_uri", false},
    {"7: redirect_uri and empty", "", "redirect_uri=", ERR_INVALID_REQUEST, "redirect_uri", false},
    {"14: response_mode unknown", "", "response_mode=fragment", ERR_INVALID_REQUEST,
     "response_mode", true},
    {"7: state twice", "", "state=b", ERR_INVALID_REQUEST, "repeated", true},
    {"7: scope twice, one empty", "", "scope=", ERR_INVALID_REQUEST, "repeated", true},
    {"A14: the same name after decoding", "", "%73cope=openid", ERR_INVALID_REQUEST, "repeated",
     true},
    {"7: display twice", "", "display=page&display=page", ERR_INVALID_REQUEST, "repeated", true},
    {"prompt of bad characters", "", "prompt=%0a", ERR_INVALID_REQUEST, "malformed", true},
    {"9: state over 4096", "state", "state=x" X4096, ERR_INVALID_REQUEST, "state", true},
    {"9: state of bad characters", "state", "state=%0d%0a", ERR_INVALID_REQUEST, "state", true},
    {"5: no response_type", "response_type", "", ERR_INVALID_REQUEST, "response_type", true},
    {"5: token", "response_type", "response_type=token", ERR_UNSUPPORTED_RESPONSE_TYPE,
     "response_type", true},
    {"5: code id_token", "response_type", "response_type=code%20id_token",
     ERR_UNSUPPORTED_RESPONSE_TYPE, "response_type", true},
    {"14: scope beyond the client's", "scope", "scope=openid%20admin", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope outside the alphabet", "scope", "scope=openid%20%22x", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope of two spaces", "scope", "scope=openid%20%20profile", ERR_INVALID_SCOPE, "scope",
     true},
    {"14: scope not ASCII", "scope", "scope=%C3%A9", ERR_INVALID_SCOPE, "scope", true},
    {"6: no challenge", "code_challenge code_challenge_method", "", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: no method", "code_challenge_method", "", ERR_INVALID_REQUEST, "pkce", true},
    {"6: plain", "code_challenge_method", "code_challenge_method=plain", ERR_INVALID_REQUEST,
     "pkce", true},
    {"6: s256 in lower case", "code_challenge_method", "code_challenge_method=s256",
     ERR_INVALID_REQUEST, "pkce", true},
    {"6: challenge of 42", "code_challenge",
     "code_challenge=9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: challenge of 44", "code_challenge", "code_challenge=" CHALLENGE "A", ERR_INVALID_REQUEST,
     "pkce", true},
    {"6: challenge of plain base64", "code_challenge",
     "code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw%2BcM", ERR_INVALID_REQUEST, "pkce",
     true},
    {"6: challenge much too long", "code_challenge", "code_challenge=" X256, ERR_INVALID_REQUEST,
     "pkce", true},
    {"9: nonce over 512", "", "nonce=x" X256 X256, ERR_INVALID_REQUEST, "nonce", true},
    {"9: nonce not ASCII", "", "nonce=%C3%A9", ERR_INVALID_REQUEST, "nonce", true},
    {"11: none login", "", "prompt=none%20login", ERR_INVALID_REQUEST, "prompt", true},
    {"prompt unknown", "", "prompt=create", ERR_INVALID_REQUEST, "prompt", true},
    {"max_age in words", "", "max_age=soon", ERR_INVALID_REQUEST, "max_age", true},
    {"max_age negative", "", "max_age=-1", ERR_INVALID_REQUEST, "max_age", true},
    {"max_age as minus nought", "", "max_age=-0", ERR_INVALID_REQUEST, "max_age", true},
    {"claims no JSON", "", "claims=%7B", ERR_INVALID_REQUEST, "claims", true},
    {"36: resource unknown", "", "resource=https%3A%2F%2Fevil.example", ERR_INVALID_TARGET,
     "resource", true},
    {"36: one resource of two unknown", "",
     "resource=urn%3Aexample%3Aother&resource=urn%3Aexample%3Amore", ERR_INVALID_TARGET, "resource",
     true},
    {"21: request_uri elsewhere", "", "request_uri=https%3A%2F%2Fapp.example%2Fr",
     ERR_REQUEST_URI_NOT_SUPPORTED, "request_uri", true},
    {"18: request_uri never given", "", "request_uri=urn:ietf:params:oauth:request_uri:x",
     ERR_INVALID_REQUEST_URI, "request_uri", false},
    {"20: request that is no JWT", "", "request=x", ERR_INVALID_REQUEST_OBJECT, "request_object",
     true},
};

static void every_rule_refuses(void **state)
{
    (void)state;
    reset();
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refused *r = &refusals[i];
        expect_refusal(r->title, ask(r->drop, r->add), r->e, r->rule, r->told);
    }
}

/* What fails before the checks: encoding, and where parameters stand (A13, A15). */
static void broken_encoding_is_refused_at_once(void **state)
{
    static const char *const bad[] = {"x=%",      "x=%4",        "x=%zz",          "x=%00",
                                      "x=%c0%af", "x=%ed%a0%80", "x=%f4%90%80%80", "x=\xff"};

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(ask("", bad[i]), ERR_INVALID_REQUEST);
        assert_null(c.rq.failure.rule);
        assert_null(ar.redirect_to.p);
    }
    assert_int_equal(ask_as(VIA_PAR, DIALECT_RFC, "client_id", STR("")), OK);
    c.req.query = STR("nonce=x");
    c.req.has_query = true;
    assert_int_equal(judge(VIA_PAR, DIALECT_RFC), ERR_INVALID_REQUEST);
    c.req.query = STR("unknown=x"); /* 7: ignored */
    c.rq.failure = (struct failure){0};
    assert_int_equal(judge(VIA_PAR, DIALECT_RFC), OK);
}

static void the_usual_request_passes(void **state)
{
    (void)state;
    reset();
    expect_ok("GET", ask("", ""));
    assert_true(uid_eq(&ar.client->client.id, &w.client.id));
    assert_true(str_eq(ar.redirect_to, STR("https://app.example/cb")));
    assert_true(str_eq(ar.state, STR("s t")));
    assert_true(str_eq(ar.granted, STR("openid")));
    assert_true(ar.openid && !ar.offline);
    assert_int_equal(ar.mode, MODE_QUERY);
    assert_int_equal(ar.max_age_s, -1);
    assert_int_equal(ar.prompts, 0);
    assert_int_equal(ar.resources.n, 0);
    expect_ok("POST is bound from its form", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")));
}

/* openid.md 3.2: what only advises never fails, and is absent when it is unfit. */
static void advice_never_fails(void **state)
{
    static const char *const advice[] = {"acr_values", "ui_locales", "claims_locales", "login_hint",
                                         "display"};
    char text[600];

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof advice / sizeof *advice; i++) {
        snprintf(text, sizeof text, "%s=no%%20such%%20thing&Unknown=1&unknown=2&unknown=3",
                 advice[i]);
        expect_ok(advice[i], ask("", text));
        snprintf(text, sizeof text, "%s=" X256 X256, advice[i]);
        if (strcmp(advice[i], "acr_values") != 0)
            expect_ok(advice[i], ask("", text));
    }
    expect_ok("login_hint unfit", ask("", "login_hint=" X256));
    assert_null(ar.login_hint.p);
    expect_ok("names are exact (A14)", ask("", "a[]=1&Client_Id=x&client_id%20=y&a[]=2"));
}

static void values_reach_their_places(void **state)
{
    (void)state;
    reset();
    expect_ok("prompts", ask("", "prompt=login%20consent"));
    assert_int_equal(ar.prompts, PROMPT_LOGIN | PROMPT_CONSENT);
    expect_ok("none", ask("", "prompt=none"));
    assert_int_equal(ar.prompts, PROMPT_NONE);
    expect_ok("select_account", ask("", "prompt=select_account"));
    assert_int_equal(ar.prompts, PROMPT_SELECT_ACCOUNT);
    expect_ok("max_age", ask("", "max_age=10000"));
    assert_int_equal(ar.max_age_s, 10000);
    expect_ok("max_age 0", ask("", "max_age=0"));
    assert_int_equal(ar.max_age_s, 0);
    expect_ok("form_post", ask("", "response_mode=form_post"));
    assert_int_equal(ar.mode, MODE_FORM_POST);
    expect_ok("9: state of 4096", ask("state", "state=" X4096));
    assert_int_equal(ar.state.n, 4096);
    expect_ok("9: nonce of 512", ask("", "nonce=" X256 X256));
    expect_ok("offline_access", ask("scope", "scope=openid%20offline_access"));
    assert_true(ar.openid && ar.offline);
    expect_ok("resources", ask("", "resource=urn%3Aexample%3Aother&resource=https%3A%2F%2F"
                                   "api.example%2F"));
    assert_true(str_eq(ar.resources, STR("urn:example:other https://api.example/")));
    expect_ok("the issuer is a resource", ask("", "resource=http%3A%2F%2F127.0.0.1%3A8080"));
    expect_ok("claims", ask("", "claims=%7B%22userinfo%22%3A%7B%22email%22%3Anull%7D%7D"));
}

/* Asked for nothing: what the client has, but neither openid nor offline_access. */
static void no_scope_is_the_clients(void **state)
{
    (void)state;
    reset();
    expect_ok("no scope", ask("scope", ""));
    assert_true(str_eq(ar.granted, STR("profile")));
    assert_false(ar.openid || ar.offline);
}

/* ---- the client's own settings ---- */

static void a_clients_settings_decide(void **state)
{
    (void)state;
    reset();
    w.client.enabled = false;
    store_client();
    expect_refusal("disabled", ask("", ""), ERR_INVALID_REQUEST, "client", false);
    reset();
    w.client.grants = GRANT_CLIENT_CREDENTIALS;
    store_client();
    expect_refusal("no such grant", ask("", ""), ERR_UNAUTHORIZED_CLIENT, "grant", true);
    reset();
    rp.response_modes = MODE_QUERY;
    store_rp();
    expect_refusal("14: form_post not registered", ask("", "response_mode=form_post"),
                   ERR_INVALID_REQUEST, "response_mode", true);
    rp.response_modes = MODE_FORM_POST;
    store_rp();
    expect_refusal("14: query not registered", ask("", ""), ERR_INVALID_REQUEST, "response_mode",
                   true);
    reset();
    rp.default_max_age_s = 77;
    store_rp();
    expect_ok("default_max_age", ask("", ""));
    assert_int_equal(ar.max_age_s, 77);
}

static void pkce_by_client(void **state)
{
    static const char both[] = "code_challenge code_challenge_method";

    (void)state;
    reset();
    rp.pkce = PKCE_OPTIONAL;
    store_rp();
    expect_ok("optional", ask(both, ""));
    expect_refusal("6: a broken one is not none", ask(both, "code_challenge=" X256),
                   ERR_INVALID_REQUEST, "pkce", true);
    expect_refusal("6: a method alone", ask("code_challenge", ""), ERR_INVALID_REQUEST, "pkce",
                   true);
    rp.is_public = true;
    store_rp();
    expect_refusal("6: always for public clients", ask(both, ""), ERR_INVALID_REQUEST, "pkce",
                   true);
}

static void unknown_senders_look_alike(void **state)
{
    const char *unknown, *wrong;

    (void)state;
    reset();
    ask("client_id", "client_id=" NOBODY);
    unknown = c.rq.failure.text;
    assert_null(c.rq.failure.where.p);
    ask("redirect_uri", "redirect_uri=https%3A%2F%2Fevil.example%2F");
    wrong = c.rq.failure.text;
    assert_null(c.rq.failure.where.p);
    assert_string_equal(unknown, wrong);
    ask("redirect_uri", "");
    assert_string_equal(unknown, c.rq.failure.text);
    w.client.enabled = false;
    store_client();
    ask("", "");
    assert_string_equal(unknown, c.rq.failure.text);
}

/* A repeated or unfit state is not echoed. */
static void a_doubtful_state_is_not_sent_back(void **state)
{
    (void)state;
    reset();
    ask("", "state=b");
    assert_null(ar.state.p);
    ask("state", "state=x" X4096);
    assert_null(ar.state.p);
    ask("response_type", "");
    assert_true(str_eq(ar.state, STR("s t")));
}

static void par_is_required_where_it_is(void **state)
{
    char why[256];

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    expect_refusal("19: the client's", ask("", ""), ERR_INVALID_REQUEST, "par_required", true);
    expect_ok("not at PAR itself", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")));
    reset();
    assert_int_equal(
        settings_set(&w.settings, STR("par.required"), STR("true"), "test", why, sizeof why), OK);
    expect_refusal("19: the server's", ask("", ""), ERR_INVALID_REQUEST, "par_required", true);
    reset();
}

/* ---- redirect URIs ---- */

static const char *const attacks[] = {
    /* A21 */
    "https://app.example.evil/cb", "https://app.example@evil/cb", "https://evil\\@app.example/cb",
    "https://app.example%2eevil/cb", "https:app.example/cb", "//app.example/cb",
    "https://app.example:443/cb", "HTTPS://APP.example/cb", "https://app.example./cb",
    "http://app.example/cb",
    /* A22 */
    "https://app.example/cb/", "https://app.example/cb/../x", "https://app.example/cb/%2e%2e/x",
    "https://app.example/cb/..;/x", "https://app.example/cb%2f", "https://app.example/cb?",
    "https://app.example/cb?a=1", "https://app.example/cb#", "https://app.example/cb%23x",
    "https://app.example/cb%0d%0aX:1", "https://app.example/cb%00", " https://app.example/cb",
    "https://app.example/cb ", "https://app.example/cb\t", "https://app.example/ cb",
    "https://app\xef\xbc\x8e"
    "example/cb",
    "https://\xd0\xb0pp.example/cb", "https://xn--pp-7kc.example/cb", "https://app.example/CB",
    "https://app.example/c%62",
    /* A23 */
    "http://127.0.0.1:1@evil/", "http://127.0.0.1:1@evil/cb", "http://127.0.0.1.evil/cb",
    "http://127.1/cb", "http://2130706433/cb", "http://[::ffff:127.0.0.1]/cb",
    "http://127.0.0.1:0/cb", "http://127.0.0.1:65536/cb", "http://127.0.0.1:/cb",
    "http://127.0.0.1:080/cb", "http://127.0.0.1:+80/cb", "http://127.0.0.1:-1/cb",
    "http://127.0.0.1:8080/cb/", "http://127.0.0.1:8080/cb?a", "http://127.0.0.1:8080/x/cb",
    "http://x@127.0.0.1:8080/cb", "http://localhost/cb", "http://localhost:8080/cb",
    "https://127.0.0.1:8080/cb", "com.example.app://cb", "com.example.app:/cb2",
    "com.example.app:8080/cb"};

static str redirect_of(const char *uri)
{
    static char text[4096];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    BUF_LIT(&b, "redirect_uri=");
    for (; *uri != '\0'; uri++)
        buf_printf(&b, "%%%02X", (unsigned)(unsigned char)*uri);
    return buf_str(&b);
}

static void foreign_addresses_are_refused(void **state)
{
    static const char *const modes[] = {"", "&response_mode=query", "&response_mode=form_post"};

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof attacks / sizeof *attacks; i++)
        for (size_t m = 0; m < 3; m++) {
            str add = redirect_of(attacks[i]);
            char text[4200];
            snprintf(text, sizeof text, "%.*s%s", STR_ARG(add), modes[m]);
            expect_refusal(attacks[i], ask("redirect_uri", text), ERR_INVALID_REQUEST,
                           "redirect_uri", false);
        }
}

static void loopback_ports_vary(void **state)
{
    static const char *const good[] = {"http://127.0.0.1/cb", "http://127.0.0.1:1/cb",
                                       "http://127.0.0.1:65535/cb", "com.example.app:/cb",
                                       "https://app.example/cb"};
    (void)state;
    reset();
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        expect_ok(good[i],
                  ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", redirect_of(good[i])));
        assert_true(str_eq(ar.redirect_to, str_from(good[i])));
    }
    assert_true(uri_rules_match(STR("http://[::1]/cb"), STR("http://[::1]:49152/cb")));
    assert_true(uri_rules_match(STR("http://127.0.0.1"), STR("http://127.0.0.1:49152")));
    assert_false(uri_rules_match(STR("http://127.0.0.1"), STR("http://127.0.0.1:1@evil")));
    assert_false(uri_rules_match(STR("http://127.0.0.1:80/cb"), STR("http://127.0.0.1:81/cb")));
    assert_false(uri_rules_match(STR("http://localhost/cb"), STR("http://localhost:81/cb")));
    assert_false(uri_rules_match(STR("http://[::1]/cb"), STR("http://127.0.0.1:81/cb")));
}

static void twilio_has_its_own_addresses(void **state)
{
    const str www = STR("redirect_uri=www.twilio.com");

    (void)state;
    reset();
    rp.redirect_uris = STR("www.twilio.com");
    rp.pkce = PKCE_OPTIONAL;
    store_rp();
    expect_ok("without scheme", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", www));
    assert_true(str_eq(ar.redirect_to, STR("https://www.twilio.com")));
    expect_ok("the only one", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", STR("")));
    assert_true(str_eq(ar.redirect_to, STR("https://www.twilio.com")));
    expect_refusal("another string",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri",
                          STR("redirect_uri=https%3A%2F%2Fwww.twilio.com")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
    expect_refusal("twice",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri",
                          STR("redirect_uri=www.twilio.com&redirect_uri=www.twilio.com")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
    expect_refusal("not on the standard surface",
                   ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", www), ERR_INVALID_REQUEST,
                   "redirect_uri", false);
    expect_ok("PascalCase", ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri response_type",
                                   STR("RedirectUri=www.twilio.com&ResponseType=code")));
    expect_refusal(
        "PascalCase elsewhere",
        ask_as(VIA_AUTHORIZE, DIALECT_RFC, "redirect_uri", STR("RedirectUri=www.twilio.com")),
        ERR_INVALID_REQUEST, "redirect_uri", false);
    rp.redirect_uris = STR("www.twilio.com\nhttps://app.example/cb");
    store_rp();
    expect_refusal("one of several must be named",
                   ask_as(VIA_AUTHORIZE, DIALECT_TWILIO, "redirect_uri", STR("")),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
}

/* security.md 3, A24 */
static void registration_refuses_what_has_two_readings(void **state)
{
    static const char *const bad[] = {"",
                                      "https://app.example/cb#",
                                      "https://app.example/cb#x",
                                      "/cb",
                                      "cb",
                                      "//app.example/cb",
                                      "http://app.example/cb",
                                      "http://127.0.0.1.evil/",
                                      "http://127.1/",
                                      "https://*.example/cb",
                                      "https://app.example/*",
                                      "https://u@app.example/cb",
                                      "https://u:p@app.example/cb",
                                      "javascript:alert(1)",
                                      "data:text/html,x",
                                      "vbscript:x",
                                      "file:///etc/passwd",
                                      "myapp:/cb",
                                      "myapp://cb",
                                      "com.example.app",
                                      "com.example.app:cb",
                                      "HTTPS://app.example/",
                                      "https:app.example/cb",
                                      "https:///cb",
                                      "https://",
                                      "https://evil\\@app.example/cb",
                                      "https://app.example/c b",
                                      "https://app.example/%",
                                      "https://app.example/%4",
                                      "https://app.example/%zz",
                                      "https://app.example/\xc3\xa9",
                                      "https://app.example:0/cb",
                                      "https://app.example:65536/cb",
                                      "https://app.example:/cb",
                                      "https://app.example:080/cb",
                                      "https://app.example/\r\nX:1",
                                      "urn:example:x"};
    static const char *const good[] = {
        "https://app.example/cb",   "https://app.example/cb?a=1&b=%20",
        "http://127.0.0.1/cb",      "http://[::1]:8080/cb",
        "http://localhost:3000/cb", "com.example.app:/cb",
        "com.example.app://cb",     "https://app.example"};
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        why = NULL;
        if (uri_rules_redirect(str_from(bad[i]), false, &why) || why == NULL)
            die("%s may be registered", bad[i]);
        why = NULL;
        if (uri_rules_post_logout(str_from(bad[i]), &why) || why == NULL)
            die("%s may be registered for after sign-out", bad[i]);
    }
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!uri_rules_redirect(str_from(good[i]), false, &why))
            die("%s: %s", good[i], why);
    assert_true(uri_rules_redirect(STR("www.twilio.com"), true, &why));
    assert_true(uri_rules_redirect(STR("www.twilio.com/cb?x=1"), true, &why));
    assert_false(uri_rules_redirect(STR("www.twilio.com:8080/cb"), true, &why));
    assert_false(uri_rules_redirect(STR("u@www.twilio.com"), true, &why));
    assert_false(uri_rules_redirect(STR("/cb"), true, &why));
    assert_false(uri_rules_redirect(STR("//evil/cb"), true, &why));
}

static void origins_are_as_browsers_send_them(void **state)
{
    static const char *const bad[] = {"null",
                                      "*",
                                      "https://app.example/",
                                      "https://App.example",
                                      "https://app.example:443",
                                      "http://app.example",
                                      "https://app.example?x",
                                      "https://u@app.example",
                                      "app.example",
                                      "com.example.app://x",
                                      "https://*.example"};
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (uri_rules_origin(str_from(bad[i]), &why))
            die("%s may be an origin", bad[i]);
    assert_true(uri_rules_origin(STR("https://app.example"), &why));
    assert_true(uri_rules_origin(STR("https://app.example:8443"), &why));
    assert_true(uri_rules_origin(STR("http://localhost:5173"), &why));
    assert_true(uri_rules_page(STR("https://app.example/logo.svg"), &why));
    assert_false(uri_rules_page(STR("javascript:alert(1)"), &why));
    assert_true(uri_rules_resource(STR("urn:example:api"), &why));
    assert_true(uri_rules_resource(STR("https://api.example/"), &why));
    assert_false(uri_rules_resource(STR("https://api.example/#x"), &why));
    assert_false(uri_rules_resource(STR("api.example"), &why));
}

/* ---- pushed requests ---- */

/* Pushes the usual request with `add` and gives its request_uri, percent-encoded. */
static str push(const struct uid *client, const char *add)
{
    struct pushed_request row = {.id = id_next(&w.server.ids, w.server.clock.fixed_us / 1000000),
                                 .client = *client};
    struct handle handle;
    struct effects fx;
    struct buf b;

    expect_ok("pushed", ask_as(VIA_PAR, DIALECT_RFC, "", str_from(add)));
    row.params = arena_dup(&w.arena, ar.text);
    row.exp_s = c.rq.now_s + 3600;
    handle_new(HANDLE_PUSHED, SHAPE_HANDLE, NULL, &row.id, &handle);
    handle_digest(w.thread.hasher, &handle, &row.hash);
    effects_init(&fx, &w.arena);
    pushed_request_put(&fx, &row);
    apply(&fx);
    buf_init(&b, &w.arena, 128, 128);
    BUF_LIT(&b, "request_uri=" AUTHORIZE_PUSHED_URN);
    handle_write(&b, &handle, SHAPE_HANDLE, NULL);
    return buf_str(&b);
}

#define ALL_BUT_CLIENT "redirect_uri response_type code_challenge code_challenge_method scope state"

static enum err ask_pushed(const char *drop, str add)
{
    return ask_as(VIA_AUTHORIZE, DIALECT_RFC, drop, add);
}

static void a_pushed_request_replaces_the_query(void **state)
{
    str uri;

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    uri = push(&w.client.id, "nonce=pushed&response_mode=form_post");
    expect_ok("19: client_id and request_uri alone", ask_pushed(ALL_BUT_CLIENT, uri));
    assert_true(ar.has_pushed);
    assert_true(str_eq(ar.nonce, STR("pushed")));
    assert_int_equal(ar.mode, MODE_FORM_POST);
    expect_ok("18: opened twice", ask_pushed(ALL_BUT_CLIENT, uri));
    uri = arena_printf(&w.arena, "state=evil&nonce=evil&nonce=evil2&scope=admin&request=x&%.*s",
                       STR_ARG(uri));
    expect_ok("19: nothing outside overrides, repeats are ignored", ask_pushed("", uri));
    assert_true(str_eq(ar.nonce, STR("pushed")));
    assert_true(str_eq(ar.state, STR("s t")));
    assert_true(str_eq(ar.granted, STR("openid")));
}

static void a_pushed_request_is_for_one_client_and_time(void **state)
{
    struct effects fx;
    str uri;

    (void)state;
    reset();
    uri = push(&other.id, "");
    expect_refusal("18: another client's", ask_pushed("", uri), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
    uri = push(&w.client.id, "");
    sleep_s(89);
    expect_ok("in time", ask_pushed("", uri));
    sleep_s(1);
    expect_refusal("18: expired", ask_pushed("", uri), ERR_INVALID_REQUEST_URI, "request_uri",
                   false);
    uri = push(&w.client.id, "");
    expect_ok("before it is spent", ask_pushed("", uri));
    effects_init(&fx, &w.arena);
    pushed_request_spend(&fx, &ar.pushed.id, c.rq.now_s);
    apply(&fx);
    expect_refusal("18: after a finished authorization", ask_pushed("", uri),
                   ERR_INVALID_REQUEST_URI, "request_uri", false);
    uri = push(&w.client.id, "");
    ((char *)(uintptr_t)uri.p)[uri.n - 2] ^= 1;
    expect_refusal("35: a handle of another secret", ask_pushed("", uri), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
}

/* What is sealed in a form keeps what was pushed, and its time is not judged again. */
static void a_sealed_request_keeps_what_was_pushed(void **state)
{
    str text;

    (void)state;
    reset();
    rp.require_par = true;
    store_rp();
    expect_ok("opened", ask_pushed(ALL_BUT_CLIENT, push(&w.client.id, "nonce=pushed")));
    text = arena_dup(&w.arena, ar.text);
    rp.request_object = REQUEST_OBJECT_REQUIRED; /* judged before the page */
    store_rp();
    sleep_s(600);
    open_call(HTTP_POST);
    assert_int_equal(authorize_request_read(&c.rq, text, VIA_AUTHORIZE, DIALECT_RFC, &ar), OK);
    expect_ok("reopened after par.ttl", checks_run(&c.rq, &ar));
    assert_true(ar.has_pushed && str_eq(ar.nonce, STR("pushed")));
    sleep_s(3600);
    open_call(HTTP_POST);
    assert_int_equal(authorize_request_read(&c.rq, text, VIA_AUTHORIZE, DIALECT_RFC, &ar), OK);
    expect_refusal("reopened much later", checks_run(&c.rq, &ar), ERR_INVALID_REQUEST_URI,
                   "request_uri", false);
}

static void par_refuses_a_request_uri(void **state)
{
    static const char *const bad[] = {"request_uri=x", "request_uri=x&request_uri=y",
                                      "request_uri=urn:ietf:params:oauth:request_uri:x"};

    (void)state;
    reset();
    for (size_t i = 0; i < 3; i++)
        expect_refusal("17", ask_as(VIA_PAR, DIALECT_RFC, "", str_from(bad[i])),
                       ERR_INVALID_REQUEST, "request_uri", false);
}

/* ---- request objects ---- */

static str sign(struct signer *s, enum jws_alg alg, str typ, str claims)
{
    struct buf b;

    buf_init(&b, &w.arena, 4096, LIMIT_JWT * 2);
    assert_int_equal(jwt_sign(s, keyring_active(signer_ring(s), KEY_SIGNING, alg), typ, claims, &b),
                     OK);
    return buf_str(&b);
}

#define ISSUER "\"aud\":\"http://127.0.0.1:8080\""
#define GOOD                                                                                       \
    "\"response_type\":\"code\",\"redirect_uri\":\"https://app.example/cb\",\"scope\":\"openid\"," \
    "\"code_challenge\":\"" CHALLENGE                                                              \
    "\",\"code_challenge_method\":\"S256\",\"nonce\":\"inside\",\"max_age\":60,"                   \
    "\"claims\":{\"userinfo\":{\"email\":null}}"

/* "request=..." with these claims; ID in `claims` stands for the client. */
static str object(const char *claims, int64_t nbf_s, int64_t exp_s, const char *typ,
                  struct signer *s, enum jws_alg alg)
{
    int64_t now_s = w.server.clock.fixed_us / 1000000;
    struct buf b;
    str jwt;

    arena_free(&c.arena);
    begin(&c, "/");
    buf_init(&b, &w.arena, 1024, 65536);
    BUF_LIT(&b, "{");
    for (const char *p = claims; *p != '\0'; p++) {
        if (strncmp(p, "ID", 2) == 0) {
            buf_put(&b, client_id(&c));
            p++;
        } else {
            buf_char(&b, *p);
        }
    }
    if (nbf_s != INT64_MAX)
        buf_printf(&b, ",\"nbf\":%lld", (long long)(now_s + nbf_s));
    if (exp_s != INT64_MAX)
        buf_printf(&b, ",\"exp\":%lld", (long long)(now_s + exp_s));
    BUF_LIT(&b, "}");
    jwt = sign(s, alg, str_from(typ), buf_str(&b));
    return arena_printf(&w.arena, "request=%.*s", STR_ARG(jwt));
}

#define OBJECT(claims, nbf, exp) object(claims, nbf, exp, "oauth-authz-req+jwt", own, JWS_ES256)
#define IDS                      "\"iss\":\"ID\",\"client_id\":\"ID\","

static void a_request_object_replaces_the_query(void **state)
{
    str good;

    (void)state;
    reset();
    good = OBJECT(IDS ISSUER "," GOOD, 0, 300);
    expect_ok("by value", ask_pushed("redirect_uri", good));
    assert_true(str_eq(ar.nonce, STR("inside")));
    assert_int_equal(ar.max_age_s, 60);
    assert_true(str_eq(ar.claims, STR("{\"userinfo\":{\"email\":null}}")));
    assert_null(ar.state.p); /* not inside, so not there (RFC 9101 6.3) */
    expect_ok("aud as an array", ask_pushed("", OBJECT(IDS "\"aud\":[\"x\",\"http://127.0.0.1:"
                                                           "8080\"]," GOOD,
                                                       0, 300)));
    expect_ok("20: nbf 8 s ahead", ask_pushed("", OBJECT(IDS ISSUER "," GOOD, 8, 300)));
    expect_ok("RS256", ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "JWT", own, JWS_RS256)));
    expect_ok("pushed", ask_as(VIA_PAR, DIALECT_RFC, ALL_BUT_CLIENT, good));
    assert_null(ar.request.p);
}

static void a_bad_request_object_is_refused(void **state)
{
    static const struct {
        const char *title, *claims;
        int64_t nbf_s, exp_s;
    } bad[] = {
        {"20: no aud", "\"iss\":\"ID\"," GOOD, 0, 300},
        {"20: wrong aud", IDS "\"aud\":\"https://evil\"," GOOD, 0, 300},
        {"20: no exp", IDS ISSUER "," GOOD, 0, INT64_MAX},
        {"20: no nbf", IDS ISSUER "," GOOD, INT64_MAX, 300},
        {"20: exp over", IDS ISSUER "," GOOD, -100, 0},
        {"20: exp - nbf > 60 min", IDS ISSUER "," GOOD, 0, 3601},
        {"20: nbf > 60 min old", IDS ISSUER "," GOOD, -3601, 10},
        {"nbf a minute ahead", IDS ISSUER "," GOOD, 61, 300},
        {"no iss", "\"client_id\":\"ID\"," ISSUER "," GOOD, 0, 300},
        {"iss of another", "\"iss\":\"" NOBODY "\"," ISSUER "," GOOD, 0, 300},
        {"client_id of another", "\"iss\":\"ID\",\"client_id\":\"" NOBODY "\"," ISSUER "," GOOD, 0,
         300},
        {"46: a client assertion", IDS "\"sub\":\"ID\"," ISSUER "," GOOD, 0, 300},
        {"request inside", IDS "\"request\":\"x\"," ISSUER "," GOOD, 0, 300},
        {"request_uri inside", IDS "\"request_uri\":\"x\"," ISSUER "," GOOD, 0, 300},
        {"a parameter of another type", IDS "\"state\":[\"x\"]," ISSUER "," GOOD, 0, 300},
    };
    str good;

    (void)state;
    reset();
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        expect_refusal(bad[i].title,
                       ask_pushed("", OBJECT(bad[i].claims, bad[i].nbf_s, bad[i].exp_s)),
                       ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    expect_refusal("20: bad signature",
                   ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "JWT", foreign, JWS_ES256)),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    expect_refusal("46: typ of another kind",
                   ask_pushed("", object(IDS ISSUER "," GOOD, 0, 300, "client-authentication+jwt",
                                         own, JWS_ES256)),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", true);
    good = OBJECT(IDS ISSUER "," GOOD, 0, 300);
    expect_refusal("not told at an unproven address", ask_pushed("redirect_uri", STR("request=x")),
                   ERR_INVALID_REQUEST_OBJECT, "request_object", false);
    rp.jwks = STR("");
    store_rp();
    expect_refusal("a client without keys", ask_pushed("", good), ERR_INVALID_REQUEST_OBJECT,
                   "request_object", true);
}

static void unsigned_requests_where_signed_ones_are_required(void **state)
{
    (void)state;
    reset();
    rp.request_object = REQUEST_OBJECT_REQUIRED;
    store_rp();
    expect_refusal("plain", ask("", ""), ERR_INVALID_REQUEST, "request_object", true);
    expect_refusal("plain, pushed", ask_as(VIA_PAR, DIALECT_RFC, "", STR("")), ERR_INVALID_REQUEST,
                   "request_object", true);
    expect_ok("signed", ask_pushed("", OBJECT(IDS ISSUER "," GOOD, 0, 300)));
    expect_refusal("the redirect_uri inside is judged",
                   ask_pushed("", OBJECT(IDS ISSUER ",\"redirect_uri\":\"https://evil/\","
                                                    "\"response_type\":\"code\"",
                                         0, 300)),
                   ERR_INVALID_REQUEST, "redirect_uri", false);
}

/* ---- device authorization, resources of tokens ---- */

static void a_device_asks_by_the_same_rules(void **state)
{
    (void)state;
    reset();
    expect_ok("scope alone", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=openid")));
    expect_refusal("scope", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=admin")),
                   ERR_INVALID_SCOPE, "scope", false);
    expect_refusal("repeated",
                   ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("scope=openid&scope=x")),
                   ERR_INVALID_REQUEST, "repeated", false);
    w.client.grants = GRANT_AUTHORIZATION_CODE;
    store_client();
    expect_refusal("grant", ask_as(VIA_DEVICE, DIALECT_RFC, ALL_BUT_CLIENT, STR("")),
                   ERR_UNAUTHORIZED_CLIENT, "grant", false);
}

static void tokens_narrow_their_resources(void **state)
{
    const str two = STR("https://a.example https://b.example");
    str out;

    (void)state;
    reset();
    expect_ok("a call", ask("", ""));
    assert_int_equal(check_resource_within(&c.rq, (str){0}, two, &out), OK);
    assert_true(str_eq(out, two));
    assert_int_equal(check_resource_within(&c.rq, STR("https://b.example"), two, &out), OK);
    assert_true(str_eq(out, STR("https://b.example")));
    assert_int_equal(check_resource_within(&c.rq, STR("http://127.0.0.1:8080"), STR(""), &out), OK);
    assert_int_equal(check_resource_within(&c.rq, STR("https://c.example"), two, &out),
                     ERR_INVALID_TARGET);
    c.rq.client = ar.client;
    assert_int_equal(check_resource(&c.rq, STR("urn:example:other")), OK);
    assert_int_equal(check_resource(&c.rq, (str){0}), OK);
    assert_int_equal(check_resource(&c.rq, STR("urn:example:more")), ERR_INVALID_TARGET);
}

/* ---- the table ---- */

static void every_row_says_what_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < checks_n; i++) {
        assert_non_null(checks[i].run);
        assert_true(checks[i].via != 0);
        assert_true(strlen(checks[i].spec) > 0);
        assert_true(strlen(checks[i].remedy) > 20);
        assert_ptr_equal(checks_find(str_from(checks[i].name)), &checks[i]);
    }
    assert_null(checks_find(STR("nothing")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_refuses),
        cmocka_unit_test(broken_encoding_is_refused_at_once),
        cmocka_unit_test(the_usual_request_passes),
        cmocka_unit_test(advice_never_fails),
        cmocka_unit_test(values_reach_their_places),
        cmocka_unit_test(no_scope_is_the_clients),
        cmocka_unit_test(a_clients_settings_decide),
        cmocka_unit_test(pkce_by_client),
        cmocka_unit_test(unknown_senders_look_alike),
        cmocka_unit_test(a_doubtful_state_is_not_sent_back),
        cmocka_unit_test(par_is_required_where_it_is),
        cmocka_unit_test(foreign_addresses_are_refused),
        cmocka_unit_test(loopback_ports_vary),
        cmocka_unit_test(twilio_has_its_own_addresses),
        cmocka_unit_test(registration_refuses_what_has_two_readings),
        cmocka_unit_test(origins_are_as_browsers_send_them),
        cmocka_unit_test(a_pushed_request_replaces_the_query),
        cmocka_unit_test(a_pushed_request_is_for_one_client_and_time),
        cmocka_unit_test(a_sealed_request_keeps_what_was_pushed),
        cmocka_unit_test(par_refuses_a_request_uri),
        cmocka_unit_test(a_request_object_replaces_the_query),
        cmocka_unit_test(a_bad_request_object_is_refused),
        cmocka_unit_test(unsigned_requests_where_signed_ones_are_required),
        cmocka_unit_test(a_device_asks_by_the_same_rules),
        cmocka_unit_test(tokens_narrow_their_resources),
        cmocka_unit_test(every_row_says_what_it_is),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
