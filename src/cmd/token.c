/* token: `postern token revoke`, for one token or for everything of a client or organization.
 *
 * One token is resolved by the engine's own reader (oauth/token/bearer), so every kind that the
 * server takes is known here, and its whole grant ends, as with RFC 7009. Everything of a client
 * or organization ends by raising its epoch: one row, whatever the number of tokens.
 */
#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "crypto/jwt.h"
#include "dialect/dialect.h"
#include "oauth/rq.h"
#include "oauth/token/bearer.h"
#include "store/grant.h"

static int printed(struct cmd *c, const char *what, const struct id *id, const struct uid *uid)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "revoked", str_from(what));
    if (id)
        show_id(&s, "id", id);
    else
        show_uid(&s, "id", uid, CLIENT_SID, SPELLING_UUID);
    show_object_end(&s);
    return show_end(&s);
}

/* Looks the token up as a request would. */
static int resolve(struct cmd *c, struct server_thread *t, str token, struct bearer *b,
                   struct uid *client)
{
    struct http_req *req = ARENA_NEW(&c->arena, struct http_req);
    struct http_res *res = ARENA_NEW(&c->arena, struct http_res);
    struct rq *rq = ARENA_NEW(&c->arena, struct rq);
    http_res_init(res, &c->arena);
    rq_init(rq, t, req, res, &c->arena);
    enum err e = bearer_resolve(rq, token, true, b);
    if (e == ERR_UNAVAILABLE)
        return open_trouble(c);
    if (e)
        return cmd_fail(CMD_ABSENT, "there is no such live token");
    *client = b->client->client.id;
    return CMD_DONE;
}

static int revoke_in(struct cmd *c, struct server *server, str token)
{
    struct server_thread t;
    struct bearer b = {0};
    struct uid client;
    char why[1024];
    if (server_thread_open(server, &t, THREAD_POOL, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    int code = resolve(c, &t, token, &b, &client);
    if (code == CMD_DONE) {
        grant_revoke(&c->fx, KEEP, &b.grant, &client, c->now_s, b.family_exp_s);
        code = open_commit(c, "the token was changed in this moment");
    }
    server_thread_close(&t);
    return code ? code : printed(c, "token", &b.id, NULL);
}

/* Which URL the server is reached by is not this command's to know: a JWT says its issuer, and that
 * one of our keys signed it proves the rest. */
static void take_issuer(struct cmd *c, str token)
{
    struct jwt jwt;
    if (jwt_parse(&c->arena, token, &jwt) == OK) {
        str issuer = json_get_str(jwt.claims, STR("iss"));
        c->settings.v[SETTING_issuer].text = issuer.p ? issuer : STR("");
    }
}

static int revoke_token(struct cmd *c, str token)
{
    const struct dialect *dialects[DIALECTS_MAX];
    struct server server = {0};
    char why[1024];
    int code = CMD_DONE;
    if (str_eq(token, STR("-")))
        code = values_stdin(&c->arena, LIMIT_JWT, &token);
    if (code || (code = open_store(c, OPEN_WRITE)))
        return code;
    take_issuer(c, token);
    dialect_select(&c->settings, dialects);
    if (server_open(&server, &c->settings, dialects, c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    code = revoke_in(c, &server, token);
    server_close(&server);
    return code;
}

static int revoke_client(struct cmd *c, str text)
{
    struct client k;
    struct uid id;
    int code = values_client(text, "--client", &id);
    if (code || (code = open_store(c, OPEN_WRITE)) ||
        (code = open_result(c, client_load(c->db, &c->arena, &id, c->now_s, &k), "client", text)))
        return code;
    client_revoke_all(&c->fx, &id);
    code = open_commit(c, "the client was deleted in this moment");
    return code ? code : printed(c, "client", NULL, &id);
}

static int revoke_organization(struct cmd *c, str text)
{
    struct organization o;
    struct id id;
    int code = values_id(text, "--org", &id);
    if (code || (code = open_store(c, OPEN_WRITE)) ||
        (code = open_result(c, organization_load(c->db, &c->arena, &id, &o), "organization", text)))
        return code;
    organization_revoke_all(&c->fx, &id);
    code = open_commit(c, "the organization was deleted in this moment");
    return code ? code : printed(c, "organization", &id, NULL);
}

static int revoke(struct cmd *c)
{
    str token = args_get(c, "token"), client = args_get(c, "client"), org = args_get(c, "org");
    if ((token.p != NULL) + (client.p != NULL) + (org.p != NULL) != 1)
        return cmd_fail(CMD_USAGE, "give one of --token, --client and --org");
    return token.p    ? revoke_token(c, token)
           : client.p ? revoke_client(c, client)
                      : revoke_organization(c, org);
}

static const struct option revoke_options[] = {
    {"token", "TOKEN", false, false,
     "an access or refresh token; - reads it from stdin, out of sight of `ps`"},
    {"client", "ID", false, false, "every token of this client"},
    {"org", "ID", false, false, "every token of this organization"},
};

static const struct command commands[] = {
    {"revoke", NULL, "End a token with its grant, or all tokens of a client or organization.",
     "A running server follows within a second. There is no way back; clients get new tokens.",
     CMD_OPTIONS(revoke_options), revoke},
};

const struct command_set token_commands = {"token", "tokens", CMD_OPTIONS(commands)};
