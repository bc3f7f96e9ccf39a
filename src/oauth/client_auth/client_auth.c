/* client_auth: collects a client's credentials from one place and has them proven.
 *
 * One method a request (RFC 6749 2.3). Unknown client, wrong secret and missing secret get one
 * answer. A cached client whose secret does not match is read again once, since the secret may
 * have been rotated by another process a moment ago.
 */
#include "oauth/client_auth/client_auth.h"

const struct client_auth_info client_auth_methods[CLIENT_AUTH_METHODS] = {
    {"client_secret_basic", CLIENT_AUTH_BASIC, "RFC 6749 2.3.1"},
    {"client_secret_post", CLIENT_AUTH_POST, "RFC 6749 2.3.1"},
};

enum err client_auth_collect(struct rq *rq, str body_id, str body_secret, struct credentials *out)
{
    str id, secret;
    bool present;
    enum err e;

    if ((e = basic_read(rq, &present, &id, &secret)) != OK)
        return e;
    if (!present) {
        *out = (struct credentials){.client_id = body_id, .secret = body_secret};
        return OK;
    }
    if (body_secret.p != NULL)
        return fail(rq, ERR_INVALID_REQUEST, "The client authenticates in two ways at once.");
    if (body_id.p != NULL && !str_eq(body_id, id))
        return fail_at(rq, ERR_INVALID_REQUEST, "client_id is not the one of the Basic header.",
                       STR("client_id"));
    *out = (struct credentials){.client_id = id, .secret = secret, .basic = true};
    return OK;
}

static enum err unproven(struct rq *rq, const struct credentials *c)
{
    if (c->basic) /* RFC 6749 5.2 */
        rq->failure.challenge = BASIC_CHALLENGE;
    return fail(rq, ERR_INVALID_CLIENT, "The client is unknown or its credentials are wrong.");
}

static bool method_allowed(const struct client *c, bool basic)
{
    return c->auth_method == CLIENT_AUTH_ANY ||
           c->auth_method == (basic ? CLIENT_AUTH_BASIC : CLIENT_AUTH_POST);
}

/* The client of that id, or NULL with OK when there is none. */
static enum err find(struct rq *rq, const struct uid *id, bool again,
                     const struct cached_client **out)
{
    enum err e = again ? client_cache_again(rq->t->clients, rq->t->db, id, rq->now_s, out)
                       : client_cache_get(rq->t->clients, rq->t->db, id, rq->now_s, out);

    if (e == ERR_ABSENT) {
        *out = NULL;
        return OK;
    }
    return e;
}

static enum err judge(struct rq *rq, const struct credentials *c, const struct uid *id, bool again,
                      const struct cached_client **out)
{
    enum err e;

    if ((e = find(rq, id, again, out)) != OK)
        return e;
    if (c->secret.p == NULL)
        return *out != NULL ? OK : ERR_INVALID_CLIENT;
    if ((e = secret_check(rq, *out, id, c->secret)) != OK)
        return e;
    return method_allowed(&(*out)->client, c->basic) ? OK : ERR_INVALID_CLIENT;
}

enum err client_auth_prove(struct rq *rq, struct credentials *c, bool secret_optional)
{
    const struct cached_client *client;
    struct uid id = {{0}};
    enum err e;

    if (c->client_id.n == 0 || (c->secret.p == NULL && !secret_optional))
        return unproven(rq, c);
    if (c->secret.n > LIMIT_SECRET)
        return unproven(rq, c);
    if (!uid_parse(c->client_id, CLIENT_SID, &id, &c->spelling)) {
        (void)secret_check(rq, NULL, &id, c->secret);
        return unproven(rq, c);
    }
    e = judge(rq, c, &id, false, &client);
    if (e == ERR_INVALID_CLIENT && client != NULL)
        e = judge(rq, c, &id, true, &client);
    if (e == ERR_INVALID_CLIENT)
        return unproven(rq, c);
    if (e == OK)
        rq_client(rq, client);
    return e;
}

enum err client_auth_require(struct rq *rq, str body_id, str body_secret)
{
    struct credentials c;
    enum err e;

    if ((e = client_auth_collect(rq, body_id, body_secret, &c)) != OK)
        return e;
    if ((e = client_auth_prove(rq, &c, false)) != OK)
        return e;
    if (!rq->client->client.enabled) {
        rq->failure.challenge = c.basic ? BASIC_CHALLENGE : NULL;
        return fail(rq, ERR_INVALID_CLIENT, "The client has been disabled.");
    }
    return OK;
}
