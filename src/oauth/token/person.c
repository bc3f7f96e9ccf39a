/* person: loads a grant's user and judges both.
 *
 * The grant remembers the epoch under which it was made. So a code that somebody got before
 * "revoke all", and has not redeemed yet, is as dead as the tokens of that time.
 */
#include "oauth/token/person.h"

static bool grant_is_of(const struct person *p, const struct cached_client *client)
{
    return !p->grant.revoked && uid_eq(&p->grant.client, &client->client.id);
}

/* `found`: what came of looking for the user. */
static enum err judge_user(const struct cached_client *client, enum err found, struct person *p)
{
    if (found != OK)
        return found == ERR_ABSENT ? ERR_INVALID_TOKEN : found;
    if (!p->user.enabled || !id_eq(&p->user.organization, &client->client.organization))
        return ERR_INVALID_TOKEN;
    p->epoch = client->epoch + p->user.epoch;
    return p->grant.epoch == p->epoch ? OK : ERR_INVALID_TOKEN;
}

enum err person_judge(struct rq *rq, const struct cached_client *client, struct person *out)
{
    if (!grant_is_of(out, client))
        return ERR_INVALID_TOKEN;
    return judge_user(client, user_load(rq->t->db, rq->arena, &out->grant.user, &out->user), out);
}

enum err person_load(struct rq *rq, const struct cached_client *client, const struct id *grant,
                     struct person *out)
{
    enum err e = user_grant_load(rq->t->db, rq->arena, grant, &out->grant);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    return person_judge(rq, client, out);
}

enum err person_recall(struct rq *rq, const struct cached_client *client, const struct id *grant,
                       struct person *out)
{
    struct person_cache *memory = rq->t->persons;
    enum err e = person_cache_grant(memory, rq->t->db, rq->arena, grant, &out->grant);

    if (e != OK)
        return e == ERR_ABSENT ? ERR_INVALID_TOKEN : e;
    if (!grant_is_of(out, client))
        return ERR_INVALID_TOKEN;
    e = person_cache_user(memory, rq->t->db, rq->arena, &out->grant.user, &out->user);
    return judge_user(client, e, out);
}
