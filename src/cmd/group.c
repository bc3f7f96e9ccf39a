/* group: named sets of people inside an organization; what a Twine token gives access to. */
#include "store/group.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "store/organization.h"

static void show(struct show *s, const struct group *g)
{
    show_object(s);
    show_id(s, "id", &g->id);
    show_id(s, "organization", &g->organization);
    show_text(s, "name", g->name);
    show_text(s, "bio", g->bio);
    show_time(s, "created", g->created_s);
    show_object_end(s);
}

static int print(struct cmd *c, const struct group *g)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    show(&s, g);
    return show_end(&s);
}

static int load(struct cmd *c, enum open_mode mode, struct group *g)
{
    struct id id;
    int code = values_id(args_operand(c), "ID", &id);
    if (code || (code = open_store(c, mode)))
        return code;
    return open_result(c, group_load(c->db, &c->arena, &id, g), "group", args_operand(c));
}

/* --name and --bio, as far as they were given. */
static int take_texts(struct cmd *c, struct group *g)
{
    str name = args_get(c, "name"), bio = args_get(c, "bio");
    int code = name.p ? values_name(name, "--name", &g->name) : CMD_DONE;
    if (code == CMD_DONE && bio.p) {
        code = values_bio(bio, "--bio", &g->bio);
        g->bio = g->bio.n ? g->bio : (str){0};
    }
    return code;
}

static int check_room(struct cmd *c, const struct id *organization)
{
    struct group_query all = {.organization = *organization};
    int64_t n;
    if (group_count(c->db, &all, &n))
        return open_trouble(c);
    return n < LIMIT_GROUPS ? CMD_DONE
                            : cmd_fail(CMD_CONFLICT,
                                       "the organization has %d groups, the most "
                                       "that one can have",
                                       LIMIT_GROUPS);
}

static int create(struct cmd *c)
{
    struct organization o;
    struct group g = {0};
    str org = args_get(c, "org");
    int code = values_id(org, "--org", &g.organization);
    if (code || (code = take_texts(c, &g)) || (code = open_store(c, OPEN_WRITE)) ||
        (code = open_result(c, organization_load(c->db, &c->arena, &g.organization, &o),
                            "organization", org)) ||
        (code = check_room(c, &g.organization)))
        return code;
    g.id = id_next(&c->ids, c->now_s);
    g.created_s = c->now_s;
    group_put(&c->fx, &g);
    audited_about_id(c, &g.id);
    code = open_commit(c, "the organization was deleted, or got its last group, in this moment");
    return code ? code : print(c, &g);
}

static int list_one(struct cmd *c, struct show *s, const struct id *organization)
{
    struct group_query q = {.organization = *organization, .limit = -1};
    struct group *groups;
    size_t n;
    if (group_list(c->db, &c->arena, &q, &groups, &n))
        return open_trouble(c);
    for (size_t i = 0; i < n; i++)
        show(s, &groups[i]);
    return CMD_DONE;
}

/* The organizations whose groups are wanted: one, or all. */
static int wanted(struct cmd *c, struct organization **out, size_t *n)
{
    str org = args_get(c, "org");
    struct id id;
    if (!org.p)
        return organization_list(c->db, &c->arena, out, n) ? open_trouble(c) : CMD_DONE;
    *out = ARENA_NEW(&c->arena, struct organization);
    *n = 1;
    int code = values_id(org, "--org", &id);
    return code ? code
                : open_result(c, organization_load(c->db, &c->arena, &id, *out), "organization",
                              org);
}

static int list(struct cmd *c)
{
    struct organization *organizations;
    struct show s;
    size_t n;
    int code = open_store(c, OPEN_READ);
    if (code || (code = wanted(c, &organizations, &n)))
        return code;
    show_begin(&s, c, SHOW_LIST, "id=24 organization=24 name");
    for (size_t i = 0; i < n && code == CMD_DONE; i++)
        code = list_one(c, &s, &organizations[i].id);
    int shown = show_end(&s);
    return code ? code : shown;
}

static int show_command(struct cmd *c)
{
    struct group g;
    int code = load(c, OPEN_READ, &g);
    return code ? code : print(c, &g);
}

static int update(struct cmd *c)
{
    struct group g;
    if (!args_has(c, "name") && !args_has(c, "bio"))
        return cmd_fail(CMD_USAGE, "nothing to change: give --name or --bio");
    int code = load(c, OPEN_WRITE, &g);
    if (code || (code = take_texts(c, &g)))
        return code;
    group_update(&c->fx, &g.id, &g.organization, g.name, g.bio);
    code = open_commit(c, "the group was deleted in this moment");
    return code ? code : print(c, &g);
}

static int delete (struct cmd *c)
{
    struct group g;
    int code = load(c, OPEN_WRITE, &g);
    if (code)
        return code;
    group_delete(&c->fx, &g.id, &g.organization);
    code = open_commit(c, "the group was deleted in this moment");
    return code ? code : print(c, &g);
}

static const struct option create_options[] = {
    {"org", "ID", false, true, "the organization that it belongs to"},
    {"name", "NAME", false, true, "its name, up to 200 bytes"},
    {"bio", "TEXT", false, false, "what it is, up to 1500 bytes"},
};

static const struct option list_options[] = {
    {"org", "ID", false, false, "only the groups of this organization"},
};

static const struct option update_options[] = {
    {"name", "NAME", false, false, "its new name"},
    {"bio", "TEXT", false, false, "its new text; empty removes it"},
};

static const struct command commands[] = {
    {"create", NULL, "Make a group.", NULL, CMD_OPTIONS(create_options), create},
    {"list", NULL, "List groups.", NULL, CMD_OPTIONS(list_options), list},
    {"show", "ID", "Show one group.", NULL, NULL, 0, show_command},
    {"update", "ID", "Change the name or text of a group.", NULL, CMD_OPTIONS(update_options),
     update},
    {"delete", "ID", "Delete a group; clients that were given it lose it.", NULL, NULL, 0, delete},
};

const struct command_set group_commands = {"group", "groups inside organizations",
                                           CMD_OPTIONS(commands)};
