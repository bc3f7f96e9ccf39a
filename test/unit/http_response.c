/* http/response, http/route, http/request: what leaves, and which path is which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "http/response.h"
#include "http/route.h"

#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"

static struct arena arena;

static str written(const struct http_res *res, bool head_only, bool keep_alive)
{
    static char out[4096];
    struct buf b;
    buf_fixed(&b, out, sizeof(out));
    http_res_write(&b, res, head_only, keep_alive, DATE);
    assert_false(b.overflow);
    return buf_str(&b);
}

static void answers(void **state)
{
    (void)state;
    struct http_res res;
    http_res_init(&res, &arena);
    assert_int_equal(res.status, 200);
    http_res_header(&res, STR("Content-Type"), STR("application/json"));
    http_res_header(&res, STR("X-Empty"), STR(""));
    BUF_LIT(&res.body, "{}");
    assert_true(str_eq(written(&res, false, true),
                       STR("HTTP/1.1 200 OK\r\nDate: " DATE "\r\n"
                           "Content-Type: application/json\r\nX-Empty: \r\n"
                           "Content-Length: 2\r\nConnection: keep-alive\r\n\r\n{}")));
    assert_true(str_ends(written(&res, true, true), STR("Content-Length: 2\r\n"
                                                        "Connection: keep-alive\r\n\r\n")));
    res.close = true;
    res.status = 404;
    str s = written(&res, false, true);
    assert_true(str_starts(s, STR("HTTP/1.1 404 Not Found\r\n")));
    assert_true(str_ends(s, STR("Connection: close\r\n\r\n{}")));
    http_res_reset(&res);
    s = written(&res, false, false);
    assert_true(str_eq(s, STR("HTTP/1.1 200 OK\r\nDate: " DATE "\r\nContent-Length: 0\r\n"
                              "Connection: close\r\n\r\n")));
    res.status = 204; /* RFC 9110 8.6 */
    BUF_LIT(&res.body, "x");
    assert_true(str_eq(written(&res, false, true), STR("HTTP/1.1 204 No Content\r\nDate: " DATE
                                                       "\r\nConnection: keep-alive\r\n\r\n")));
    assert_string_equal(http_reason(421), "Misdirected Request");
    assert_true(strlen(http_reason(299)) > 0);
}

static void holes_are_filled(void **state)
{
    (void)state;
    struct http_res res;
    http_res_init(&res, &arena);
    BUF_LIT(&res.body, "{\"a\":\"\",\"b\":\"\"}");
    res.holes[0] = (struct http_hole){6, STR("first")};
    res.holes[1] = (struct http_hole){13, STR("second")};
    res.holes_n = 2;
    str s = written(&res, false, true);
    assert_true(str_ends(s, STR("\r\n\r\n{\"a\":\"first\",\"b\":\"second\"}")));
    assert_true(str_starts(str_sub(s, str_find(s, 'L', 0), s.n), STR("Length: 26\r\n")));
    res.holes[0].at = 0;
    res.holes[1].at = res.body.n;
    s = written(&res, false, true);
    assert_true(str_ends(s, STR("\r\n\r\nfirst{\"a\":\"\",\"b\":\"\"}second")));
}

/* A large body leaves in pieces; head and pieces together are what http_res_write writes. */
static void pieces_make_the_same_bytes(void **state)
{
    (void)state;
    static char storage[4096];
    struct http_res res;
    struct buf parts;
    str pieces[HTTP_PIECES];
    http_res_init(&res, &arena);
    BUF_LIT(&res.body, "{\"a\":\"\",\"b\":\"\"}");
    res.holes[0] = (struct http_hole){6, STR("first")};
    res.holes[1] = (struct http_hole){13, STR("second")};
    res.holes_n = 2;
    assert_int_equal(http_res_length(&res), 26);
    for (int head_only = 0; head_only < 2; head_only++) {
        buf_fixed(&parts, storage, sizeof(storage));
        http_res_write_head(&parts, &res, true, DATE);
        size_t n = http_res_pieces(&res, head_only, pieces);
        assert_int_equal(n, head_only ? 0 : HTTP_PIECES);
        for (size_t i = 0; i < n; i++)
            buf_put(&parts, pieces[i]);
        assert_true(str_eq(buf_str(&parts), written(&res, head_only, true)));
    }
}

static void a_header_cannot_be_split(void **state)
{
    (void)state;
    static const str T[] = {STR_INIT("a\r\nX: 1"), STR_INIT("a\n"), STR_INIT("\r"),
                            STR_INIT("a\0")};
    for (size_t i = 0; i < 4; i++) {
        pid_t child = fork();
        if (child == 0) {
            struct http_res res;
            close(2);
            http_res_init(&res, &arena);
            http_res_header(&res, STR("Location"), T[i]);
            _exit(0);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
    }
}

/* security.md A17 */
static void routes(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *path, *id; /* id NULL: no match; "": match without an id */
    } T[] = {
        {"/oauth2/token", "/oauth2/token", ""},
        {"/oauth2/token", "/oauth2/token/", NULL},
        {"/oauth2/token", "/oauth2/token;x", NULL},
        {"/oauth2/token", "//oauth2/token", NULL},
        {"/oauth2/token", "/oauth2/%74oken", NULL},
        {"/oauth2/token", "/./oauth2/token", NULL},
        {"/oauth2/token", "/a/../oauth2/token", NULL},
        {"/oauth2/token", "/oauth2/Token", NULL},
        {"/oauth2/token", "/oauth2/toke", NULL},
        {"/pub/group/{id}", "/pub/group/abc", "abc"},
        {"/pub/group/{id}", "/pub/group/%41", "%41"},
        {"/pub/group/{id}", "/pub/group/", NULL},
        {"/pub/group/{id}", "/pub/group", NULL},
        {"/pub/group/{id}", "/pub/group/a/b", NULL},
        {"/pub/group/{id}", "/pub/group/a/", NULL},
        {"/pub/oauth/token/{id}/groups", "/pub/oauth/token/x/groups", "x"},
        {"/pub/oauth/token/{id}/groups", "/pub/oauth/token//groups", NULL},
        {"/pub/oauth/token/{id}/groups", "/pub/oauth/token/groups", NULL},
        {"/pub/oauth/token/{id}/groups", "/pub/oauth/token/x/y/groups", NULL},
        {"/pub/oauth/token/{id}/groups", "/pub/oauth/token/x/groups/", NULL},
        {"/a{id}a", "/a", NULL},
        {"/a{id}a", "/aa", NULL},
        {"/a{id}a", "/aaa", "a"},
    };
    for (size_t i = 0; i < sizeof(T) / sizeof(T[0]); i++) {
        str id = STR("");
        bool match = route_match(str_from(T[i].pattern), str_from(T[i].path), &id);
        if (match != (T[i].id != NULL) || (match && !str_eq(id, str_from(T[i].id))))
            fail_msg("%s on %s", T[i].pattern, T[i].path);
    }
}

static void method_names(void **state)
{
    (void)state;
    assert_string_equal(http_method_name(HTTP_GET), "GET");
    assert_string_equal(http_method_name(HTTP_PATCH), "PATCH");
    assert_string_equal(http_method_name(HTTP_OTHER), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers),
        cmocka_unit_test(holes_are_filled),
        cmocka_unit_test(pieces_make_the_same_bytes),
        cmocka_unit_test(a_header_cannot_be_split),
        cmocka_unit_test(routes),
        cmocka_unit_test(method_names),
    };
    arena_init(&arena, 1 << 22);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
