/* key: signing keys, peppers and the master key.
 *
 * A signing key lives in steps: published (in the JWKS, so that every resource server has it),
 * active (signs), retired (in the JWKS until nothing signed by it can be alive), dropped. A
 * running server takes the steps that time alone decides (serve_keys.c). Peppers have no public
 * part: a new one is active at once, the old one stays while secrets are hashed with it.
 * The rotation of the master key is in key_master.c.
 */
#include "store/key.h"

#include "cmd/args.h"
#include "cmd/audited.h"
#include "cmd/key_master.h"
#include "cmd/open.h"
#include "cmd/serve_keys.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "store/account.h"
#include "store/client.h"
#include "store/user.h"

static const char *const uses[] = {"signing", "pepper", "shape", "pairwise"};
static const char *const states[] = {"published", "active", "retired"};

/* Since it was made, in the largest unit that it has two of: "17d". */
static str age_of(struct cmd *c, const struct key *k)
{
    int64_t age_s = c->now_s > k->created_s ? c->now_s - k->created_s : 0;
    if (age_s >= 2 * 86400)
        return arena_printf(&c->arena, "%lldd", (long long)(age_s / 86400));
    if (age_s >= 2 * 3600)
        return arena_printf(&c->arena, "%lldh", (long long)(age_s / 3600));
    return arena_printf(&c->arena, "%lldm", (long long)(age_s / 60));
}

/* Live client secrets, accounts' auth tokens and users' passwords that are hashed with this pepper.
 */
static enum err count_secrets(struct cmd *c, const struct key *pepper, int64_t *n)
{
    int64_t tokens = 0, passwords = 0;
    enum err e = client_count_by_pepper(c->db, &pepper->id, c->now_s, n);
    if (e == OK)
        e = account_count_by_pepper(c->db, &pepper->id, c->now_s, &tokens);
    if (e == OK)
        e = user_count_by_pepper(c->db, &pepper->id, &passwords);
    *n += tokens + passwords;
    return e;
}

static int show_key(struct show *s, const struct key *k)
{
    char kid[UID_SID_CHARS];
    int64_t secrets = 0;
    struct cmd *c = s->c;
    struct key_rules rules = serve_keys_rules(&c->settings);
    struct key_next next = serve_keys_next(c->ring, k, &rules);
    const char *step = serve_keys_word(next.step);
    keyring_kid(k, kid);
    show_object(s);
    show_uid(s, "id", &k->id, "IC", SPELLING_UUID);
    show_text(s, "kid", str_make(kid, sizeof kid));
    show_text(s, "use", str_from(uses[k->use]));
    show_text(s, "alg", k->use == KEY_SIGNING ? str_from(jws_algs[k->alg].name) : (str){0});
    show_text(s, "state", str_from(states[k->state]));
    if (k->use == KEY_PEPPER) {
        if (count_secrets(c, k, &secrets))
            return open_trouble(c);
        show_int(s, "secrets", secrets);
    } else {
        show_text(s, "secrets", (str){0});
    }
    show_time(s, "created", k->created_s);
    show_time(s, "activated", k->activated_s);
    show_time(s, "retired", k->retired_s);
    show_text(s, "age", age_of(c, k));
    show_text(s, "next", step ? str_from(step) : (str){0});
    show_time(s, "next_at", step ? next.at_s : 0);
    show_object_end(s);
    return CMD_DONE;
}

/* The key as it is now in the store. */
static int print_fresh(struct cmd *c, const struct uid *id)
{
    struct show s;
    keyring_unref(c->ring);
    c->ring = NULL;
    int code = open_keys(c);
    for (size_t i = 0; code == CMD_DONE && i < c->ring->n; i++) {
        if (uid_eq(&c->ring->keys[i].id, id)) {
            show_begin(&s, c, SHOW_ONE, "");
            code = show_key(&s, &c->ring->keys[i]);
            int shown = show_end(&s);
            return code ? code : shown;
        }
    }
    return code;
}

static int list(struct cmd *c)
{
    struct show s;
    int code = open_store(c, OPEN_READ);
    if (code || (code = open_keys(c)))
        return code;
    show_begin(&s, c, SHOW_LIST, "kid=34 use=8 alg=5 state=9 age=5 secrets=7 next=9 next_at");
    for (size_t i = 0; i < c->ring->n && code == CMD_DONE; i++)
        code = show_key(&s, &c->ring->keys[i]);
    int shown = show_end(&s);
    return code ? code : shown;
}

/* Makes the key; an active one takes the place of the one before. */
static int make(struct cmd *c, enum key_use use, enum jws_alg alg, enum key_state state)
{
    struct uid id;
    const struct key *old = keyring_active(c->ring, use, alg);
    key_choose_master(&c->master, c->ring);
    if (state == KEY_ACTIVE && old)
        key_set_state(&c->fx, &old->id, KEY_ACTIVE, KEY_RETIRED, c->now_s);
    enum err e = state == KEY_PUBLISHED && old
                     ? key_put_successor(&c->fx, &c->arena, &c->master, old, c->now_s, &id)
                     : key_put_new(&c->fx, &c->arena, &c->master, use, alg, state, c->now_s, &id);
    if (e)
        return cmd_fail(CMD_FAILED, "the key could not be made");
    audited_about_uid(c, &id);
    int code = open_commit(c, "another command changed the keys in this moment");
    return code ? code : print_fresh(c, &id);
}

static int rotate_signing(struct cmd *c)
{
    enum jws_alg alg = (enum jws_alg)setting_int(&c->settings, access_token_alg);
    str name = args_get(c, "alg");
    if (name.p && !jws_alg_parse(name, &alg)) {
        return cmd_fail(CMD_USAGE, "--alg: takes ES256, RS256, PS256 or EdDSA, not `%.*s`",
                        STR_ARG(name));
    }
    for (size_t i = 0; i < c->ring->n && !args_has(c, "now"); i++) {
        const struct key *k = &c->ring->keys[i];
        if (k->use == KEY_SIGNING && k->alg == alg && k->state == KEY_PUBLISHED) {
            return cmd_fail(CMD_CONFLICT,
                            "a rotation is under way: a published %s key waits until every "
                            "resource server has it; --now does not wait",
                            jws_algs[alg].name);
        }
    }
    return make(c, KEY_SIGNING, alg, args_has(c, "now") ? KEY_ACTIVE : KEY_PUBLISHED);
}

static int rotate(struct cmd *c)
{
    bool pepper = args_has(c, "pepper"), master = args_has(c, "master");
    if (pepper && master)
        return cmd_fail(CMD_USAGE, "--pepper and --master do not go together");
    if ((pepper || master) && (args_has(c, "alg") || args_has(c, "now")))
        return cmd_fail(CMD_USAGE, "--alg and --now are for signing keys");
    int code = open_store(c, OPEN_WRITE);
    if (code || (code = key_master_lock(c)))
        return code;
    if (master)
        return key_master_rotate(c);
    if ((code = open_keys(c)))
        return code;
    return pepper ? make(c, KEY_PEPPER, JWS_ES256, KEY_ACTIVE) : rotate_signing(c);
}

/* The key that the operand names: its id or its kid. */
static int find(struct cmd *c, const struct key **out)
{
    struct uid id;
    enum spelling spelling;
    str text = args_operand(c);
    int code;
    if (!uid_parse(text, "IC", &id, &spelling)) {
        return cmd_fail(CMD_USAGE, "`%.*s` is no key; `postern key list` shows ids and kids",
                        STR_ARG(text));
    }
    if ((code = open_store(c, OPEN_WRITE)) || (code = open_keys(c)))
        return code;
    for (size_t i = 0; i < c->ring->n; i++) {
        if (uid_eq(&c->ring->keys[i].id, &id)) {
            *out = &c->ring->keys[i];
            return CMD_DONE;
        }
    }
    return cmd_fail(CMD_ABSENT, "there is no key %.*s", STR_ARG(text));
}

/* Another active key of the same use. */
static const struct key *another_active(const struct cmd *c, const struct key *k)
{
    for (size_t i = 0; i < c->ring->n; i++) {
        const struct key *other = &c->ring->keys[i];
        if (other != k && other->use == k->use && other->state == KEY_ACTIVE)
            return other;
    }
    return NULL;
}

static int retire(struct cmd *c)
{
    const struct key *k;
    int code = find(c, &k);
    if (code)
        return code;
    if (k->state == KEY_RETIRED)
        return cmd_fail(CMD_CONFLICT, "the key is retired already");
    if (k->use == KEY_SIGNING && k->state == KEY_ACTIVE &&
        k->alg == (enum jws_alg)setting_int(&c->settings, access_token_alg)) {
        return cmd_fail(CMD_CONFLICT,
                        "access tokens are signed by it; make its successor, which retires it: "
                        "postern key rotate --now");
    }
    if (k->use == KEY_SHAPE || k->use == KEY_PAIRWISE) {
        return cmd_fail(CMD_CONFLICT, "the %s key is there once and is never replaced",
                        uses[k->use]);
    }
    const struct key *other = another_active(c, k);
    if (k->state == KEY_ACTIVE && !other) {
        return cmd_fail(CMD_CONFLICT,
                        "it is the only active %s key; make another first: postern key rotate%s",
                        uses[k->use], k->use == KEY_PEPPER ? " --pepper" : " --now");
    }
    struct uid id = k->id;
    if (k->state == KEY_ACTIVE)
        key_hold(&c->fx, &other->id, KEY_ACTIVE); /* two commands must not retire both */
    key_set_state(&c->fx, &id, k->state, KEY_RETIRED, c->now_s);
    code = open_commit(c, "another command changed the keys in this moment");
    return code ? code : print_fresh(c, &id);
}

/* What would break if the key went. */
static int check_unused(struct cmd *c, const struct key *k)
{
    int64_t n;
    if (k->state != KEY_RETIRED) {
        return cmd_fail(CMD_CONFLICT,
                        "the %s key is %s; only a retired signing key or pepper can go",
                        uses[k->use], states[k->state]);
    }
    if (k->use == KEY_PEPPER) {
        if (count_secrets(c, k, &n))
            return open_trouble(c);
        return n == 0 ? CMD_DONE
                      : cmd_fail(CMD_CONFLICT,
                                 "%lld client secrets, auth tokens and passwords are hashed with "
                                 "this pepper; each moves to the new one when it is used, or make "
                                 "new ones",
                                 (long long)n);
    }
    if (c->now_s < k->retired_s + SERVE_KEYS_LONGEST_TOKEN_S && !args_has(c, "force")) {
        return cmd_fail(CMD_CONFLICT,
                        "tokens signed by this key may live until 30 days after it was retired; "
                        "--force ends them now");
    }
    return CMD_DONE;
}

static int drop(struct cmd *c)
{
    const struct key *k;
    struct show s;
    int code = find(c, &k);
    if (code || (code = check_unused(c, k)))
        return code;
    struct uid id = k->id;
    key_delete(&c->fx, &id, c->now_s);
    if ((code = open_commit(c, "the key was changed, or a secret hashed with it, in this moment")))
        return code;
    show_begin(&s, c, SHOW_ONE, "");
    code = show_key(&s, k);
    int shown = show_end(&s);
    return code ? code : shown;
}

static const struct option rotate_options[] = {
    {"alg", "ES256|RS256|PS256|EdDSA", false, false,
     "of the new signing key; default: access_token.alg"},
    {"now", NULL, false, false,
     "sign with it at once, not only after the max-age of the JWKS (a key was stolen)"},
    {"pepper", NULL, false, false, "rotate the pepper of the client secrets instead"},
    {"master", NULL, false, false, "rotate the master key instead; on a shared store in two runs"},
};

static const struct option drop_options[] = {
    {"force", NULL, false, false, "although tokens signed by it may be alive"},
};

static const struct command commands[] = {
    {"list", NULL, "List the keys; never their secrets.",
     "`next` is the step that a running server takes at `next_at`: a `successor` is published, "
     "the\n"
     "key becomes `active` or `retired`, or it is `dropped`. `secrets` counts those that a pepper\n"
     "still keys.",
     NULL, 0, list},
    {"rotate", NULL, "Make a new signing key, pepper or master key.",
     "A new signing key is published first. A running server signs with it a minute after\n"
     "jwks.max_age, and drops the old one when nothing signed by it can be alive. It does all of\n"
     "this by itself when a key reaches keys.rotation_age.\n\n"
     "A shared store takes two runs for the master key, on one node. The first puts the new key\n"
     "into its file beside the old one: copy the file to every node. The second seals the keys of\n"
     "the store anew and drops the old line; nodes whose file has both go on.",
     CMD_OPTIONS(rotate_options), rotate},
    {"retire", "ID", "Stop signing with a key; what it signed stays good.", NULL, NULL, 0, retire},
    {"drop", "ID", "Delete a retired key; what it signed is refused.", NULL,
     CMD_OPTIONS(drop_options), drop},
};

const struct command_set key_commands = {"key", "signing keys, peppers and the master key",
                                         CMD_OPTIONS(commands)};
