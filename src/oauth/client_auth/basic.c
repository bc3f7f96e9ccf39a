/* basic: credentials in the Authorization header (RFC 7617), each half form-encoded as OAuth
 * wants it (RFC 6749 2.3.1). The second colon belongs to the secret.
 */
#include "codec/b64url.h"
#include "codec/form.h"
#include "oauth/client_auth/client_auth.h"

static enum err malformed(struct rq *rq)
{
    rq->failure.challenge = BASIC_CHALLENGE;
    return fail(rq, ERR_INVALID_CLIENT, "The Authorization header is not well-formed HTTP Basic.");
}

enum err basic_split(struct rq *rq, bool *present, str *user, str *password)
{
    size_t count;
    str value = http_header_get(rq->req, STR("Authorization"), &count);
    str scheme, rest, plain;

    *present = value.n > 0;
    if (count > 1)
        return fail(rq, ERR_INVALID_REQUEST, "There are several Authorization headers.");
    if (!*present)
        return OK;
    str_cut(value, ' ', &scheme, &rest);
    if (!str_eq_nocase(scheme, STR("Basic")) || rest.n > LIMIT_BASIC_CREDENTIALS)
        return malformed(rq);
    if (!b64url_decode_plain(rq->arena, str_trim(rest), &plain) ||
        !str_cut(plain, ':', user, password))
        return malformed(rq);
    return OK;
}

enum err basic_read(struct rq *rq, bool *present, str *id, str *secret)
{
    str user, password;
    enum err e;

    if ((e = basic_split(rq, present, &user, &password)) != OK || !*present)
        return e;
    if (form_decode(rq->arena, user, id) != OK || form_decode(rq->arena, password, secret) != OK)
        return malformed(rq);
    return OK;
}
