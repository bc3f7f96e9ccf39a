/* check: what an operator would look at before a start, each with a verdict and a remedy.
 *
 * It goes on after a failure as far as that makes sense, so one run shows everything. Nothing is
 * changed. A warning is something that works but should not stay; a FAIL is something that will
 * not work, and makes the exit code 1.
 */
#include "cmd/check.h"

#include <stdarg.h>
#include <stdio.h>

#include "cmd/args.h"
#include "cmd/check_proxies.h"
#include "cmd/check_store.h"
#include "cmd/open.h"
#include "oauth/password_rules.h"
#include "sandbox/sandbox.h"
#include "ui/ui.h"

enum { WHY = 1024, CLOCK_SKEW_S = 60 };

void check_say(struct check *k, enum verdict v, const char *what, const char *format, ...)
{
    static const char *const words[] = {"ok", "warn", "FAIL"};
    char text[WHY];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    k->failed = k->failed || v == FAIL;
    show_object(&k->show);
    show_text(&k->show, "result", str_from(words[v]));
    show_text(&k->show, "check", str_from(what));
    show_text(&k->show, "message", str_from(text));
    show_object_end(&k->show);
}

static void check_clock(struct check *k)
{
    /* 2026-01-01, and 40 years later: outside, tokens would be born expired or never end. */
    int64_t now = k->c->now_s;
    bool sane = now > 1767225600 && now < 1767225600 + (int64_t)40 * 365 * 86400;
    char text[20];
    clock_rfc3339(now, text);
    check_say(k, sane ? PASS : FAIL, "clock", "%.20s%s", text,
              sane ? "" : ": set the clock of this machine (ntp)");
}

static bool check_master(struct check *k)
{
    struct cmd *c = k->c;
    char why[WHY], text[SEAL_FINGERPRINT_BYTES * 2];
    struct buf b;
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    if (seal_read_master(path, &c->master, why, sizeof why)) {
        check_say(k, FAIL, "master key", "%s", why);
        return false;
    }
    buf_fixed(&b, text, sizeof text);
    buf_hex(&b, c->master.keys[0].fingerprint, SEAL_FINGERPRINT_BYTES);
    if (c->master.n > 1) {
        check_say(k, WARN, "master key",
                  "%s holds two keys: a rotation was not finished; %srun: postern key rotate "
                  "--master",
                  path, open_is_shared(c) ? "when every node has this file, " : "");
    } else {
        check_say(k, PASS, "master key", "%s, fingerprint %.*s", path, STR_ARG(buf_str(&b)));
    }
    return true;
}

static void check_active(struct check *k)
{
    struct cmd *c = k->c;
    enum jws_alg alg = (enum jws_alg)setting_int(&c->settings, access_token_alg);
    int64_t newest_s = 0;
    for (size_t i = 0; i < c->ring->n; i++) {
        int64_t made_s = c->ring->keys[i].created_s;
        newest_s = made_s > newest_s ? made_s : newest_s;
    }
    if (!keyring_active(c->ring, KEY_SIGNING, alg)) {
        check_say(k, FAIL, "keys",
                  "no %s signing key is active; run: postern key rotate --alg %s "
                  "--now",
                  jws_algs[alg].name, jws_algs[alg].name);
    } else if (!keyring_active(c->ring, KEY_PEPPER, 0)) {
        check_say(k, FAIL, "keys", "no pepper is active; run: postern key rotate --pepper");
    } else if (newest_s > c->now_s + CLOCK_SKEW_S) {
        char when[20];
        clock_rfc3339(newest_s, when);
        check_say(k, FAIL, "keys",
                  "a key was made at %.20s, later than now: the clock was set back", when);
    } else {
        check_say(k, PASS, "keys", "%zu keys, all of them open", c->ring->n);
    }
}

static void check_keys(struct check *k)
{
    struct cmd *c = k->c;
    char why[WHY];
    enum err e = key_load_ring(c->db, &c->master, &c->ring, why, sizeof why);
    if (e == ERR_UNAVAILABLE)
        check_say(k, FAIL, "keys", "the store failed: %s", c->db->ops->message(c->db));
    else if (e)
        check_say(k, FAIL, "keys", "%s", why);
    else
        check_active(k);
}

/* The built-in pages are right; a theme is somebody's own. */
static void check_theme(struct check *k)
{
    char why[WHY];
    str theme = setting_text(&k->c->settings, ui_theme);
    if (theme.n == 0)
        return;
    struct ui *ui = ui_open(&k->c->settings, why, sizeof why);
    if (ui)
        check_say(k, PASS, "pages", "theme %.*s", STR_ARG(theme));
    else
        check_say(k, FAIL, "pages", "%s", why);
    ui_close(ui);
}

/* Sign-in works without the list, but nobody can choose a password. */
static void check_passwords(struct check *k)
{
    char why[WHY];
    str list = setting_text(&k->c->settings, password_common);
    struct password_rules *rules =
        password_rules_open(list, setting_int(&k->c->settings, password_min), why, sizeof why);
    if (!rules)
        check_say(k, WARN, "passwords", "%s", why);
    else if (list.n == 0)
        check_say(k, WARN, "passwords", "there is no list of common passwords (password.common)");
    else
        check_say(k, PASS, "passwords", "common ones from %.*s", STR_ARG(list));
    if (rules)
        password_rules_close(rules);
}

static void check_sandbox(struct check *k)
{
    enum sandbox_mode mode = (enum sandbox_mode)setting_int(&k->c->settings, sandbox);
    char storage[64];
    str kernel = sandbox_describe(storage, sizeof storage);
    bool whole = str_starts(kernel, STR("seccomp, Landlock"));
    if (mode == SANDBOX_OFF)
        check_say(k, WARN, "sandbox", "`sandbox` is off, which is for debugging only");
    else
        check_say(k,
                  whole                      ? PASS
                  : mode == SANDBOX_REQUIRED ? FAIL
                                             : WARN,
                  "sandbox", "this kernel has %.*s%s", STR_ARG(kernel),
                  whole ? "" : ": use one with both (Linux 5.13 or later, landlock in lsm=)");
}

static int check(struct cmd *c)
{
    struct check k = {.c = c};
    char why[WHY];
    int code = open_read_settings(c);
    if (code)
        return code;
    open_begin(c);
    show_begin(&k.show, c, SHOW_LIST, "result=6 check=12 message");
    if (settings_check(&c->settings, why, sizeof why))
        check_say(&k, FAIL, "settings", "%s", why);
    else
        check_say(&k, PASS, "settings", "issuer %.*s", STR_ARG(setting_text(&c->settings, issuer)));
    check_clock(&k);
    check_sandbox(&k);
    check_theme(&k);
    check_passwords(&k);
    check_proxies_look(&k);
    if (settings_check_store(&c->settings, why, sizeof why) == OK) {
        bool store = check_store_look(&k), master = check_master(&k);
        if (store && master)
            check_keys(&k);
    }
    code = show_end(&k.show);
    return code ? code : k.failed ? CMD_FAILED : CMD_DONE;
}

static const struct command commands[] = {
    {"", NULL,
     "Check settings, pages, passwords, store, keys, permissions and clock; exit 1 if something "
     "fails.",
     NULL, NULL, 0, check},
};

const struct command_set check_commands = {"check", "look for what would keep a server from work",
                                           CMD_OPTIONS(commands)};
