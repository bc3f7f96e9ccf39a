/* oauth_answer: reads an answer of the fuzz target oauth from its bytes, strictly, and judges it.
 *
 * What every answer must be: understood by a reader of RFC 9112 that repairs nothing; never 5xx; a
 * Location or a form to our own pages or a registered redirect URI; errors in the shape of their
 * dialect; no-store where a secret is; no secret of anybody in it. What it must not be in view of
 * what was asked before is oauth_model.h's.
 */
#ifndef TEST_FUZZ_OAUTH_ANSWER_H
#define TEST_FUZZ_OAUTH_ANSWER_H

#include "oauth_model.h"

struct answer {
    int status;
    struct http_header headers[64];
    size_t n;
    str body;
};

static str header_of(const struct answer *a, const char *name)
{
    str found = {0};
    for (size_t i = 0; i < a->n; i++) {
        if (!str_eq_nocase(a->headers[i].name, str_from(name)))
            continue;
        if (found.p)
            DIE("header %s twice", name);
        found = a->headers[i].value;
    }
    return found;
}

static bool has(str text, str what)
{
    return what.n > 0 && text.n >= what.n && memmem(text.p, text.n, what.p, what.n) != NULL;
}

static bool is_token_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

static void read_header(struct answer *a, str line)
{
    str name, value;
    if (!str_cut(line, ':', &name, &value) || name.n == 0 || a->n == 64)
        DIE("a header that is none: %.*s", STR_ARG(line));
    for (size_t i = 0; i < name.n; i++)
        if (!is_token_char(name.p[i]))
            DIE("a header name: %.*s", STR_ARG(line));
    if (value.n == 0 || value.p[0] != ' ')
        DIE("a header without a value: %.*s", STR_ARG(line));
    value = str_sub(value, 1, value.n);
    for (size_t i = 0; i < value.n; i++)
        if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
            DIE("a control character in a header: %.*s", STR_ARG(name));
    a->headers[a->n++] = (struct http_header){name, value};
}

static str take_line(str *rest)
{
    for (size_t i = 0; i + 1 < rest->n; i++) {
        if (rest->p[i] != '\r' || rest->p[i + 1] != '\n')
            continue;
        str line = str_sub(*rest, 0, i);
        *rest = str_sub(*rest, i + 2, rest->n);
        return line;
    }
    DIE("a head without an end");
}

static void answer_read(struct answer *a, str bytes, bool head_only)
{
    int64_t status, length = 0;
    str rest = bytes, line = take_line(&rest);
    *a = (struct answer){0};
    if (!str_starts(line, STR("HTTP/1.1 ")) || line.n < 13 || line.p[12] != ' ' ||
        !str_i64(str_sub(line, 9, 12), 200, 599, &status))
        DIE("a status line: %.*s", STR_ARG(line));
    a->status = (int)status;
    while ((line = take_line(&rest)).n > 0)
        read_header(a, line);
    str text = header_of(a, "Content-Length");
    if (header_of(a, "Transfer-Encoding").p ||
        (text.p ? !str_i64(text, 0, 1 << 26, &length) : status != 204 && status != 304))
        DIE("the length is not said: %d", a->status);
    a->body = rest;
    if (rest.n != (head_only ? 0 : (size_t)length))
        DIE("the body has %zu bytes, said are %lld", rest.n, (long long)length);
    header_of(a, "Location");
    header_of(a, "Content-Type");
    header_of(a, "Cache-Control");
}

/* ---- where it leads ---- */

/* The registered address without its query; loopback without its port (RFC 8252 7.3). */
static bool is_address(str target, const char *registered, bool exact)
{
    str uri = str_from(registered), base, query, t = target, tail;
    if (exact)
        return str_eq(target, uri);
    str_cut(uri, '?', &base, &query);
    if (str_starts(uri, STR("http://127.0.0.1/")) && str_starts(t, STR("http://127.0.0.1:"))) {
        size_t slash = str_find(t, '/', 17);
        int64_t port;
        if (!str_i64(str_sub(t, 17, slash), 1, 65535, &port))
            return false;
        t = str_sub(t, slash, t.n);
        base = str_sub(base, 16, base.n);
    }
    str_cut(t, '?', &t, &tail);
    return str_eq(t, base) && (query.n == 0 || str_starts(tail, query));
}

static bool is_of_client(str target, int client)
{
    for (int k = 0; k < 3 && parties[client].uris[k]; k++)
        if (is_address(target, parties[client].uris[k], false))
            return true;
    return false;
}

static void judge_target(const struct asked *q, str target, str code)
{
    str issuer = setting_text(&w.settings, issuer);
    if (target.n > 0 && target.p[0] == '/' &&
        (target.n == 1 || (target.p[1] != '/' && target.p[1] != '\\')))
        return;
    if (str_starts(target, issuer) && target.n > issuer.n && target.p[issuer.n] == '/')
        return;
    const struct thing *t = find_thing(code);
    if (t != NULL) {
        if (t->client < CLIENTS && !is_of_client(target, t->client))
            DIE("a code goes to %.*s", STR_ARG(target));
        return;
    }
    int client = named(get(q, "client_id"));
    if (client >= 0 && client < CLIENTS && is_of_client(target, client))
        return;
    for (int i = 0; i < CLIENTS && client < 0; i++)
        if (is_of_client(target, i))
            return;
    if (asks_for(q, "/oauth2/logout") || asks_for(q, "/sign-out"))
        if (is_address(target, "https://app.example/bye", false))
            return;
    DIE("a Location to %.*s", STR_ARG(target));
}

/* The value of name="NAME" value="..." in a page; entities are left. */
static str field_of(str page, const char *name, size_t *from)
{
    char mark[64];
    snprintf(mark, sizeof mark, "name=\"%s\" value=\"", name);
    const char *at =
        *from < page.n ? memmem(page.p + *from, page.n - *from, mark, strlen(mark)) : NULL;
    if (!at)
        return (str){0};
    size_t start = (size_t)(at - page.p) + strlen(mark), end = str_find(page, '"', start);
    *from = end;
    return str_sub(page, start, end);
}

static void judge_forms(const struct asked *q, str page, str code)
{
    static const char mark[] = " action=\"";
    const char *at = page.p, *end = page.p + page.n;
    while ((at = memmem(at, (size_t)(end - at), mark, sizeof mark - 1)) != NULL) {
        at += sizeof mark - 1;
        str rest = str_make(at, (size_t)(end - at));
        judge_target(q, str_sub(rest, 0, str_find(rest, '"', 0)), code);
    }
}

/* ---- what it says ---- */

static void judge_error(const struct asked *q, const struct answer *a, const struct json *body)
{
    if (str_starts(q->req->path, STR("/pub/"))) {
        const struct json *errors = json_get(body, STR("errors"));
        if (!errors || errors->type != JSON_ARRAY_T || !errors->first ||
            !json_get_str(errors->first, STR("code")).p)
            DIE("an error of Twine without errors");
        return;
    }
    str error = json_get_str(body, STR("error")),
        text = json_get_str(body, STR("error_description"));
    for (size_t i = 0; i < text.n; i++) /* RFC 6749 5.2, security.md 29 */
        if (text.p[i] < 0x20 || text.p[i] > 0x7e || text.p[i] == '"' || text.p[i] == '\\')
            DIE("an error_description with a character that it cannot have");
    if (error.n == 0)
        DIE("an error %d without a name at %.*s", a->status, STR_ARG(q->req->path));
    if ((str_starts(q->req->path, STR("/v1/")) || str_starts(q->req->path, STR("/v2/"))) &&
        (!json_get(body, STR("code")) || !json_get(body, STR("message"))))
        DIE("an error of Twilio without code or message");
}

static void keep_things(const struct asked *q, const struct json *body)
{
    str uri = text_member(body, "request_uri"), dc = text_member(body, "device_code");
    str secret = text_member(body, "secret"), sid = text_member(body, "sid");
    int client = proven_or_public(q);
    if (uri.p) {
        if (client < 0)
            DIE("a request_uri without a client that proved itself");
        program_keep(URI, uri);
    }
    if (dc.p) {
        if (client < 0)
            client = named(get(q, "client_id"));
        if (client < 0)
            DIE("a device code without a client");
        add_thing(DC, dc, client, -1, q->now_s + 600);
        program_keep(UC, text_member(body, "user_code"));
    }
    if (secret.n > 0 && secret.n < 128 && sid.n > 0 && sid.n < 64 && model.extras_n < EXTRAS) {
        memcpy(model.extras[model.extras_n].sid, sid.p, sid.n);
        memcpy(model.extras[model.extras_n++].secret, secret.p, secret.n);
    }
}

static void judge_json(const struct asked *q, const struct answer *a)
{
    struct json *body = NULL;
    bool store = !str_eq(header_of(a, "Cache-Control"), STR("no-store"));
    if (json_parse(&prog.arena, a->body, &body) != OK && a->body.n < 65536)
        DIE("JSON that is none: %.*s", STR_ARG(a->body));
    if (a->status >= 400) {
        judge_error(q, a, body);
        replay_seen_by_model(q, body);
        return;
    }
    if (find_member(body, "access_token") || find_member(body, "refresh_token")) {
        if (str_find(q->req->path, 'k', 0) < q->req->path.n && store &&
            text_member(body, "access_token").p)
            DIE("tokens that may be kept by caches");
        if (text_member(body, "access_token").p)
            tokens_issued(q, body);
    }
    if (asks_for(q, "/oauth2/introspect"))
        introspected(q, body);
    if (q->req->method == HTTP_POST)
        keep_things(q, body);
}

static void judge_page(const struct asked *q, const struct answer *a)
{
    str csp = header_of(a, "Content-Security-Policy");
    size_t from = 0;
    if (!has(csp, STR("frame-ancestors 'none'")) && !asks_for(q, "/docs"))
        DIE("a page that may be framed"); /* security.md A25 */
    for (int k = FLOW; k <= DEV; k++) {
        from = 0;
        str value = field_of(a->body, k == DEV ? "device" : kept_names[k], &from);
        if (value.n)
            program_keep((enum kept_kind)k, value);
    }
    from = 0;
    str code = field_of(a->body, "code", &from);
    if (str_starts(code, STR("pstc_")))
        code_issued(q, code, "form_post");
    judge_forms(q, a->body, code);
    for (int i = 0; i < USERS; i++)
        if (has(a->body, str_from(people[i].shown)) &&
            (q->jar < 0 || !(model.signed_in[q->jar] & 1u << i)) && !(model.typed & 1u << (16 + i)))
            DIE("the page of %s, who did not sign in there", people[i].login);
}

static void judge_location(const struct asked *q, const struct answer *a)
{
    str location = header_of(a, "Location"), target, query, item, name, value, code = {0};
    if (!location.p)
        return;
    str_cut(location, '?', &target, &query);
    while (str_next(&query, '&', &item))
        if (str_cut(item, '=', &name, &value) && str_eq(name, STR("code")))
            code = decoded(value, true);
    if (str_starts(code, STR("pstc_")))
        code_issued(q, code, "Location");
    judge_target(q, location, code);
}

/* A secret in an answer, unless the program typed it into something that is shown again. */
static void judge_secrets(str bytes)
{
    for (int i = 0; i < CLIENTS; i++)
        if (parties[i].secret && !(model.typed & 1u << i) &&
            has(bytes, str_from(parties[i].secret)))
            DIE("the secret of client %d in an answer", i);
    for (int i = 0; i < USERS; i++)
        if (!(model.typed & 1u << (8 + i)) && has(bytes, str_from(people[i].password)))
            DIE("the password of %s in an answer", people[i].login);
}

static void note_typed(const struct asked *q)
{
    for (size_t k = 0; k <= q->n; k++) {
        struct pair p = k < q->n ? q->pairs[k] : (struct pair){STR("path"), q->req->path};
        bool hidden = same_name(p.name, "client_secret") || same_name(p.name, "password");
        for (int i = 0; i < CLIENTS && !hidden; i++)
            if (parties[i].secret && (has(p.value, str_from(parties[i].secret)) ||
                                      has(p.name, str_from(parties[i].secret))))
                model.typed |= 1u << i;
        for (int i = 0; i < USERS; i++) {
            if (!hidden && (has(p.value, str_from(people[i].password)) ||
                            has(p.name, str_from(people[i].password))))
                model.typed |= 1u << (8 + i);
            if (has(p.value, STR("Zzqxov")) || has(p.name, STR("Zzqxov")))
                model.typed |= 1u << (16 + i);
        }
    }
}

static void answer_judge(const struct asked *q, const struct answer *a, str bytes)
{
    str type = header_of(a, "Content-Type");
    if (a->status >= 500)
        DIE("%d at %.*s", a->status, STR_ARG(q->req->path));
    if (a->status == 401 && !header_of(a, "WWW-Authenticate").p && q->basic_id.p &&
        !str_starts(q->req->path, STR("/v")))
        DIE("401 without a challenge at %.*s", STR_ARG(q->req->path)); /* RFC 6749 5.2 */
    for (size_t i = 0; i < a->n; i++)
        if (str_eq_nocase(a->headers[i].name, STR("Set-Cookie"))) {
            if (!has(a->headers[i].value, STR("; HttpOnly")))
                DIE("a cookie that scripts can read");
            keep_cookie(q->jar, a->headers[i].value);
        }
    note_typed(q);
    judge_secrets(bytes);
    judge_location(q, a);
    if (a->status < 300 && needs_token(q) && q->req->method != HTTP_OPTIONS)
        resource_given(q);
    revoke_seen(q, a->status);
    if (a->body.n == 0)
        return;
    if (has(type, STR("json")))
        judge_json(q, a);
    else if (str_starts(type, STR("text/html")))
        judge_page(q, a);
    else if (a->status >= 400)
        DIE("an error as %.*s", STR_ARG(type));
}

#endif
