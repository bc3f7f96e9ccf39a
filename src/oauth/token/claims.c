/* claims: who the user is, as far as the client may know (OIDC Core 5).
 *
 * A standard claim is due at userinfo when its scope was granted (5.4), and where the claims
 * parameter asks for it (5.5) if the client is registered for that scope, so that the parameter is
 * no way around what the client may have. id_tokens carry none of them unasked: an access token
 * always comes along. Values have the types of 5.1; one that has another in the store is left out.
 * What the mapping of the client names is due where it says, and stands in for a standard claim of
 * that name.
 *
 * Left out on purpose: claims in several languages (name#de), aggregated and distributed claims.
 * essential, value and values are accepted; a claim that the user does not have is absent (5.5.1).
 */
#include "oauth/token/claims.h"

#include "oauth/check/check.h"
#include "oauth/token/claim_map.h"
#include "oauth/token/jwt_profile.h"

enum column { FROM_CLAIMS, FROM_USERNAME, FROM_EMAIL, FROM_EMAIL_VERIFIED, FROM_UPDATED };

struct standard {
    const char *name, *scope;
    enum json_type type;
    enum column column;
};

/* X(name, scope, type, column): OIDC Core 5.1 and 5.4 */
#define STANDARD(X)                                                                                \
    X(name, profile, STR, CLAIMS)                                                                  \
    X(family_name, profile, STR, CLAIMS)                                                           \
    X(given_name, profile, STR, CLAIMS)                                                            \
    X(middle_name, profile, STR, CLAIMS)                                                           \
    X(nickname, profile, STR, CLAIMS)                                                              \
    X(preferred_username, profile, STR, USERNAME)                                                  \
    X(profile, profile, STR, CLAIMS)                                                               \
    X(picture, profile, STR, CLAIMS)                                                               \
    X(website, profile, STR, CLAIMS)                                                               \
    X(gender, profile, STR, CLAIMS)                                                                \
    X(birthdate, profile, STR, CLAIMS)                                                             \
    X(zoneinfo, profile, STR, CLAIMS)                                                              \
    X(locale, profile, STR, CLAIMS)                                                                \
    X(updated_at, profile, INT, UPDATED)                                                           \
    X(email, email, STR, EMAIL)                                                                    \
    X(email_verified, email, BOOL, EMAIL_VERIFIED)                                                 \
    X(address, address, OBJECT, CLAIMS)                                                            \
    X(phone_number, phone, STR, CLAIMS)                                                            \
    X(phone_number_verified, phone, BOOL, CLAIMS)

static const struct standard table[] = {
#define X(name, scope, type, column) {#name, #scope, JSON_##type##_T, FROM_##column},
    STANDARD(X)
#undef X
};

#define TABLE_N (sizeof table / sizeof *table)

const char *const claims_standard[] = {
#define X(name, scope, type, column) #name,
    STANDARD(X)
#undef X
        NULL,
};

/* What one writing works with. */
struct source {
    struct rq *rq;
    struct buf *b;
    enum claims_target target;
    const struct cached_client *client;
    const struct user *user;
    const struct json *claims; /* the user's; NULL: none */
    const struct json *asked;  /* of the claims parameter, for this target; NULL: none */
};

static const struct json *read_object(struct arena *a, str text)
{
    struct json *v;

    if (text.n == 0 || json_parse(a, text, &v) != OK || !json_is(v, JSON_OBJECT_T))
        return NULL;
    return v;
}

static void put_column(struct source *s, const struct standard *c)
{
    const struct json *v;
    str name = str_from(c->name);

    switch (c->column) {
    case FROM_USERNAME:
        json_key_str(s->b, name, s->user->username);
        break;
    case FROM_EMAIL:
        if (s->user->email.n > 0)
            json_key_str(s->b, name, s->user->email);
        break;
    case FROM_EMAIL_VERIFIED:
        if (s->user->email.n > 0)
            json_key_bool(s->b, name, s->user->email_verified);
        break;
    case FROM_UPDATED:
        json_key_i64(s->b, name, s->user->updated_s);
        break;
    case FROM_CLAIMS:
        if ((v = json_get(s->claims, name)) == NULL || v->type != c->type)
            break;
        json_key(s->b, name);
        json_value(s->b, v);
        break;
    }
}

/* Is a claim of that name mapped at any target? Then the mapping alone says where it stands. */
static bool is_mapped(const struct source *s, str name)
{
    str rest = s->client->rp.claims, line;
    struct claim_map m;
    const char *why;

    while (str_next(&rest, '\n', &line))
        if (claim_map_read(line, &m, &why) && str_eq(m.name, name))
            return true;
    return false;
}

static bool is_due(const struct source *s, const struct standard *c, str granted)
{
    str scope = str_from(c->scope);

    if (s->target == CLAIMS_USERINFO && scope_has(granted, scope))
        return true;
    return json_get(s->asked, str_from(c->name)) != NULL &&
           scope_has(s->client->client.scopes, scope);
}

static void put_standard(struct source *s, str granted)
{
    for (size_t i = 0; i < TABLE_N; i++)
        if (is_due(s, &table[i], granted) && !is_mapped(s, str_from(table[i].name)))
            put_column(s, &table[i]);
}

static void put_user_id(struct source *s, str name)
{
    char text[UID_UUID_CHARS];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    uid_write(&b, &s->user->id, USER_SID, SPELLING_UUID);
    json_key_str(s->b, name, buf_str(&b));
}

static void put_organization_id(struct source *s, str name)
{
    char text[ID_HEX];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    id_write(&b, &s->client->organization.id);
    json_key_str(s->b, name, buf_str(&b));
}

static void put_mapped(struct source *s, const struct claim_map *m)
{
    const struct json *v;

    switch (m->source) {
    case CLAIM_USER_ID:
        put_user_id(s, m->name);
        break;
    case CLAIM_USER_USERNAME:
        json_key_str(s->b, m->name, s->user->username);
        break;
    case CLAIM_USER_EMAIL:
        if (s->user->email.n > 0)
            json_key_str(s->b, m->name, s->user->email);
        break;
    case CLAIM_USER_ROLES:
        jwt_profile_put_words(s->b, m->name, s->user->roles);
        break;
    case CLAIM_USER_CLAIM:
        if ((v = json_get(s->claims, m->argument)) == NULL)
            break;
        json_key(s->b, m->name);
        json_value(s->b, v);
        break;
    case CLAIM_ORGANIZATION_ID:
        put_organization_id(s, m->name);
        break;
    case CLAIM_ORGANIZATION_NAME:
        json_key_str(s->b, m->name, s->client->organization.name);
        break;
    case CLAIM_LITERAL:
        json_key_str(s->b, m->name, m->argument);
        break;
    }
}

/* The first line of a name counts: an object has no name twice. */
static bool is_first(str lines, str line, str name)
{
    struct claim_map m;
    const char *why;
    str one;

    while (str_next(&lines, '\n', &one) && one.p != line.p)
        if (claim_map_read(one, &m, &why) && str_eq(m.name, name))
            return false;
    return true;
}

static void put_mapping(struct source *s)
{
    str rest = s->client->rp.claims, line;
    struct claim_map m;
    const char *why;

    while (str_next(&rest, '\n', &line)) {
        if (!claim_map_read(line, &m, &why) || !(m.targets & s->target))
            continue;
        if (is_first(s->client->rp.claims, line, m.name))
            put_mapped(s, &m);
    }
}

void claims_put(struct rq *rq, struct buf *b, enum claims_target target,
                const struct cached_client *client, const struct user *u,
                const struct user_grant *g)
{
    str member = target == CLAIMS_USERINFO ? STR("userinfo") : STR("id_token");
    struct source s = {.rq = rq, .b = b, .target = target, .client = client, .user = u};

    if (target != CLAIMS_ACCESS_TOKEN)
        s.asked = json_get(read_object(rq->arena, g->claims), member);
    if (s.asked == NULL && client->rp.claims.n == 0 && target != CLAIMS_USERINFO)
        return;
    s.claims = read_object(rq->arena, u->claims);
    put_standard(&s, g->scope);
    put_mapping(&s);
}

/* OIDC Core 5.5.1: null, or an object whose members have their types; others are ignored. */
static bool is_wish(const struct json *v)
{
    const struct json *essential = json_get(v, STR("essential"));
    const struct json *values = json_get(v, STR("values"));

    if (v->type == JSON_NULL_T)
        return true;
    return v->type == JSON_OBJECT_T && (essential == NULL || json_is(essential, JSON_BOOL_T)) &&
           (values == NULL || json_is(values, JSON_ARRAY_T));
}

static bool are_wishes(const struct json *member)
{
    if (member == NULL || member->type == JSON_NULL_T)
        return true;
    if (member->type != JSON_OBJECT_T)
        return false;
    for (const struct json *v = member->first; v != NULL; v = v->next)
        if (!is_wish(v))
            return false;
    return true;
}

bool claims_request_ok(struct arena *a, str claims)
{
    const struct json *v = read_object(a, claims);

    return v != NULL && are_wishes(json_get(v, STR("userinfo"))) &&
           are_wishes(json_get(v, STR("id_token")));
}

/* Does either member ask for a claim of that scope? */
static bool asks_for(const struct json *request, const char *scope)
{
    for (size_t i = 0; i < TABLE_N; i++) {
        str name = str_from(table[i].name);
        if (strcmp(table[i].scope, scope) == 0 &&
            (json_get(json_get(request, STR("userinfo")), name) != NULL ||
             json_get(json_get(request, STR("id_token")), name) != NULL))
            return true;
    }
    return false;
}

str claims_scopes(struct arena *a, str claims)
{
    static const char *const scopes[] = {"profile", "email", "address", "phone"};
    const struct json *request = read_object(a, claims);
    struct buf b;

    buf_init(&b, a, 64, 64);
    for (size_t i = 0; request != NULL && i < sizeof scopes / sizeof *scopes; i++) {
        if (!asks_for(request, scopes[i]))
            continue;
        if (b.n > 0)
            buf_char(&b, ' ');
        buf_put(&b, str_from(scopes[i]));
    }
    return buf_str(&b);
}

bool claims_mapping_ok(str line, const char **why)
{
    struct claim_map m;

    return claim_map_read(line, &m, why);
}
