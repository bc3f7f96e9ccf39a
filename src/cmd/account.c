/* account: the Twilio name of an organization, and the auth token by which it proves itself.
 *
 * Every organization has an account from its beginning, but no auth token until the first
 * `account token`. A new token is shown once; the one before lives on for the overlap.
 */
#include "store/account.h"

#include <unistd.h>

#include "cmd/args.h"
#include "cmd/client_options.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/user_options.h"
#include "cmd/values.h"

/* The account that the operand names: by its SID or by its organization. */
static int load(struct cmd *c, enum open_mode mode, struct account *a)
{
    str text = args_operand(c);
    enum spelling spelling;
    struct uid sid;
    struct id organization;
    bool by_sid = uid_parse(text, ACCOUNT_SID, &sid, &spelling);
    if (!by_sid && !id_parse(text, &organization)) {
        return cmd_fail(CMD_USAGE,
                        "ID: `%.*s` is neither the SID of an account (AC and 32 hex digits) nor "
                        "the id of an organization (24 hex digits)",
                        (int)(text.n > 64 ? 64 : text.n), text.p);
    }
    int code = open_store(c, mode);
    if (code)
        return code;
    enum err e = by_sid ? account_load(c->db, &sid, a) : account_load_of(c->db, &organization, a);
    return open_result(c, e, "account", text);
}

static int print(struct cmd *c, const struct account *a, str token)
{
    bool old = a->old.there && a->old_exp_s > c->now_s;
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_uid(&s, "id", &a->id, ACCOUNT_SID, SPELLING_SID);
    show_uid(&s, "account_sid", &a->id, ACCOUNT_SID, SPELLING_SID);
    show_id(&s, "organization", &a->organization);
    if (token.p)
        show_text(&s, "auth_token", token);
    show_int(&s, "tokens", a->token.there + old);
    show_time(&s, "old_token_ends", old ? a->old_exp_s : 0);
    if (a->has_owner)
        show_uid(&s, "owner", &a->owner, USER_SID, SPELLING_UUID);
    else
        show_text(&s, "owner", (str){0});
    show_time(&s, "created", a->created_s);
    show_object_end(&s);
    int shown = show_end(&s);
    if (token.p && shown == CMD_FAILED) {
        cmd_note("The change was made, but the auth token could not be shown: make another with "
                 "`postern account token`.");
    } else if (token.p && isatty(STDERR_FILENO)) {
        cmd_note("\nThe auth token is shown this once; Postern keeps only a hash of it.");
    }
    return shown;
}

static int show(struct cmd *c)
{
    struct account a;
    int code = load(c, OPEN_READ, &a);
    return code ? code : print(c, &a, (str){0});
}

/* From stdin, or a fresh one that will be shown. */
static int new_token(struct cmd *c, str *token, str *shown)
{
    *shown = (str){0};
    if (!args_has(c, "token-stdin")) {
        *token = *shown = client_options_new_secret(&c->arena);
        return CMD_DONE;
    }
    str text;
    int code = values_stdin(&c->arena, CLIENT_SECRET_MAX, &text);
    if (code || (code = values_secret(text, "--token-stdin", token)))
        return code;
    /* It is hashed fast, as one that cannot be guessed. */
    return token->n >= CLIENT_SECRET_STRONG
               ? CMD_DONE
               : cmd_fail(CMD_USAGE,
                          "--token-stdin: the auth token has %zu characters; fewer than %d can be "
                          "guessed. Let Postern make one",
                          token->n, CLIENT_SECRET_STRONG);
}

static int hash(struct cmd *c, const struct account *a, str token, struct account_token *out)
{
    const struct key *pepper = keyring_active(c->ring, KEY_PEPPER, 0);
    if (!pepper) {
        return cmd_fail(CMD_FAILED, "the store has no active pepper; run: postern key rotate "
                                    "--pepper");
    }
    *out = (struct account_token){.there = true, .pepper = pepper->id};
    return account_hash_token(c->signer, pepper, &a->id, token, &out->hash) == OK
               ? CMD_DONE
               : cmd_fail(CMD_FAILED, "the auth token could not be hashed");
}

static int token_command(struct cmd *c)
{
    struct account a;
    struct account_token row;
    str token, shown, overlap = args_get(c, "overlap");
    int64_t overlap_s = 86400;
    int code =
        overlap.p ? values_duration(overlap, "--overlap", 0, CLIENT_TTL_MAX, &overlap_s) : CMD_DONE;
    if (code || (code = new_token(c, &token, &shown)) || (code = load(c, OPEN_WRITE, &a)) ||
        (code = open_keys(c)) || (code = hash(c, &a, token, &row)))
        return code;
    account_put_token(&c->fx, &a.id, &row, c->now_s + overlap_s);
    code = open_commit(c, "the account was deleted, or the pepper rotated, in this moment");
    a.old = a.token;
    a.token = row;
    a.old_exp_s = c->now_s + overlap_s;
    return code ? code : print(c, &a, shown);
}

static int owner(struct cmd *c)
{
    struct account a;
    struct user u;
    str user = args_get(c, "user");
    if ((user.p != NULL) == args_has(c, "nobody"))
        return cmd_fail(CMD_USAGE, "give --user or --nobody");
    int code = load(c, OPEN_WRITE, &a);
    if (code || (user.p && (code = user_options_load(c, user, &u))))
        return code;
    if (user.p && !id_eq(&u.organization, &a.organization))
        return cmd_fail(CMD_CONFLICT, "the user %.*s belongs to another organization",
                        STR_ARG(user));
    account_set_owner(&c->fx, &a.id, user.p ? &u.id : NULL);
    code = open_commit(c, "the account or the user was deleted in this moment");
    a.has_owner = user.p != NULL;
    a.owner = user.p ? u.id : (struct uid){{0}};
    return code ? code : print(c, &a, (str){0});
}

static const struct option owner_options[] = {
    {"user", "USER", false, false, "an id, a user name or an address"},
    {"nobody", NULL, false, false, "it has none any more"},
};

static const struct option token_options[] = {
    {"overlap", "TIME", false, false, "how long the old one lives on, 0 to 30d; default: 24h"},
    {"token-stdin", NULL, false, false,
     "take the token from stdin instead of making one; at least 32 characters"},
};

static const struct command commands[] = {
    {"show", "ID", "Show the account of an organization; never its auth token.",
     "ID is the SID of the account (AC...) or the id of its organization.", NULL, 0, show},
    {"token", "ID", "Make a new auth token, shown this once. The old one ends after the overlap.",
     "ID is the SID of the account (AC...) or the id of its organization.",
     CMD_OPTIONS(token_options), token_command},
    {"owner", "ID", "Name the person behind an account, whom its userinfo shows (Twilio, legacy).",
     "ID is the SID of the account (AC...) or the id of its organization.",
     CMD_OPTIONS(owner_options), owner},
};

const struct command_set account_commands = {
    "account", "accounts: organizations as the Twilio API knows them", CMD_OPTIONS(commands)};
