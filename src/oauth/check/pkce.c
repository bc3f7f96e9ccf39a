/* pkce: proof that whoever redeems the code is who asked for it (RFC 7636, RFC 9700 2.1.1).
 *
 * S256 alone: `plain` shows the verifier to whoever reads the URL. Public clients always need it,
 * others unless they are set to optional; but what is sent is judged in any case, so that a broken
 * challenge never counts as none (security.md 6).
 */
#include "oauth/check/check.h"

#include "codec/b64url.h"

static enum err refuse(struct rq *rq, const char *text, str where, str received)
{
    fail_at(rq, ERR_INVALID_REQUEST, text, where);
    return fail_rule(rq, STR("code_challenge of 43 base64url characters, with S256"), received);
}

enum err pkce_rule(struct rq *rq, struct authorize_request *ar)
{
    const struct relying_party *rp = &ar->client->rp;
    bool broken = ar->unfit & authorize_request_bit("code_challenge");
    uint8_t hash[32];

    if (ar->code_challenge.p == NULL && !broken) {
        if (ar->code_challenge_method.p != NULL)
            return refuse(rq, "code_challenge is missing.", STR("code_challenge"),
                          STR("code_challenge_method alone"));
        if (!rp->is_public && rp->pkce == PKCE_OPTIONAL)
            return OK;
        return refuse(rq, "code_challenge is missing: this client must use PKCE (RFC 7636).",
                      STR("code_challenge"), STR("none"));
    }
    if (!str_eq(ar->code_challenge_method, STR("S256"))) /* absent means plain (RFC 7636 4.3) */
        return refuse(rq, "code_challenge_method must be S256.", STR("code_challenge_method"),
                      ar->code_challenge_method.p != NULL ? ar->code_challenge_method
                                                          : STR("none, which means plain"));
    if (broken || !b64url_decode_exact(ar->code_challenge, hash, sizeof hash))
        return refuse(rq, "code_challenge must be 43 base64url characters.", STR("code_challenge"),
                      STR("something else"));
    return OK;
}
