/* user_member: a table of members, each with its reader.
 *
 * It takes what `user show --json` prints, so that an export is an import but for the passwords,
 * which Postern does not give away. What only Postern itself can know (created, updated, the kind
 * of a password) is accepted and left aside; any other name is refused: a misspelt member would
 * quietly become a default.
 */
#include "cmd/user_member.h"

#include "cmd/user_claims.h"
#include "cmd/user_options.h"
#include "cmd/user_password.h"
#include "cmd/values.h"
#include "config/suggest.h"

typedef int reader(struct cmd *c, const struct json *v, const char *label,
                   struct user_member_record *out);

static int wrong(const char *label, const char *takes)
{
    return cmd_fail(CMD_USAGE, "%s: takes %s", label, takes);
}

static int read_id(struct cmd *c, const struct json *v, const char *label,
                   struct user_member_record *out)
{
    (void)c;
    enum spelling spelling;
    struct uid id;
    if (v->type != JSON_STR_T || !uid_parse(v->s, USER_SID, &id, &spelling))
        return wrong(label, "a UUID, or US and 32 hex digits");
    if (out->has_id && !uid_eq(&id, &out->user.id))
        return cmd_fail(CMD_USAGE, "%s: differs from another member that names the user", label);
    out->user.id = id;
    out->has_id = true;
    return CMD_DONE;
}

static int read_username(struct cmd *c, const struct json *v, const char *label,
                         struct user_member_record *out)
{
    return v->type == JSON_STR_T ? user_options_username(c, v->s, label, &out->user.username)
                                 : wrong(label, "a string");
}

static int read_email(struct cmd *c, const struct json *v, const char *label,
                      struct user_member_record *out)
{
    (void)c;
    return v->type == JSON_STR_T ? values_email(v->s, label, &out->user.email)
                                 : wrong(label, "a string");
}

static int read_bool(const struct json *v, const char *label, bool *out)
{
    *out = v->type == JSON_BOOL_T && v->i;
    return v->type == JSON_BOOL_T ? CMD_DONE : wrong(label, "true or false");
}

static int read_verified(struct cmd *c, const struct json *v, const char *label,
                         struct user_member_record *out)
{
    (void)c;
    return read_bool(v, label, &out->user.email_verified);
}

static int read_enabled(struct cmd *c, const struct json *v, const char *label,
                        struct user_member_record *out)
{
    (void)c;
    return read_bool(v, label, &out->user.enabled);
}

static int read_hash(struct cmd *c, const struct json *v, const char *label,
                     struct user_member_record *out)
{
    (void)c;
    return v->type == JSON_STR_T ? user_password_take_hash(&out->user, v->s, label)
                                 : wrong(label, "a string");
}

static int read_claims(struct cmd *c, const struct json *v, const char *label,
                       struct user_member_record *out)
{
    int code = CMD_DONE;
    if (v->type != JSON_OBJECT_T)
        return wrong(label, "an object");
    for (const struct json *m = v->first; m && code == CMD_DONE; m = m->next)
        if (m->type != JSON_NULL_T)
            code = user_claims_put(&c->arena, label, &out->user.claims, m->name, m);
    return code;
}

/* "name" beside the claims, as `user show` has it. */
static int read_name(struct cmd *c, const struct json *v, const char *label,
                     struct user_member_record *out)
{
    return user_claims_put(&c->arena, label, &out->user.claims, STR("name"), v);
}

static int read_roles(struct cmd *c, const struct json *v, const char *label,
                      struct user_member_record *out)
{
    struct buf b;
    if (v->type != JSON_ARRAY_T)
        return wrong(label, "an array of strings");
    buf_init(&b, &c->arena, 64, 4 * LIMIT_SCOPE);
    for (const struct json *m = v->first; m; m = m->next) {
        if (m->type != JSON_STR_T)
            return wrong(label, "an array of strings");
        buf_put(&b, m == v->first ? STR("") : STR(" "));
        buf_put(&b, m->s);
    }
    return values_scope(b.overflow ? STR("\"") : buf_str(&b), label, &out->user.roles);
}

static int read_organization(struct cmd *c, const struct json *v, const char *label,
                             struct user_member_record *out)
{
    (void)c;
    out->has_organization = true;
    return v->type == JSON_STR_T ? values_id(v->s, label, &out->user.organization)
                                 : wrong(label, "the id of an organization");
}

static const struct {
    const char *name;
    reader *read; /* NULL: accepted, left aside */
} members[] = {
    {"id", read_id},
    {"user_sid", read_id},
    {"username", read_username},
    {"email", read_email},
    {"email_verified", read_verified},
    {"password_hash", read_hash},
    {"claims", read_claims},
    {"name", read_name},
    {"roles", read_roles},
    {"organization", read_organization},
    {"enabled", read_enabled},
    {"password_kind", NULL},
    {"password_set", NULL},
    {"created", NULL},
    {"updated", NULL},
};

enum { MEMBERS = sizeof members / sizeof *members };

/* A password in clear should stand in no file, and to hash thousands of them takes hours. */
static int unknown(str name, str where)
{
    struct suggest near;
    if (str_eq(name, STR("password"))) {
        return cmd_fail(CMD_USAGE, "%.*s: passwords in clear are not imported; give password_hash",
                        STR_ARG(where));
    }
    suggest_init(&near, name);
    for (size_t i = 0; i < MEMBERS; i++)
        suggest_offer(&near, members[i].name);
    return cmd_fail(CMD_USAGE, "%.*s: unknown member `%.*s`%s%s%s", STR_ARG(where),
                    (int)(name.n > 64 ? 64 : name.n), name.p, near.best ? "; did you mean `" : "",
                    near.best ? near.best : "", near.best ? "`?" : "");
}

int user_member_read(struct cmd *c, const struct json *object, str where,
                     struct user_member_record *out)
{
    if (object->type != JSON_OBJECT_T)
        return cmd_fail(CMD_USAGE, "%.*s: a user is a JSON object", STR_ARG(where));
    for (const struct json *m = object->first; m; m = m->next) {
        size_t i = 0;
        while (i < MEMBERS && !str_eq(m->name, str_from(members[i].name)))
            i++;
        if (i == MEMBERS)
            return unknown(m->name, where);
        if (!members[i].read || m->type == JSON_NULL_T)
            continue;
        str label = arena_printf(&c->arena, "%.*s: %s", STR_ARG(where), members[i].name);
        int code = members[i].read(c, m, arena_cstr(&c->arena, label), out);
        if (code)
            return code;
    }
    return CMD_DONE;
}
