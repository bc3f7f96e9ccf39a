/* client_party_check: what single options do not show: which of them need or exclude each other.
 *
 * Refused here, by whoever registers a client, instead of at a sign-in, by its users.
 */
#include "cmd/client_party.h"

#include "codec/url.h"

static int check_public(const struct client *k, const struct relying_party *rp, const char *where)
{
    if (rp->is_public != (k->auth_method == CLIENT_AUTH_NONE)) {
        return cmd_fail(CMD_USAGE, "%s: public clients, and only they, have the method none",
                        where);
    }
    if (!rp->is_public)
        return CMD_DONE;
    if (k->grants & GRANT_CLIENT_CREDENTIALS) {
        return cmd_fail(CMD_USAGE,
                        "%s: a public client has no secret, so it may not have client_credentials",
                        where);
    }
    if (rp->pkce != PKCE_REQUIRED)
        return cmd_fail(CMD_USAGE, "%s: PKCE is always required of public clients", where);
    return client_party_interactive(k)
               ? CMD_DONE
               : cmd_fail(CMD_USAGE, "%s: a public client needs authorization_code or device_code",
                          where);
}

static int check_redirects(const struct client *k, const struct relying_party *rp,
                           const char *where)
{
    bool code = (k->grants & GRANT_AUTHORIZATION_CODE) != 0;
    if (code && !rp->redirect_uris.n)
        return cmd_fail(CMD_USAGE, "%s: authorization_code needs a redirect URI", where);
    if (!code && rp->redirect_uris.n) {
        return cmd_fail(CMD_USAGE,
                        "%s: a redirect URI needs the grant authorization_code; name every grant "
                        "that the client shall have",
                        where);
    }
    return CMD_DONE;
}

static int check_keys(const struct client *k, const struct relying_party *rp, const char *where)
{
    bool assertion = k->auth_method == CLIENT_AUTH_PRIVATE_KEY_JWT;
    if (rp->jwks.n || (!assertion && rp->request_object == REQUEST_OBJECT_OPTIONAL))
        return CMD_DONE;
    return cmd_fail(CMD_USAGE, "%s: %s needs the client's keys (--jwks-file)", where,
                    assertion ? "private_key_jwt" : "a required request object");
}

/* OIDC Core 8.1: with several hosts, somebody must say which is the sector. */
static int check_sector(const struct relying_party *rp, const char *where)
{
    str rest = rp->redirect_uris, uri, host = {0};
    if (!rp->pairwise || rp->sector.n)
        return CMD_DONE;
    while (str_next(&rest, '\n', &uri)) {
        struct url u;
        if (url_parse(uri, &u) || (host.p && !str_eq(host, u.host))) {
            return cmd_fail(CMD_USAGE,
                            "%s: the redirect URIs have several hosts or none; pairwise subjects "
                            "need --sector",
                            where);
        }
        host = u.host;
    }
    return host.p ? CMD_DONE : cmd_fail(CMD_USAGE, "%s: pairwise subjects need --sector", where);
}

int client_party_check(const struct client *k, const struct relying_party *rp, const char *where)
{
    int code;
    if ((code = check_public(k, rp, where)) || (code = check_redirects(k, rp, where)) ||
        (code = check_keys(k, rp, where)))
        return code;
    return check_sector(rp, where);
}
