/* session: browsers in which people are signed in: listed, and signed out (security.md 61). */
#include "store/session.h"

#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/user_options.h"
#include "cmd/values.h"

static void show(struct show *s, const struct session *x)
{
    show_object(s);
    show_id(s, "id", &x->id);
    show_uid(s, "user", &x->user, USER_SID, SPELLING_UUID);
    show_time(s, "signed_in", x->auth_s);
    show_time(s, "seen", x->seen_s);
    show_time(s, "ends", x->exp_s < x->end_s ? x->exp_s : x->end_s);
    show_text(s, "address", x->peer);
    show_text(s, "browser", x->agent);
    show_words(s, "amr", x->amr);
    show_text(s, "acr", x->acr);
    show_object_end(s);
}

static int list(struct cmd *c)
{
    struct user u;
    struct session *sessions;
    struct show s;
    size_t n;
    int code = open_store(c, OPEN_READ);
    if (code || (code = user_options_load(c, args_get(c, "user"), &u)))
        return code;
    if (session_list(c->db, &c->arena, &u.id, c->now_s, &sessions, &n))
        return open_trouble(c);
    show_begin(&s, c, SHOW_LIST, "id=24 signed_in=20 seen=20 address=15 browser");
    for (size_t i = 0; i < n; i++)
        show(&s, &sessions[i]);
    return show_end(&s);
}

static int revoke_all(struct cmd *c)
{
    struct user u;
    struct session *sessions;
    struct show s;
    size_t n;
    int code = open_store(c, OPEN_WRITE);
    if (code || (code = user_options_load(c, args_get(c, "user"), &u)))
        return code;
    if (session_list(c->db, &c->arena, &u.id, c->now_s, &sessions, &n))
        return open_trouble(c);
    session_end_all(&c->fx, &u.id, NULL, false, c->now_s);
    if ((code = open_commit(c, "the sessions were changed in this moment")))
        return code;
    show_begin(&s, c, SHOW_LIST, "id=24 signed_in=20 seen=20 address=15 browser");
    for (size_t i = 0; i < n; i++)
        show(&s, &sessions[i]);
    return show_end(&s);
}

static int revoke(struct cmd *c)
{
    struct id id;
    struct session x;
    struct show s;
    str operand = args_operand(c);
    if ((operand.p != NULL) == args_has(c, "user"))
        return cmd_fail(CMD_USAGE, "give the id of a session, or --user");
    if (!operand.p)
        return revoke_all(c);
    int code = values_id(operand, "ID", &id);
    if (code || (code = open_store(c, OPEN_WRITE)) ||
        (code = open_result(c, session_load(c->db, &c->arena, &id, &x), "session", operand)))
        return code;
    session_end(&c->fx, &id, c->now_s);
    if ((code = open_commit(c, "the session was changed in this moment")))
        return code;
    show_begin(&s, c, SHOW_ONE, "");
    show(&s, &x);
    return show_end(&s);
}

static const struct option list_options[] = {
    {"user", "USER", false, true, "whose sessions: an id, a user name or an address"},
};

static const struct option revoke_options[] = {
    {"user", "USER", false, false, "all sessions of this user"},
};

static const struct command commands[] = {
    {"list", NULL, "List the sessions of a user, the newest first.", NULL,
     CMD_OPTIONS(list_options), list},
    {"revoke", "[ID]", "End a session, or all of a user, with what it gave to applications.",
     "Codes and refresh tokens of the session end with it. What an application was given for\n"
     "offline access lives on: see `postern consent revoke` and `postern user revoke`.",
     CMD_OPTIONS(revoke_options), revoke},
};

const struct command_set session_commands = {"session", "browsers in which people are signed in",
                                             CMD_OPTIONS(commands)};
