/* apps_caller: who may administer an account's apps.
 *
 * The account may do everything to its own apps. An app may do what its policy says, and only to
 * apps that can do no more than itself: else one that may rotate secrets could take the secret of a
 * mightier one. What a client can do beside its policy (scopes, groups, introspection of others,
 * further grants) comes from an operator, so no app may touch a client that has any of it.
 */
#include "dialect/twilio/apps.h"
#include "dialect/twilio/codes.h"
#include "dialect/twilio/policy.h"
#include "dialect/twilio/token_fault.h"
#include "oauth/account_auth.h"
#include "oauth/record.h"
#include "oauth/token/bearer.h"

static str sid_of(struct rq *rq, const struct uid *id, const char *prefix)
{
    struct buf b;

    buf_init(&b, rq->arena, UID_SID_CHARS, UID_SID_CHARS);
    uid_write(&b, id, prefix, SPELLING_SID);
    return buf_str(&b);
}

static enum err by_account(struct rq *rq, struct apps_caller *out)
{
    struct account account;
    bool present;
    enum err e;

    if ((e = account_auth_optional(rq, ACCOUNT_CHALLENGE, &present, &account)) != OK)
        return e;
    if (!present)
        return account_auth_missing(rq, ACCOUNT_CHALLENGE);
    *out = (struct apps_caller){
        .organization = account.organization,
        .sid = sid_of(rq, &account.id, ACCOUNT_SID),
    };
    return OK;
}

static enum err by_app(struct rq *rq, str token, const char *verb, struct apps_caller *out)
{
    struct bearer b;
    enum err e;

    if ((e = bearer_require(rq, &b)) != OK) {
        if (e == ERR_INVALID_TOKEN)
            rq->failure.code = token_fault(rq, token);
        return e;
    }
    *out = (struct apps_caller){
        .organization = b.client->client.organization,
        .is_app = true,
        .sid = sid_of(rq, &b.client->client.id, CLIENT_SID),
        .policy = arena_dup(rq->arena, b.client->client.policy),
    };
    if (policy_allows(rq->arena, out->policy, arena_printf(rq->arena, POLICY_APPS "%s", verb)))
        return OK;
    rq->failure.code = CODE_PERMISSION;
    return fail(rq, ERR_FORBIDDEN, "The policy of this app does not allow that.");
}

enum err apps_caller(struct rq *rq, const char *verb, struct apps_caller *out)
{
    str value = http_header_get(rq->req, STR("Authorization"), NULL), scheme, token;

    str_cut(value, ' ', &scheme, &token);
    if (str_eq_nocase(scheme, STR("Bearer")))
        return by_app(rq, str_trim(token), verb, out);
    return by_account(rq, out);
}

static bool is_plain_app(const struct client *c)
{
    return c->scopes.n == 0 && !c->all_groups && !c->introspect_organization &&
           (c->grants & ~(uint32_t)GRANT_CLIENT_CREDENTIALS) == 0;
}

enum err apps_caller_may_hold(struct rq *rq, const struct apps_caller *who, const struct client *c)
{
    if (!who->is_app || (is_plain_app(c) && policy_covers(rq->arena, who->policy, c->policy)))
        return OK;
    rq->failure.code = CODE_PERMISSION;
    return fail_at(rq, ERR_FORBIDDEN, "An app cannot give or hold more than its own policy allows.",
                   STR("policy"));
}

void apps_caller_record(struct rq *rq, const struct apps_caller *who, enum audit_event event,
                        const struct client *c)
{
    record_done(rq, event,
                &(struct record){.account = who->is_app ? (str){0} : who->sid,
                                 .client = &c->id,
                                 .organization = &who->organization});
}

enum err apps_caller_load(struct rq *rq, const struct apps_caller *who, struct client *out)
{
    enum spelling spelling;
    struct uid id;
    enum err e = ERR_ABSENT;

    if (uid_parse(rq->path_id, CLIENT_SID, &id, &spelling))
        e = client_load(rq->t->db, rq->arena, &id, rq->now_s, out);
    if (e == ERR_ABSENT || (e == OK && !id_eq(&out->organization, &who->organization)))
        return fail(rq, ERR_NOT_FOUND, "There is no such app in this account.");
    return e;
}
