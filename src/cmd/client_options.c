/* client_options: options of clients, their groups, and their secrets.
 *
 * Secrets that Postern makes have 256 bits and are stored as a keyed fast hash. Shorter ones that
 * someone brings along are refused unless --allow-weak, and then stored with argon2id: a fast hash
 * of a guessable secret would not protect it.
 */
#include "cmd/client_options.h"

#include "base/rand.h"
#include "cmd/args.h"
#include "cmd/open.h"
#include "cmd/values.h"
#include "codec/b64url.h"
#include "crypto/password.h"
#include "store/group.h"

void client_options_defaults(struct client *k, int64_t now_s)
{
    *k = (struct client){
        .grants = GRANT_CLIENT_CREDENTIALS | GRANT_REFRESH_TOKEN,
        .scopes = STR("group organization"),
        .enabled = true,
        .access_ttl_s = 3600,
        .refresh_ttl_s = 30 * 86400,
        .family_ttl_s = 365 * 86400,
        .epoch =
            client_first_epoch(), /* made again under an old id, it does not revive old tokens */
        .created_s = now_s,
    };
}

static int take_grants(struct cmd *c, struct client *k)
{
    str *values;
    uint32_t grants = 0;
    size_t n = args_all(c, "grant", &values);
    for (size_t i = 0; i < n; i++) {
        int code = values_grant(values[i], "--grant", &grants);
        if (code)
            return code;
    }
    k->grants = n ? grants : k->grants;
    return CMD_DONE;
}

static int take_choice(struct cmd *c, const char *option, const char *words, int *value)
{
    char label[32];
    struct buf b;
    str text = args_get(c, option);
    buf_fixed(&b, label, sizeof label - 1);
    buf_printf(&b, "--%s", option);
    label[b.n] = 0;
    return text.p ? values_choice(text, label, words, value) : CMD_DONE;
}

static int take_choices(struct cmd *c, struct client *k)
{
    int format = k->token_format, rotation = k->rotation, method = k->auth_method;
    int introspect = k->introspect_organization, code;
    if ((code = take_choice(c, "token-format", CLIENT_FORMATS, &format)) ||
        (code = take_choice(c, "refresh-rotation", CLIENT_ROTATIONS, &rotation)) ||
        (code = take_choice(c, "auth-method", CLIENT_METHODS, &method)) ||
        (code = take_choice(c, "introspect", CLIENT_INTROSPECT, &introspect)))
        return code;
    k->token_format = (enum token_format)format;
    k->rotation = (enum client_rotation)rotation;
    k->auth_method = (enum client_auth_method)method;
    k->introspect_organization = introspect != 0;
    return CMD_DONE;
}

static int take_durations(struct cmd *c, struct client *k)
{
    str access = args_get(c, "access-ttl"), refresh = args_get(c, "refresh-ttl"),
        family = args_get(c, "family-ttl");
    int code = CMD_DONE;
    if (access.p) {
        code = values_duration(access, "--access-ttl", CLIENT_TTL_MIN, CLIENT_TTL_MAX,
                               &k->access_ttl_s);
    }
    if (code == CMD_DONE && refresh.p) {
        code = values_duration(refresh, "--refresh-ttl", CLIENT_TTL_MIN, CLIENT_REFRESH_MAX,
                               &k->refresh_ttl_s);
    }
    if (code == CMD_DONE && family.p) {
        code = values_duration(family, "--family-ttl", CLIENT_TTL_MIN, CLIENT_REFRESH_MAX,
                               &k->family_ttl_s);
    }
    return code;
}

int client_options_take(struct cmd *c, struct client *k)
{
    str name = args_get(c, "name"), scope = args_get(c, "scope");
    int code;
    if ((name.p && (code = values_name(name, "--name", &k->name))) ||
        (scope.p && (code = values_scope(scope, "--scope", &k->scopes))) ||
        (code = take_grants(c, k)) || (code = take_choices(c, k)) || (code = take_durations(c, k)))
        return code;
    if (args_has(c, "all-groups") && (args_has(c, "group") || args_has(c, "no-groups")))
        return cmd_fail(CMD_USAGE, "--all-groups goes with neither --group nor --no-groups");
    if (args_has(c, "group") && args_has(c, "no-groups"))
        return cmd_fail(CMD_USAGE, "--group and --no-groups do not go together");
    if (args_has(c, "all-groups"))
        k->all_groups = true;
    else if (args_has(c, "group") || args_has(c, "no-groups"))
        k->all_groups = false;
    return CMD_DONE;
}

int client_options_check_group(struct cmd *c, const struct client *k, const struct id *group,
                               str text)
{
    struct group g;
    int code = open_result(c, group_load(c->db, &c->arena, group, &g), "group", text);
    if (code == CMD_DONE && !id_eq(&g.organization, &k->organization)) {
        return cmd_fail(CMD_CONFLICT, "the group %.*s belongs to another organization",
                        STR_ARG(text));
    }
    return code;
}

int client_options_groups(struct cmd *c, const struct client *k, struct id **out, size_t *n)
{
    str *texts;
    *n = args_all(c, "group", &texts);
    *out = ARENA_ARRAY(&c->arena, struct id, *n + 1);
    for (size_t i = 0; i < *n; i++) {
        int code = values_id(texts[i], "--group", &(*out)[i]);
        if (code || (code = client_options_check_group(c, k, &(*out)[i], texts[i])))
            return code;
    }
    return CMD_DONE;
}

str client_options_new_secret(struct arena *a)
{
    uint8_t bytes[32];
    char *text = arena_alloc(a, CLIENT_SECRET_CHARS);
    rand_bytes(bytes, sizeof bytes);
    b64url_encode(bytes, sizeof bytes, text);
    ct_wipe(bytes, sizeof bytes);
    return str_make(text, CLIENT_SECRET_CHARS);
}

static int hash_weak(struct cmd *c, str secret, str where, struct client_secret *out)
{
    if (!args_has(c, "allow-weak") && !setting_int(&c->settings, allow_weak_secrets)) {
        return cmd_fail(
            CMD_USAGE,
            "%.*s: the secret has %zu characters; fewer than %d can be guessed. Let Postern "
            "make one, or give --allow-weak (it is then hashed with argon2id, and "
            "every use of it costs that)",
            STR_ARG(where), secret.n, CLIENT_SECRET_STRONG);
    }
    if (password_hash(c->fx.arena, secret, &out->argon2))
        return cmd_fail(CMD_FAILED, "the secret could not be hashed");
    return CMD_DONE;
}

int client_options_hash(struct cmd *c, const struct client *k, str secret, str where,
                        struct client_secret *out)
{
    *out = (struct client_secret){.id = id_next(&c->ids, c->now_s), .created_s = c->now_s};
    const struct key *pepper = keyring_active(c->ring, KEY_PEPPER, 0);
    if (!pepper) {
        return cmd_fail(CMD_FAILED, "the store has no active pepper; run: postern key rotate "
                                    "--pepper");
    }
    out->pepper = pepper->id;
    if (secret.n < CLIENT_SECRET_STRONG)
        return hash_weak(c, secret, where, out);
    return client_hash_secret(c->signer, pepper, &k->id, secret, &out->hash) == OK
               ? CMD_DONE
               : cmd_fail(CMD_FAILED, "the secret could not be hashed");
}
