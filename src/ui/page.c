/* page: the headers of pages, their words, and what all of them show.
 *
 * The Content-Security-Policy lets in style, script, images and fonts of our own, and nothing
 * inline; a client's logo and the place where a form leads are named one by one (security.md A25).
 * form-action also rules where an answer to a form may redirect, so a page whose form can end an
 * authorization names the origin of the redirect URI.
 */
#include "ui/page.h"

#include "codec/url.h"

static const struct theme *theme_of(const struct rq *rq)
{
    if (!rq->server->ui)
        fatal("a page was asked for, but ui_open was not called");
    return ui_theme(rq->server->ui);
}

static str issuer_host(const struct rq *rq)
{
    struct url u;
    str issuer = setting_text(rq->server->settings, issuer);
    if (url_parse(issuer, &u))
        return issuer;
    return u.has_port ? str_make(u.host.p, (size_t)(u.port.p + u.port.n - u.host.p)) : u.host;
}

static void put_asset(struct page *p, const char *name, const char *file)
{
    bool hashed;
    const struct asset *a = theme_asset(p->theme, str_from(file), &hashed);
    if (a)
        view_text(p->view, name, a->path);
}

void page_begin(struct rq *rq, str locales, struct page *out)
{
    const struct theme *t = theme_of(rq);
    str wish = http_header_get(rq->req, STR("Accept-Language"), NULL);
    str name = setting_text(rq->server->settings, ui_name);
    str host = issuer_host(rq);
    *out = (struct page){
        .rq = rq,
        .theme = t,
        .language = catalogue_choose(t->languages, t->languages_n, locales, wish),
        .view = view_new(rq->arena),
    };
    view_text(out->view, "lang", out->language->tag);
    view_text(out->view, "service", name.n > 0 ? name : host);
    view_text(out->view, "host", name.n > 0 ? host : STR("")); /* once is enough */
    put_asset(out, "asset_logo", "logo.svg");
    put_asset(out, "asset_style", "style.css");
    put_asset(out, "asset_theme", "theme.css");
    put_asset(out, "asset_script", "page.js");
}

str page_message(const struct page *p, const char *key)
{
    return catalogue_find(p->language, str_from(key));
}

str page_fill(const struct page *p, const char *key, const char *word, str value)
{
    str text = page_message(p, key), name;
    struct buf b;
    buf_init(&b, p->rq->arena, text.n + value.n + 64, 65536);
    while (text.n > 0) {
        size_t open = str_find(text, '{', 0);
        size_t close = str_find(text, '}', open);
        name = close < text.n ? str_sub(text, open + 1, close) : (str){0};
        bool ours = str_eq(name, str_from(word));
        size_t end = ours ? close + 1 : open < text.n ? open + 1 : text.n;
        buf_put(&b, str_sub(text, 0, ours ? open : end));
        if (ours)
            buf_put(&b, value);
        text = str_sub(text, end, text.n);
    }
    return buf_str(&b);
}

void page_say(struct page *p, const char *name, const char *key)
{
    view_text(p->view, name, page_message(p, key));
}

/* In the largest unit of which it is a whole number, or almost: "90 minutes", but "2 days". */
str page_time(const struct page *p, int64_t s)
{
    static const struct {
        int64_t s;
        const char *one, *many;
    } units[] = {
        {86400, "time.day", "time.days"},
        {3600, "time.hour", "time.hours"},
        {60, "time.minute", "time.minutes"},
        {1, "time.second", "time.seconds"},
    };
    size_t i = 0;
    while (units[i].s > 1 && s < units[i].s)
        i++;
    if (units[i].s > 1 && s < 3 * units[i].s && s % units[i].s != 0)
        i++;
    int64_t n = (s + units[i].s - 1) / units[i].s;
    str text = arena_printf(p->rq->arena, "%lld", (long long)n);
    return page_fill(p, n == 1 ? units[i].one : units[i].many, "n", text);
}

void page_guard(struct rq *rq)
{
    struct http_res *res = rq->res;
    http_res_header(res, STR("X-Content-Type-Options"), STR("nosniff"));
    http_res_header(res, STR("X-Frame-Options"), STR("DENY"));
    http_res_header(res, STR("Referrer-Policy"), STR("no-referrer"));
    http_res_header(res, STR("Cross-Origin-Opener-Policy"), STR("same-origin"));
    http_res_header(res, STR("Cross-Origin-Resource-Policy"), STR("same-origin"));
    if (str_starts(setting_text(rq->server->settings, issuer), STR("https:")))
        http_res_header(res, STR("Strict-Transport-Security"), STR("max-age=63072000"));
}

/* What could end a source or a directive has no place in it. */
static bool is_source(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] >= 127 || s.p[i] == ';' || s.p[i] == ',' || s.p[i] == '\'')
            return false;
    return s.n > 0;
}

static void put_sources(struct buf *b, str list)
{
    str source;
    while (str_next(&list, ' ', &source))
        if (is_source(source)) {
            buf_char(b, ' ');
            buf_put(b, source);
        }
}

static void put_policy(struct page *p)
{
    struct buf b;
    buf_init(&b, p->rq->arena, 512, 8192);
    BUF_LIT(&b, "default-src 'none'; style-src 'self'; script-src 'self'; font-src 'self'; "
                "img-src 'self'");
    put_sources(&b, p->image);
    BUF_LIT(&b, "; form-action 'self'");
    put_sources(&b, p->form_target);
    BUF_LIT(&b, "; base-uri 'none'; frame-ancestors 'none'");
    http_res_header(p->rq->res, STR("Content-Security-Policy"), buf_str(&b));
}

void page_send(struct page *p, int status, const char *name)
{
    struct template_messages m = {.find = catalogue_find, .catalogue = p->language};
    struct rq *rq = p->rq;
    rq_answer(rq, status, STR("text/html; charset=utf-8"));
    http_res_header(rq->res, STR("Content-Language"), p->language->tag);
    put_policy(p);
    page_guard(rq);
    template_write(p->theme->templates, rq->arena, str_from(name), p->view, &m, &rq->res->body);
}

void page_redirect(struct rq *rq, str location)
{
    rq->res->status = 303; /* RFC 9700 4.12: never 307 behind a form with credentials */
    http_res_header(rq->res, STR("Location"), location);
    http_res_header(rq->res, STR("Cache-Control"), STR("no-store"));
    rq_request_id(rq);
    page_guard(rq);
}

str page_origin(struct rq *rq, str url)
{
    struct url u;
    if (url_parse(url, &u)) {
        size_t colon = str_find(url, ':', 0);
        return colon < url.n ? str_sub(url, 0, colon + 1) : (str){0};
    }
    if (u.host.n > 0 && u.host.p[0] == '[') /* CSP has no word for IPv6 literals */
        return arena_printf(rq->arena, "%.*s:", STR_ARG(u.scheme));
    return arena_printf(rq->arena, "%.*s://%.*s%s%.*s", STR_ARG(u.scheme), STR_ARG(u.host),
                        u.has_port ? ":" : "", STR_ARG(u.port));
}
