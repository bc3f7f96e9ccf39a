/* resource: where the token is to be used (RFC 8707).
 *
 * The issuer, or what the client may name. Nothing asked means the issuer. A token request may ask
 * for some of what was granted (2.2), never for more.
 */
#include "oauth/check/check.h"

static enum err refuse(struct rq *rq, str expected, str received)
{
    fail_at(rq, ERR_INVALID_TARGET, "The resource is unknown or not allowed to this client.",
            STR("resource"));
    return fail_rule(rq, expected, received);
}

static bool lists(str list, char sep, str word)
{
    str one;

    while (str_next(&list, sep, &one))
        if (str_eq(one, word))
            return true;
    return false;
}

bool check_resource_known(const struct rq *rq, const struct cached_client *client, str one)
{
    return str_eq(one, setting_text(rq->server->settings, issuer)) ||
           (client->rp.there && lists(client->rp.resources, '\n', one));
}

static enum err judge(struct rq *rq, const struct cached_client *client, str resource)
{
    str allowed = client->rp.there ? client->rp.resources : (str){0};
    str one;

    if (allowed.n == 0)
        allowed = setting_text(rq->server->settings, issuer);
    while (str_next(&resource, ' ', &one))
        if (!check_resource_known(rq, client, one))
            return refuse(rq, allowed, one);
    return OK;
}

enum err check_resource(struct rq *rq, str resource)
{
    return judge(rq, rq->client, resource);
}

enum err check_resource_within(struct rq *rq, str asked, str granted, str *out)
{
    str all = granted.n > 0 ? granted : setting_text(rq->server->settings, issuer);
    str rest = asked, one;

    *out = granted;
    if (asked.p == NULL)
        return OK;
    while (str_next(&rest, ' ', &one))
        if (!lists(all, ' ', one))
            return refuse(rq, all, one);
    *out = asked;
    return OK;
}

enum err resource_rule(struct rq *rq, struct authorize_request *ar)
{
    enum err e;

    if ((e = judge(rq, ar->client, ar->resource)) != OK)
        return e;
    ar->resources = str_trim(ar->resource); /* nothing but spaces: none */
    return OK;
}
