/* user_options: options of users.
 *
 * Names share one name space over the whole server and are compared in canonical spelling
 * (codec/unicode.h); whether they are free is asked before the commit, for a message that says
 * which is not, and once more by the commit itself, for the truth.
 */
#include "cmd/user_options.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/user_claims.h"
#include "cmd/values.h"
#include "codec/unicode.h"

int user_options_username(struct cmd *c, str text, const char *label, str *out)
{
    str canonical;
    int code = values_name(text, label, out);
    if (code == CMD_DONE && !unicode_login(&c->arena, text, &canonical))
        return cmd_fail(CMD_USAGE, "%s: nobody could type this name", label);
    return code;
}

static int take_email(struct cmd *c, struct user *u)
{
    str email = args_get(c, "email");
    bool verified = args_has(c, "email-verified");
    bool unverified = args_has(c, "email-unverified");
    if (verified && unverified)
        return cmd_fail(CMD_USAGE, "--email-verified and --email-unverified do not go together");
    if (email.p) {
        int code = email.n ? values_email(email, "--email", &u->email) : CMD_DONE;
        if (code)
            return code;
        u->email = email.n ? u->email : (str){0};
        u->email_verified = false;
    }
    u->email_verified = verified || (u->email_verified && !unverified);
    return u->email_verified && !u->email.p
               ? cmd_fail(CMD_USAGE, "--email-verified: there is no address to be verified")
               : CMD_DONE;
}

static int take_claims(struct cmd *c, struct user *u)
{
    str *values, name = args_get(c, "name");
    struct json text = {.type = JSON_STR_T};
    size_t n = args_all(c, "no-claim", &values);
    int code = CMD_DONE;
    for (size_t i = 0; i < n && code == CMD_DONE; i++)
        code = user_claims_put(&c->arena, "--no-claim", &u->claims, values[i], NULL);
    if (code == CMD_DONE && name.p) {
        code = values_name(name, "--name", &text.s);
        code = code ? code : user_claims_put(&c->arena, "--name", &u->claims, STR("name"), &text);
    }
    n = args_all(c, "claim", &values);
    for (size_t i = 0; i < n && code == CMD_DONE; i++)
        code = user_claims_option(&c->arena, "--claim", values[i], &u->claims);
    return code;
}

/* Roles stand in tokens as words, so they are written as scopes are. */
static int take_roles(struct cmd *c, struct user *u)
{
    struct buf b;
    str *values;
    size_t n = args_all(c, "role", &values);
    if (n && args_has(c, "no-roles"))
        return cmd_fail(CMD_USAGE, "--role and --no-roles do not go together");
    if (args_has(c, "no-roles"))
        u->roles = STR("");
    if (n == 0)
        return CMD_DONE;
    buf_init(&b, &c->arena, 256, 4 * LIMIT_SCOPE);
    for (size_t i = 0; i < n; i++) {
        buf_put(&b, i ? STR(" ") : STR(""));
        buf_put(&b, values[i]);
    }
    return values_scope(b.overflow ? STR("\"") : buf_str(&b), "--role", &u->roles);
}

int user_options_take(struct cmd *c, struct user *u)
{
    str username = args_get(c, "username");
    int code =
        username.p ? user_options_username(c, username, "--username", &u->username) : CMD_DONE;
    if (code || (code = take_email(c, u)) || (code = take_claims(c, u)))
        return code;
    return take_roles(c, u);
}

void user_options_names(struct cmd *c, const struct user *u, str names[2], size_t *n)
{
    *n = 0;
    if (unicode_login(&c->arena, u->username, &names[*n]))
        ++*n;
    if (u->email.p && unicode_login(&c->arena, u->email, &names[*n]))
        *n += *n == 0 || !str_eq(names[0], names[1]);
}

int user_options_load(struct cmd *c, str text, struct user *u)
{
    struct uid id;
    enum spelling spelling;
    str name;
    enum err e = ERR_ABSENT;
    if (uid_parse(text, USER_SID, &id, &spelling))
        e = user_load(c->db, &c->arena, &id, u);
    else if (unicode_login(&c->arena, text, &name))
        e = user_find(c->db, &c->arena, name, u);
    if (e == OK)
        audited_about_uid(c, &u->id);
    return open_result(c, e, "user", str_sub(text, 0, text.n > 254 ? 254 : text.n));
}

int user_options_check_names(struct cmd *c, const struct user *u)
{
    str names[2];
    size_t n;
    struct user other;
    user_options_names(c, u, names, &n);
    for (size_t i = 0; i < n; i++) {
        enum err e = user_find(c->db, &c->arena, names[i], &other);
        if (e == OK && !uid_eq(&other.id, &u->id)) {
            return cmd_fail(CMD_CONFLICT,
                            "another user signs in as `%.*s`; user names and addresses are unique "
                            "over all organizations, whatever their spelling",
                            STR_ARG(names[i]));
        }
        if (e != OK && e != ERR_ABSENT)
            return open_trouble(c);
    }
    return CMD_DONE;
}
