/* The Twine dialect without a store: media types, bodies, queries, pages, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#undef fail /* cmocka's; ours is in oauth/rq.h */

#include "dialect/dialect.h"
#include "dialect/twine/decode.h"
#include "dialect/twine/endpoints.h"
#include "dialect/twine/jsonapi.h"
#include "dialect/twine/paging.h"

struct fixture {
    struct arena arena;
    struct http_req req;
    struct http_res res;
    struct rq rq;
};

static void begin(struct fixture *f)
{
    arena_init(&f->arena, 1 << 20);
    f->req = (struct http_req){.method = HTTP_GET, .path = STR("/pub/group")};
    http_res_init(&f->res, &f->arena);
    f->rq = (struct rq){.req = &f->req, .res = &f->res, .arena = &f->arena};
    f->rq.dialect = &dialect_twine;
    f->rq.request_id = uid_new();
}

static void end(struct fixture *f)
{
    arena_free(&f->arena);
}

static void header(struct fixture *f, str name, str value)
{
    f->req.headers[f->req.headers_n++] = (struct http_header){name, value};
}

static void assert_str(str got, const char *want)
{
    char text[4096];

    assert_true(got.n < sizeof text);
    memcpy(text, got.p, got.n);
    text[got.n] = '\0';
    assert_string_equal(text, want);
}

static void accept_chooses_the_media_type(void **state)
{
    static const struct {
        const char *accept[2];
        bool plain;
    } cases[] = {
        {{NULL}, false},
        {{""}, false},
        {{"application/json"}, true},
        {{"APPLICATION/JSON;q=0.2"}, true},
        {{"application/json", "application/vnd.api+json"}, false},
        {{"application/json, text/plain, */*"}, false},
        {{"application/json, application/*"}, false},
        {{"application/json, application/vnd.api+json; q=0"}, true},
        {{"application/json;q=0"}, false},
        {{"application/json;q=0.000, application/json"}, true},
        {{"text/html"}, false},
        {{",, ,application/json,"}, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        begin(&f);
        for (size_t j = 0; j < 2 && cases[i].accept[j] != NULL; j++)
            header(&f, STR("aCCept"), str_from(cases[i].accept[j]));
        assert_int_equal(jsonapi_plain(&f.req), cases[i].plain);
        end(&f);
    }
}

static enum err decode(struct fixture *f, const char *type, const char *text,
                       struct decode_body *body)
{
    static const str types[] = {STR_INIT("oauth/token"), STR_INIT("token")};
    enum err e;

    begin(f);
    if (type != NULL)
        header(f, STR("Content-Type"), str_from(type));
    f->req.body = str_from(text);
    if ((e = decode_json(&f->rq, body)) != OK)
        return e;
    return decode_shape(&f->rq, true, types, 2, body);
}

#define VND   "application/vnd.api+json"
#define PLAIN "application/json"

static void bodies_nested_and_flat(void **state)
{
    struct fixture f;
    struct decode_body body;
    str value;

    (void)state;
    assert_int_equal(
        decode(&f, VND, "{\"data\":{\"type\":\"token\",\"attributes\":{\"a\":\"b\"}}}", &body), OK);
    assert_false(body.flat);
    assert_str(body.type, "token");
    assert_int_equal(decode_text(&f.rq, &body, "a", true, &value), OK);
    assert_str(value, "b");
    assert_int_equal(decode_text(&f.rq, &body, "c", true, &value), ERR_INVALID_BODY);
    assert_str(f.rq.failure.where, "/data/attributes/c");
    end(&f);
    assert_int_equal(decode(&f, PLAIN "; charset=UTF-8", "{\"a\":null,\"b\":1}", &body), OK);
    assert_true(body.flat);
    assert_null(body.type.p);
    assert_int_equal(decode_text(&f.rq, &body, "a", false, &value), OK);
    assert_null(value.p);
    assert_int_equal(decode_text(&f.rq, &body, "b", false, &value), ERR_INVALID_BODY);
    assert_str(f.rq.failure.where, "/b");
    end(&f);
}

static void bodies_refused(void **state)
{
    static const struct {
        const char *type, *text, *where; /* where NULL: none */
        enum err e;
    } cases[] = {
        {NULL, "{}", NULL, ERR_FORBIDDEN},
        {"text/plain", "{", NULL, ERR_FORBIDDEN},
        {PLAIN "; charset=latin1", "{}", NULL, ERR_FORBIDDEN},
        {VND, "{", "", ERR_INVALID_BODY},
        {VND, "", "", ERR_INVALID_BODY},
        {VND, "[]", "", ERR_INVALID_BODY},
        {VND, "{\"a\":1,\"a\":1}", "", ERR_INVALID_BODY},
        {VND, "{\"client_id\":\"x\"}", "/data", ERR_INVALID_BODY},
        {VND, "{\"data\":[]}", "/data", ERR_INVALID_BODY},
        {PLAIN, "{\"data\":{}}", "/data/attributes", ERR_INVALID_BODY},
        {PLAIN, "{\"data\":{\"type\":\"group\",\"attributes\":{}}}", "/data/type",
         ERR_INVALID_BODY},
        {PLAIN, "{\"data\":{\"type\":1,\"attributes\":{}}}", "/data/type", ERR_INVALID_BODY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct decode_body body;
        assert_int_equal(decode(&f, cases[i].type, cases[i].text, &body), cases[i].e);
        if (cases[i].where == NULL)
            assert_null(f.rq.failure.where.p);
        else
            assert_str(f.rq.failure.where, cases[i].where);
        end(&f);
    }
}

static enum err page(struct fixture *f, const char *query, struct form *form, struct paging *p)
{
    begin(f);
    f->req.query = str_from(query);
    assert_int_equal(decode_query(&f->rq, form), OK);
    return paging_read(&f->rq, form, p);
}

static void assert_links(const char *query, int64_t count, const struct id *next, const char *want)
{
    struct fixture f;
    struct form form;
    struct paging p;
    struct buf b;

    assert_int_equal(page(&f, query, &form, &p), OK);
    assert_int_equal(paging_check(&f.rq, &p, count), OK);
    buf_init(&b, &f.arena, 256, 4096);
    paging_links(&f.rq, &b, &form, &p, count, next);
    assert_str(buf_str(&b), want);
    end(&f);
}

static void links_of_pages(void **state)
{
    struct id id;

    (void)state;
    assert_true(id_parse(STR("5755db2a3db4179179999acf"), &id));
    assert_links("", 7, NULL, "{\"self\":\"/pub/group\"}");
    assert_links("filter%5Bname%5D=a+b%26%22&x", 7, NULL,
                 "{\"self\":\"/pub/group?filter[name]=a%20b%26%22&x=\"}");
    assert_links("page[size]=0&page[number]=9", 7, NULL,
                 "{\"self\":\"/pub/group?page[size]=0&page[number]=9\"}");
    assert_links("page[size]=4&a=b", 7, NULL,
                 "{\"self\":\"/pub/group?page[size]=4&a=b\","
                 "\"next\":\"/pub/group?a=b&page[number]=2&page[size]=4\","
                 "\"last\":\"/pub/group?a=b&page[number]=2&page[size]=4\"}");
    assert_links("page[number]=1", 0, NULL,
                 "{\"self\":\"/pub/group?page[number]=1\","
                 "\"last\":\"/pub/group?page[number]=1&page[size]=10\"}");
    assert_links("page[limit]=2&a=b", 7, &id,
                 "{\"self\":\"/pub/group?page[limit]=2&a=b\","
                 "\"next\":\"/pub/group?a=b&page[limit]=2&page[after]=5755db2a3db4179179999acf\"}");
    assert_links("page[limit]=2", 2, NULL, "{\"self\":\"/pub/group?page[limit]=2\"}");
}

static void pages_refused(void **state)
{
    static const struct {
        const char *query, *where;
    } cases[] = {
        {"page[size]=51", "page[size]"},
        {"page[size]=", "page[size]"},
        {"page[number]=0", "page[number]"},
        {"page[limit]=1001", "page[limit]"},
        {"page[cursor]=no", "page[cursor]"},
        {"page[size]=1&page%5Bsize%5D=1", "page[size]"},
        {"page[size]=1&page[limit]=1", "page[size]"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct form form;
        struct paging p;
        assert_int_equal(page(&f, cases[i].query, &form, &p), ERR_INVALID_QUERY);
        assert_str(f.rq.failure.where, cases[i].where);
        end(&f);
    }
}

static bool code_is_documented(str code)
{
    static const char *const codes[] = {
        "Forbidden",    "InvalidParameter",   "InvalidBodyParameter", "ResourceNotFound",
        "Unauthorized", "InvalidCredentials", "InvalidGrantType",
    };

    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (str_eq(code, str_from(codes[i])))
            return true;
    return false;
}

/* Whatever the engine may fail with leaves as a document of the seven codes. */
static void every_error_has_a_document(void **state)
{
    (void)state;
    for (int e = 1; e < ERR_COUNT; e++) {
        struct fixture f;
        struct json *doc;
        const struct json *error;
        int64_t status;
        begin(&f);
        fail_at(&f.rq, (enum err)e, "A \"sentence\"", STR("/a\"b"));
        refuse_twine(&f.rq);
        assert_int_equal(json_parse(&f.arena, buf_str(&f.res.body), &doc), OK);
        assert_int_equal(json_get_str(json_get(doc, STR("meta")), STR("req_id")).n, 36);
        error = json_get(doc, STR("errors"))->first;
        assert_true(code_is_documented(json_get_str(error, STR("code"))));
        assert_true(str_i64(json_get_str(error, STR("status")), 400, 599, &status));
        assert_int_equal(status, f.res.status);
        assert_true(json_get_str(error, STR("detail")).n > 0);
        end(&f);
    }
}

static void the_documented_refusal(void **state)
{
    static const char tail[] = "\"},\"errors\":[{\"code\":\"Unauthorized\",\"detail\":"
                               "\"A valid bearer token is required\",\"status\":\"401\"}]}";
    struct fixture f;

    (void)state;
    begin(&f);
    fail(&f.rq, ERR_INVALID_TOKEN, "anything");
    refuse_twine(&f.rq);
    assert_true(str_ends(buf_str(&f.res.body), STR(tail)));
    end(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accept_chooses_the_media_type),
        cmocka_unit_test(bodies_nested_and_flat),
        cmocka_unit_test(bodies_refused),
        cmocka_unit_test(links_of_pages),
        cmocka_unit_test(pages_refused),
        cmocka_unit_test(every_error_has_a_document),
        cmocka_unit_test(the_documented_refusal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
