/* policy: permission paths, allowed and denied.
 *
 * An entry is a path, or the beginning of paths when it ends in "*". What is denied is denied,
 * whatever else allows it, and what nothing allows is denied too. Two entries overlap if a path
 * could fall under both; a wish is refused if a denied entry overlaps with it.
 *
 * Only the paths below POLICY_APPS mean something to this server. The others are kept for the
 * services that read them, and an app cannot give others what it does not have itself.
 */
#include "dialect/twilio/policy.h"

static bool is_strings(const struct json *list)
{
    if (!json_is(list, JSON_ARRAY_T))
        return false;
    for (const struct json *v = list->first; v != NULL; v = v->next)
        if (v->type != JSON_STR_T || v->s.n == 0)
            return false;
    return true;
}

bool policy_is_valid(const struct json *policy)
{
    if (!json_is(policy, JSON_OBJECT_T))
        return false;
    for (const struct json *v = policy->first; v != NULL; v = v->next)
        if (!(str_eq(v->name, STR("allow")) || str_eq(v->name, STR("deny"))) || !is_strings(v))
            return false;
    return true;
}

void policy_write(struct buf *b, const struct json *policy)
{
    json_open(b, '{');
    for (const struct json *list = policy->first; list != NULL; list = list->next) {
        json_key(b, list->name);
        json_open(b, '[');
        for (const struct json *v = list->first; v != NULL; v = v->next) {
            json_item(b);
            json_str(b, v->s);
        }
        json_close(b, ']');
    }
    json_close(b, '}');
}

static bool is_open(str entry)
{
    return entry.n > 0 && entry.p[entry.n - 1] == '*';
}

/* Does `entry` take in every path that `want` names? */
static bool takes_in(str entry, str want)
{
    if (!is_open(entry))
        return str_eq(entry, want);
    return str_starts(want, str_sub(entry, 0, entry.n - 1));
}

static bool overlap(str a, str b)
{
    return takes_in(a, b) || takes_in(b, a);
}

static const struct json *entries(const struct json *policy, str name)
{
    const struct json *list = json_get(policy, name);

    return list != NULL ? list->first : NULL;
}

static bool allows(const struct json *policy, str want)
{
    bool allowed = false;

    for (const struct json *v = entries(policy, STR("deny")); v != NULL; v = v->next)
        if (overlap(v->s, want))
            return false;
    for (const struct json *v = entries(policy, STR("allow")); v != NULL; v = v->next)
        allowed = allowed || takes_in(v->s, want);
    return allowed;
}

/* NULL: there is none, or it is not one that was stored here. */
static const struct json *read(struct arena *a, str text)
{
    struct json *policy;

    if (text.n == 0 || json_parse(a, text, &policy) != OK || !policy_is_valid(policy))
        return NULL;
    return policy;
}

bool policy_allows(struct arena *a, str policy, str want)
{
    const struct json *p = read(a, policy);

    return p != NULL && allows(p, want);
}

bool policy_covers(struct arena *a, str policy, str other)
{
    const struct json *mine, *theirs;

    if (str_eq(policy, other))
        return true;
    mine = read(a, policy);
    theirs = read(a, other);
    if (theirs == NULL)
        return true;
    for (const struct json *v = entries(theirs, STR("allow")); v != NULL; v = v->next)
        if (mine == NULL || !allows(mine, v->s))
            return false;
    return true;
}
