/* subject: public and pairwise subject identifiers (OIDC Core 8).
 *
 * A pairwise sub is a MAC over sector and user under a key of its own. Clients that share a sector
 * see one sub, clients of two sectors cannot compare theirs, and nothing has to be stored. The
 * sector is a host: the client's setting, else that of its first redirect URI; that a client with
 * redirect URIs of several hosts names its sector is checked when it is registered.
 */
#include "oauth/token/subject.h"

#include "codec/b64url.h"
#include "codec/url.h"

/* OIDC Core 8.1 */
static str sector_of(const struct relying_party *rp)
{
    struct url url;
    str first, rest;

    if (rp->sector.n > 0)
        return rp->sector;
    str_cut(rp->redirect_uris, '\n', &first, &rest);
    return url_parse(first, &url) == OK ? url.host : first;
}

/* A MAC over sector and what is named; user ids and session ids differ in length. */
static str pairwise(struct rq *rq, const struct relying_party *rp, str named)
{
    const struct key *key = keyring_active(signer_ring(rq->t->signer), KEY_PAIRWISE, 0);
    str sector = sector_of(rp);
    struct digest digest;
    struct buf message, out;

    if (key == NULL)
        fatal("there is no key for pairwise subjects"); /* server_open() refused to start */
    buf_init(&message, rq->arena, sector.n + 1 + named.n, sector.n + 1 + named.n);
    buf_put(&message, sector);
    buf_char(&message, '\0');
    buf_put(&message, named);
    if (!signer_hmac_known(rq->t->signer, key, buf_str(&message), &digest) &&
        signer_hmac(rq->t->signer, key, buf_str(&message), &digest) == OK)
        signer_keep(rq->t->signer, key, buf_str(&message), &digest); /* no secret of anybody */
    buf_init(&out, rq->arena, B64URL_CHARS(sizeof digest.b), B64URL_CHARS(sizeof digest.b));
    b64url_write(&out, digest.b, sizeof digest.b);
    return buf_str(&out);
}

str subject_of(struct rq *rq, const struct cached_client *client, const struct uid *user,
               enum spelling spelling)
{
    struct buf b;

    if (client->rp.pairwise)
        return pairwise(rq, &client->rp, str_make((const char *)user->b, UID_BYTES));
    buf_init(&b, rq->arena, UID_UUID_CHARS, UID_UUID_CHARS);
    uid_write(&b, user, USER_SID, spelling);
    return buf_str(&b);
}

str subject_session(struct rq *rq, const struct cached_client *client, const struct id *session)
{
    struct buf b;

    if (client->rp.pairwise)
        return pairwise(rq, &client->rp, str_make((const char *)session->b, ID_BYTES));
    buf_init(&b, rq->arena, ID_HEX, ID_HEX);
    id_write(&b, session);
    return buf_str(&b);
}
