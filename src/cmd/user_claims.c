/* user_claims: one table of the standard claims and their types, and edits of a JSON object.
 *
 * The object is read and written whole at each edit: it is small, and a command edits a few.
 */
#include "cmd/user_claims.h"

#include "base/limits.h"
#include "codec/url.h"

enum { NAME_MOST = 64 };

enum kind { TEXT, URL, DATE, FLAG, ADDRESS, ELSEWHERE };

/* OIDC Core 5.1. `where`: for those that are no member of the object. */
static const struct {
    const char *name;
    enum kind kind;
    const char *where;
} standard[] = {
    {"name", TEXT, NULL},
    {"given_name", TEXT, NULL},
    {"family_name", TEXT, NULL},
    {"middle_name", TEXT, NULL},
    {"nickname", TEXT, NULL},
    {"profile", URL, NULL},
    {"picture", URL, NULL},
    {"website", URL, NULL},
    {"gender", TEXT, NULL},
    {"birthdate", DATE, NULL},
    {"zoneinfo", TEXT, NULL},
    {"locale", TEXT, NULL},
    {"phone_number", TEXT, NULL},
    {"phone_number_verified", FLAG, NULL},
    {"address", ADDRESS, NULL},
    {"sub", ELSEWHERE, "is the user's id"},
    {"preferred_username", ELSEWHERE, "is the user name (username)"},
    {"email", ELSEWHERE, "has a place of its own (email)"},
    {"email_verified", ELSEWHERE, "has a place of its own (email_verified)"},
    {"updated_at", ELSEWHERE, "is kept by Postern"},
};

enum { STANDARD = sizeof standard / sizeof *standard };

static int wrong(const char *label, str name, const char *takes)
{
    return cmd_fail(CMD_USAGE, "%s: the claim %.*s takes %s (OIDC Core 5.1)", label, STR_ARG(name),
                    takes);
}

static bool digits(str s, size_t from, size_t n)
{
    for (size_t i = from; i < from + n; i++)
        if (i >= s.n || s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* YYYY, or YYYY-MM-DD with the year 0000 for "not told". */
static bool is_date(str s)
{
    if (s.n == 4)
        return digits(s, 0, 4);
    int64_t month, day;
    return s.n == 10 && digits(s, 0, 4) && s.p[4] == '-' && digits(s, 5, 2) && s.p[7] == '-' &&
           digits(s, 8, 2) && str_i64(str_sub(s, 5, 7), 1, 12, &month) &&
           str_i64(str_sub(s, 8, 10), 1, 31, &day);
}

/* OIDC Core 5.1.1: all members are texts; their line ends may be any. */
static bool is_address(const struct json *v)
{
    static const char *const members[] = {"formatted", "street_address", "locality",
                                          "region",    "postal_code",    "country"};
    if (v->type != JSON_OBJECT_T)
        return false;
    for (const struct json *m = v->first; m; m = m->next) {
        size_t i = 0;
        while (i < 6 && !str_eq(m->name, str_from(members[i])))
            i++;
        if (i == 6 || m->type != JSON_STR_T)
            return false;
    }
    return true;
}

static int check_standard(const char *label, str name, enum kind kind, const struct json *v)
{
    struct url url;
    bool text = v->type == JSON_STR_T;
    switch (kind) {
    case TEXT:
        return text ? CMD_DONE : wrong(label, name, "a text");
    case URL:
        return text && url_parse(v->s, &url) == OK ? CMD_DONE
                                                   : wrong(label, name, "an http or https URL");
    case DATE:
        return text && is_date(v->s) ? CMD_DONE : wrong(label, name, "YYYY-MM-DD or YYYY");
    case FLAG:
        return v->type == JSON_BOOL_T ? CMD_DONE : wrong(label, name, "true or false (NAME:=true)");
    case ADDRESS:
        return is_address(v)
                   ? CMD_DONE
                   : wrong(label, name,
                           "an object of texts: formatted, street_address, locality, region, "
                           "postal_code, country (NAME:={...})");
    case ELSEWHERE:
        break;
    }
    return CMD_DONE;
}

/* Printable ASCII but space, quotes and what mappings are made of (oauth/token/claims.h). */
static bool is_name(str name)
{
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= 0x20 || name.p[i] >= 0x7f || strchr("\"\\=@,", name.p[i]))
            return false;
    return name.n > 0 && name.n <= NAME_MOST;
}

int user_claims_check(const char *label, str name, const struct json *value)
{
    if (!is_name(name)) {
        return cmd_fail(CMD_USAGE,
                        "%s: the name of a claim is 1 to %d characters of printable ASCII without "
                        "space, quotes, backslash, = @ and comma",
                        label, NAME_MOST);
    }
    for (size_t i = 0; i < STANDARD; i++) {
        if (!str_eq(name, str_from(standard[i].name)))
            continue;
        if (standard[i].kind == ELSEWHERE) {
            return cmd_fail(CMD_USAGE, "%s: the claim %.*s %s", label, STR_ARG(name),
                            standard[i].where);
        }
        return check_standard(label, name, standard[i].kind, value);
    }
    return CMD_DONE;
}

static void put_member(struct buf *b, str name, const struct json *value)
{
    json_item(b);
    json_str(b, name);
    buf_char(b, ':');
    json_value(b, value);
}

int user_claims_put(struct arena *a, const char *label, str *claims, str name,
                    const struct json *value)
{
    struct json *object;
    struct buf b;
    int code = value ? user_claims_check(label, name, value) : CMD_DONE;
    if (code)
        return code;
    if (json_parse(a, claims->n ? *claims : STR("{}"), &object))
        return cmd_fail(CMD_FAILED, "%s: the claims in the store are no JSON object", label);
    buf_init(&b, a, 256, 2 * LIMIT_CLAIMS);
    json_open(&b, '{');
    bool done = !value;
    for (const struct json *m = object->first; m; m = m->next) {
        bool same = str_eq(m->name, name);
        if (!same || value)
            put_member(&b, m->name, same ? value : m);
        done = done || same;
    }
    if (!done)
        put_member(&b, name, value);
    json_close(&b, '}');
    if (b.overflow || b.n > LIMIT_CLAIMS) {
        return cmd_fail(CMD_USAGE, "%s: the claims of a user are at most %d bytes", label,
                        LIMIT_CLAIMS);
    }
    *claims = buf_str(&b);
    return CMD_DONE;
}

int user_claims_option(struct arena *a, const char *label, str text, str *claims)
{
    str name, value;
    struct json plain = {.type = JSON_STR_T}, *json = &plain;
    if (!str_cut(text, '=', &name, &value)) {
        return cmd_fail(CMD_USAGE, "%s: takes NAME=VALUE or NAME:=JSON, not `%.*s`", label,
                        (int)(text.n > 64 ? 64 : text.n), text.p);
    }
    plain.s = value;
    if (name.n && name.p[name.n - 1] == ':') {
        name.n--;
        if (json_parse(a, value, &json)) {
            return cmd_fail(CMD_USAGE, "%s: behind %.*s:= stands no valid JSON", label,
                            STR_ARG(name));
        }
    } else if (!url_is_utf8(value)) {
        return cmd_fail(CMD_USAGE, "%s: the text is not valid UTF-8", label);
    }
    return user_claims_put(a, label, claims, name, json);
}

str user_claims_text(struct arena *a, str claims, str name)
{
    struct json *object;
    if (json_parse(a, claims, &object))
        return (str){0};
    return json_get_str(object, name);
}
