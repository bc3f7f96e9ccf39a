/* client: applications that get tokens: made, shown, changed, switched off, given new secrets.
 *
 * Imports are in client_import.c. A secret is printed by the subcommand that made it and never
 * again. What a subcommand changes is one effect set, so it is there whole or not at all.
 */
#include "store/client.h"

#include "cmd/args.h"
#include "cmd/client_import.h"
#include "cmd/client_options.h"
#include "cmd/client_show.h"
#include "cmd/open.h"
#include "cmd/values.h"
#include "store/organization.h"

enum { PAGE = 500 };

static int load(struct cmd *c, enum open_mode mode, struct client *k)
{
    struct uid id;
    int code = values_client(args_operand(c), "ID", &id);
    if (code || (code = open_store(c, mode)))
        return code;
    return open_result(c, client_load(c->db, &c->arena, &id, c->now_s, k), "client",
                       args_operand(c));
}

/* The secret of a new client: from stdin, or a fresh one that will be shown. Comes before
 * open_store(), which takes the time: stdin may keep us waiting. */
static int new_secret(struct cmd *c, str *secret, str *shown)
{
    *shown = (str){0};
    if (!args_has(c, "secret-stdin")) {
        *secret = *shown = client_options_new_secret(&c->arena);
        return CMD_DONE;
    }
    str text;
    int code = values_stdin(&c->arena, CLIENT_SECRET_MAX, &text);
    return code ? code : values_secret(text, "--secret-stdin", secret);
}

static int check_organization(struct cmd *c, const struct client *k)
{
    struct organization o;
    return open_result(c, organization_load(c->db, &c->arena, &k->organization, &o), "organization",
                       args_get(c, "org"));
}

static int create(struct cmd *c)
{
    struct client k;
    struct client_secret row;
    struct id *groups;
    size_t n;
    str secret, shown;
    client_options_defaults(&k, 0);
    int code = values_id(args_get(c, "org"), "--org", &k.organization);
    if (code || (code = client_options_take(c, &k)) || (code = new_secret(c, &secret, &shown)) ||
        (code = open_store(c, OPEN_WRITE)) || (code = check_organization(c, &k)) ||
        (code = client_options_groups(c, &k, &groups, &n)) || (code = open_keys(c)))
        return code;
    k.id = uid_new();
    k.created_s = c->now_s;
    if ((code = client_options_hash(c, &k, secret, STR("--secret-stdin"), &row)))
        return code;
    client_put(&c->fx, &k);
    client_put_secret(&c->fx, &k.id, &row, c->now_s);
    if (n)
        client_set_groups(&c->fx, &k, groups, n);
    k.secrets_n = 1;
    code = open_commit(c, "the organization or a group was deleted, or the pepper rotated, in this "
                          "moment");
    return code ? code : client_show_one(c, &k, shown);
}

/* The organization of --org; absent: all. */
static int list_filter(struct cmd *c, struct id *id, const struct id **filter)
{
    str org = args_get(c, "org");
    struct organization o;
    *filter = NULL;
    if (!org.p)
        return CMD_DONE;
    int code = values_id(org, "--org", id);
    *filter = id;
    return code ? code
                : open_result(c, organization_load(c->db, &c->arena, id, &o), "organization", org);
}

/* The list comes without secrets; how many are live is shown. */
static int list_row(struct cmd *c, struct show *s, struct arena *page, struct client *k)
{
    enum err e = client_load(c->db, page, &k->id, c->now_s, k);
    if (e == ERR_ABSENT)
        return CMD_DONE; /* deleted in this moment */
    return e ? open_trouble(c) : client_show_object(s, k, (str){0});
}

/* One page; *n: how many it had. */
static int list_page(struct cmd *c, struct show *s, const struct id *filter, struct uid *after,
                     bool first, size_t *n)
{
    struct arena page;
    struct client *clients;
    int code = CMD_DONE;
    arena_init(&page, 1 << 24);
    if (client_list(c->db, &page, filter, first ? NULL : after, PAGE, &clients, n)) {
        arena_free(&page);
        return open_trouble(c);
    }
    for (size_t i = 0; i < *n && code == CMD_DONE; i++) {
        *after = clients[i].id;
        code = list_row(c, s, &page, &clients[i]);
    }
    arena_free(&page);
    return code;
}

static int list(struct cmd *c)
{
    struct id id;
    const struct id *filter;
    struct uid after;
    struct show s;
    size_t n = PAGE;
    int code = open_store(c, OPEN_READ);
    if (code || (code = list_filter(c, &id, &filter)))
        return code;
    show_begin(&s, c, SHOW_LIST, "client_id=36 organization=24 enabled=7 name");
    for (bool first = true; n == PAGE && code == CMD_DONE && s.code == CMD_DONE; first = false)
        code = list_page(c, &s, filter, &after, first, &n);
    int shown = show_end(&s);
    return code ? code : shown;
}

static int show(struct cmd *c)
{
    struct client k;
    int code = load(c, OPEN_READ, &k);
    return code ? code : client_show_one(c, &k, (str){0});
}

static int update(struct cmd *c)
{
    static const char *const any[] = {"name",         "grant",       "scope",
                                      "group",        "all-groups",  "no-groups",
                                      "token-format", "access-ttl",  "refresh-ttl",
                                      "family-ttl",   "auth-method", "refresh-rotation",
                                      "introspect"};
    struct client k;
    struct id *groups;
    size_t n;
    bool given = false;
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        given = given || args_has(c, any[i]);
    if (!given)
        return cmd_fail(CMD_USAGE, "nothing to change; see `postern client update --help`");
    int code = load(c, OPEN_WRITE, &k);
    if (code || (code = client_options_take(c, &k)) ||
        (code = client_options_groups(c, &k, &groups, &n)))
        return code;
    client_update(&c->fx, &k);
    if (n || args_has(c, "no-groups") || args_has(c, "all-groups"))
        client_set_groups(&c->fx, &k, groups, n);
    code = open_commit(c, "the client or a group was deleted in this moment");
    return code ? code : client_show_one(c, &k, (str){0});
}

static int delete (struct cmd *c)
{
    struct client k;
    struct show s;
    int code = load(c, OPEN_WRITE, &k);
    if (code)
        return code;
    show_begin(&s, c, SHOW_ONE, "");
    code = client_show_object(&s, &k, (str){0});
    client_delete(&c->fx, &k.id);
    if (code || (code = open_commit(c, "the client was deleted in this moment")))
        return code;
    return show_end(&s);
}

static int set_enabled(struct cmd *c, bool enabled)
{
    struct client k;
    int code = load(c, OPEN_WRITE, &k);
    if (code)
        return code;
    k.enabled = enabled;
    client_set_enabled(&c->fx, &k.id, enabled);
    code = open_commit(c, "the client was deleted in this moment");
    return code ? code : client_show_one(c, &k, (str){0});
}

static int disable(struct cmd *c)
{
    return set_enabled(c, false);
}

static int enable(struct cmd *c)
{
    return set_enabled(c, true);
}

static int secret_command(struct cmd *c)
{
    struct client k;
    struct client_secret row;
    str secret, shown, overlap = args_get(c, "overlap");
    int64_t overlap_s = 86400;
    int code =
        overlap.p ? values_duration(overlap, "--overlap", 0, CLIENT_TTL_MAX, &overlap_s) : CMD_DONE;
    if (code || (code = new_secret(c, &secret, &shown)) || (code = load(c, OPEN_WRITE, &k)) ||
        (code = open_keys(c)) ||
        (code = client_options_hash(c, &k, secret, STR("--secret-stdin"), &row)))
        return code;
    client_put_secret(&c->fx, &k.id, &row, c->now_s + overlap_s);
    if ((code = open_commit(c, "the client was deleted, or the pepper rotated, in this moment")) ||
        (code = open_result(c, client_load(c->db, &c->arena, &k.id, c->now_s, &k), "client",
                            args_operand(c))))
        return code;
    return client_show_one(c, &k, shown);
}

#define CLIENT_SETTINGS                                                                            \
    {"grant", "GRANT", true, false, "client_credentials or refresh_token; default: both"},         \
        {"scope", "SCOPES", false, false, "what it may ask for; default: \"group organization\""}, \
        {"group", "ID", true, false, "a group that it reaches"},                                   \
        {"all-groups", NULL, false, false, "it reaches every group of its organization"},          \
        {"token-format", CLIENT_FORMATS, false, false,                                             \
         "access tokens of the standard dialect; default: jwt"},                                   \
        {"access-ttl", "TIME", false, false, "life of an access token, 60s to 30d; default: 1h"},  \
        {"refresh-ttl", "TIME", false, false,                                                      \
         "how long a refresh token lives unused; default: 30d"},                                   \
        {"family-ttl", "TIME", false, false,                                                       \
         "absolute end of a line of refresh tokens; default: 365d"},                               \
        {"refresh-rotation", CLIENT_ROTATIONS, false, false,                                       \
         "whether a refresh token is good once; default: the dialect's"},                          \
        {"auth-method", CLIENT_METHODS, false, false, "where it sends its secret; default: any"},  \
    {                                                                                              \
        "introspect", CLIENT_INTROSPECT, false, false,                                             \
            "whose tokens it may introspect; default: own"                                         \
    }

#define CLIENT_SECRET_SOURCE                                                                       \
    {"secret-stdin", NULL, false, false, "take the secret from stdin instead of making one"},      \
    {                                                                                              \
        "allow-weak", NULL, false, false, "take a secret of fewer than 32 characters"              \
    }

static const struct option create_options[] = {
    {"org", "ID", false, true, "the organization that it belongs to"},
    {"name", "NAME", false, true, "its name, up to 200 bytes"},
    CLIENT_SETTINGS,
    CLIENT_SECRET_SOURCE,
};

static const struct option update_options[] = {
    {"name", "NAME", false, false, "its new name"},
    CLIENT_SETTINGS,
    {"no-groups", NULL, false, false, "it reaches no group"},
};

static const struct option list_options[] = {
    {"org", "ID", false, false, "only the clients of this organization"},
};

static const struct option secret_options[] = {
    {"overlap", "TIME", false, false, "how long the old one lives on, 0 to 30d; default: 24h"},
    CLIENT_SECRET_SOURCE,
};

static const struct option import_options[] = {
    {"update", NULL, false, false, "change clients that exist, instead of refusing"},
    {"allow-weak", NULL, false, false, "take secrets of fewer than 32 characters"},
};

static const char import_more[] =
    "The file (- is stdin) holds one JSON object or an array of them:\n"
    "  {\"client_id\": UUID or OQ..., \"client_secret\": \"...\", \"name\": \"...\",\n"
    "   \"organization\": \"ID\" or {\"id\": \"ID\", \"name\": \"...\"},\n"
    "   \"account_sid\": \"AC...\",\n"
    "   \"groups\": [\"ID\" or {\"id\": \"ID\", \"name\": \"...\", \"bio\": \"...\"}],\n"
    "   \"all_groups\": false, \"grants\": [\"client_credentials\"], \"scopes\": [\"group\"],\n"
    "   \"token_format\": \"jwt\", \"access_ttl\": 3600, \"refresh_rotation\": \"always\",\n"
    "   \"auth_method\": \"any\", \"introspect\": \"own\", \"enabled\": true}\n"
    "name and organization are required. Organizations and groups that do not exist are made\n"
    "when a name is given. Without client_secret one is made and shown. All or nothing.\n"
    "A large import holds the store while it is written; a server may answer 503 meanwhile.";

static const struct command commands[] = {
    {"create", NULL, "Make a client. Its secret is shown this once.", NULL,
     CMD_OPTIONS(create_options), create},
    {"list", NULL, "List clients.", NULL, CMD_OPTIONS(list_options), list},
    {"show", "ID", "Show one client; never its secret.", NULL, NULL, 0, show},
    {"update", "ID", "Change a client. --group replaces the groups that it had.", NULL,
     CMD_OPTIONS(update_options), update},
    {"delete", "ID", "Delete a client with its tokens.", NULL, NULL, 0, delete},
    {"import", "FILE", "Take over clients with their ids, secrets and groups.", import_more,
     CMD_OPTIONS(import_options), client_import},
    {"disable", "ID", "Refuse a client and its tokens until it is enabled again.",
     "A running server follows within a second.", NULL, 0, disable},
    {"enable", "ID", "Let a disabled client in again.", NULL, NULL, 0, enable},
    {"secret", "ID", "Make a new secret. The old one ends after the overlap.", NULL,
     CMD_OPTIONS(secret_options), secret_command},
};

const struct command_set client_commands = {"client", "applications that get tokens",
                                            CMD_OPTIONS(commands)};
