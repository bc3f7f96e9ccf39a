/* client_party: one table; a row is an option, a member of JSON, and a place in the struct.
 *
 * Options and members bring lists of texts, so both are read by the same functions: flags are
 * "true" and "false", a JWKS is its text. What is judged is judged by those who will use it:
 * addresses by oauth/check/uri_rules, mappings by oauth/token/claims, keys by crypto/jwk_set.
 */
#include "cmd/client_party.h"

#include <stddef.h>

#include "cmd/args.h"
#include "cmd/client_options.h"
#include "cmd/import_file.h"
#include "cmd/open.h"
#include "cmd/values.h"
#include "config/duration.h"
#include "crypto/jwk_set.h"
#include "oauth/check/uri_rules.h"
#include "oauth/token/claims.h"

enum {
    LIST_MOST = 64,
    LIST_BYTES = LIST_MOST * (URI_RULES_MAX + 1),
    AGE_MOST = 366 * 86400,
};

#define ALGS "ES256|RS256|PS256|EdDSA" /* in the order of enum jws_alg */

enum kind { LIST, PAGE, FLAG, WORD, USERINFO, SUBJECT, SECTOR, KEYS, AGE, MODES };

struct field {
    const char *option, *member;
    enum kind kind;
    size_t at;
    bool (*check)(str text, const char **why);
    const char *words;
};

/* The Twilio dialect takes addresses without scheme, the standard one never finds them: so it may
 * be meant, or https:// was forgotten. */
static bool redirect_ok(str uri, const char **why)
{
    str host, path;
    if (!uri_rules_redirect(uri, true, why))
        return false;
    if (!uri_rules_schemeless(uri))
        return true;
    str_cut(uri, '/', &host, &path);
    if (str_find(host, '.', 0) == host.n) {
        *why = "The address has no scheme; write https:// in front of it.";
        return false;
    }
    cmd_note("postern: %.*s has no scheme, so only Twilio's /v1/authorize and /v2/authorize find "
             "it; for all others write https:// in front of it",
             STR_ARG(uri));
    return true;
}

#define AT(member) offsetof(struct relying_party, member)

static const struct field fields[] = {
    {"public", "public", FLAG, AT(is_public), NULL, NULL},
    {"redirect-uri", "redirect_uris", LIST, AT(redirect_uris), redirect_ok, NULL},
    {"post-logout-redirect-uri", "post_logout_redirect_uris", LIST, AT(post_logout_redirect_uris),
     uri_rules_post_logout, NULL},
    {"origin", "origins", LIST, AT(origins), uri_rules_origin, NULL},
    {"pkce", "pkce", WORD, AT(pkce), NULL, "required|optional"},
    {"trusted", "trusted", FLAG, AT(trusted), NULL, NULL},
    {"require-par", "require_par", FLAG, AT(require_par), NULL, NULL},
    {"response-mode", "response_modes", MODES, AT(response_modes), NULL, "query|form_post"},
    {"jwks-file", "jwks", KEYS, AT(jwks), NULL, NULL},
    {"assertion-audience", "assertion_audience", WORD, AT(assertion_audience), NULL,
     "issuer|endpoint"},
    {"request-object", "request_object", WORD, AT(request_object), NULL, "optional|required"},
    {"id-token-alg", "id_token_alg", WORD, AT(id_token_alg), NULL, ALGS},
    {"userinfo-alg", "userinfo_alg", USERINFO, AT(userinfo_alg), NULL, "json|" ALGS},
    {"subject-type", "subject_type", SUBJECT, AT(pairwise), NULL, "public|pairwise"},
    {"sector", "sector", SECTOR, AT(sector), NULL, NULL},
    {"claim-map", "claim_map", LIST, AT(claims), claims_mapping_ok, NULL},
    {"resource", "resources", LIST, AT(resources), uri_rules_resource, NULL},
    {"default-max-age", "default_max_age", AGE, AT(default_max_age_s), NULL, NULL},
    {"logo-uri", "logo_uri", PAGE, AT(logo_uri), uri_rules_page, NULL},
    {"policy-uri", "policy_uri", PAGE, AT(policy_uri), uri_rules_page, NULL},
    {"tos-uri", "tos_uri", PAGE, AT(tos_uri), uri_rules_page, NULL},
};

enum { FIELDS = sizeof fields / sizeof *fields };

static void *place(struct relying_party *rp, const struct field *f)
{
    return (char *)rp + f->at;
}

static int check_text(const struct field *f, const char *label, str text)
{
    const char *why = "";
    if (f->check(text, &why))
        return CMD_DONE;
    return cmd_fail(CMD_USAGE, "%s: `%.*s`: %s", label, (int)(text.n > 200 ? 200 : text.n), text.p,
                    why);
}

/* One empty text clears the list. */
static int set_list(struct cmd *c, const struct field *f, const char *label, const str *values,
                    size_t n, str *out)
{
    struct buf b;
    if (n > LIST_MOST)
        return cmd_fail(CMD_USAGE, "%s: takes at most %d", label, LIST_MOST);
    if (n == 1 && values[0].n == 0)
        n = 0;
    buf_init(&b, &c->arena, 256, LIST_BYTES);
    for (size_t i = 0; i < n; i++) {
        int code = check_text(f, label, values[i]);
        if (code)
            return code;
        buf_put(&b, i ? STR("\n") : STR(""));
        buf_put(&b, values[i]);
    }
    if (b.overflow)
        return cmd_fail(CMD_USAGE, "%s: takes at most %d bytes in all", label, LIST_BYTES);
    *out = buf_str(&b);
    return CMD_DONE;
}

static int set_modes(const struct field *f, const char *label, const str *values, size_t n,
                     unsigned *out)
{
    *out = 0;
    for (size_t i = 0; i < n; i++) {
        int index, code = values_choice(values[i], label, f->words, &index);
        if (code)
            return code;
        *out |= index == 0 ? MODE_QUERY : MODE_FORM_POST;
    }
    return *out ? CMD_DONE : cmd_fail(CMD_USAGE, "%s: takes %s", label, f->words);
}

/* Only the host counts (OIDC Core 8.1), so only a host is taken. */
static int set_sector(const char *label, str text, str *out)
{
    for (size_t i = 0; i < text.n; i++) {
        char ch = text.p[i];
        if (!((ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') || ch == '.' || ch == '-') ||
            text.n > 253)
            return cmd_fail(CMD_USAGE, "%s: takes a host name in lower case", label);
    }
    *out = text;
    return CMD_DONE;
}

static int set_keys(struct cmd *c, const char *label, str text, str *out)
{
    str why;
    *out = STR("");
    if (str_trim(text).n == 0)
        return CMD_DONE;
    if (jwk_set_check(&c->arena, text, &why))
        return cmd_fail(CMD_USAGE, "%s: %.*s", label, STR_ARG(why));
    *out = text;
    return CMD_DONE;
}

static int set_age(const char *label, str text, int64_t *out)
{
    *out = -1;
    if (str_eq(text, STR("none")) || text.n == 0)
        return CMD_DONE;
    return values_duration(text, label, 0, AGE_MOST, out);
}

static int set_word(const struct field *f, const char *label, str text, struct relying_party *rp)
{
    int index, code = values_choice(text, label, f->words, &index);
    if (code)
        return code;
    if (f->kind == WORD)
        *(int *)place(rp, f) = index;
    else if (f->kind == USERINFO)
        rp->userinfo_alg = index == 0 ? USERINFO_JSON : index - 1;
    else
        rp->pairwise = index == 1;
    return CMD_DONE;
}

static int set(struct cmd *c, const struct field *f, const char *label, const str *values, size_t n,
               struct relying_party *rp)
{
    str text = n ? values[0] : STR("");
    switch (f->kind) {
    case LIST:
        return set_list(c, f, label, values, n, place(rp, f));
    case PAGE:
        *(str *)place(rp, f) = text;
        return text.n ? check_text(f, label, text) : CMD_DONE;
    case FLAG:
        *(bool *)place(rp, f) = str_eq(text, STR("true"));
        return CMD_DONE;
    case WORD:
    case USERINFO:
    case SUBJECT:
        return set_word(f, label, text, rp);
    case SECTOR:
        return set_sector(label, text, place(rp, f));
    case KEYS:
        return set_keys(c, label, text, place(rp, f));
    case AGE:
        return set_age(label, text, place(rp, f));
    case MODES:
        return set_modes(f, label, values, n, place(rp, f));
    }
    return CMD_DONE;
}

/* ---- options ---- */

bool client_party_given(const struct cmd *c)
{
    bool given = args_has(c, "not-trusted") || args_has(c, "no-require-par");
    for (size_t i = 0; i < FIELDS; i++)
        given = given || args_has(c, fields[i].option);
    return given;
}

static int take(struct cmd *c, const struct field *f, struct relying_party *rp)
{
    const char *label = arena_cstr(&c->arena, arena_printf(&c->arena, "--%s", f->option));
    str *values, value = STR("true");
    size_t n = 1;
    if (f->kind == LIST || f->kind == MODES)
        n = args_all(c, f->option, &values);
    else if (f->kind != FLAG)
        value = args_get(c, f->option);
    if (f->kind == KEYS && value.n) {
        int code = import_file_text(c, value, JWK_SET_BYTES, &value);
        if (code)
            return code;
    }
    return set(c, f, label, f->kind == LIST || f->kind == MODES ? values : &value, n, rp);
}

int client_party_take(struct cmd *c, struct relying_party *rp)
{
    if (args_has(c, "trusted") && args_has(c, "not-trusted"))
        return cmd_fail(CMD_USAGE, "--trusted and --not-trusted do not go together");
    if (args_has(c, "require-par") && args_has(c, "no-require-par"))
        return cmd_fail(CMD_USAGE, "--require-par and --no-require-par do not go together");
    rp->trusted = rp->trusted && !args_has(c, "not-trusted");
    rp->require_par = rp->require_par && !args_has(c, "no-require-par");
    for (size_t i = 0; i < FIELDS; i++) {
        int code = args_has(c, fields[i].option) ? take(c, &fields[i], rp) : CMD_DONE;
        if (code)
            return code;
    }
    return CMD_DONE;
}

/* ---- members of an import ---- */

const char *client_party_name(size_t i)
{
    return i < FIELDS ? fields[i].member : NULL;
}

static int texts_of(struct cmd *c, const struct json *m, const char *label, str **out, size_t *n)
{
    *out = ARENA_ARRAY(&c->arena, str, m->n + 1);
    *n = 0;
    for (const struct json *v = m->first; v; v = v->next) {
        if (v->type != JSON_STR_T)
            return cmd_fail(CMD_USAGE, "%s: takes an array of strings", label);
        (*out)[(*n)++] = v->s;
    }
    return CMD_DONE;
}

/* A single value as the text that the option would take; p == NULL when it is of another type. */
static str text_of(struct cmd *c, const struct field *f, const struct json *m)
{
    struct buf b;
    if (f->kind == FLAG)
        return m->type != JSON_BOOL_T ? (str){0} : m->i ? STR("true") : STR("false");
    if (f->kind == AGE && m->type == JSON_INT_T)
        return arena_printf(&c->arena, "%lld", (long long)m->i);
    if (f->kind != KEYS)
        return m->type == JSON_STR_T ? m->s : (str){0};
    if (m->type != JSON_OBJECT_T)
        return (str){0};
    buf_init(&b, &c->arena, 1024, 2 * JWK_SET_BYTES);
    json_value(&b, m);
    return b.overflow ? (str){0} : buf_str(&b);
}

static const char *takes(const struct field *f)
{
    switch (f->kind) {
    case LIST:
    case MODES:
        return "an array of strings";
    case FLAG:
        return "true or false";
    case KEYS:
        return "a JWK Set, an object with keys";
    case AGE:
        return "seconds, or a text like \"1h\"";
    case WORD:
    case USERINFO:
    case SUBJECT:
        return f->words;
    case PAGE:
    case SECTOR:
        break;
    }
    return "a string";
}

int client_party_member(struct cmd *c, const struct json *m, const char *where,
                        struct relying_party *rp, bool *known)
{
    size_t i = 0, n = 1;
    str *values = NULL, value;
    while (i < FIELDS && !str_eq(m->name, str_from(fields[i].member)))
        i++;
    *known = i < FIELDS;
    if (!*known || m->type == JSON_NULL_T)
        return CMD_DONE;
    const struct field *f = &fields[i];
    const char *label = arena_cstr(&c->arena, arena_printf(&c->arena, "%s: %s", where, f->member));
    rp->there = true;
    if (f->kind == LIST || f->kind == MODES) {
        int code = m->type == JSON_ARRAY_T ? texts_of(c, m, label, &values, &n)
                                           : cmd_fail(CMD_USAGE, "%s: takes %s", label, takes(f));
        return code ? code : set(c, f, label, values, n, rp);
    }
    value = text_of(c, f, m);
    return value.p ? set(c, f, label, &value, n, rp)
                   : cmd_fail(CMD_USAGE, "%s: takes %s", label, takes(f));
}

/* ---- keys ---- */

static int check_key(struct cmd *c, enum jws_alg alg, const char *member, const char *where)
{
    const char *name = jws_algs[alg].name;
    if (keyring_active(c->ring, KEY_SIGNING, alg))
        return CMD_DONE;
    return cmd_fail(CMD_CONFLICT,
                    "%s: %s is %s, but no key of the server signs with it yet; run: postern key "
                    "rotate --alg %s --now",
                    where, member, name, name);
}

int client_party_check_keys(struct cmd *c, const struct relying_party *rp, const char *where)
{
    int code = c->ring || !rp->there ? CMD_DONE : open_keys(c);
    if (code || !rp->there)
        return code;
    code = check_key(c, rp->id_token_alg, "id_token_alg", where);
    if (code == CMD_DONE && rp->userinfo_alg != USERINFO_JSON)
        code = check_key(c, (enum jws_alg)rp->userinfo_alg, "userinfo_alg", where);
    return code;
}

/* ---- what is shown ---- */

static str word_of(const char *words, int index)
{
    str rest = str_from(words), word = {0};
    for (int i = 0; i <= index && str_next(&rest, '|', &word); i++) {
    }
    return word;
}

static void show_lines(struct show *s, const char *name, str lines)
{
    str words[LIST_MOST], word;
    size_t n = 0;
    while (n < LIST_MOST && str_next(&lines, '\n', &word))
        words[n++] = word;
    show_list(s, name, words, n);
}

static void show_modes(struct show *s, const struct field *f, unsigned modes)
{
    str names[2];
    size_t n = 0;
    if (modes & MODE_QUERY)
        names[n++] = word_of(f->words, 0);
    if (modes & MODE_FORM_POST)
        names[n++] = word_of(f->words, 1);
    show_list(s, f->member, names, n);
}

static void show_age(struct show *s, const char *name, int64_t age_s)
{
    if (age_s >= 0)
        show_int(s, name, age_s);
    else
        show_text(s, name, (str){0});
}

static void show_one(struct show *s, const struct field *f, struct relying_party *rp)
{
    str *text = place(rp, f);
    switch (f->kind) {
    case LIST:
        show_lines(s, f->member, *text);
        break;
    case PAGE:
    case SECTOR:
        show_text(s, f->member, text->n ? *text : (str){0});
        break;
    case FLAG:
        show_bool(s, f->member, *(bool *)place(rp, f));
        break;
    case WORD:
        show_text(s, f->member, word_of(f->words, *(int *)place(rp, f)));
        break;
    case USERINFO:
        show_text(s, f->member, word_of(f->words, rp->userinfo_alg + 1));
        break;
    case SUBJECT:
        show_text(s, f->member, word_of(f->words, rp->pairwise));
        break;
    case KEYS:
        show_json(s, f->member, text->n ? *text : s->c->json ? STR("null") : STR("-"));
        break;
    case AGE:
        show_age(s, f->member, rp->default_max_age_s);
        break;
    case MODES:
        show_modes(s, f, rp->response_modes);
        break;
    }
}

void client_party_show(struct show *s, const struct relying_party *rp)
{
    struct relying_party copy = *rp; /* place() gives what may be written */
    for (size_t i = 0; i < FIELDS; i++)
        show_one(s, &fields[i], &copy);
}
