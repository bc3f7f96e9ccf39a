/* import_member: a table of members, each with its reader.
 *
 * It takes what `client show --json` prints, so that an export is an import; what only Postern
 * itself can know (created, secrets, old_secret_ends) is accepted and left aside. A member that is
 * not in the table is refused: a misspelt one would quietly become a default.
 */
#include "cmd/import_member.h"

#include "cmd/client_options.h"
#include "cmd/client_party.h"
#include "cmd/values.h"
#include "config/suggest.h"

typedef int reader(struct cmd *c, const struct json *v, const char *label,
                   struct import_record *out);

static int wrong(const char *label, const char *takes)
{
    return cmd_fail(CMD_USAGE, "%s: takes %s", label, takes);
}

static int read_name(struct cmd *c, const struct json *v, const char *label,
                     struct import_record *out)
{
    (void)c;
    return v->type == JSON_STR_T ? values_name(v->s, label, &out->client.name)
                                 : wrong(label, "a string");
}

static int read_secret(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    (void)c;
    return v->type == JSON_STR_T ? values_secret(v->s, label, &out->secret)
                                 : wrong(label, "a string");
}

/* "ID" or {"id": "ID", "name": "..."}: its id text and the object, if it is one. */
static int id_or_object(const struct json *v, const char *label, struct id *id,
                        const struct json **object)
{
    *object = v->type == JSON_OBJECT_T ? v : NULL;
    str text = *object ? json_get_str(v, STR("id")) : v->s;
    if ((!*object && v->type != JSON_STR_T) || !text.p)
        return wrong(label, "an id, or an object with id and name");
    for (const struct json *m = *object ? v->first : NULL; m; m = m->next)
        if (m->type != JSON_STR_T && m->type != JSON_NULL_T)
            return wrong(label, "an object whose members are strings");
    return values_id(text, label, id);
}

static int read_organization(struct cmd *c, const struct json *v, const char *label,
                             struct import_record *out)
{
    (void)c;
    const struct json *object;
    out->has_organization = true;
    int code = id_or_object(v, label, &out->client.organization, &object);
    str name = json_get_str(object, STR("name"));
    return code || !name.p ? code : values_name(name, label, &out->organization_name);
}

static int read_account(struct cmd *c, const struct json *v, const char *label,
                        struct import_record *out)
{
    (void)c;
    out->has_account = true;
    return v->type == JSON_STR_T ? values_account(v->s, label, &out->account)
                                 : wrong(label, "a string");
}

static int read_group(const struct json *v, const char *label, struct group *g)
{
    const struct json *object;
    int code = id_or_object(v, label, &g->id, &object);
    str name = json_get_str(object, STR("name")), bio = json_get_str(object, STR("bio"));
    if (code == CMD_DONE && name.p)
        code = values_name(name, label, &g->name);
    if (code == CMD_DONE && bio.p)
        code = values_bio(bio, label, &g->bio);
    return code;
}

static int read_groups(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    int code = CMD_DONE;
    if (v->type != JSON_ARRAY_T)
        return wrong(label, "an array");
    out->has_groups = true;
    out->groups = ARENA_ARRAY(&c->arena, struct group, v->n + 1);
    for (const struct json *m = v->first; m && code == CMD_DONE; m = m->next)
        code = read_group(m, label, &out->groups[out->groups_n++]);
    return code;
}

static int read_grants(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    (void)c;
    uint32_t grants = 0;
    int code = CMD_DONE;
    out->has_grants = true;
    if (v->type != JSON_ARRAY_T)
        return wrong(label, "an array of strings");
    for (const struct json *m = v->first; m && code == CMD_DONE; m = m->next) {
        code = m->type == JSON_STR_T ? values_grant(m->s, label, &grants)
                                     : wrong(label, "an array of strings");
    }
    out->client.grants = grants;
    return code;
}

/* An array of words, or one text with spaces. */
static int read_scopes(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    struct buf b;
    out->has_scopes = true;
    if (v->type == JSON_STR_T)
        return values_scope(v->s, label, &out->client.scopes);
    if (v->type != JSON_ARRAY_T)
        return wrong(label, "an array of strings");
    buf_init(&b, &c->arena, 128, LIMIT_SCOPE + 1);
    for (const struct json *m = v->first; m; m = m->next) {
        if (m->type != JSON_STR_T)
            return wrong(label, "an array of strings");
        buf_put(&b, m == v->first ? STR("") : STR(" "));
        buf_put(&b, m->s);
    }
    return values_scope(b.overflow ? STR("\n") : buf_str(&b), label, &out->client.scopes);
}

static int read_bool(const struct json *v, const char *label, bool *out)
{
    *out = v->i != 0;
    return v->type == JSON_BOOL_T ? CMD_DONE : wrong(label, "true or false");
}

static int read_enabled(struct cmd *c, const struct json *v, const char *label,
                        struct import_record *out)
{
    (void)c;
    return read_bool(v, label, &out->client.enabled);
}

static int read_all_groups(struct cmd *c, const struct json *v, const char *label,
                           struct import_record *out)
{
    (void)c;
    return read_bool(v, label, &out->client.all_groups);
}

/* Seconds as a number, or "1h". */
static int read_duration(struct cmd *c, const struct json *v, const char *label, int64_t most,
                         int64_t *out)
{
    str text = v->s;
    if (v->type == JSON_INT_T)
        text = arena_printf(&c->arena, "%lld", (long long)v->i);
    else if (v->type != JSON_STR_T)
        return wrong(label, "seconds, or a text like \"1h\"");
    return values_duration(text, label, CLIENT_TTL_MIN, most, out);
}

static int read_access_ttl(struct cmd *c, const struct json *v, const char *label,
                           struct import_record *out)
{
    return read_duration(c, v, label, CLIENT_TTL_MAX, &out->client.access_ttl_s);
}

static int read_refresh_ttl(struct cmd *c, const struct json *v, const char *label,
                            struct import_record *out)
{
    return read_duration(c, v, label, CLIENT_REFRESH_MAX, &out->client.refresh_ttl_s);
}

static int read_family_ttl(struct cmd *c, const struct json *v, const char *label,
                           struct import_record *out)
{
    return read_duration(c, v, label, CLIENT_REFRESH_MAX, &out->client.family_ttl_s);
}

static int read_word(const struct json *v, const char *label, const char *words, int *out)
{
    return v->type == JSON_STR_T ? values_choice(v->s, label, words, out) : wrong(label, words);
}

static int read_format(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    (void)c;
    int i = 0, code = read_word(v, label, CLIENT_FORMATS, &i);
    out->client.token_format = (enum token_format)i;
    return code;
}

static int read_rotation(struct cmd *c, const struct json *v, const char *label,
                         struct import_record *out)
{
    (void)c;
    int i = 0, code = read_word(v, label, CLIENT_ROTATIONS, &i);
    out->client.rotation = (enum client_rotation)i;
    return code;
}

static int read_method(struct cmd *c, const struct json *v, const char *label,
                       struct import_record *out)
{
    (void)c;
    int i = 0, code = read_word(v, label, CLIENT_METHODS, &i);
    out->client.auth_method = (enum client_auth_method)i;
    return code;
}

static int read_introspect(struct cmd *c, const struct json *v, const char *label,
                           struct import_record *out)
{
    (void)c;
    int i = 0, code = read_word(v, label, CLIENT_INTROSPECT, &i);
    out->client.introspect_organization = i != 0;
    return code;
}

static int read_id(struct cmd *c, const struct json *v, const char *label,
                   struct import_record *out)
{
    (void)c;
    struct uid id;
    if (v->type != JSON_STR_T)
        return wrong(label, "a string");
    int code = values_client(v->s, label, &id);
    if (code == CMD_DONE && out->has_id && !uid_eq(&id, &out->client.id))
        return cmd_fail(CMD_USAGE, "%s: differs from another member that names the client", label);
    out->client.id = id;
    out->has_id = true;
    return code;
}

static const struct {
    const char *name;
    reader *read; /* NULL: accepted, left aside */
    bool id;
} members[] = {
    {"client_id", read_id, true},
    {"id", read_id, true},
    {"client_sid", read_id, true},
    {"client_secret", read_secret, false},
    {"name", read_name, false},
    {"organization", read_organization, false},
    {"account_sid", read_account, false},
    {"groups", read_groups, false},
    {"all_groups", read_all_groups, false},
    {"grants", read_grants, false},
    {"scopes", read_scopes, false},
    {"token_format", read_format, false},
    {"access_ttl", read_access_ttl, false},
    {"refresh_ttl", read_refresh_ttl, false},
    {"family_ttl", read_family_ttl, false},
    {"refresh_rotation", read_rotation, false},
    {"auth_method", read_method, false},
    {"introspect", read_introspect, false},
    {"enabled", read_enabled, false},
    {"created", NULL, false},
    {"secrets", NULL, false},
    {"old_secret_ends", NULL, false},
};

enum { MEMBERS = sizeof members / sizeof *members };

static int unknown(str name, str where)
{
    struct suggest near;
    suggest_init(&near, name);
    for (size_t i = 0; i < MEMBERS; i++)
        suggest_offer(&near, members[i].name);
    for (size_t i = 0; client_party_name(i); i++)
        suggest_offer(&near, client_party_name(i));
    return cmd_fail(CMD_USAGE, "%.*s: unknown member `%.*s`%s%s%s", STR_ARG(where),
                    (int)(name.n > 64 ? 64 : name.n), name.p, near.best ? "; did you mean `" : "",
                    near.best ? near.best : "", near.best ? "`?" : "");
}

static int read_party(struct cmd *c, const struct json *m, str where, struct import_record *out)
{
    bool known;
    int code = client_party_member(c, m, arena_cstr(&c->arena, where), &out->rp, &known);
    return known ? code : unknown(m->name, where);
}

static int read_members(struct cmd *c, const struct json *object, str where, bool ids,
                        struct import_record *out)
{
    for (const struct json *m = object->first; m; m = m->next) {
        size_t i = 0;
        while (i < MEMBERS && !str_eq(m->name, str_from(members[i].name)))
            i++;
        if (i == MEMBERS) {
            int code = ids ? CMD_DONE : read_party(c, m, where, out);
            if (code)
                return code;
            continue;
        }
        if (members[i].id != ids || !members[i].read || m->type == JSON_NULL_T)
            continue;
        str label = arena_printf(&c->arena, "%.*s: %s", STR_ARG(where), members[i].name);
        int code = members[i].read(c, m, arena_cstr(&c->arena, label), out);
        if (code)
            return code;
    }
    return CMD_DONE;
}

int import_member_id(struct cmd *c, const struct json *object, str where, struct import_record *out)
{
    if (object->type != JSON_OBJECT_T)
        return cmd_fail(CMD_USAGE, "%.*s: a client is a JSON object", STR_ARG(where));
    return read_members(c, object, where, true, out);
}

int import_member_read(struct cmd *c, const struct json *object, str where,
                       struct import_record *out)
{
    return read_members(c, object, where, false, out);
}
