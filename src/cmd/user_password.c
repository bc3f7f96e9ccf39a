/* user_password: passwords that an administrator sets.
 *
 * They obey the rules that hold for people (oauth/password_rules.h): a list that is missing means
 * that no password can be judged, so none is taken. A hash from elsewhere is not judged, nobody
 * can; it is replaced by one of ours at its user's next sign-in.
 */
#include "cmd/user_password.h"

#include "base/limits.h"
#include "cmd/args.h"
#include "cmd/values.h"
#include "crypto/password.h"
#include "oauth/password_rules.h"
#include "oauth/sign_in.h"

int user_password_read(struct cmd *c, str *text)
{
    bool plain = args_has(c, "password-stdin"), hash = args_has(c, "password-hash-stdin");
    *text = (str){0};
    if (plain && hash)
        return cmd_fail(CMD_USAGE, "--password-stdin and --password-hash-stdin do not go together");
    return plain || hash ? values_stdin(&c->arena, PASSWORD_BYTES_MAX, text) : CMD_DONE;
}

static const char *sentence_of(struct cmd *c, const char *reason)
{
    if (strcmp(reason, "password.short") == 0) {
        return arena_cstr(
            &c->arena,
            arena_printf(&c->arena,
                         "it is too short; at least %lld characters (setting password.min)",
                         (long long)setting_int(&c->settings, password_min)));
    }
    if (strcmp(reason, "password.long") == 0)
        return "it is too long, or is not valid UTF-8";
    if (strcmp(reason, "password.common") == 0)
        return "it is on the list of common passwords (setting password.common)";
    if (strcmp(reason, "password.context") == 0)
        return "it is made of the user's name or address, or of this service's name";
    return reason;
}

static int judge(struct cmd *c, const struct user *u, str text)
{
    char why[1024];
    const char *reason = "";
    str context[] = {u->username, u->email, setting_text(&c->settings, issuer),
                     setting_text(&c->settings, ui_name)};
    struct password_rules *rules =
        password_rules_open(setting_text(&c->settings, password_common),
                            setting_int(&c->settings, password_min), why, sizeof why);
    if (!rules)
        return cmd_fail(CMD_FAILED, "no password can be judged: %s", why);
    enum err e = password_rules_check(rules, &c->arena, text, context,
                                      sizeof context / sizeof *context, &reason);
    password_rules_close(rules);
    return e ? cmd_fail(CMD_USAGE, "the password is refused: %s", sentence_of(c, reason))
             : CMD_DONE;
}

int user_password_take_hash(struct user *u, str encoded, const char *label)
{
    if (!password_known(encoded)) {
        return cmd_fail(CMD_USAGE,
                        "%s: this is no password hash that Postern can verify, or one of a cost "
                        "that it does not pay; it takes %.*s",
                        label, STR_ARG(password_kinds()));
    }
    u->password = encoded;
    u->has_pepper = false;
    return CMD_DONE;
}

int user_password_take(struct cmd *c, struct user *u, str text)
{
    str normalized;
    u->password_s = c->now_s;
    if (args_has(c, "password-hash-stdin"))
        return user_password_take_hash(u, text, "--password-hash-stdin");
    int code = judge(c, u, text);
    if (code)
        return code;
    if (!password_rules_normalize(&c->arena, text, &normalized))
        return cmd_fail(CMD_USAGE, "the password is refused: %s", sentence_of(c, "password.long"));
    if (sign_in_hash(c->signer, &c->arena, &u->id, normalized, &u->password, &u->pepper)) {
        return cmd_fail(CMD_FAILED, "the password could not be hashed; is there an active pepper? "
                                    "run: postern check");
    }
    u->has_pepper = true;
    return CMD_DONE;
}
