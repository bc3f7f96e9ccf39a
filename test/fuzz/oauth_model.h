/* oauth_model: what the fuzz target oauth believes of clients, people and tokens, and judges by.
 *
 * The model is kept from the bytes of requests and answers alone, and reads them with readers of
 * its own. It knows what is necessary for an answer, not what suffices: it never says that a
 * request must succeed, but a token needs somebody who proved himself, a code works once, what was
 * revoked stays so. Where the rules of the server are finer than the model, the model is lenient.
 */
#ifndef TEST_FUZZ_OAUTH_MODEL_H
#define TEST_FUZZ_OAUTH_MODEL_H

#include "oauth_program.h"

enum { THINGS = 256, FAMILIES = 128, PAIRS = 64, EXTRAS = 8, CHALLENGES = 64 };

/* One authorization and what came of it. */
struct family {
    int client, user; /* user -1: a machine */
    bool dead;
};

struct thing {
    enum kept_kind kind;
    str text, redirect, challenge, successor; /* successor: of a refresh token that was rotated */
    int client, family;
    int64_t exp_s, spent_s; /* spent_s 0: not yet */
    bool dead, standard;    /* standard: of the standard dialect */
};

static struct model {
    struct thing things[THINGS];
    struct family families[FAMILIES];
    size_t things_n, families_n;
    unsigned signed_in[JARS];  /* mask of people whose password came from that browser */
    unsigned allowed[CLIENTS]; /* mask of people who ever said yes to that client */
    unsigned approved;         /* mask of people who ever said yes to a device */
    str challenges[CHALLENGES];
    size_t challenges_n;
    struct {
        char sid[64], secret[128];
    } extras[EXTRAS]; /* clients that were registered by the program */
    size_t extras_n;
    str assertions_used[LINES];
    size_t assertions_used_n;
    unsigned typed; /* mask of secrets that the program typed where they are shown again */
} model;

struct pair {
    str name, value;
};

/* A request as the model reads it. */
struct asked {
    const struct http_req *req;
    struct pair pairs[PAIRS]; /* query, then body */
    size_t n;
    str basic_id, basic_secret, bearer; /* p NULL: none */
    int jar;
    int64_t now_s;
};

#define DIE(...)                                                                                   \
    do {                                                                                           \
        fprintf(stderr, "oauth: ORACLE: " __VA_ARGS__);                                            \
        fprintf(stderr, "\n");                                                                     \
        abort();                                                                                   \
    } while (0)

/* ---- reading the request ---- */

static int hex_value(char c)
{
    const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;
    return at ? (int)(at - digits) : -1;
}

static str decoded(str s, bool form)
{
    char *out = arena_alloc(&prog.arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '%' && i + 2 < s.n + 0 && hex_value(s.p[i + 1]) >= 0 &&
            hex_value(s.p[i + 2]) >= 0) {
            out[n++] = (char)(hex_value(s.p[i + 1]) << 4 | hex_value(s.p[i + 2]));
            i += 2;
        } else {
            out[n++] = form && s.p[i] == '+' ? ' ' : s.p[i];
        }
    }
    return str_make(out, n);
}

static void add_pair(struct asked *q, str name, str value)
{
    if (q->n < PAIRS)
        q->pairs[q->n++] = (struct pair){name, value};
}

static void read_form(struct asked *q, str text)
{
    str item, name, value;
    while (str_next(&text, '&', &item)) {
        str_cut(item, '=', &name, &value);
        add_pair(q, decoded(name, true), decoded(value, true));
    }
}

static void read_members(struct asked *q, const struct json *v)
{
    for (; v != NULL; v = v->next) {
        if (v->type == JSON_STR_T)
            add_pair(q, v->name, v->s);
        read_members(q, v->first);
    }
}

static void read_authorization(struct asked *q)
{
    str value = http_header_get(q->req, STR("Authorization"), NULL), scheme, rest, plain;
    str_cut(value, ' ', &scheme, &rest);
    rest = str_trim(rest);
    if (str_eq_nocase(scheme, STR("Bearer")))
        q->bearer = rest;
    if (!str_eq_nocase(scheme, STR("Basic")) || !b64url_decode_plain(&prog.arena, rest, &plain))
        return;
    str_cut(plain, ':', &q->basic_id, &q->basic_secret);
    q->basic_id = decoded(q->basic_id, true);
    q->basic_secret = decoded(q->basic_secret, true);
}

static void model_read(struct asked *q, const struct http_req *req, int jar)
{
    struct json *body;
    *q = (struct asked){.req = req, .jar = jar, .now_s = w.server.clock.fixed_us / 1000000};
    read_form(q, req->query);
    if (json_parse(&prog.arena, req->body, &body) == OK)
        read_members(q, body);
    else
        read_form(q, req->body);
    read_authorization(q);
}

/* "GrantType" and "grant_type" are one name to some dialect. */
static bool same_name(str a, const char *b)
{
    size_t i = 0;
    for (size_t k = 0; k < a.n; k++) {
        if (a.p[k] == '_')
            continue;
        while (b[i] == '_')
            i++;
        if (b[i] == 0 || (a.p[k] | 0x20) != (b[i] | 0x20))
            return false;
        i++;
    }
    return b[i] == 0;
}

static str get(const struct asked *q, const char *name)
{
    for (size_t i = 0; i < q->n; i++)
        if (str_eq(q->pairs[i].name, str_from(name)))
            return q->pairs[i].value;
    for (size_t i = 0; i < q->n; i++)
        if (same_name(q->pairs[i].name, name))
            return q->pairs[i].value;
    return (str){0};
}

static bool asks_for(const struct asked *q, const char *path)
{
    return str_eq(q->req->path, str_from(path));
}

static bool is_standard(const struct asked *q)
{
    return asks_for(q, "/oauth2/token");
}

/* ---- who asks ---- */

static bool names(str text, const char *id)
{
    char a[33] = {0}, b[33] = {0};
    size_t n = 0, m = 0;
    for (size_t i = text.n; i-- > 0 && n < 32;)
        if (text.p[i] != '-')
            a[n++] = (char)(text.p[i] | 0x20);
    for (size_t i = strlen(id); i-- > 0 && m < 32;)
        if (id[i] != '-')
            b[m++] = id[i];
    return n == 32 && m == 32 && memcmp(a, b, 32) == 0;
}

static int named(str id)
{
    for (int i = 0; i < CLIENTS; i++)
        if (names(id, parties[i].id))
            return i;
    for (size_t i = 0; i < model.extras_n; i++)
        if (names(id, model.extras[i].sid))
            return CLIENTS + (int)i;
    return -1;
}

static bool is_secret_of(int client, str secret)
{
    if (client < 0 || secret.n == 0)
        return false;
    if (client >= CLIENTS) { /* an old secret may live on beside a new one */
        for (size_t i = 0; i < model.extras_n; i++)
            if (str_eq(secret, str_from(model.extras[i].secret)))
                return true;
        return false;
    }
    return parties[client].secret != NULL && str_eq(secret, str_from(parties[client].secret));
}

static int asserted(const struct asked *q)
{
    str a = get(q, "client_assertion");
    if (a.n == 0 || prog.assertion.n == 0)
        return -1;
    for (size_t i = 0; i < model.assertions_used_n; i++)
        if (str_eq(a, model.assertions_used[i]))
            return -1;
    return str_eq(a, prog.assertion) ? 3 : -1;
}

/* The client that proves itself in the request, or -1. */
static int proven(const struct asked *q)
{
    int client = named(q->basic_id);
    if (is_secret_of(client, q->basic_secret))
        return client;
    str id = get(q, "client_id");
    client = named(id.n ? id : get(q, "client_sid"));
    if (is_secret_of(client, get(q, "client_secret")))
        return client;
    client = named(get(q, "client_sid"));
    return is_secret_of(client, get(q, "client_secret")) ? client : asserted(q);
}

/* Or one that need only say who it is. */
static int proven_or_public(const struct asked *q)
{
    int client = proven(q);
    if (client >= 0)
        return client;
    str id = get(q, "client_id");
    client = named(id.n ? id : q->basic_id.n ? q->basic_id : get(q, "client_sid"));
    return client >= 0 && client < CLIENTS && (parties[client].traits & PUBLIC) ? client : -1;
}

/* ---- things ---- */

static struct thing *find_thing(str text)
{
    for (size_t i = model.things_n; text.n > 0 && i-- > 0;)
        if (str_eq(model.things[i].text, text))
            return &model.things[i];
    return NULL;
}

static struct thing *add_thing(enum kept_kind kind, str text, int client, int family, int64_t exp_s)
{
    program_keep(kind, text);
    if (model.things_n == THINGS)
        DIE("more things than the model holds");
    model.things[model.things_n] = (struct thing){.kind = kind,
                                                  .text = arena_dup(&prog.arena, text),
                                                  .client = client,
                                                  .family = family,
                                                  .exp_s = exp_s};
    return &model.things[model.things_n++];
}

static int add_family(int client, int user)
{
    if (model.families_n == FAMILIES)
        DIE("more families than the model holds");
    model.families[model.families_n] = (struct family){.client = client, .user = user};
    return (int)model.families_n++;
}

static bool is_live(const struct thing *t, int64_t now_s)
{
    return !t->dead && t->exp_s > now_s && (t->family < 0 || !model.families[t->family].dead);
}

static void need_live(const struct thing *t, enum kept_kind kind, int64_t now_s, const char *where)
{
    if (t == NULL || t->kind != kind)
        DIE("%s takes a token that was never issued", where);
    if (!is_live(t, now_s))
        DIE("%s takes a token that is revoked or over", where);
}

/* ---- tokens ---- */

static bool fits_challenge(str verifier, str challenge)
{
    struct hasher *hasher = hash_open();
    struct digest digest;
    char text[B64URL_CHARS(sizeof digest.b)];
    hash_sha256(hasher, &verifier, 1, &digest);
    hash_close(hasher);
    b64url_encode(digest.b, sizeof digest.b, text);
    return str_eq(challenge, str_make(text, sizeof text));
}

static int by_code(const struct asked *q, int client)
{
    struct thing *t = find_thing(get(q, "code"));
    str redirect = get(q, "redirect_uri");
    need_live(t, CODE, q->now_s, "the token endpoint");
    if (t->spent_s)
        DIE("a code works twice");
    if (t->client != client)
        DIE("the code of client %d works for client %d", t->client, client);
    if (t->challenge.p && !fits_challenge(get(q, "code_verifier"), t->challenge))
        DIE("a code works without the verifier of its challenge");
    if (!t->challenge.p && get(q, "code_verifier").p)
        DIE("a verifier for a code without challenge");
    if (redirect.p && t->redirect.p && !str_eq(redirect, t->redirect))
        DIE("a code works with another redirect_uri");
    t->spent_s = q->now_s;
    return t->family;
}

static int by_device(const struct asked *q, int client)
{
    struct thing *t = find_thing(get(q, "device_code"));
    need_live(t, DC, q->now_s, "the token endpoint");
    if (t->spent_s)
        DIE("a device code works twice");
    if (t->client != client)
        DIE("the device code of client %d works for client %d", t->client, client);
    if (!model.approved)
        DIE("a device code works that nobody approved");
    t->spent_s = q->now_s;
    return add_family(client, USERS); /* whose, the answer does not say */
}

static int by_refresh(const struct asked *q, int client, str next)
{
    struct thing *t = find_thing(get(q, "refresh_token"));
    need_live(t, RT, q->now_s, "the token endpoint");
    if (t->client != client && client >= 0)
        DIE("the refresh token of client %d works for client %d", t->client, client);
    if (t->spent_s == 0) {
        if (next.p && !str_eq(next, t->text)) {
            t->spent_s = q->now_s;
            t->successor = arena_dup(&prog.arena, next);
        }
        return t->family;
    }
    const struct thing *heir = find_thing(t->successor);
    if (q->now_s - t->spent_s > 10)
        DIE("a rotated refresh token works after its grace");
    if (!str_eq(next, t->successor) || (heir && heir->spent_s))
        DIE("a rotated refresh token has two successors");
    return t->family;
}

static void use_assertion(const struct asked *q)
{
    if (asserted(q) >= 0 && model.assertions_used_n < LINES)
        model.assertions_used[model.assertions_used_n++] =
            arena_dup(&prog.arena, get(q, "client_assertion"));
}

/* The one who may have what is answered, or the process ends. */
static int who_gets(const struct asked *q, str grant)
{
    bool machine = str_eq(grant, STR("client_credentials"));
    int client = machine ? proven(q) : proven_or_public(q);
    bool by_token = str_eq(grant, STR("refresh_token")) && asks_for(q, "/pub/oauth/token") &&
                    get(q, "client_secret").p == NULL; /* Twine: the token is proof enough */
    const struct thing *t = find_thing(get(q, "refresh_token"));
    if (client < 0 && by_token && t != NULL)
        client = named(get(q, "client_id"));
    if (client < 0)
        DIE("a token without a client that proved itself");
    return client;
}

static const struct json *find_member(const struct json *v, const char *name)
{
    for (; v != NULL; v = v->next) {
        if (str_eq(v->name, str_from(name)))
            return v;
        const struct json *inner = find_member(v->first, name);
        if (inner)
            return inner;
    }
    return NULL;
}

static str text_member(const struct json *v, const char *name)
{
    const struct json *found = find_member(v, name);
    return found && found->type == JSON_STR_T ? found->s : (str){0};
}

static void tokens_issued(const struct asked *q, const struct json *body)
{
    str at = text_member(body, "access_token"), rt = text_member(body, "refresh_token");
    str grant = get(q, "grant_type"), it = text_member(body, "id_token");
    const struct json *life = find_member(body, "expires_in");
    int64_t exp_s = q->now_s + (life && life->type == JSON_INT_T ? life->i : 86400);
    if (!is_standard(q) && !asks_for(q, "/v1/token") && !asks_for(q, "/v2/token") &&
        !asks_for(q, "/pub/oauth/token"))
        DIE("a token from an endpoint that gives none");
    int client = who_gets(q, grant), family;
    if (str_eq(grant, STR("client_credentials")))
        family = add_family(client, -1);
    else if (str_eq(grant, STR("authorization_code")))
        family = by_code(q, client);
    else if (str_eq(grant, STR("refresh_token")))
        family = by_refresh(q, client, rt);
    else if (str_eq(grant, STR("urn:ietf:params:oauth:grant-type:device_code")))
        family = by_device(q, client);
    else
        DIE("a token for no grant type");
    use_assertion(q);
    if (it.p && model.families[family].user < 0)
        DIE("an id_token of nobody");
    if (!find_thing(at))
        add_thing(AT, at, client, family, exp_s);
    if (rt.p && !find_thing(rt))
        add_thing(RT, rt, client, family, q->now_s + 366 * 86400)->standard = is_standard(q);
    if (it.p)
        add_thing(IT, it, client, family, exp_s);
}

/* ---- codes ---- */

/* The grant behind a code as the store has it. */
static void code_issued(const struct asked *q, str code, const char *where)
{
    struct user_grant g;
    struct handle h;
    int client = -1, user = -1;
    if (find_thing(code))
        DIE("a code is given twice");
    if (handle_parse(code, HANDLE_CODE, NULL, &h) != OK ||
        user_grant_load(w.db, &prog.arena, &h.id, &g) != OK)
        DIE("a code that the store does not know (%s)", where);
    for (int i = 0; i < CLIENTS; i++) {
        enum spelling as;
        struct uid id;
        if (uid_parse(str_from(parties[i].id), "OQ", &id, &as) && uid_eq(&id, &g.client))
            client = i;
    }
    for (int i = 0; i < USERS; i++)
        if (uid_eq(&people[i].id, &g.user))
            user = i;
    if (client < 0 || user < 0)
        return; /* an app that the program registered */
    const struct party *p = &parties[client];
    if (q->jar < 0 || !(model.signed_in[q->jar] & 1u << user))
        DIE("a code for %s, who did not sign in there", people[user].login);
    if (people[user].org != p->org)
        DIE("a code for a person of another organization");
    if (!(p->traits & TRUSTED) && !(model.allowed[client] & 1u << user))
        DIE("a code that %s did not allow", people[user].login);
    if (!g.challenge.p && !(p->traits & OPTIONAL_PKCE))
        DIE("a code without a challenge");
    struct thing *t = add_thing(CODE, code, client, add_family(client, user), q->now_s + 60);
    t->redirect = g.redirect_uri;
    t->challenge = g.challenge;
    bool seen = !g.challenge.p;
    for (size_t i = 0; i < model.challenges_n; i++)
        seen |= str_eq(model.challenges[i], g.challenge);
    if (!seen)
        DIE("a code with a challenge that nobody sent");
}

/* ---- what must be over after this answer ---- */

static void revoke_seen(const struct asked *q, int status)
{
    struct thing *t = find_thing(get(q, "token"));
    int client = proven_or_public(q);
    if (!asks_for(q, "/oauth2/revoke") || status != 200 || t == NULL || t->client != client)
        return;
    if (t->kind != AT && t->kind != RT)
        return;
    t->dead = true;
    if (t->kind == RT || model.families[t->family].user >= 0)
        model.families[t->family].dead = true;
}

/* What was spent came again: the family is revoked (RFC 6749 4.1.2, RFC 9700 4.14.2). */
static void replay_seen_by_model(const struct asked *q, const struct json *body)
{
    int client = proven_or_public(q);
    str redirect = get(q, "redirect_uri"), grant = get(q, "grant_type");
    if (!is_standard(q) || !str_eq(text_member(body, "error"), STR("invalid_grant")))
        return;
    struct thing *t = find_thing(get(q, "code"));
    if (str_eq(grant, STR("authorization_code")) && t && t->kind == CODE && t->spent_s &&
        t->client == client && (!redirect.p || str_eq(redirect, t->redirect)) && t->challenge.p &&
        fits_challenge(get(q, "code_verifier"), t->challenge))
        model.families[t->family].dead = true;
    t = find_thing(get(q, "refresh_token"));
    if (str_eq(grant, STR("refresh_token")) && t && t->kind == RT && t->standard && t->spent_s &&
        t->client == client && q->now_s - t->spent_s > 10 && t->spent_s + 86400 > q->now_s)
        model.families[t->family].dead = true;
}

/* ---- resources ---- */

static bool needs_token(const struct asked *q)
{
    static const char *const paths[] = {"/oauth2/userinfo", "/v1/userinfo", "/pub/group",
                                        "/pub/organization"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (str_starts(q->req->path, str_from(paths[i])))
            return true;
    return false;
}

static void resource_given(const struct asked *q)
{
    str token = q->bearer.p ? q->bearer : get(q, "access_token");
    if (asks_for(q, "/v1/userinfo") && !q->bearer.p)
        return; /* the legacy one takes the account's credentials */
    need_live(find_thing(token), AT, q->now_s, "a resource");
}

static void introspected(const struct asked *q, const struct json *body)
{
    const struct json *active = json_get(body, STR("active"));
    if (!active)
        return;
    int client = proven(q);
    if (client < 0)
        DIE("introspection without a client that proved itself");
    use_assertion(q);
    if (!active->i)
        return;
    const struct thing *t = find_thing(get(q, "token"));
    if (t == NULL || (t->kind != AT && t->kind != RT) || !is_live(t, q->now_s) ||
        (t->kind == RT && t->spent_s))
        DIE("a dead or unknown token is active");
    if (client < CLIENTS && t->client < CLIENTS && client != t->client &&
        (parties[client].org != parties[t->client].org || (client != 4 && client != 7)))
        DIE("client %d may see a token of client %d", client, t->client);
}

/* ---- what the request itself says ---- */

static void password_seen(const struct asked *q)
{
    str login = get(q, "login"), password = get(q, "password");
    for (int i = 0; i < USERS && q->jar >= 0; i++)
        if (str_eq(password, str_from(people[i].password)) && login.n > 0)
            model.signed_in[q->jar] |= 1u << i;
}

static void model_request(struct asked *q)
{
    str challenge = get(q, "code_challenge"), action = get(q, "action");
    if (challenge.n && model.challenges_n < CHALLENGES)
        model.challenges[model.challenges_n++] = arena_dup(&prog.arena, challenge);
    password_seen(q);
    if (!str_eq(action, STR("allow")) || q->jar < 0)
        return;
    if (asks_for(q, "/consent"))
        for (int i = 0; i < CLIENTS; i++)
            model.allowed[i] |= model.signed_in[q->jar];
    if (asks_for(q, "/device"))
        model.approved |= model.signed_in[q->jar];
}

#endif
