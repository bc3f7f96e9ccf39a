/* show: clients, people and scopes in words.
 *
 * A client's logo is shown only when it is an https URL (or one of this machine, for development);
 * the page then lets in images of that origin and of no other.
 */
#include "ui/show.h"

#include "codec/json.h"
#include "codec/url.h"

/* The first character, for a round badge. */
static str initial(str name)
{
    uint32_t code;
    size_t n = name.n > 0 ? str_utf8(name, &code) : 0;
    return str_sub(name, 0, n);
}

static bool is_logo(str uri)
{
    struct url u;
    return uri.n > 0 && url_parse(uri, &u) == OK &&
           (str_eq(u.scheme, STR("https")) || url_is_loopback(&u));
}

void show_client(struct page *p, const struct cached_client *client)
{
    const struct relying_party *rp = &client->rp;
    view_text(p->view, "client", client->client.name);
    view_text(p->view, "client_initial", initial(client->client.name));
    view_text(p->view, "policy_uri", rp->policy_uri);
    view_text(p->view, "tos_uri", rp->tos_uri);
    if (!is_logo(rp->logo_uri))
        return;
    view_text(p->view, "client_logo", rp->logo_uri);
    p->image = page_origin(p->rq, rp->logo_uri);
}

void show_person(struct page *p, struct view *v, const struct user *user)
{
    struct json *claims;
    str name = {0}, login = user->email.n > 0 ? user->email : user->username;
    if (user->claims.n > 0 && json_parse(p->rq->arena, user->claims, &claims) == OK)
        name = json_get_str(claims, STR("name"));
    if (name.n == 0)
        name = user->username;
    view_text(v, "name", name);
    view_text(v, "login", str_eq(name, login) ? STR("") : login);
    view_text(v, "initial", initial(name));
}

/* "scope.profile" -> "Your profile"; one that no catalogue knows -> The permission "x". */
static str title_of(const struct page *p, str scope)
{
    str key = arena_printf(p->rq->arena, "scope.%.*s", STR_ARG(scope));
    str title = catalogue_find(p->language, key);
    return title.n > 0 ? title : page_fill(p, "scope.named", "scope", scope);
}

void show_scopes(struct page *p, str scopes)
{
    str scope;
    bool any = false;
    while (str_next(&scopes, ' ', &scope)) {
        struct view *item = view_item(p->view, "scopes");
        str key = arena_printf(p->rq->arena, "scope.%.*s.more", STR_ARG(scope));
        view_text(item, "title", title_of(p, scope));
        view_text(item, "more", catalogue_find(p->language, key));
        any = true;
    }
    if (!any)
        view_text(view_item(p->view, "scopes"), "title", page_message(p, "scope.other"));
}

str show_scopes_line(const struct page *p, str scopes)
{
    struct buf b;
    str scope;
    buf_init(&b, p->rq->arena, 256, 65536);
    while (str_next(&scopes, ' ', &scope)) {
        if (b.n > 0)
            BUF_LIT(&b, " · ");
        buf_put(&b, title_of(p, scope));
    }
    return b.n > 0 ? buf_str(&b) : page_message(p, "scope.other");
}

void show_lifetime(struct page *p, const struct cached_client *client, bool offline)
{
    const struct client *c = &client->client;
    bool refreshes = c->grants & GRANT_REFRESH_TOKEN;
    int64_t session_s = setting_int(p->rq->server->settings, session_max_s);
    if (offline && refreshes)
        view_text(p->view, "lifetime",
                  page_fill(p, "consent.offline", "time", page_time(p, c->refresh_ttl_s)));
    else if (refreshes)
        view_text(p->view, "lifetime",
                  page_fill(p, "consent.until_sign_out", "time", page_time(p, session_s)));
    else
        view_text(p->view, "lifetime", page_time(p, c->access_ttl_s));
}

void show_problem(struct page *p, str text, const char *at)
{
    view_text(p->view, "problem", text);
    view_flag(p->view, "at_field", at != NULL);
    if (at)
        view_flag(p->view, at, true);
}
