/* org: organizations, the tenants. Deleting one takes its groups, clients and tokens with it. */
#include "store/organization.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "store/account.h"

static void show(struct show *s, const struct organization *o)
{
    show_object(s);
    show_id(s, "id", &o->id);
    show_uid(s, "account_sid", &o->account, ACCOUNT_SID, SPELLING_SID);
    show_text(s, "name", o->name);
    show_time(s, "created", o->created_s);
    show_object_end(s);
}

static int print(struct cmd *c, const struct organization *o)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    show(&s, o);
    return show_end(&s);
}

/* The organization that the operand names. */
static int load(struct cmd *c, enum open_mode mode, struct organization *o)
{
    struct id id;
    int code = values_id(args_operand(c), "ID", &id);
    if (code || (code = open_store(c, mode)))
        return code;
    return open_result(c, organization_load(c->db, &c->arena, &id, o), "organization",
                       args_operand(c));
}

/* A second organization cannot have the SID of another. */
static int check_new(struct cmd *c, const struct uid *sid, str text)
{
    struct account a;
    enum err e = account_load(c->db, sid, &a);
    if (e == OK)
        return cmd_fail(CMD_CONFLICT, "the account %.*s exists already", STR_ARG(text));
    return e == ERR_ABSENT ? CMD_DONE : open_trouble(c);
}

static int create(struct cmd *c)
{
    struct organization o = {0};
    str sid = args_get(c, "account-sid");
    int code = values_name(args_get(c, "name"), "--name", &o.name);
    o.account = uid_new();
    if (code || (sid.p && (code = values_account(sid, "--account-sid", &o.account))) ||
        (code = open_store(c, OPEN_CREATE)) || (sid.p && (code = check_new(c, &o.account, sid))))
        return code;
    o.id = id_next(&c->ids, c->now_s);
    o.created_s = c->now_s;
    organization_put(&c->fx, &o);
    audited_about_id(c, &o.id);
    code = open_commit(c, "an organization or account with this id was made in this moment");
    return code ? code : print(c, &o);
}

static int list(struct cmd *c)
{
    struct organization *all;
    struct show s;
    size_t n;
    int code = open_store(c, OPEN_READ);
    if (code)
        return code;
    if (organization_list(c->db, &c->arena, &all, &n))
        return open_trouble(c);
    show_begin(&s, c, SHOW_LIST, "id=24 account_sid=34 created=20 name");
    for (size_t i = 0; i < n; i++)
        show(&s, &all[i]);
    return show_end(&s);
}

static int show_command(struct cmd *c)
{
    struct organization o;
    int code = load(c, OPEN_READ, &o);
    return code ? code : print(c, &o);
}

static int update(struct cmd *c)
{
    struct organization o;
    str name;
    int code = values_name(args_get(c, "name"), "--name", &name);
    if (code || (code = load(c, OPEN_WRITE, &o)))
        return code;
    o.name = name;
    organization_rename(&c->fx, &o.id, name);
    code = open_commit(c, "the organization was deleted in this moment");
    return code ? code : print(c, &o);
}

static int delete (struct cmd *c)
{
    struct organization o;
    int code = load(c, OPEN_WRITE, &o);
    if (code)
        return code;
    organization_delete(&c->fx, &o.id);
    code = open_commit(c, "the organization was deleted in this moment");
    return code ? code : print(c, &o);
}

static const struct option name_option[] = {
    {"name", "NAME", false, true, "its name, up to 200 bytes"},
};

static const struct option create_options[] = {
    {"name", "NAME", false, true, "its name, up to 200 bytes"},
    {"account-sid", "AC...", false, false, "the account SID that it has already, elsewhere"},
};

static const struct command commands[] = {
    {"create", NULL, "Make an organization. Makes the store too, if there is none.", NULL,
     CMD_OPTIONS(create_options), create},
    {"list", NULL, "List all organizations.", NULL, NULL, 0, list},
    {"show", "ID", "Show one organization.", NULL, NULL, 0, show_command},
    {"update", "ID", "Rename an organization.", NULL, CMD_OPTIONS(name_option), update},
    {"delete", "ID", "Delete an organization with its groups, clients and tokens.", NULL, NULL, 0,
     delete},
};

const struct command_set org_commands = {"org", "organizations: the tenants",
                                         CMD_OPTIONS(commands)};
