/* consent: what people have allowed applications: listed, and taken back. */
#include "store/consent.h"

#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/user_options.h"
#include "cmd/values.h"
#include "store/client.h"

static int show(struct show *s, const struct consent *x)
{
    struct client k;
    enum err e = client_load(s->c->db, &s->scratch, &x->client, s->c->now_s, &k);
    if (e != OK && e != ERR_ABSENT)
        return open_trouble(s->c);
    show_object(s);
    show_uid(s, "user", &x->user, USER_SID, SPELLING_UUID);
    show_uid(s, "client_id", &x->client, CLIENT_SID, SPELLING_UUID);
    show_text(s, "client_name", e == OK ? k.name : (str){0});
    show_words(s, "scopes", x->scopes);
    show_time(s, "created", x->created_s);
    show_time(s, "updated", x->updated_s);
    show_object_end(s);
    return CMD_DONE;
}

static int list(struct cmd *c)
{
    struct user u;
    struct consent *consents;
    struct show s;
    size_t n;
    int code = open_store(c, OPEN_READ);
    if (code || (code = user_options_load(c, args_get(c, "user"), &u)))
        return code;
    if (consent_list(c->db, &c->arena, &u.id, &consents, &n))
        return open_trouble(c);
    show_begin(&s, c, SHOW_LIST, "client_id=36 client_name=24 updated=20 scopes");
    for (size_t i = 0; i < n && code == CMD_DONE; i++)
        code = show(&s, &consents[i]);
    int shown = show_end(&s);
    return code ? code : shown;
}

static int revoke(struct cmd *c)
{
    struct user u;
    struct uid client;
    struct consent x;
    struct show s;
    str text = args_get(c, "client");
    int code = values_client(text, "--client", &client);
    if (code || (code = open_store(c, OPEN_WRITE)) ||
        (code = user_options_load(c, args_get(c, "user"), &u)))
        return code;
    enum err e = consent_load(c->db, &c->arena, &u.id, &client, &x);
    if ((code = open_result(c, e, "consent of this user to the client", text)))
        return code;
    consent_revoke(&c->fx, &u.id, &client, c->now_s);
    if ((code = open_commit(c, "the consent was changed in this moment")))
        return code;
    show_begin(&s, c, SHOW_ONE, "");
    code = show(&s, &x);
    int shown = show_end(&s);
    return code ? code : shown;
}

static const struct option list_options[] = {
    {"user", "USER", false, true, "whose consents: an id, a user name or an address"},
};

static const struct option revoke_options[] = {
    {"user", "USER", false, true, "who takes it back: an id, a user name or an address"},
    {"client", "ID", false, true, "from which application"},
};

static const struct command commands[] = {
    {"list", NULL, "List what a user has allowed applications.", NULL, CMD_OPTIONS(list_options),
     list},
    {"revoke", NULL, "Take back what a user has allowed an application.",
     "Every token that the application has for this user ends, offline access too.",
     CMD_OPTIONS(revoke_options), revoke},
};

const struct command_set consent_commands = {"consent", "what people have allowed applications",
                                             CMD_OPTIONS(commands)};
