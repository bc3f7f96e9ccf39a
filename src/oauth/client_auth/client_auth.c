/* client_auth: collects a client's credentials from one place and has them proven.
 *
 * One method a request (RFC 6749 2.3), and only the one that the client is pinned to. Unknown
 * client, wrong secret, missing secret and bad assertion get one answer. A cached client whose
 * secret or key does not match is read again once, since it may have been changed by another
 * process a moment ago. A public client has nothing to prove: a secret that it sends is ignored
 * (security.md 58), and where proof is needed it is nobody.
 */
#include "oauth/client_auth/client_auth.h"

#include "oauth/record.h"

const struct client_auth_info client_auth_methods[CLIENT_AUTH_METHODS] = {
    {"client_secret_basic", CLIENT_AUTH_BASIC, AT_TOKEN | AT_INTROSPECTION | AT_REVOCATION, false,
     "RFC 6749 2.3.1"},
    {"client_secret_post", CLIENT_AUTH_POST, AT_TOKEN | AT_INTROSPECTION | AT_REVOCATION, false,
     "RFC 6749 2.3.1"},
    {"private_key_jwt", CLIENT_AUTH_PRIVATE_KEY_JWT, AT_TOKEN | AT_INTROSPECTION | AT_REVOCATION,
     true, "RFC 7523 2.2"},
    {"none", CLIENT_AUTH_NONE, AT_TOKEN | AT_REVOCATION, false, "RFC 7591 2"},
};

static enum err two_ways(struct rq *rq)
{
    return fail(rq, ERR_INVALID_REQUEST, "The client authenticates in two ways at once.");
}

enum err client_auth_collect(struct rq *rq, const struct client_auth_form *f,
                             struct credentials *out)
{
    bool present, asserts = f->client_assertion.p != NULL || f->client_assertion_type.p != NULL;
    str id, secret;
    enum err e;

    if ((e = basic_read(rq, &present, &id, &secret)) != OK)
        return e;
    if (present + (f->client_secret.p != NULL) + asserts > 1)
        return two_ways(rq);
    if (asserts && (f->client_assertion.p == NULL || f->client_assertion_type.p == NULL))
        return fail_at(rq, ERR_INVALID_REQUEST,
                       "client_assertion and client_assertion_type come together.",
                       STR("client_assertion"));
    if (present && f->client_id.p != NULL && !str_eq(f->client_id, id))
        return fail_at(rq, ERR_INVALID_REQUEST, "client_id is not the one of the Basic header.",
                       STR("client_id"));
    *out = (struct credentials){
        .client_id = present ? id : f->client_id,
        .secret = present ? secret : f->client_secret,
        .basic = present,
        .assertion = f->client_assertion,
        .assertion_type = f->client_assertion_type,
    };
    return OK;
}

/* The row of a refusal: whoever the client said to be, and how it tried. */
static void note(struct rq *rq, const struct credentials *c, enum err e, const char *detail)
{
    struct uid id;
    enum spelling spelling;
    bool named = uid_parse(c->client_id, CLIENT_SID, &id, &spelling);

    record_refused(rq, AUDIT_CLIENT_AUTH, e,
                   &(struct record){.client = named ? &id : NULL, .detail = str_from(detail)});
}

static const char *method_of(const struct credentials *c)
{
    if (c->assertion.p != NULL)
        return "by assertion";
    return c->secret.p != NULL ? "by secret" : "without proof";
}

bool client_auth_is_silent(const struct credentials *c)
{
    return c->client_id.n == 0 && c->secret.p == NULL && c->assertion.p == NULL;
}

static enum err unproven(struct rq *rq, const struct credentials *c)
{
    note(rq, c, ERR_INVALID_CLIENT, method_of(c));
    if (c->basic) /* RFC 6749 5.2 */
        rq->failure.challenge = BASIC_CHALLENGE;
    rq->failure.silent = client_auth_is_silent(c);
    return fail(rq, ERR_INVALID_CLIENT, "The client is unknown or its credentials are wrong.");
}

static bool method_allowed(const struct client *c, bool basic)
{
    return c->auth_method == CLIENT_AUTH_ANY ||
           c->auth_method == (basic ? CLIENT_AUTH_BASIC : CLIENT_AUTH_POST);
}

static bool is_public(const struct cached_client *c)
{
    return c->client.auth_method == CLIENT_AUTH_NONE || (c->rp.there && c->rp.is_public);
}

enum err client_auth_find(struct rq *rq, const struct uid *id, bool again,
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

/* Without a secret: who is let in by name alone? */
static bool may_go_unproven(const struct cached_client *c, enum client_auth_need need)
{
    return c != NULL && (need == CLIENT_AUTH_NAMED || (need == CLIENT_AUTH_PUBLIC && is_public(c)));
}

static enum err judge(struct rq *rq, struct credentials *c, const struct uid *id, bool again,
                      enum client_auth_need need, const struct cached_client **out)
{
    enum err e;

    if ((e = client_auth_find(rq, id, again, out)) != OK)
        return e;
    if (c->secret.p == NULL)
        return may_go_unproven(*out, need) ? OK : ERR_INVALID_CLIENT;
    e = secret_check(rq, *out, id, c->secret);
    if (*out != NULL && is_public(*out) && (e == OK || e == ERR_INVALID_CLIENT))
        return need == CLIENT_AUTH_PROOF ? ERR_INVALID_CLIENT : OK; /* security.md 58 */
    if (e != OK)
        return e;
    c->proven = method_allowed(&(*out)->client, c->basic);
    return c->proven ? OK : ERR_INVALID_CLIENT;
}

static enum err prove_secret(struct rq *rq, struct credentials *c, enum client_auth_need need,
                             const struct cached_client **client)
{
    struct uid id = {{0}};
    enum err e;

    if (c->client_id.n == 0 || (c->secret.p == NULL && need == CLIENT_AUTH_PROOF))
        return ERR_INVALID_CLIENT;
    if (c->secret.n > LIMIT_SECRET)
        return ERR_INVALID_CLIENT;
    if (!uid_parse(c->client_id, CLIENT_SID, &id, &c->spelling)) {
        (void)secret_check(rq, NULL, &id, c->secret);
        return ERR_INVALID_CLIENT;
    }
    if (c->secret.p != NULL && (e = secret_prepare(rq, &id, c->secret)) != OK)
        return e; /* before the client is looked for: what that costs, everybody pays (A32) */
    e = judge(rq, c, &id, false, need, client);
    if (e == ERR_INVALID_CLIENT && *client != NULL)
        e = judge(rq, c, &id, true, need, client);
    return e;
}

enum err client_auth_prove(struct rq *rq, struct credentials *c, enum client_auth_need need)
{
    const struct cached_client *client = NULL;
    enum err e;

    c->proven = false;
    e = c->assertion.p != NULL ? private_key_jwt_check(rq, c, &client)
                               : prove_secret(rq, c, need, &client);
    if (e == ERR_INVALID_CLIENT)
        return unproven(rq, c);
    if (e == OK)
        rq_client(rq, client);
    return e;
}

enum err client_auth_require(struct rq *rq, const struct client_auth_form *f,
                             enum client_auth_need need)
{
    struct credentials c;
    enum err e;

    if ((e = client_auth_collect(rq, f, &c)) != OK)
        return e;
    if ((e = client_auth_prove(rq, &c, need)) != OK)
        return e;
    if (!rq->client->client.enabled) {
        rq->failure.challenge = c.basic ? BASIC_CHALLENGE : NULL;
        note(rq, &c, ERR_CLIENT_DISABLED, "the client is disabled");
        return fail(rq, ERR_INVALID_CLIENT, "The client has been disabled.");
    }
    return OK;
}
