/* client: applications that get tokens: made, shown, changed, switched off, given new secrets.
 *
 * Imports are in client_import.c. A secret is printed by the subcommand that made it and never
 * again. What a subcommand changes is one effect set, so it is there whole or not at all.
 */
#include "store/client.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/client_import.h"
#include "cmd/client_options.h"
#include "cmd/client_party.h"
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

/* The same for a client that may prove itself otherwise; secret->p == NULL then. */
static int first_secret(struct cmd *c, const struct client *k, const struct relying_party *rp,
                        str *secret, str *shown)
{
    *secret = *shown = (str){0};
    if (client_party_has_secret(k, rp))
        return new_secret(c, secret, shown);
    return args_has(c, "secret-stdin")
               ? cmd_fail(CMD_USAGE, "--secret-stdin: this client proves itself without a secret")
               : CMD_DONE;
}

static int check_organization(struct cmd *c, const struct client *k)
{
    struct organization o;
    return open_result(c, organization_load(c->db, &c->arena, &k->organization, &o), "organization",
                       args_get(c, "org"));
}

/* What the options say; a client with a redirect URI is one that people sign in to, unless they say
 * more. */
static int new_client(struct cmd *c, struct client *k, struct relying_party *rp)
{
    client_options_defaults(k, 0);
    relying_party_defaults(rp);
    if (args_has(c, "public"))
        k->auth_method = CLIENT_AUTH_NONE;
    int code = client_options_take(c, k);
    if (code || (code = client_party_take(c, rp)))
        return code;
    if (rp->redirect_uris.n && !args_has(c, "grant"))
        k->grants = GRANT_AUTHORIZATION_CODE | GRANT_REFRESH_TOKEN;
    if (client_party_interactive(k) && !args_has(c, "scope"))
        k->scopes = STR("openid profile email");
    rp->there = client_party_interactive(k) || client_party_given(c);
    return client_party_check(k, rp, "client create");
}

static int put_secret(struct cmd *c, struct client *k, str secret)
{
    struct client_secret row;
    int code = client_options_hash(c, k, secret, STR("--secret-stdin"), &row);
    if (code)
        return code;
    client_put_secret(&c->fx, &k->id, &row, c->now_s);
    k->secrets_n = 1;
    return CMD_DONE;
}

static int create(struct cmd *c)
{
    struct client k;
    struct relying_party rp;
    struct id *groups;
    size_t n;
    str secret, shown;
    int code = new_client(c, &k, &rp);
    if (code || (code = values_id(args_get(c, "org"), "--org", &k.organization)) ||
        (code = first_secret(c, &k, &rp, &secret, &shown)) || (code = open_store(c, OPEN_WRITE)) ||
        (code = check_organization(c, &k)) || (code = client_options_groups(c, &k, &groups, &n)) ||
        (code = open_keys(c)) || (code = client_party_check_keys(c, &rp, "client create")))
        return code;
    k.id = uid_new();
    k.created_s = c->now_s;
    client_put(&c->fx, &k);
    audited_about_uid(c, &k.id);
    if (secret.p && (code = put_secret(c, &k, secret)))
        return code;
    if (rp.there)
        relying_party_put(&c->fx, &k.id, &rp);
    if (n)
        client_set_groups(&c->fx, &k, groups, n);
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

static bool any_given(struct cmd *c)
{
    static const char *const any[] = {"name",         "grant",       "scope",
                                      "group",        "all-groups",  "no-groups",
                                      "token-format", "access-ttl",  "refresh-ttl",
                                      "family-ttl",   "auth-method", "refresh-rotation",
                                      "introspect"};
    bool given = client_party_given(c);
    for (size_t i = 0; i < sizeof any / sizeof *any; i++)
        given = given || args_has(c, any[i]);
    return given;
}

/* What it has as a relying party, with what was given. */
static int update_party(struct cmd *c, const struct client *k)
{
    struct relying_party rp;
    enum err e = relying_party_load(c->db, &c->arena, &k->id, &rp);
    if (e != OK && e != ERR_ABSENT)
        return open_trouble(c);
    bool put = client_party_given(c) || (client_party_interactive(k) && !rp.there);
    int code = client_party_take(c, &rp);
    if (code || (code = client_party_check(k, &rp, "client update")))
        return code;
    rp.there = rp.there || put;
    if (put && (code = client_party_check_keys(c, &rp, "client update")))
        return code;
    if (put)
        relying_party_put(&c->fx, &k->id, &rp);
    return CMD_DONE;
}

static int update(struct cmd *c)
{
    struct client k;
    struct id *groups;
    size_t n;
    if (!any_given(c))
        return cmd_fail(CMD_USAGE, "nothing to change; see `postern client update --help`");
    int code = load(c, OPEN_WRITE, &k);
    if (code || (code = client_options_take(c, &k)) ||
        (code = client_options_groups(c, &k, &groups, &n)))
        return code;
    client_update(&c->fx, &k);
    if ((code = update_party(c, &k)))
        return code;
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

static int check_has_secret(struct cmd *c, const struct client *k)
{
    struct relying_party rp;
    enum err e = relying_party_load(c->db, &c->arena, &k->id, &rp);
    if (e != OK && e != ERR_ABSENT)
        return open_trouble(c);
    return client_party_has_secret(k, &rp)
               ? CMD_DONE
               : cmd_fail(CMD_CONFLICT, "this client proves itself without a secret (%s)",
                          rp.is_public ? "it is public" : "private_key_jwt");
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
        (code = check_has_secret(c, &k)) || (code = open_keys(c)) ||
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
    {"grant", "GRANT", true, false,                                                                \
     "client_credentials, authorization_code, device_code or refresh_token; default: the first "   \
     "and the last, or with --redirect-uri the second and the last"},                              \
        {"scope", "SCOPES", false, false,                                                          \
         "what it may ask for; default: \"group organization\", or \"openid profile email\" when " \
         "people sign in"},                                                                        \
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
        {"auth-method", CLIENT_METHODS, false, false,                                              \
         "how it proves itself; default: any place for its secret, none when public"},             \
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
    {"public", NULL, false, false, "it can keep no secret: an app on a device, a page; gets none"},
    CLIENT_PARTY_OPTIONS,
    CLIENT_SECRET_SOURCE,
};

static const struct option update_options[] = {
    {"name", "NAME", false, false, "its new name"},
    CLIENT_SETTINGS,
    {"no-groups", NULL, false, false, "it reaches no group"},
    CLIENT_PARTY_OPTIONS,
    {"not-trusted", NULL, false, false, "people are asked for consent"},
    {"no-require-par", NULL, false, false, "take requests that were not pushed, too"},
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

static const char create_more[] =
    "With --redirect-uri (or a grant that people take part in) it is a client that people sign in\n"
    "to: postern client create --org ID --name \"My App\" --redirect-uri https://app.example/cb\n"
    "docs/sign-in.md says what the options mean.";

static const char update_more[] =
    "Options that may be repeated replace what there was; an empty text (--origin \"\") clears it.";

static const char import_more[] =
    "The file (- is stdin) holds one JSON object or an array of them:\n"
    "  {\"client_id\": UUID or OQ..., \"client_secret\": \"...\", \"name\": \"...\",\n"
    "   \"organization\": \"ID\" or {\"id\": \"ID\", \"name\": \"...\"},\n"
    "   \"account_sid\": \"AC...\",\n"
    "   \"groups\": [\"ID\" or {\"id\": \"ID\", \"name\": \"...\", \"bio\": \"...\"}],\n"
    "   \"all_groups\": false, \"grants\": [\"client_credentials\"], \"scopes\": [\"group\"],\n"
    "   \"token_format\": \"jwt\", \"access_ttl\": 3600, \"refresh_rotation\": \"always\",\n"
    "   \"auth_method\": \"any\", \"introspect\": \"own\", \"enabled\": true,\n"
    "   \"redirect_uris\": [\"https://...\"], \"jwks\": {\"keys\": [...]}, ...}\n"
    "What people sign in to has members named as `client show --json` names them.\n"
    "name and organization are required. Organizations and groups that do not exist are made\n"
    "when a name is given. Without client_secret one is made and shown. All or nothing.\n"
    "A large import holds the store while it is written; a server may answer 503 meanwhile.";

static const struct command commands[] = {
    {"create", NULL, "Make a client. Its secret is shown this once.", create_more,
     CMD_OPTIONS(create_options), create},
    {"list", NULL, "List clients.", NULL, CMD_OPTIONS(list_options), list},
    {"show", "ID", "Show one client; never its secret.", NULL, NULL, 0, show},
    {"update", "ID", "Change a client. What is not named stays.", update_more,
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
