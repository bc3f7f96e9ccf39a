/* person: loads a grant's user and judges both.
 *
 * The grant remembers the epoch under which it was made. So a code that somebody got before
 * "revoke all", and has not redeemed yet, is as dead as the tokens of that time.
 */
#include "oauth/token/person.h"

static enum err find_user(struct rq *rq, const struct cached_client *client, struct person *p)
{
    enum err e = user_load(rq->t->db, rq->arena, &p->grant.user, &p->user);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if (!p->user.enabled || !id_eq(&p->user.organization, &client->client.organization))
        return ERR_INVALID_TOKEN;
    return OK;
}

enum err person_judge(struct rq *rq, const struct cached_client *client, struct person *out)
{
    enum err e;

    if (out->grant.revoked || !uid_eq(&out->grant.client, &client->client.id))
        return ERR_INVALID_TOKEN;
    if ((e = find_user(rq, client, out)) != OK)
        return e;
    out->epoch = client->epoch + out->user.epoch;
    return out->grant.epoch == out->epoch ? OK : ERR_INVALID_TOKEN;
}

enum err person_load(struct rq *rq, const struct cached_client *client, const struct id *grant,
                     struct person *out)
{
    enum err e = user_grant_load(rq->t->db, rq->arena, grant, &out->grant);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    return person_judge(rq, client, out);
}
