/* client_show: the members of a client on stdout, in one order everywhere.
 *
 * Words for enums are those that the options take, so that what is shown can be given back.
 */
#include "cmd/client_show.h"

#include <unistd.h>

#include "cmd/client_options.h"
#include "cmd/client_party.h"
#include "cmd/open.h"
#include "cmd/values.h"
#include "store/account.h"

static str word_of(const char *words, int index)
{
    str rest = str_from(words), word = {0};
    for (int i = 0; i <= index && str_next(&rest, '|', &word); i++) {
    }
    return word;
}

static int show_groups(struct show *s, const struct client *k)
{
    struct id *ids;
    size_t n;
    if (client_groups(s->c->db, &s->scratch, &k->id, &ids, &n))
        return open_trouble(s->c);
    str *names = ARENA_ARRAY(&s->scratch, str, n + 1);
    for (size_t i = 0; i < n; i++) {
        struct buf b;
        buf_init(&b, &s->scratch, ID_HEX, ID_HEX);
        id_write(&b, &ids[i]);
        names[i] = buf_str(&b);
    }
    show_list(s, "groups", names, n);
    return CMD_DONE;
}

/* How many secrets are live, and when the older one ends. */
static void show_secrets(struct show *s, const struct client *k)
{
    int64_t end = 0;
    for (size_t i = 0; i < k->secrets_n; i++)
        end = k->secrets[i].exp_s ? k->secrets[i].exp_s : end;
    show_int(s, "secrets", (int64_t)k->secrets_n);
    show_time(s, "old_secret_ends", end);
}

static void show_settings(struct show *s, const struct client *k)
{
    str grants[VALUES_GRANTS];
    size_t n = values_grant_names(k->grants, grants);
    show_list(s, "grants", grants, n);
    show_words(s, "scopes", k->scopes);
    show_text(s, "token_format", word_of(CLIENT_FORMATS, k->token_format));
    show_int(s, "access_ttl", k->access_ttl_s);
    show_int(s, "refresh_ttl", k->refresh_ttl_s);
    show_int(s, "family_ttl", k->family_ttl_s);
    show_text(s, "refresh_rotation", word_of(CLIENT_ROTATIONS, k->rotation));
    show_text(s, "auth_method", word_of(CLIENT_METHODS, k->auth_method));
    show_text(s, "introspect", word_of(CLIENT_INTROSPECT, k->introspect_organization));
    show_bool(s, "enabled", k->enabled);
}

static int show_account(struct show *s, const struct client *k)
{
    struct account a;
    enum err e = account_load_of(s->c->db, &k->organization, &a);
    if (e != OK && e != ERR_ABSENT)
        return open_trouble(s->c);
    if (e == OK)
        show_uid(s, "account_sid", &a.id, ACCOUNT_SID, SPELLING_SID);
    else
        show_text(s, "account_sid", (str){0});
    return CMD_DONE;
}

/* What only a client has to which people sign in. */
static int show_party(struct show *s, const struct client *k)
{
    struct relying_party rp;
    enum err e = relying_party_load(s->c->db, &s->scratch, &k->id, &rp);
    if (e != OK && e != ERR_ABSENT)
        return open_trouble(s->c);
    if (e == OK)
        client_party_show(s, &rp);
    return CMD_DONE;
}

int client_show_object(struct show *s, const struct client *k, str secret)
{
    show_object(s);
    show_uid(s, "id", &k->id, CLIENT_SID, SPELLING_UUID);
    show_uid(s, "client_id", &k->id, CLIENT_SID, SPELLING_UUID);
    show_uid(s, "client_sid", &k->id, CLIENT_SID, SPELLING_SID);
    if (secret.p)
        show_text(s, "client_secret", secret);
    show_text(s, "name", k->name);
    show_id(s, "organization", &k->organization);
    int code = show_account(s, k);
    code = code ? code : show_groups(s, k);
    show_bool(s, "all_groups", k->all_groups);
    show_settings(s, k);
    code = code ? code : show_party(s, k);
    show_secrets(s, k);
    show_time(s, "created", k->created_s);
    show_object_end(s);
    return code;
}

int client_show_one(struct cmd *c, const struct client *k, str secret)
{
    struct show s;
    show_begin(&s, c, SHOW_ONE, "");
    int code = client_show_object(&s, k, secret);
    int shown = show_end(&s);
    if (secret.p && shown == CMD_FAILED) {
        cmd_note("The change was made, but its secret could not be shown: make another with "
                 "`postern client secret`.");
    } else if (secret.p && isatty(STDERR_FILENO)) {
        cmd_note("\nThe secret is shown this once; Postern keeps only a hash of it.");
    }
    return code ? code : shown;
}
