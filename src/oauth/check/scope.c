/* scope: what was asked against what is allowed (RFC 6749 3.3). */
#include "oauth/check/check.h"

/* scope-token = 1*NQCHAR, separated by single spaces */
static bool is_well_formed(str scope)
{
    char before = ' ';

    for (size_t i = 0; i < scope.n; i++) {
        char c = scope.p[i];
        if (c == ' ' ? before == ' ' : c < 0x21 || c > 0x7e || c == '"' || c == '\\')
            return false;
        before = c;
    }
    return scope.n > 0 && before != ' ' && scope.n <= LIMIT_SCOPE;
}

bool scope_has(str scope, str word)
{
    str one;

    while (str_next(&scope, ' ', &one))
        if (str_eq(one, word))
            return true;
    return false;
}

enum err check_scope(struct rq *rq, str asked, str allowed, str *granted)
{
    str rest = asked, word;

    *granted = allowed;
    if (asked.p == NULL)
        return OK;
    if (!is_well_formed(asked))
        return fail_at(rq, ERR_INVALID_SCOPE, "The scope is malformed.", STR("scope"));
    while (str_next(&rest, ' ', &word))
        if (!scope_has(allowed, word))
            return fail_at(rq, ERR_INVALID_SCOPE, "The scope is more than this client may have.",
                           STR("scope"));
    *granted = asked;
    return OK;
}
