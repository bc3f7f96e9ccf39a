/* claim_map: NAME=SOURCE[@TARGET,...], read strictly, so that a mistake shows when the client is
 * registered and not when somebody misses a claim.
 *
 * A name that the protocol itself uses is refused: no mapping can make a token say another
 * subject, audience or time, or pass for a token of another kind (security.md 46).
 */
#include "oauth/token/claim_map.h"

#include "oauth/token/claims.h"

#define NAME_MAX_CHARS 128

static const char *const reserved[] = {
    "iss",   "sub",       "aud",   "exp", "nbf", "iat",     "jti",     "azp", "nonce",  "auth_time",
    "acr",   "amr",       "sid",   "act", "cnf", "at_hash", "c_hash",  "cid", "events", "s_hash",
    "epoch", "client_id", "scope", "scp", "typ", "grant",   "may_act", NULL,
};

static const struct {
    const char *word;
    enum claim_source source;
} sources[] = {
    {"user.id", CLAIM_USER_ID},
    {"user.username", CLAIM_USER_USERNAME},
    {"user.email", CLAIM_USER_EMAIL},
    {"user.roles", CLAIM_USER_ROLES},
    {"organization.id", CLAIM_ORGANIZATION_ID},
    {"organization.name", CLAIM_ORGANIZATION_NAME},
};

static const struct {
    const char *word;
    enum claims_target target;
} targets[] = {
    {"id_token", CLAIMS_ID_TOKEN},
    {"userinfo", CLAIMS_USERINFO},
    {"access_token", CLAIMS_ACCESS_TOKEN},
};

static bool wrong(const char **why, const char *sentence)
{
    *why = sentence;
    return false;
}

static bool is_reserved(str name)
{
    for (const char *const *r = reserved; *r != NULL; r++)
        if (str_eq(name, str_from(*r)))
            return true;
    return false;
}

static bool read_name(str name, const char **why)
{
    if (name.n == 0 || name.n > NAME_MAX_CHARS)
        return wrong(why,
                     "A claim mapping begins with the claim's name, of at most 128 characters.");
    for (size_t i = 0; i < name.n; i++)
        if (name.p[i] <= ' ' || name.p[i] > '~' || name.p[i] == '"' || name.p[i] == '\\')
            return wrong(why,
                         "The name of a claim is visible ASCII without quotes or backslashes.");
    if (is_reserved(name))
        return wrong(why, "The protocol uses a claim of that name itself; choose another.");
    return true;
}

/* A literal ends at its second quote; anything else at the @. */
static size_t source_length(str text)
{
    if (text.n > 0 && text.p[0] == '"') {
        size_t end = str_find(text, '"', 1);
        return end < text.n ? end + 1 : text.n;
    }
    return str_find(text, '@', 0);
}

static bool read_source(str text, struct claim_map *out, const char **why)
{
    const str prefix = STR("user.claims.");

    if (text.n >= 2 && text.p[0] == '"' && text.p[text.n - 1] == '"') {
        out->source = CLAIM_LITERAL;
        out->argument = str_sub(text, 1, text.n - 1);
        return true;
    }
    if (str_starts(text, prefix) && text.n > prefix.n) {
        out->source = CLAIM_USER_CLAIM;
        out->argument = str_sub(text, prefix.n, text.n);
        return true;
    }
    for (size_t i = 0; i < sizeof sources / sizeof *sources; i++) {
        if (!str_eq(text, str_from(sources[i].word)))
            continue;
        out->source = sources[i].source;
        return true;
    }
    return wrong(why, "The source of a claim is user.id, user.username, user.email, user.roles, "
                      "user.claims.NAME, organization.id, organization.name or \"text\".");
}

static unsigned target_of(str word)
{
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
        if (str_eq(word, str_from(targets[i].word)))
            return targets[i].target;
    return 0;
}

static bool read_targets(str text, struct claim_map *out, const char **why)
{
    bool more = true;
    str word;

    while (more) {
        more = str_cut(text, ',', &word, &text);
        if (target_of(word) == 0)
            return wrong(why, "Behind the @ stand id_token, userinfo and access_token, with commas "
                              "between.");
        out->targets |= target_of(word);
    }
    return true;
}

bool claim_map_read(str line, struct claim_map *out, const char **why)
{
    str rest;
    size_t n;

    *out = (struct claim_map){0};
    if (!str_cut(line, '=', &out->name, &rest))
        return wrong(why, "A claim mapping has the form NAME=SOURCE or NAME=SOURCE@TARGET,...");
    n = source_length(rest);
    if (!read_name(out->name, why) || !read_source(str_sub(rest, 0, n), out, why))
        return false;
    if (n < rest.n && rest.p[n] != '@')
        return wrong(why, "Behind the source of a claim may stand @ and its targets.");
    if (n < rest.n)
        return read_targets(str_sub(rest, n + 1, rest.n), out, why);
    out->targets = CLAIMS_ID_TOKEN | CLAIMS_USERINFO;
    return true;
}
