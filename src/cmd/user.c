/* user: people: made, shown, changed, given new passwords, switched off, signed out everywhere.
 *
 * Imports are in user_import.c. Passwords come by stdin, never on the command line, where `ps`
 * would show them. A new password ends all sessions of its user, as a changed one does on the
 * account page (security.md 61): whoever sets it may not be who knew the old one.
 */
#include "store/user.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/user_import.h"
#include "cmd/user_options.h"
#include "cmd/user_password.h"
#include "cmd/user_show.h"
#include "cmd/values.h"
#include "oauth/sign_in.h"
#include "store/client.h"
#include "store/organization.h"
#include "store/session.h"

enum { PAGE = 500 };

static const char gone[] = "the user was changed or deleted in this moment";

static int load(struct cmd *c, enum open_mode mode, struct user *u)
{
    int code = open_store(c, mode);
    return code ? code : user_options_load(c, args_operand(c), u);
}

static int check_organization(struct cmd *c, const struct id *id)
{
    struct organization o;
    return open_result(c, organization_load(c->db, &c->arena, id, &o), "organization",
                       args_get(c, "org"));
}

static int create(struct cmd *c)
{
    struct user u = {.id = uid_new(),
                     .claims = STR("{}"),
                     .roles = STR(""),
                     .password = STR(""),
                     .enabled = true};
    str password, names[2];
    size_t n;
    int code = values_id(args_get(c, "org"), "--org", &u.organization);
    if (code || (code = user_options_take(c, &u)) || (code = user_password_read(c, &password)) ||
        (code = open_store(c, OPEN_WRITE)) || (code = check_organization(c, &u.organization)) ||
        (code = user_options_check_names(c, &u)) || (code = open_keys(c)) ||
        (password.p && (code = user_password_take(c, &u, password))))
        return code;
    u.epoch = client_first_epoch();
    u.created_s = u.updated_s = c->now_s;
    user_options_names(c, &u, names, &n);
    user_put(&c->fx, &u, names, n);
    audited_about_uid(c, &u.id);
    code = open_commit(c, "the organization was deleted, or the name was taken, in this moment");
    return code ? code : user_show_one(c, &u);
}

/* One page; *n: how many it had. */
static int list_page(struct cmd *c, struct show *s, const struct id *filter, struct uid *after,
                     bool first, size_t *n)
{
    struct arena page;
    struct user *users;
    arena_init(&page, 1 << 26);
    enum err e = user_list(c->db, &page, filter, first ? NULL : after, PAGE, &users, n);
    for (size_t i = 0; e == OK && i < *n; i++) {
        *after = users[i].id;
        user_show_object(s, &users[i]);
    }
    arena_free(&page);
    return e ? open_trouble(c) : CMD_DONE;
}

static int list(struct cmd *c)
{
    struct id id;
    struct uid after;
    struct show s;
    size_t n = PAGE;
    str org = args_get(c, "org");
    int code = org.p ? values_id(org, "--org", &id) : CMD_DONE;
    if (code || (code = open_store(c, OPEN_READ)) || (org.p && (code = check_organization(c, &id))))
        return code;
    show_begin(&s, c, SHOW_LIST, "id=36 organization=24 enabled=7 username");
    for (bool first = true; n == PAGE && code == CMD_DONE && s.code == CMD_DONE; first = false)
        code = list_page(c, &s, org.p ? &id : NULL, &after, first, &n);
    int shown = show_end(&s);
    return code ? code : shown;
}

static int show(struct cmd *c)
{
    struct user u;
    int code = load(c, OPEN_READ, &u);
    return code ? code : user_show_one(c, &u);
}

static int update(struct cmd *c)
{
    static const char *const any[] = {"username",         "email", "email-verified",
                                      "email-unverified", "name",  "claim",
                                      "no-claim",         "role",  "no-roles"};
    struct user u;
    str names[2];
    size_t n;
    bool given = false;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        given = given || args_has(c, any[i]);
    if (!given)
        return cmd_fail(CMD_USAGE, "nothing to change; see `postern user update --help`");
    int code = load(c, OPEN_WRITE, &u);
    if (code || (code = user_options_take(c, &u)) || (code = user_options_check_names(c, &u)))
        return code;
    u.updated_s = c->now_s;
    user_options_names(c, &u, names, &n);
    user_update(&c->fx, &u, names, n);
    code = open_commit(c, "the user was deleted, or the name was taken, in this moment");
    return code ? code : user_show_one(c, &u);
}

static int delete (struct cmd *c)
{
    struct user u;
    int code = load(c, OPEN_WRITE, &u);
    if (code)
        return code;
    user_delete(&c->fx, &u.id, c->now_s);
    code = open_commit(c, gone);
    return code ? code : user_show_one(c, &u);
}

static int password_command(struct cmd *c)
{
    struct user u;
    str password;
    if (!args_has(c, "password-stdin") && !args_has(c, "password-hash-stdin"))
        return cmd_fail(CMD_USAGE, "give --password-stdin or --password-hash-stdin");
    int code = user_password_read(c, &password);
    if (code || (code = load(c, OPEN_WRITE, &u)) || (code = open_keys(c)))
        return code;
    str before = u.password, names[2];
    size_t n;
    if ((code = user_password_take(c, &u, password)))
        return code;
    user_options_names(c, &u, names, &n);
    for (size_t i = 0; i < n; i++)
        sign_in_forgive(&c->fx, c->hasher, names[i]);
    user_set_password(&c->fx, &u.id, before, u.password, u.has_pepper ? &u.pepper : NULL, c->now_s);
    session_end_all(&c->fx, &u.id, NULL, true, c->now_s);
    code = open_commit(c, gone);
    return code ? code : user_show_one(c, &u);
}

static int set_enabled(struct cmd *c, bool enabled)
{
    struct user u;
    int code = load(c, OPEN_WRITE, &u);
    if (code)
        return code;
    user_set_enabled(&c->fx, &u.id, enabled, c->now_s);
    u.enabled = enabled;
    code = open_commit(c, gone);
    return code ? code : user_show_one(c, &u);
}

static int disable(struct cmd *c)
{
    return set_enabled(c, false);
}

static int enable(struct cmd *c)
{
    return set_enabled(c, true);
}

static int revoke(struct cmd *c)
{
    struct user u;
    int code = load(c, OPEN_WRITE, &u);
    if (code)
        return code;
    user_revoke_all(&c->fx, &u.id, c->now_s);
    code = open_commit(c, gone);
    return code ? code : user_show_one(c, &u);
}

#define USER_SETTINGS                                                                              \
    {"email", "ADDRESS", false, false, "an address, by which he may sign in too"},                 \
        {"email-verified", NULL, false, false, "the address is known to be his"},                  \
        {"name", "NAME", false, false, "his name, as people write it (the claim name)"},           \
        {"claim", "NAME=VALUE", true, false, "a claim about him; NAME:=JSON for other than text"}, \
    {                                                                                              \
        "role", "ROLE", true, false, "a role, for applications that map it to a claim"             \
    }

#define PASSWORD_SOURCE                                                                            \
    {"password-stdin", NULL, false, false, "take the password from stdin"},                        \
    {                                                                                              \
        "password-hash-stdin", NULL, false, false,                                                 \
            "take a hash that another system made (argon2, bcrypt, PBKDF2, scrypt, yescrypt)"      \
    }

static const struct option create_options[] = {
    {"org", "ID", false, true, "the organization that he belongs to"},
    {"username", "NAME", false, true, "the name by which he signs in, up to 200 bytes"},
    USER_SETTINGS,
    PASSWORD_SOURCE,
};

static const struct option update_options[] = {
    {"username", "NAME", false, false, "his new user name"},
    USER_SETTINGS,
    {"email-unverified", NULL, false, false, "the address is not known to be his"},
    {"no-claim", "NAME", true, false, "take this claim away"},
    {"no-roles", NULL, false, false, "take all roles away"},
};

static const struct option list_options[] = {
    {"org", "ID", false, false, "only the users of this organization"},
};

static const struct option password_options[] = {PASSWORD_SOURCE};

static const struct option import_options[] = {
    {"org", "ID", false, false, "the organization of users whose record names none"},
};

static const char who[] =
    "ID is a UUID, US and 32 hex digits, or a user name or address of the user.";

static const char update_more[] =
    "ID is a UUID, US and 32 hex digits, or a user name or address of the user.\n"
    "What is not named stays. --role replaces the roles that he had; --email \"\" takes the\n"
    "address away, and a new address counts as unverified unless --email-verified is given.";

static const char import_more[] =
    "The file (- is stdin) holds JSON objects, one after the other or in one array:\n"
    "  {\"username\": \"...\", \"email\": \"...\", \"email_verified\": true,\n"
    "   \"password_hash\": \"$2b$12$...\", \"claims\": {\"name\": \"...\"}, \"roles\": [\"...\"],\n"
    "   \"organization\": \"ID\", \"enabled\": true, \"id\": UUID or US...}\n"
    "username is required; organization too, unless --org gives it. Hashes may be of argon2,\n"
    "bcrypt, PBKDF2, scrypt or yescrypt; each is replaced by one of Postern's own when its user\n"
    "signs in. All or nothing: a defect is named with its line, and nothing is changed.";

static const struct command commands[] = {
    {"create", NULL, "Make a user. Without a password he cannot sign in by one.", NULL,
     CMD_OPTIONS(create_options), create},
    {"list", NULL, "List users.", NULL, CMD_OPTIONS(list_options), list},
    {"show", "ID", "Show one user; never his password.", who, NULL, 0, show},
    {"update", "ID", "Change a user.", update_more, CMD_OPTIONS(update_options), update},
    {"delete", "ID", "Delete a user with his sessions, consents and tokens.", who, NULL, 0, delete},
    {"password", "ID",
     "Set a new password. His sessions and refresh tokens end, and so does any waiting.", who,
     CMD_OPTIONS(password_options), password_command},
    {"disable", "ID", "End a user's sessions and tokens, and refuse him until he is enabled.", who,
     NULL, 0, disable},
    {"enable", "ID", "Let a disabled user in again.", who, NULL, 0, enable},
    {"revoke", "ID", "End every session and every token of a user.", who, NULL, 0, revoke},
    {"import", "FILE", "Take over users with their password hashes.", import_more,
     CMD_OPTIONS(import_options), user_import},
};

const struct command_set user_commands = {"user", "people who sign in", CMD_OPTIONS(commands)};
