/* The Twilio dialect without a store: its dictionary, its headers for browsers, policies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours is in oauth/rq.h */

#include "dialect/dialect.h"
#include "dialect/twilio/answer.h"
#include "dialect/twilio/endpoints.h"
#include "dialect/twilio/policy.h"

struct fixture {
    struct arena arena;
    struct settings settings;
    struct server server;
    struct http_req req;
    struct http_res res;
    struct rq rq;
};

static void begin(struct fixture *f, const char *path, const char *origins)
{
    char why[256];

    arena_init(&f->arena, 1 << 20);
    settings_init(&f->settings);
    assert_int_equal(settings_set(&f->settings, STR("twilio.cors_origins"), str_from(origins),
                                  "test", why, sizeof why),
                     OK);
    f->server.settings = &f->settings;
    f->req = (struct http_req){.method = HTTP_POST, .path = str_from(path)};
    http_res_init(&f->res, &f->arena);
    f->rq = (struct rq){.server = &f->server, .req = &f->req, .res = &f->res, .arena = &f->arena};
    f->rq.dialect = &dialect_twilio;
    f->rq.request_id = uid_new();
}

static void end(struct fixture *f)
{
    arena_free(&f->settings.arena);
    arena_free(&f->arena);
}

static int64_t number(struct fixture *f, const char *name)
{
    struct json *body;
    const struct json *v;

    assert_int_equal(json_parse(&f->arena, buf_str(&f->res.body), &body), OK);
    v = json_get(body, str_from(name));
    assert_true(json_is(v, JSON_INT_T));
    return v->i;
}

/* Every error that may leave has a number in both versions, and says its HTTP status. */
static void every_error_has_a_code(void **state)
{
    (void)state;
    for (enum err e = OK + 1; e < ERR_ABSENT; e++) {
        for (int version = 1; version <= 2; version++) {
            struct fixture f = {0};
            begin(&f, version == 1 ? "/v1/token" : "/v2/token", "*");
            f.rq.failure = (struct failure){.e = e, .where = STR("x")};
            refuse_twilio(&f.rq);
            assert_int_equal(number(&f, "status"), f.res.status);
            assert_true(number(&f, "code") >= 20001);
            /* what has no row would be an internal error */
            assert_int_equal(number(&f, "code") == 20500, e == ERR_SERVER_ERROR);
            if (version == 1)
                assert_true(number(&f, "code") < 100000);
            end(&f);
        }
    }
}

static void codes_of_the_versions(void **state)
{
    static const struct {
        enum err e;
        const char *where;
        int v1, v2, status;
    } cases[] = {
        {ERR_INVALID_CLIENT, "", 20003, 322402, 401},
        {ERR_UNSUPPORTED_GRANT_TYPE, "grant_type", 20001, 321403, 400},
        {ERR_INVALID_REQUEST, "", 20001, 322403, 400},
        {ERR_INVALID_REQUEST, "scope", 20001, 20001, 400},
        {ERR_UNSUPPORTED_MEDIA_TYPE, "", 20001, 322403, 400},
        {ERR_INVALID_GRANT, "", 20001, 20001, 400},
        {ERR_CLIENT_DISABLED, "", 20403, 20403, 403},
        {ERR_NOT_FOUND, "", 20404, 20404, 404},
        {ERR_METHOD_NOT_ALLOWED, "", 20004, 20004, 405},
        {ERR_TOO_MANY_REQUESTS, "", 20429, 20429, 429},
        {ERR_SERVER_ERROR, "", 20500, 20500, 500},
    };

    (void)state;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        struct fixture f = {0};
        begin(&f, i % 2 ? "/v2/token" : "/v1/token", "*");
        f.rq.failure = (struct failure){.e = cases[i / 2].e, .where = str_from(cases[i / 2].where)};
        refuse_twilio(&f.rq);
        assert_int_equal(number(&f, "code"), i % 2 ? cases[i / 2].v2 : cases[i / 2].v1);
        assert_int_equal(number(&f, "status"), cases[i / 2].status);
        end(&f);
    }
}

static bool has(struct fixture *f, const char *text)
{
    str headers = buf_str(&f->res.headers), want = str_from(text);

    for (size_t i = 0; i + want.n <= headers.n; i++)
        if (memcmp(headers.p + i, want.p, want.n) == 0)
            return true;
    return false;
}

static void every_origin_without_credentials(void **state)
{
    struct fixture f = {0};

    (void)state;
    begin(&f, "/v1/token", "*");
    f.rq.route = &dialect_twilio.routes[0];
    answer_twilio_headers(&f.rq);
    assert_true(has(&f, "Access-Control-Allow-Origin: *\r\n"));
    assert_true(has(&f, "Access-Control-Allow-Credentials: false\r\n"));
    assert_true(has(&f, "Access-Control-Allow-Methods: POST, OPTIONS\r\n"));
    assert_false(has(&f, "Vary"));
    end(&f);
}

static void named_origins_with_credentials(void **state)
{
    static const struct {
        const char *origin;
        bool leave;
    } cases[] = {
        {"https://a.example", true},
        {"https://b.example", true},
        {"https://c.example", false},
        {"https://a.example.evil", false},
        {"null", false},
        {NULL, false},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f = {0};
        begin(&f, "/v2/token", "https://a.example,https://b.example");
        if (cases[i].origin != NULL)
            f.req.headers[f.req.headers_n++] =
                (struct http_header){STR("Origin"), str_from(cases[i].origin)};
        answer_twilio_headers(&f.rq);
        assert_true(has(&f, "Vary: Origin\r\n"));
        assert_int_equal(has(&f, "Access-Control-Allow-Origin: https://"), cases[i].leave);
        assert_int_equal(has(&f, "Access-Control-Allow-Credentials: true"), cases[i].leave);
        end(&f);
    }
}

#define APPS "/twilio/iam/oauth-apps/"

static void policies_allow(void **state)
{
    static const struct {
        const char *policy, *want;
        bool allowed;
    } cases[] = {
        {NULL, APPS "read", false},
        {"{}", APPS "read", false},
        {"{\"allow\":[]}", APPS "read", false},
        {"{\"allow\":[\"" APPS "read\"]}", APPS "read", true},
        {"{\"allow\":[\"" APPS "read\"]}", APPS "reads", false},
        {"{\"allow\":[\"" APPS "*\"]}", APPS "read", true},
        {"{\"allow\":[\"*\"]}", APPS "read", true},
        {"{\"allow\":[\"*\"],\"deny\":[\"" APPS "read\"]}", APPS "read", false},
        {"{\"allow\":[\"*\"],\"deny\":[\"" APPS "read\"]}", APPS "list", true},
        {"{\"allow\":[\"*\"],\"deny\":[\"" APPS "*\"]}", APPS "list", false},
        {"{\"allow\":[\"" APPS "read\"],\"deny\":[\"" APPS "read\"]}", APPS "read", false},
        {"{\"allow\":[\"" APPS "\"]}", APPS "read", false},
        {"{\"allow\":[1]}", APPS "read", false},
        {"no json", APPS "read", false},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_allows(&a, str_from(cases[i].policy), str_from(cases[i].want)),
                         cases[i].allowed);
    arena_free(&a);
}

/* Nobody hands out what he does not have. */
static void policies_cover(void **state)
{
    static const struct {
        const char *mine, *theirs;
        bool covered;
    } cases[] = {
        {NULL, NULL, true},
        {NULL, "{\"allow\":[]}", true},
        {NULL, "{\"allow\":[\"/x\"]}", false},
        {"{\"allow\":[\"/x\"]}", "{\"allow\":[\"/x\"]}", true},
        {"{\"allow\":[\"/x\"]}", "{\"allow\":[\"/x\",\"/y\"]}", false},
        {"{\"allow\":[\"/x*\"]}", "{\"allow\":[\"/x/y\",\"/x/*\"]}", true},
        {"{\"allow\":[\"/x/*\"]}", "{\"allow\":[\"/x*\"]}", false},
        {"{\"allow\":[\"*\"],\"deny\":[\"/x/y\"]}", "{\"allow\":[\"/x/*\"]}", false},
        {"{\"allow\":[\"*\"],\"deny\":[\"/x/y\"]}", "{\"allow\":[\"*\"],\"deny\":[\"/x/y\"]}",
         true},
        {"{\"allow\":[\"*\"],\"deny\":[\"/x/y\"]}", "{\"allow\":[\"/z\"]}", true},
    };
    struct arena a;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_int_equal(policy_covers(&a, str_from(cases[i].mine), str_from(cases[i].theirs)),
                         cases[i].covered);
    arena_free(&a);
}

static void policies_are_stored_as_given(void **state)
{
    static const struct {
        const char *text, *stored; /* NULL: refused */
    } cases[] = {
        {"{}", "{}"},
        {"{ \"deny\" : [ \"a\" ] , \"allow\" : [] }", "{\"deny\":[\"a\"],\"allow\":[]}"},
        {"{\"allow\":[\"a\\\"b\"]}", "{\"allow\":[\"a\\\"b\"]}"},
        {"[]", NULL},
        {"{\"allow\":\"a\"}", NULL},
        {"{\"allow\":[null]}", NULL},
        {"{\"allow\":[\"\"]}", NULL},
        {"{\"permit\":[]}", NULL},
    };
    struct arena a;
    struct json *policy;
    struct buf b;

    (void)state;
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(json_parse(&a, str_from(cases[i].text), &policy), OK);
        assert_int_equal(policy_is_valid(policy), cases[i].stored != NULL);
        if (cases[i].stored == NULL)
            continue;
        buf_init(&b, &a, 64, 4096);
        policy_write(&b, policy);
        assert_true(str_eq(buf_str(&b), str_from(cases[i].stored)));
    }
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_code),
        cmocka_unit_test(codes_of_the_versions),
        cmocka_unit_test(every_origin_without_credentials),
        cmocka_unit_test(named_origins_with_credentials),
        cmocka_unit_test(policies_allow),
        cmocka_unit_test(policies_cover),
        cmocka_unit_test(policies_are_stored_as_given),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
