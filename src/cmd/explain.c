/* explain: why a request was refused, by the error id that its page or answer carries.
 *
 * The person in front of the browser sees safe text and the id; what failed, what was expected and
 * what came is for the operator, and stands in the store for a day (oauth/explain.h).
 */
#include "cmd/args.h"
#include "cmd/explain_remedy.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "codec/json.h"
#include "store/explanation.h"

/* In the order in which a reader wants them. */
static const char *const members[] = {"error",  "text",     "rule",     "spec",
                                      "where",  "expected", "received", "detail",
                                      "method", "path",     "client_id"};

/* The id as it is copied out of a page or a log: with quotes, a bracket or a full stop around. */
static bool find_id(str text, struct uid *id)
{
    enum spelling spelling;
    for (size_t i = 0; i + UID_UUID_CHARS <= text.n; i++)
        if (uid_parse(str_sub(text, i, i + UID_UUID_CHARS), "", id, &spelling))
            return true;
    return false;
}

static int print(struct cmd *c, const struct explanation *x)
{
    struct json *what;
    struct show s;
    if (json_parse(&c->arena, x->what, &what))
        return cmd_fail(CMD_FAILED, "the explanation in the store is not readable");
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_uid(&s, "id", &x->id, "", SPELLING_UUID);
    show_time(&s, "at", x->at_s);
    for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
        str value = json_get_str(what, str_from(members[i]));
        if (value.n || c->json)
            show_text(&s, members[i], value);
    }
    show_text(&s, "remedy",
              str_from(explain_remedy(json_get_str(what, STR("rule")),
                                      json_get_str(what, STR("error")))));
    show_object_end(&s);
    return show_end(&s);
}

static int explain(struct cmd *c)
{
    struct explanation x;
    struct uid id;
    str text = args_operand(c);
    if (!find_id(text, &id)) {
        return cmd_fail(CMD_USAGE,
                        "ID: `%.*s` holds no error id; it is a UUID, on the page behind `Error "
                        "id`, in an answer's X-Request-Id, in a log line's request_id",
                        (int)(text.n > 64 ? 64 : text.n), text.p);
    }
    int code = open_store(c, OPEN_READ);
    if (code)
        return code;
    enum err e = explanation_find(c->db, &c->arena, &id, &x);
    if (e == ERR_ABSENT) {
        return cmd_fail(
            CMD_ABSENT,
            "nothing is known of %.*s. Refusals are kept for a day, the last %d of each "
            "server process, and are in the store a second after the answer; if it was "
            "one of another server, name its store with --db; the log line with this "
            "request_id says the same for as long as the log is kept",
            STR_ARG(text), EXPLANATION_SLOTS);
    }
    return e ? open_trouble(c) : print(c, &x);
}

static const char more[] =
    "ID is the error id that a page shows, the X-Request-Id of an answer, or the request_id of a\n"
    "log line. Refusals are kept for a day, the last 4096 of each server process. What is printed\n"
    "is for operators: it names what was expected and what came.";

static const struct command commands[] = {
    {"", "ID", "Say why a request was refused, and what to do about it.", more, NULL, 0, explain},
};

const struct command_set explain_commands = {"explain", "why a request was refused",
                                             CMD_OPTIONS(commands)};
