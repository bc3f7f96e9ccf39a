/* oauth_tokens: a server whose token endpoint, userinfo and their like are the real ones, a person,
 * two clients, and grants put into the store as the authorization endpoint would.
 */
#ifndef TEST_UNIT_OAUTH_TOKENS_H
#define TEST_UNIT_OAUTH_TOKENS_H

#include "oauth_support.h"

#include "codec/b64url.h"
#include "codec/json.h"
#include "oauth/cors.h"
#include "oauth/endpoint/endpoint.h"
#include "oauth/token/id_token.h"
#include "oauth/token/jwt_profile.h"
#include "store/device_code.h"
#include "store/grant.h"
#include "store/session.h"
#include "store/user.h"
#include "store/user_grant.h"

#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" /* RFC 7636 B */
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define CALLBACK  "https://app.example/cb"
#define ORIGIN    "https://app.example"
#define API       "https://api.example"

static const struct route token_routes[] = {
    {.methods = HTTP_POST,
     .path = "/token",
     .handler = token_endpoint,
     .name = "token",
     .metadata = "token_endpoint",
     .cors = CORS_OF_CLIENT},
    {.methods = HTTP_OPTIONS,
     .path = "/token",
     .handler = cors_preflight,
     .name = "options",
     .cors = CORS_OF_ANY},
    {.methods = HTTP_POST, .path = "/see", .handler = introspect_endpoint, .name = "see"},
    {.methods = HTTP_POST,
     .path = "/revoke",
     .handler = revoke_endpoint,
     .name = "revoke",
     .cors = CORS_OF_CLIENT},
    {.methods = HTTP_GET | HTTP_POST,
     .path = "/userinfo",
     .handler = userinfo_endpoint,
     .name = "userinfo",
     .cors = CORS_OF_CLIENT},
    {.methods = HTTP_GET,
     .path = "/metadata",
     .handler = metadata_endpoint,
     .name = "metadata",
     .cors = CORS_OF_ANY},
};
static const struct dialect token_dialect = {
    .id = DIALECT_RFC,
    .name = "standard",
    .prefixes = (const char *const[]){"", NULL},
    .routes = token_routes,
    .routes_n = sizeof token_routes / sizeof *token_routes,
    .jwt = &jwt_profile_rfc9068,
    .refuse = plain_refuse,
};
static const struct dialect *const token_dialects[] = {&token_dialect, NULL};

static struct user person;
static struct relying_party party; /* of w.client and of `other` */
static struct client other;
static struct session session;

static inline enum commit_outcome write_now(struct effects *fx)
{
    struct commit_set set = {.fx = fx};
    char why[256];

    commit_run(w.db, &w.server.changes, &w.server.clock, &set, 1);
    if (w.server.shared) /* the keeper's work */
        assert_int_equal(server_load_keys(&w.server, w.db, 0, why, sizeof why), OK);
    server_thread_refresh(&w.thread);
    return set.outcome;
}

static inline struct effects effects_now(void)
{
    struct effects fx;

    effects_init(&fx, &w.arena);
    return fx;
}

/* The clients as they now stand in w.client, other and party. */
static inline void put_parties(void)
{
    struct effects fx = effects_now();

    client_update(&fx, &w.client);
    client_update(&fx, &other);
    relying_party_put(&fx, &w.client.id, &party);
    relying_party_put(&fx, &other.id, &party);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

static inline void put_user(void)
{
    struct effects fx = effects_now();
    str name = STR("jane");

    person = (struct user){
        .id = uid_new(),
        .organization = w.client.organization,
        .username = name,
        .email = STR("jane@people.example"),
        .email_verified = true,
        .claims = STR("{\"name\":\"Jane Doe\",\"phone_number\":\"+1 555\",\"level\":3}"),
        .roles = STR("admin staff"),
        .enabled = true,
        .created_s = 1000,
        .updated_s = 1500,
    };
    user_put(&fx, &person, &name, 1);
    session = (struct session){
        .id = id_next(&w.server.ids, 2000),
        .user = person.id,
        .auth_s = 1990,
        .amr = STR("pwd"),
        .acr = STR("pwd"),
        .agent = STR("test"),
        .peer = STR("test"),
        .seen_s = 1990,
        .exp_s = 5000,
        .end_s = 1990 + 86400,
    };
    session_put(&fx, &session);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
}

static inline int tokens_open(void **state)
{
    (void)state;
    world_open(token_dialects);
    w.client.grants = GRANT_CLIENT_CREDENTIALS | GRANT_AUTHORIZATION_CODE | GRANT_REFRESH_TOKEN |
                      GRANT_DEVICE_CODE;
    w.client.scopes = STR("openid profile email address phone offline_access");
    other = w.client;
    put_client(&other, TOKEN_JWT, STR(SECRET), false);
    relying_party_defaults(&party);
    party.there = true;
    party.redirect_uris = STR(CALLBACK);
    party.origins = STR(ORIGIN "\nhttps://second.example");
    party.resources = STR(API);
    party.id_token_alg = JWS_ES256;
    put_parties();
    put_user();
    return 0;
}

/* What an authorization with PKCE puts. */
static inline struct user_grant plain_grant(const char *scope)
{
    return (struct user_grant){
        .id = id_next(&w.server.ids, w.server.clock.fixed_us / 1000000),
        .client = w.client.id,
        .user = person.id,
        .session = session.id,
        .has_session = true,
        .dialect = DIALECT_RFC,
        .spelling = SPELLING_UUID,
        .scope = str_from(scope),
        .nonce = STR("n-0S6_WzA2Mj"),
        .auth_s = 1990,
        .amr = STR("pwd"),
        .acr = STR("pwd"),
        .created_s = 2000,
        .has_code = true,
        .code_exp_s = w.server.clock.fixed_us / 1000000 + 60,
        .redirect_uri = STR(CALLBACK),
        .challenge = STR(CHALLENGE),
        .exp_s = w.server.clock.fixed_us / 1000000 + 60,
    };
}

static inline int64_t epoch_now(void)
{
    const struct cached_client *c;

    server_thread_refresh(&w.thread);
    assert_int_equal(client_cache_get(w.thread.clients, w.thread.db, &w.client.id, 2000, &c), OK);
    return c->epoch + person.epoch;
}

/* Puts the grant; the text of its code. */
static inline str put_grant(struct user_grant *g)
{
    struct effects fx = effects_now();
    struct handle h;
    struct buf b;

    g->epoch = epoch_now();
    handle_new(HANDLE_CODE, SHAPE_HANDLE, NULL, &g->id, &h);
    handle_digest(w.thread.hasher, &h, &g->code);
    user_grant_put(&fx, g);
    assert_int_equal(write_now(&fx), COMMIT_DONE);
    buf_init(&b, &w.arena, HANDLE_CHARS, HANDLE_CHARS);
    handle_write(&b, &h, SHAPE_HANDLE, NULL);
    return buf_str(&b);
}

static inline str put_code(const char *scope)
{
    struct user_grant g = plain_grant(scope);

    g.offline = strstr(scope, "offline_access") != NULL;
    return put_grant(&g);
}

static inline str id_of(const struct client *client)
{
    struct buf b;

    buf_init(&b, &w.arena, 64, 64);
    uid_write(&b, &client->id, CLIENT_SID, SPELLING_UUID);
    return buf_str(&b);
}

/* A form of that client to that path, as far as it goes without a commit. */
static inline void send_as(struct call *c, const struct client *client, const char *path, str form)
{
    begin(c, path);
    header(c, "content-type", STR("application/x-www-form-urlencoded"));
    c->req.body = arena_printf(&c->arena, "%.*s&client_id=%.*s&client_secret=" SECRET,
                               STR_ARG(form), STR_ARG(id_of(client)));
    c->flow = handle_rq(&w.thread, &c->rq);
}

struct answer {
    int status;
    str text;
    const struct json *json; /* NULL: it is none */
};

static inline struct answer finished(struct call *c)
{
    struct answer a = {.status = finish(c)};
    struct json *v;

    a.text = arena_dup(&w.arena, body(c));
    if (a.status == 200 && json_parse(&w.arena, a.text, &v) == OK)
        a.json = v;
    arena_free(&c->arena);
    server_thread_refresh(&w.thread);
    return a;
}

static inline struct answer post_as(const struct client *client, const char *path, str form)
{
    struct call c;

    send_as(&c, client, path, form);
    return finished(&c);
}

static inline str code_form(str code, const char *more)
{
    return arena_printf(&w.arena,
                        "grant_type=authorization_code&code=%.*s&redirect_uri=" CALLBACK "%s",
                        STR_ARG(code), more);
}

#define WITH_VERIFIER "&code_verifier=" VERIFIER

static inline struct answer redeem(str code)
{
    return post_as(&w.client, "/token", code_form(code, WITH_VERIFIER));
}

static inline struct answer refresh(str token, const char *more)
{
    return post_as(&w.client, "/token",
                   arena_printf(&w.arena, "grant_type=refresh_token&refresh_token=%.*s%s",
                                STR_ARG(token), more));
}

static inline str member(const struct answer *a, const char *name)
{
    return json_get_str(a->json, str_from(name));
}

static inline struct answer see(str token)
{
    struct answer a =
        post_as(&w.client, "/see", arena_printf(&w.arena, "token=%.*s", STR_ARG(token)));

    assert_int_equal(a.status, 200);
    return a;
}

static inline bool is_live(str token)
{
    struct answer a = see(token);

    return json_get(a.json, STR("active"))->i != 0;
}

/* The claims of a JWT of ours, whose signature is proven. */
static inline const struct json *claims_of(str token, const char *typ)
{
    struct jwt jwt;

    assert_int_equal(jwt_parse(&w.arena, token, &jwt), OK);
    assert_int_equal(jwt_verify(w.thread.signer, &jwt, str_from(typ)), OK);
    return jwt.claims;
}

static inline struct call *resource(struct call *c, const char *path, str token)
{
    begin(c, path);
    c->req.method = HTTP_GET;
    if (token.n > 0)
        header(c, "authorization", arena_printf(&c->arena, "Bearer %.*s", STR_ARG(token)));
    return c;
}

static inline struct answer userinfo(str token)
{
    struct call c;

    resource(&c, "/userinfo", token);
    c.flow = handle_rq(&w.thread, &c.rq);
    return finished(&c);
}

static inline void assert_text(str got, const char *want)
{
    assert_string_equal(arena_cstr(&w.arena, got), want);
}

static inline bool has(str text, const char *piece)
{
    return strstr(arena_cstr(&w.arena, text), piece) != NULL;
}

#define T(name) cmocka_unit_test_setup_teardown(name, tokens_open, world_close)

#endif
