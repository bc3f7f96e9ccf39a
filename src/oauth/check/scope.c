/* scope: what was asked against what is allowed (RFC 6749 3.3, security.md 14).
 *
 * What a client may ask for is its registered scope, for machines and for people alike. A request
 * of a person that names no scope gets all of it but openid and offline_access: the one makes it a
 * request of OpenID Connect, the other outlives the session, and both are asked for by name (OIDC
 * Core 3.1.2.1, 11).
 *
 * A grant is for what was registered when it was made. What has been taken from the client since is
 * taken from every token that the grant gives from then on.
 */
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

static void add_word(struct buf *b, str word)
{
    if (b->n > 0)
        buf_char(b, ' ');
    buf_put(b, word);
}

str scope_join(struct arena *a, str scope, str more)
{
    struct buf b;
    str word;

    buf_init(&b, a, scope.n + more.n + 1, scope.n + more.n + 1);
    buf_put(&b, scope);
    while (str_next(&more, ' ', &word))
        if (!scope_has(buf_str(&b), word))
            add_word(&b, word);
    return buf_str(&b);
}

str scope_without(struct arena *a, str scope, str less)
{
    struct buf b;
    str word;

    buf_init(&b, a, scope.n + 1, scope.n + 1);
    while (str_next(&scope, ' ', &word))
        if (!scope_has(less, word))
            add_word(&b, word);
    return buf_str(&b);
}

enum err check_scope(struct rq *rq, str asked, str allowed, str *granted)
{
    str rest = asked, word;

    *granted = allowed;
    if (asked.p == NULL)
        return OK;
    if (!is_well_formed(asked)) {
        fail_at(rq, ERR_INVALID_SCOPE, "The scope is malformed.", STR("scope"));
        return fail_rule(rq, STR("words with single spaces between"), asked);
    }
    while (str_next(&rest, ' ', &word)) {
        if (scope_has(allowed, word))
            continue;
        fail_at(rq, ERR_INVALID_SCOPE, "The scope is more than this client may have.",
                STR("scope"));
        return fail_rule(rq, allowed, word);
    }
    *granted = asked;
    return OK;
}

static str scope_within(struct arena *a, str scope, str limit)
{
    return scope_without(a, scope, scope_without(a, scope, limit));
}

enum err check_scope_left(struct rq *rq, str *granted)
{
    str had = *granted, allowed = rq->client->client.scopes;

    *granted = scope_within(rq->arena, had, allowed);
    if (granted->n > 0 || had.n == 0)
        return OK;
    fail(rq, ERR_INVALID_GRANT, "The client may have none of the granted scopes any more.");
    return fail_rule(rq, allowed, had);
}

enum err scope_rule(struct rq *rq, struct authorize_request *ar)
{
    str allowed = ar->client->client.scopes;
    enum err e;

    if (ar->unfit & authorize_request_bit("scope")) {
        fail_at(rq, ERR_INVALID_SCOPE, "The scope is malformed.", STR("scope"));
        return fail_rule(rq, allowed, STR("a scope that is too long, or not ASCII"));
    }
    if ((e = check_scope(rq, ar->scope, allowed, &ar->granted)) != OK)
        return e;
    if (ar->scope.p == NULL)
        ar->granted = scope_without(rq->arena, allowed, STR("openid offline_access"));
    ar->openid = scope_has(ar->granted, STR("openid"));
    ar->offline = scope_has(ar->granted, STR("offline_access"));
    return OK;
}
