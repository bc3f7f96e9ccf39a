/* oauth_people: people, their browsers and the client to which they sign in, for the tests of
 * oauth/ that need no handler: each visit is a request of its own, taken apart by hand.
 */
#ifndef TEST_UNIT_OAUTH_PEOPLE_H
#define TEST_UNIT_OAUTH_PEOPLE_H

#include "codec/unicode.h"
#include "codec/url.h"
#include "oauth/authorize/interaction.h"
#include "oauth_support.h"
#include "store/key.h"
#include "store/user_grant.h"

#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define CALLBACK  "https://app.example/cb"
#define ASKED                                                                                      \
    "redirect_uri=https%3A%2F%2Fapp.example%2Fcb&response_type=code&state=xyz&code_challenge="     \
    "" CHALLENGE "&code_challenge_method=S256"

static const struct route no_routes[] = {{0}};
static const struct dialect plain_dialect = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = (const char *const[]){"", NULL},
    .routes = no_routes,
    .routes_n = 0,
    .refuse = plain_refuse,
};
static const struct dialect *const plain_dialects[] = {&plain_dialect, NULL};

static struct user alice, bob, stranger; /* stranger: of another organization */
static struct relying_party party;       /* of w.client; put_party after changes */

/* A browser: what its cookies hold. */
struct visitor {
    char session[512], flow[64];
};

#define VISITS 96
static struct call visits[VISITS];
static size_t visits_n;

static inline enum commit_outcome write_now(struct effects *fx)
{
    struct commit_set set = {.fx = fx};

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    server_thread_refresh(&w.thread);
    return set.outcome;
}

static inline struct effects effects_now(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    return fx;
}

static inline void put_party(void)
{
    struct effects fx = effects_now();

    relying_party_put(&fx, &w.client.id, &party);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

static inline void put_person(struct user *u, const char *name, const struct id *organization)
{
    struct effects fx = effects_now();
    str names[2];

    *u = (struct user){
        .id = uid_new(),
        .organization = *organization,
        .username = str_from(name),
        .email = arena_printf(&w.arena, "%s@people.example", name),
        .claims = STR("{}"),
        .enabled = true,
        .created_s = 1000,
    };
    assert_true(unicode_login(&w.arena, u->username, &names[0]));
    assert_true(unicode_login(&w.arena, u->email, &names[1]));
    user_put(&fx, u, names, 2);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

static inline int people_open(void **state)
{
    struct organization other = {.name = STR("Other"), .created_s = 1000};
    struct effects fx;

    (void)state;
    visits_n = 0;
    world_open(plain_dialects);
    other.id = id_next(&w.server.ids, 1000);
    w.client.grants = GRANT_AUTHORIZATION_CODE | GRANT_REFRESH_TOKEN | GRANT_DEVICE_CODE;
    w.client.scopes = STR("openid profile email offline_access");
    fx = effects_now();
    organization_put(&fx, &other);
    client_update(&fx, &w.client);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    relying_party_defaults(&party);
    party.there = true;
    party.redirect_uris = STR(CALLBACK "\n" CALLBACK "?app=1\nhttp://127.0.0.1/cb");
    party.response_modes = MODE_QUERY | MODE_FORM_POST;
    put_party();
    put_person(&alice, "alice", &w.client.organization);
    put_person(&bob, "bob", &w.client.organization);
    put_person(&stranger, "stranger", &other.id);
    return 0;
}

static inline int people_close(void **state)
{
    for (size_t i = 0; i < visits_n; i++)
        arena_free(&visits[i].arena);
    return world_close(state);
}

/* A request of that browser, not yet handled. */
static inline struct call *visit(const struct visitor *v, enum http_method method, const char *path)
{
    struct call *c = &visits[visits_n++];

    assert_true(visits_n <= VISITS);
    server_thread_refresh(&w.thread);
    begin(c, path);
    c->req.method = method;
    c->req.method_text = str_from(http_method_name(method));
    c->rq.dialect = &plain_dialect;
    if (*v->session || *v->flow)
        header(c, "Cookie",
               arena_printf(&c->arena, "postern=%s; postern-flow=%s", v->session, v->flow));
    return c;
}

static inline void keep_cookie(char *to, size_t size, str line, const char *name)
{
    str value, rest;

    if (!str_starts(line, str_from(name)))
        return;
    str_cut(str_sub(line, strlen(name), line.n), ';', &value, &rest);
    assert_true(value.n < size);
    memcpy(to, value.p, value.n);
    to[value.n] = '\0';
}

/* The answer arrives: its effects are durable, its cookies in the jar. */
static inline void arrive(struct call *c, struct visitor *v, const struct browser *b)
{
    str headers, line;

    rq_answer(&c->rq, 200, STR("text/plain"));
    browser_write(&c->rq, b);
    assert_int_equal(commit(c), COMMIT_DONE);
    headers = buf_str(&c->res.headers);
    while (str_next(&headers, '\n', &line)) {
        keep_cookie(v->session, sizeof v->session, line, "Set-Cookie: postern=");
        keep_cookie(v->flow, sizeof v->flow, line, "Set-Cookie: postern-flow=");
    }
    server_thread_refresh(&w.thread);
}

static inline struct id sign_in_as(struct visitor *v, const struct user *u)
{
    struct call *c = visit(v, HTTP_POST, "/sign-in");
    struct browser b;
    struct id id;

    assert_int_equal(browser_read(&c->rq, &b), OK);
    id = browser_sign_in(&c->rq, &b, u, STR("pwd"), STR("pwd"), c->rq.now_s)->session.id;
    arrive(c, v, &b);
    return id;
}

/* Whom the browser is signed in as, first the one in use. */
static inline struct browser look(const struct visitor *v)
{
    struct call *c = visit(v, HTTP_GET, "/");
    struct browser b;

    assert_int_equal(browser_read(&c->rq, &b), OK);
    return b;
}

static inline str authorize_query(const char *more)
{
    struct buf b;

    buf_init(&b, &w.arena, 512, 32768);
    BUF_LIT(&b, "client_id=");
    uid_write(&b, &w.client.id, CLIENT_SID, SPELLING_UUID);
    buf_char(&b, '&');
    BUF_LIT(&b, ASKED "&scope=openid+profile");
    buf_put(&b, str_from(more));
    return buf_str(&b);
}

static inline struct call *ask_query(const struct visitor *v, str query, struct interaction *ix,
                                     enum err expected)
{
    struct call *c = visit(v, HTTP_GET, "/oauth2/authorize");

    c->req.query = query;
    c->req.has_query = true;
    assert_int_equal(interaction_begin(&c->rq, DIALECT_RFC, ix), expected);
    return c;
}

/* Opens the authorization endpoint, with more parameters ("&prompt=login"). */
static inline struct call *ask(const struct visitor *v, const char *more, struct interaction *ix)
{
    return ask_query(v, authorize_query(more), ix, OK);
}

static inline enum interaction_step next_step(struct call *c, struct interaction *ix)
{
    enum interaction_step step;

    assert_int_equal(interaction_next(&c->rq, ix, &step), OK);
    return step;
}

/* The page is shown: its hidden field. */
static inline str show(struct call *c, struct visitor *v, struct interaction *ix)
{
    str sealed = arena_dup(&w.arena, interaction_seal(&c->rq, ix));

    arrive(c, v, &ix->browser);
    return sealed;
}

/* The page's form comes back. */
static inline struct call *post(const struct visitor *v, str sealed, struct interaction *ix,
                                enum err expected)
{
    struct call *c = visit(v, HTTP_POST, "/consent");

    assert_int_equal(interaction_open(&c->rq, sealed, true, ix), expected);
    return c;
}

static inline str answer_value(const struct authorize_answer *a, const char *name)
{
    for (size_t i = 0; i < a->n; i++)
        if (str_eq(a->pairs[i].name, str_from(name)))
            return a->pairs[i].value;
    return (str){0};
}

static inline void assert_text(str got, const char *want)
{
    assert_string_equal(arena_cstr(&w.arena, got), want);
}

/* A request without state, for that redirect URI. */
static inline str plain_query(const char *more, const char *redirect_uri)
{
    struct buf b;

    buf_init(&b, &w.arena, 512, 32768);
    BUF_LIT(&b, "client_id=");
    uid_write(&b, &w.client.id, CLIENT_SID, SPELLING_UUID);
    buf_printf(&b,
               "&redirect_uri=%s&response_type=code&scope=openid&code_challenge=" CHALLENGE
               "&code_challenge_method=S256",
               redirect_uri);
    buf_put(&b, str_from(more));
    return buf_str(&b);
}

static inline void allow_before(const struct user *u, const char *scopes)
{
    struct consent consent = {
        .user = u->id, .client = w.client.id, .scopes = str_from(scopes), .created_s = 1000};
    struct effects fx = effects_now();

    consent_put(&fx, &consent);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

/* That request is pushed: the query that names it. */
static inline str push_query(str query)
{
    struct handle h;
    struct digest hash;
    struct pushed_request p = {.client = w.client.id, .exp_s = 2000 + 90 + 3600};
    struct effects fx = effects_now();
    struct buf b;

    p.id = id_next(&w.server.ids, clock_now_s(&w.server.clock));
    p.params = query;
    handle_new(HANDLE_PUSHED, SHAPE_HANDLE, NULL, &p.id, &h);
    handle_digest(w.thread.hasher, &h, &hash);
    p.hash = hash;
    pushed_request_put(&fx, &p);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    buf_init(&b, &w.arena, 256, 256);
    BUF_LIT(&b, "client_id=");
    uid_write(&b, &w.client.id, CLIENT_SID, SPELLING_UUID);
    BUF_LIT(&b, "&request_uri=urn%3Aietf%3Aparams%3Aoauth%3Arequest_uri%3A");
    handle_write(&b, &h, SHAPE_HANDLE, NULL);
    return buf_str(&b);
}

/* The request, the sign-in page, alice, the consent page, yes: a code. */
static inline str complete(struct visitor *v, const char *more, const struct user *u)
{
    struct interaction ix;
    struct authorize_answer a;
    struct call *c = ask(v, more, &ix);
    str sealed;

    assert_int_equal(next_step(c, &ix), STEP_SIGN_IN);
    sealed = show(c, v, &ix);
    c = post(v, sealed, &ix, OK);
    interaction_choose(
        &ix,
        &browser_sign_in(&c->rq, &ix.browser, u, STR("pwd"), STR("pwd"), c->rq.now_s)->session.id);
    if (next_step(c, &ix) == STEP_CONSENT) {
        sealed = show(c, v, &ix);
        c = post(v, sealed, &ix, OK);
        assert_int_equal(next_step(c, &ix), STEP_CONSENT);
        interaction_consent(&c->rq, &ix);
        assert_int_equal(next_step(c, &ix), STEP_FINISH);
    }
    assert_int_equal(interaction_finish(&c->rq, &ix, &a), OK);
    arrive(c, v, &ix.browser);
    return answer_value(&a, "code");
}

#define PEOPLE(name) cmocka_unit_test_setup_teardown(name, people_open, people_close)

#endif
