/* browser: cookies <-> sessions, and what proves that a form is one of ours.
 *
 * Nothing is ever adopted: a cookie is a handle that the store must know, or it is not there; no
 * session is read from a URL or a body (security.md 59, A27). Every sign-in draws a new session.
 * Dead handles stay in the cookie until it is written for another reason.
 *
 * Using the session in use keeps it from idling, by one write a minute at most (TOUCH_S).
 *
 * Left out on purpose: cookies that outlive the browser. A session ends with it, at the latest.
 */
#include "oauth/browser.h"

#include "base/rand.h"
#include "codec/b64url.h"
#include "codec/cookie.h"
#include "codec/form.h"
#include "codec/url.h"
#include "oauth/params.h"
#include "oauth/sealed.h"

#define TOUCH_S       60
#define CSRF_LIFE_S   86400
#define AGENT_MAX     200
#define BINDING_BYTES sizeof(((struct browser *)0)->binding)
#define BINDING_CHARS B64URL_CHARS(BINDING_BYTES)
#define COOKIE_MAX    512
#define AS_GET_MAX    7000 /* of LIMIT_REQUEST_LINE, with what browsers and proxies add */

static str issuer_of(const struct rq *rq)
{
    str issuer = setting_text(rq->server->settings, issuer);

    if (str_ends(issuer, STR("/")))
        issuer.n--;
    return issuer;
}

static bool is_https(const struct rq *rq)
{
    return str_starts(issuer_of(rq), STR("https://"));
}

/* Browsers refuse the prefix without Secure, and Secure without https. */
static str session_cookie(const struct rq *rq)
{
    return is_https(rq) ? STR("__Host-postern") : STR("postern");
}

static str flow_cookie(const struct rq *rq)
{
    return is_https(rq) ? STR("__Host-postern-flow") : STR("postern-flow");
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t idle_end(const struct rq *rq, int64_t end_s)
{
    return earlier(rq->now_s + setting_int(rq->server->settings, session_idle_s), end_s);
}

/* ---- reading ---- */

static bool has_user(const struct browser *b, const struct uid *user)
{
    for (size_t i = 0; i < b->n; i++)
        if (uid_eq(&b->in[i].user.id, user))
            return true;
    return false;
}

/* One handle of the cookie. ERR_ABSENT: it is nothing, or nothing any more. */
static enum err load(struct rq *rq, const struct browser *b, str text, struct signed_in *out)
{
    struct digest hash;
    enum err e;

    if (handle_parse(text, HANDLE_SESSION, NULL, &out->handle) != OK)
        return ERR_ABSENT;
    if ((e = session_load(rq->t->db, rq->arena, &out->handle.id, &out->session)) != OK)
        return e;
    handle_digest(rq->t->hasher, &out->handle, &hash);
    if (!ct_digest_eq(&hash, &out->session.hash))
        return ERR_ABSENT;
    if (out->session.exp_s <= rq->now_s || out->session.end_s <= rq->now_s)
        return ERR_ABSENT;
    if (has_user(b, &out->session.user))
        return ERR_ABSENT;
    if ((e = user_load(rq->t->db, rq->arena, &out->session.user, &out->user)) != OK)
        return e;
    memcpy(out->text, text.p, HANDLE_CHARS);
    return out->user.enabled ? OK : ERR_ABSENT;
}

static enum err read_sessions(struct rq *rq, str cookie, struct browser *out)
{
    str text;
    enum err e;

    for (size_t i = 0; i < BROWSER_SESSIONS && str_next(&cookie, '.', &text); i++)
        if ((e = load(rq, out, text, &out->in[out->n])) == OK)
            out->n++;
        else if (e != ERR_ABSENT)
            return e;
    return OK;
}

static bool is_stale(const struct rq *rq, const struct session *s)
{
    return rq->now_s - s->seen_s >= TOUCH_S;
}

void browser_hold(struct rq *rq, const struct signed_in *in)
{
    const struct session *s = &in->session;

    if (is_stale(rq, s))
        session_hold(&rq->fx, &s->id, rq->now_s, idle_end(rq, s->end_s));
    else
        session_hold(&rq->fx, &s->id, s->seen_s, s->exp_s);
}

enum err browser_read(struct rq *rq, struct browser *out)
{
    size_t count;
    str cookies = http_header_get(rq->req, STR("Cookie"), &count);
    str binding;
    enum err e;

    *out = (struct browser){.in = ARENA_ARRAY(rq->arena, struct signed_in, BROWSER_SESSIONS + 1)};
    if (count != 1) /* RFC 6265 5.4: a browser sends one field */
        return OK;
    binding = cookie_get(cookies, flow_cookie(rq));
    out->has_binding =
        binding.p != NULL && b64url_decode_exact(binding, out->binding, BINDING_BYTES);
    if ((e = read_sessions(rq, cookie_get(cookies, session_cookie(rq)), out)) != OK)
        return e;
    if (out->n > 0 && is_stale(rq, &out->in[0].session))
        browser_hold(rq, &out->in[0]);
    return OK;
}

struct signed_in *browser_find(struct browser *b, const struct id *session)
{
    for (size_t i = 0; i < b->n; i++)
        if (id_eq(&b->in[i].session.id, session))
            return &b->in[i];
    return NULL;
}

/* ---- changing ---- */

static void take_out(struct browser *b, size_t i)
{
    b->n--;
    memmove(&b->in[i], &b->in[i + 1], (b->n - i) * sizeof *b->in);
    b->changed = true;
}

static void put_first(struct browser *b, const struct signed_in *fresh)
{
    memmove(&b->in[1], &b->in[0], b->n * sizeof *b->in);
    b->in[0] = *fresh;
    b->n++;
    b->changed = true;
}

/* What the browser calls itself, for the list of a person's sessions: printable, and cut between
 * two characters. */
static str agent_of(struct rq *rq)
{
    str agent = http_header_get(rq->req, STR("User-Agent"), NULL);
    struct buf b;
    uint32_t code;

    buf_init(&b, rq->arena, AGENT_MAX, AGENT_MAX);
    for (size_t i = 0, n; i < agent.n; i += n) {
        n = str_utf8(str_sub(agent, i, agent.n), &code);
        bool fit = n > 0 && str_mark(agent, i) == 0;
        n = n > 0 ? n : 1;
        if (b.n + n > AGENT_MAX)
            break;
        buf_put(&b, fit ? str_sub(agent, i, i + n) : STR("?"));
    }
    return buf_str(&b);
}

static void draw(struct rq *rq, const struct user *u, str amr, str acr, int64_t auth_s,
                 struct signed_in *out)
{
    int64_t end_s = rq->now_s + setting_int(rq->server->settings, session_max_s);
    struct buf text;

    *out = (struct signed_in){.user = *u};
    out->session = (struct session){
        .id = id_next(&rq->server->ids, rq->now_s),
        .user = u->id,
        .auth_s = auth_s,
        .amr = amr,
        .acr = acr,
        .agent = agent_of(rq),
        .peer = rq->req->peer,
        .seen_s = rq->now_s,
        .exp_s = idle_end(rq, end_s),
        .end_s = end_s,
    };
    handle_new(HANDLE_SESSION, SHAPE_HANDLE, NULL, &out->session.id, &out->handle);
    handle_digest(rq->t->hasher, &out->handle, &out->session.hash);
    buf_fixed(&text, out->text, sizeof out->text);
    handle_write(&text, &out->handle, SHAPE_HANDLE, NULL);
}

struct signed_in *browser_sign_in(struct rq *rq, struct browser *b, const struct user *u, str amr,
                                  str acr, int64_t auth_s)
{
    struct signed_in fresh;

    draw(rq, u, amr, acr, auth_s, &fresh);
    session_put(&rq->fx, &fresh.session);
    for (size_t i = b->n; i-- > 0;) {
        if (!uid_eq(&b->in[i].user.id, &u->id))
            continue;
        session_replace(&rq->fx, &b->in[i].session.id, &fresh.session.id); /* security.md 59 */
        take_out(b, i);
    }
    if (b->n >= BROWSER_SESSIONS) /* nobody could find that one again */
        browser_sign_out(rq, b, &b->in[b->n - 1].session.id);
    put_first(b, &fresh);
    return &b->in[0];
}

void browser_sign_out(struct rq *rq, struct browser *b, const struct id *session)
{
    for (size_t i = 0; i < b->n; i++) {
        if (!id_eq(&b->in[i].session.id, session))
            continue;
        session_end(&rq->fx, session, rq->now_s);
        take_out(b, i);
        return;
    }
}

void browser_sign_out_all(struct rq *rq, struct browser *b)
{
    for (size_t i = 0; i < b->n; i++)
        session_end(&rq->fx, &b->in[i].session.id, rq->now_s);
    b->changed = b->changed || b->n > 0;
    b->n = 0;
}

void browser_prefer(struct browser *b, const struct id *session)
{
    struct signed_in *in = browser_find(b, session), first;

    if (in == NULL || in == b->in)
        return;
    first = *in;
    take_out(b, (size_t)(in - b->in));
    put_first(b, &first);
}

const uint8_t *browser_binding(struct browser *b)
{
    if (!b->has_binding) {
        rand_bytes(b->binding, BINDING_BYTES);
        b->has_binding = b->drawn = true;
    }
    return b->binding;
}

/* ---- writing ---- */

static void set_cookie(struct rq *rq, str name, str value)
{
    char storage[COOKIE_MAX];
    struct buf b;

    buf_fixed(&b, storage, sizeof storage);
    cookie_write(&b, name, value, value.n > 0 ? -1 : 0, is_https(rq));
    http_res_header(rq->res, STR("Set-Cookie"), buf_str(&b));
    ct_wipe(storage, sizeof storage);
}

void browser_write(struct rq *rq, const struct browser *b)
{
    char storage[BROWSER_SESSIONS * (HANDLE_CHARS + 1)], binding[BINDING_CHARS];
    struct buf value;

    if (b->drawn) {
        b64url_encode(b->binding, BINDING_BYTES, binding);
        set_cookie(rq, flow_cookie(rq), str_make(binding, sizeof binding));
    }
    if (!b->changed)
        return;
    buf_fixed(&value, storage, sizeof storage);
    for (size_t i = 0; i < b->n; i++) {
        if (i > 0)
            buf_char(&value, '.');
        buf_put(&value, str_make(b->in[i].text, HANDLE_CHARS));
    }
    set_cookie(rq, session_cookie(rq), buf_str(&value));
    ct_wipe(storage, sizeof storage);
}

/* ---- forms ---- */

/* The issuer's origin, or that of the host that was asked: which hosts are ours, oauth.c knows. */
static bool is_own_origin(const struct rq *rq, str origin)
{
    str scheme = is_https(rq) ? STR("https://") : STR("http://");

    if (str_eq(origin, issuer_of(rq)))
        return true;
    return str_starts(origin, scheme) &&
           str_eq_nocase(str_sub(origin, scheme.n, origin.n), rq->req->host);
}

/* Our pages have Referrer-Policy: no-referrer, so browsers post their forms with "Origin: null", as
 * a stranger's sandbox does; then Sec-Fetch-Site alone tells them apart (Fetch 3.2). */
bool browser_same_origin(const struct rq *rq)
{
    size_t origins, sites;
    str origin = http_header_get(rq->req, STR("Origin"), &origins);
    str site = http_header_get(rq->req, STR("Sec-Fetch-Site"), &sites);
    bool same = sites == 1 && str_eq(site, STR("same-origin"));

    if (origins > 1 || sites > 1 || (sites == 1 && !same && !str_eq(site, STR("none"))))
        return false;
    if (origins == 0)
        return true;
    return is_own_origin(rq, origin) || (same && str_eq(origin, STR("null")));
}

str browser_as_get(struct rq *rq)
{
    const str none = {0};
    struct form form;
    struct buf b;

    if (!params_is_form(rq) || rq->req->has_query ||
        form_parse(rq->arena, rq->req->body, &form) != OK)
        return none;
    buf_init(&b, rq->arena, 1024, AS_GET_MAX);
    buf_put(&b, rq->req->path);
    for (size_t i = 0; i < form.n; i++) {
        buf_char(&b, i == 0 ? '?' : '&');
        url_encode(&b, form.pairs[i].name);
        buf_char(&b, '=');
        url_encode(&b, form.pairs[i].value);
    }
    return b.overflow ? none : buf_str(&b);
}

/* time ‖ binding ‖ session in use, if any */
static str csrf_plain(struct rq *rq, const struct browser *b, int64_t at_s)
{
    struct buf plain;

    buf_init(&plain, rq->arena, 128, 128);
    buf_hex(&plain, b->binding, BINDING_BYTES);
    if (b->n > 0)
        id_write(&plain, &b->in[0].session.id);
    buf_char(&plain, ' ');
    buf_i64(&plain, at_s);
    return buf_str(&plain);
}

static str csrf_purpose(struct rq *rq, str purpose)
{
    return arena_printf(rq->arena, "csrf %.*s", STR_ARG(purpose));
}

str browser_csrf(struct rq *rq, struct browser *b, str purpose)
{
    browser_binding(b);
    return sealed_put(rq, csrf_purpose(rq, purpose), csrf_plain(rq, b, rq->now_s));
}

bool browser_csrf_ok(struct rq *rq, const struct browser *b, str purpose, str token)
{
    str plain, who, at, now;
    int64_t at_s;

    if (!b->has_binding || !sealed_open(rq, csrf_purpose(rq, purpose), token, &plain))
        return false;
    if (!str_cut(plain, ' ', &who, &at) || !str_i64(at, 0, INT64_MAX, &at_s))
        return false;
    str_cut(csrf_plain(rq, b, 0), ' ', &now, &at);
    return who.n == now.n && ct_eq(who.p, now.p, who.n) && rq->now_s - at_s < CSRF_LIFE_S;
}
