/* serve_limits: settings `proxies*`, `penalties*`, `connections_per_source`, `memory.max`, and what
 * counts as a failure of a source.
 *
 * Failures are judged by what the engine has decided, not by the status: wrong client credentials,
 * an unknown token, code or refresh token, a wrong password. What is merely not allowed (a scope,
 * a redirect URI) is a mistake of a program and not counted, nor is a request without any
 * credentials: many clients send them only when they are told 401 (RFC 9110 11.6.1), and who shows
 * nothing has not guessed. Successes are those that take a
 * secret: a token issued, a password, a bearer token, an introspection. A public client names
 * itself only, so what it stores without proof is costly instead (security.md A36).
 */
#include "cmd/serve_limits.h"

#include "net/memory.h"

static struct address_range *ranges_of(struct cmd *c, enum setting_id id, size_t *n, bool *unix_too)
{
    const struct setting_value *v = &c->settings.v[id];
    struct address_range *out = ARENA_ARRAY(&c->arena, struct address_range, v->list_n + 1);
    *n = 0;
    for (size_t i = 0; i < v->list_n; i++)
        if (address_range_parse(v->list[i], &out[*n]))
            ++*n;
        else
            *unix_too = true; /* settings_check lets nothing else through */
    return out;
}

void serve_limits_fill(struct cmd *c, struct net_options *o)
{
    const struct settings *s = &c->settings;
    struct net_sources *n = &o->sources;
    bool none;
    int64_t per_source = setting_int(s, connections_per_source);
    *n = (struct net_sources){
        .header = (enum forwarded_kind)setting_int(s, proxies_header),
        .protocol = setting_int(s, proxies_protocol) != 0,
        .client_cert = setting_int(s, proxies_client_cert) != 0,
        .threshold = setting_int(s, penalties) ? (int)setting_int(s, penalties_threshold) : 0,
        .window_s = (int)setting_int(s, penalties_window_s),
        .connections_max = (int)(per_source ? per_source : setting_int(s, connections_max) / 4),
    };
    n->proxies = ranges_of(c, SETTING_proxies, &n->proxies_n, &n->proxies_unix);
    n->exempt = ranges_of(c, SETTING_penalties_exempt, &n->exempt_n, &none);
    o->memory_max = memory_ceiling(setting_int(s, memory_max));
}

static bool is_failure(const struct rq *rq)
{
    enum err e = rq->failure.e;
    if (rq->failure.silent)
        return false;
    return e == ERR_INVALID_CLIENT || e == ERR_INVALID_TOKEN || e == ERR_INVALID_GRANT ||
           (rq->slow.password_judged && rq->slow.password_verdict == ERR_WRONG_PASSWORD);
}

static bool is_route(const struct rq *rq, str name)
{
    return rq->route != NULL && str_eq(str_from(rq->route->name), name);
}

static bool is_success(const struct rq *rq)
{
    return rq->issued_grant != 0 || (rq->slow.password_judged && rq->slow.password_verdict == OK) ||
           (rq->has_client && (is_route(rq, STR("introspect")) || is_route(rq, STR("userinfo"))));
}

enum net_proof serve_limits_proof(const struct rq *rq)
{
    if (is_failure(rq))
        return NET_PROOF_BAD;
    if (rq->failure.e != OK)
        return NET_PROOF_NONE;
    if (is_success(rq))
        return NET_PROOF_GOOD;
    return rq->stranger ? NET_PROOF_COSTLY : NET_PROOF_NONE;
}
