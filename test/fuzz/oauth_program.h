/* oauth_program: an input of the fuzz target oauth is a program of requests, one a line:
 *
 *     POST /oauth2/token @basic1 grant_type=authorization_code&code=$code&code_verifier=$v
 *     sleep 30
 *
 * METHOD TARGET [@OPTION]... [BODY]. `$NAME[N]` is replaced, percent-encoded in the target and in a
 * form, by what the world or earlier answers gave: $c1 $s1 $p1 $r1 $q1 (a client's id, SID, secret,
 * redirect URIs), $n0 $w0 (login, password), $o0 $a0 (organization, account), $v $ch (PKCE), $j0 (a
 * fresh assertion; $j1 for another audience, $j2 with no jti), $jj (the last one again), and $code,
 * $at, $rt, $it, $dc, $uc, $uri, $flow, $csrf, $dev (N: how many before the last).
 *
 * @basicN @accountN: credentials in Authorization; @bearer @bearerN: an access token there, @idN an
 * id_token, @refreshN a refresh token; @jarN: another browser; @bare: no cookies; @json @vnd @text:
 * media type of the body; @plain: Accept: application/json; @html: Accept: text/html; @hNAME:VALUE:
 * a header.
 */
#ifndef TEST_FUZZ_OAUTH_PROGRAM_H
#define TEST_FUZZ_OAUTH_PROGRAM_H

#include "oauth_world.h"

enum { LINES = 32, JARS = 3, KEPT = 16, COOKIES = 4 };

enum kept_kind { CODE, AT, RT, IT, DC, UC, URI, FLOW, CSRF, DEV, KINDS };
static const char *const kept_names[KINDS] = {"code", "at",  "rt",   "it",   "dc",
                                              "uc",   "uri", "flow", "csrf", "dev"};

/* Of one input; the arena goes with it. */
static struct program {
    struct arena arena;
    str kept[KINDS][KEPT];
    size_t kept_n[KINDS];
    struct {
        str name, value;
    } jars[JARS][COOKIES];
    str assertion;
    int assertions;
} prog;

static void program_keep(enum kept_kind kind, str value)
{
    if (value.n == 0 || value.n > 8192)
        return;
    prog.kept[kind][prog.kept_n[kind]++ % KEPT] = arena_dup(&prog.arena, value);
}

static str kept(enum kept_kind kind, size_t back)
{
    size_t n = prog.kept_n[kind];
    return back < n && back < KEPT ? prog.kept[kind][(n - 1 - back) % KEPT] : STR("none");
}

/* An assertion of the client that signs. */
static str assertion(size_t variant)
{
    const struct party *p = &parties[3];
    struct buf b, claims;
    uint8_t signature[64];
    size_t n = sizeof signature;
    int64_t now_s = w.server.clock.fixed_us / 1000000;
    str issuer = setting_text(&w.settings, issuer);
    buf_init(&claims, &prog.arena, 512, 4096);
    buf_printf(&claims, "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%.*s%s\",\"exp\":%lld", p->id,
               p->id, STR_ARG(issuer), variant == 1 ? "/oauth2/token" : "",
               (long long)now_s + (variant == 3 ? -1 : 60));
    if (variant != 2)
        buf_printf(&claims, ",\"jti\":\"j%d\"", prog.assertions);
    BUF_LIT(&claims, "}");
    prog.assertions++;
    buf_init(&b, &prog.arena, 1024, 8192);
    str head = variant == 4 ? STR("{\"alg\":\"ES256\",\"kid\":\"k1\",\"typ\":\"at+jwt\"}")
                            : STR("{\"alg\":\"ES256\",\"kid\":\"k1\"}");
    b64url_write(&b, head.p, head.n);
    buf_char(&b, '.');
    b64url_write(&b, claims.p, claims.n);
    if (jws_sign(w.jws, buf_str(&b), signature, &n) != OK)
        abort();
    buf_char(&b, '.');
    b64url_write(&b, signature, n);
    prog.assertion = arena_dup(&prog.arena, buf_str(&b));
    return prog.assertion;
}

static const char *of_party(str name, size_t i)
{
    const struct party *p = &parties[i % CLIENTS];
    const char *none = "none";
    switch (name.p[0]) {
    case 'c':
        return p->id;
    case 's':
        return p->sid;
    case 'p':
        return p->secret ? p->secret : none;
    case 'r':
        return p->uris[0] ? p->uris[0] : none;
    case 'q':
        return p->uris[1] ? p->uris[1] : none;
    case 'n':
        return people[i % USERS].login;
    case 'w':
        return people[i % USERS].password;
    case 'o':
        return orgs[i % ORGS].id;
    case 'a':
        return orgs[i % ORGS].sid;
    case 'v':
        return VERIFIER;
    default:
        return none;
    }
}

static str reference(str name, size_t i)
{
    for (int k = 0; k < KINDS; k++)
        if (str_eq(name, str_from(kept_names[k])))
            return kept((enum kept_kind)k, i);
    if (str_eq(name, STR("ch")))
        return STR(CHALLENGE);
    if (str_eq(name, STR("jj")))
        return prog.assertion.n ? prog.assertion : STR("none");
    if (str_eq(name, STR("j")))
        return assertion(i);
    if (str_eq(name, STR("issuer")))
        return setting_text(&w.settings, issuer);
    return name.n == 1 ? str_from(of_party(name, i)) : STR("none");
}

static void put_encoded(struct buf *out, str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                     c == '-' || c == '_' || c == '.' || c == '~';
        if (plain)
            buf_char(out, s.p[i]);
        else
            buf_printf(out, "%%%02X", c);
    }
}

static void expand(struct buf *out, str text, bool encode)
{
    for (size_t i = 0; i < text.n;) {
        if (text.p[i] != '$') {
            buf_char(out, text.p[i++]);
            continue;
        }
        size_t from = ++i, number = 0;
        while (i < text.n && text.p[i] >= 'a' && text.p[i] <= 'z')
            i++;
        str name = str_sub(text, from, i);
        while (i < text.n && text.p[i] >= '0' && text.p[i] <= '9')
            number = (number * 10 + (size_t)(text.p[i++] - '0')) % 1000;
        if (encode)
            put_encoded(out, reference(name, number));
        else
            buf_put(out, reference(name, number));
    }
}

/* ---- one line ---- */

struct line {
    str method, target, headers, body, type;
    int jar; /* -1: none */
};

static void basic(struct buf *h, const char *user, const char *password)
{
    struct buf b;
    buf_init(&b, &prog.arena, 256, 4096);
    put_encoded(&b, str_from(user));
    buf_char(&b, ':');
    put_encoded(&b, str_from(password ? password : ""));
    BUF_LIT(h, "Authorization: Basic ");
    b64url_write_plain(h, b.p, b.n);
    BUF_LIT(h, "\r\n");
}

static void bearer(struct buf *h, enum kept_kind kind, size_t back)
{
    BUF_LIT(h, "Authorization: Bearer ");
    buf_put(h, kept(kind, back));
    BUF_LIT(h, "\r\n");
}

/* "basic1" is the option "basic" with 1. */
static bool option_is(str word, const char *name, size_t *number)
{
    str n = str_from(name);
    int64_t value = 0;
    if (!str_starts(word, n) ||
        (word.n > n.n && !str_i64(str_sub(word, n.n, word.n), 0, 99, &value)))
        return false;
    *number = (size_t)value;
    return true;
}

static void take_option(struct line *l, struct buf *h, str word)
{
    size_t n = 0;
    if (option_is(word, "basic", &n))
        basic(h, parties[n % CLIENTS].id, parties[n % CLIENTS].secret);
    else if (option_is(word, "account", &n))
        basic(h, orgs[n % ORGS].sid, orgs[n % ORGS].token);
    else if (option_is(word, "bearer", &n))
        bearer(h, AT, n);
    else if (option_is(word, "id", &n))
        bearer(h, IT, n);
    else if (option_is(word, "refresh", &n))
        bearer(h, RT, n);
    else if (option_is(word, "jar", &n))
        l->jar = (int)(n % JARS);
    else if (option_is(word, "bare", &n))
        l->jar = -1;
    else if (option_is(word, "json", &n))
        l->type = STR("application/json");
    else if (option_is(word, "vnd", &n))
        l->type = STR("application/vnd.api+json");
    else if (option_is(word, "text", &n))
        l->type = STR("text/plain");
    else if (option_is(word, "plain", &n))
        BUF_LIT(h, "Accept: application/json\r\n");
    else if (option_is(word, "html", &n))
        BUF_LIT(h, "Accept: text/html\r\n");
    else if (str_starts(word, STR("h"))) {
        expand(h, str_sub(word, 1, word.n), false);
        BUF_LIT(h, "\r\n");
    }
}

static void put_cookies(struct buf *h, int jar)
{
    bool any = false;
    for (int i = 0; jar >= 0 && i < COOKIES; i++) {
        if (prog.jars[jar][i].value.n == 0)
            continue;
        buf_put(h, any ? STR("; ") : STR("Cookie: "));
        buf_put(h, prog.jars[jar][i].name);
        buf_char(h, '=');
        buf_put(h, prog.jars[jar][i].value);
        any = true;
    }
    if (any)
        BUF_LIT(h, "\r\n");
}

static void line_read(str text, struct line *l)
{
    struct buf h, body, target;
    str word, rest;
    buf_init(&h, &prog.arena, 512, 65536);
    buf_init(&body, &prog.arena, 512, 65536);
    buf_init(&target, &prog.arena, 512, 65536);
    *l = (struct line){.type = STR("application/x-www-form-urlencoded")};
    str_cut(text, ' ', &l->method, &rest);
    str_cut(rest, ' ', &word, &rest);
    expand(&target, word, true);
    while (rest.n > 0 && rest.p[0] == '@') {
        str_cut(rest, ' ', &word, &rest);
        take_option(l, &h, str_sub(word, 1, word.n));
    }
    expand(&body, rest, str_starts(l->type, STR("application/x")));
    put_cookies(&h, l->jar);
    l->target = buf_str(&target);
    l->headers = buf_str(&h);
    l->body = buf_str(&body);
}

/* The request as it would come over the wire. */
static str line_bytes(const struct line *l)
{
    struct buf b;
    buf_init(&b, &prog.arena, 1024, 300000);
    buf_put(&b, l->method);
    buf_char(&b, ' ');
    buf_put(&b, l->target);
    BUF_LIT(&b, " HTTP/1.1\r\nHost: localhost:8080\r\n");
    buf_put(&b, l->headers);
    if (l->body.n > 0) {
        buf_printf(&b, "Content-Type: %.*s\r\nContent-Length: %zu\r\n", STR_ARG(l->type),
                   l->body.n);
    }
    BUF_LIT(&b, "\r\n");
    buf_put(&b, l->body);
    return buf_str(&b);
}

static void keep_cookie(int jar, str line)
{
    str pair, rest, name, value;
    str_cut(line, ';', &pair, &rest);
    if (jar < 0 || !str_cut(pair, '=', &name, &value))
        return;
    for (int i = 0; i < COOKIES; i++) {
        if (prog.jars[jar][i].name.n > 0 && !str_eq(prog.jars[jar][i].name, name))
            continue;
        prog.jars[jar][i].name = arena_dup(&prog.arena, name);
        prog.jars[jar][i].value = arena_dup(&prog.arena, value);
        return;
    }
}

#endif
