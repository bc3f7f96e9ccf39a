/* checks: the rules of an authorization request, in the order in which the specifications have them
 * and in which they are told: first what decides whether anybody may be told (client, where the
 * request comes from, redirect_uri), then how (response_mode), then the rest.
 *
 * A row that could be left out would be a row that nobody needs, so a test build proves of each
 * that something gets through without it (test/spec/check_switch.test.js).
 */
#include "oauth/check/checks.h"

#include "oauth/check/check.h"

#ifdef CHECK_SWITCH
#include <stdlib.h>
#endif

#define A VIA_AUTHORIZE
#define P VIA_PAR
#define D VIA_DEVICE

const struct check checks[] = {
    {"client", "RFC 6749 4.1.1", A | P | D, client_rule,
     "Look client_id up with `postern client list`; enable the client, or give it a redirect URI."},
    {"request_uri", "RFC 9126 4", A | P, request_uri_rule,
     "Push the request anew for each authorization; a request_uri lives for `par.ttl` and is for "
     "one "
     "client and one authorization. Other request_uris are not fetched."},
    {"request_object", "RFC 9101 6", A | P, request_object_rule,
     "Sign with a key of the client's jwks; iss = client_id, aud = issuer, exp within an hour of "
     "nbf; no `request` inside. `postern client show` lists the keys."},
    {"redirect_uri", "RFC 6749 3.1.2.3", A | P, redirect_uri_rule,
     "Send one of the registered redirect URIs byte by byte, or register this one with `postern "
     "client update --redirect-uri`."},
    {"response_mode", "OAuth 2.0 Multiple Response Types 2.1", A | P, response_mode_rule,
     "Leave response_mode out, or register the mode for the client; form_post needs an http(s) "
     "address."},
    {"repeated", "RFC 6749 3.1", A | P | D, repeated_rule,
     "Send each parameter once; only resource may repeat."},
    {"malformed", "RFC 6749 A", A | P | D, malformed_rule,
     "Shorten the value, and percent-encode it as application/x-www-form-urlencoded."},
    {"state", "RFC 6749 A.5", A | P, state_rule,
     "Keep the state short: a random id that names what your application stores."},
    {"par_required", "RFC 9126 5", A, par_required_rule,
     "Push the request first, or lift `par.required` or the client's own setting."},
    {"response_type", "RFC 6749 3.1.1", A | P, response_type_rule,
     "Use the authorization code flow: response_type=code."},
    {"grant", "RFC 6749 4.1.2.1", A | P | D, grant_rule,
     "Give the client the grant: `postern client update --grant`."},
    {"scope", "RFC 6749 3.3", A | P | D, scope_rule,
     "Ask for less, or give the client the scope: `postern client update --scope`."},
    {"pkce", "RFC 7636 4.3", A | P, pkce_rule,
     "Send code_challenge (S256), as every maintained library does; for a confidential client "
     "without it: --pkce optional."},
    {"nonce", "OIDC Core 3.1.2.1", A | P, nonce_rule,
     "Send a random nonce of 22 to 64 characters."},
    {"prompt", "OIDC Core 3.1.2.1", A | P, prompt_rule,
     "Send none alone, or a list of login, consent and select_account."},
    {"max_age", "OIDC Core 3.1.2.1", A | P, max_age_rule, "Send seconds in digits, or nothing."},
    {"claims", "OIDC Core 5.5", A | P, claims_rule,
     "Send a JSON object with the members id_token and userinfo."},
    {"id_token_hint", "OIDC Core 3.1.2.2", A | P, id_token_hint_rule,
     "Send the last id_token that this client got for the person."},
    {"resource", "RFC 8707 2", A | P | D, resource_rule,
     "Leave resource out, or give the client the resource: `postern client update --resource`."},
};

const size_t checks_n = sizeof checks / sizeof *checks;

/* Is the row left out? */
static bool is_off(const struct check *c)
{
#ifdef CHECK_SWITCH
    const char *off = getenv("CHECK_OFF");

    return off != NULL && strcmp(off, c->name) == 0;
#else
    (void)c;
    return false;
#endif
}

/* Without the client no other row can stand: of that rule only the verdict is left out. */
static enum err run(struct rq *rq, struct authorize_request *ar, const struct check *c)
{
    enum err e = is_off(c) && ar->client != NULL ? OK : c->run(rq, ar);

    if (e == OK || !is_off(c) || ar->client == NULL)
        return e;
    rq->failure = (struct failure){0};
    return OK;
}

enum err checks_run(struct rq *rq, struct authorize_request *ar)
{
    enum err e;

    for (size_t i = 0; i < checks_n; i++) {
        if (!(checks[i].via & (unsigned)ar->via))
            continue;
        if ((e = run(rq, ar, &checks[i])) != OK) {
            rq->failure.rule = checks[i].name;
            return e;
        }
    }
    return OK;
}

const struct check *checks_find(str name)
{
    for (size_t i = 0; i < checks_n; i++)
        if (str_eq(name, str_from(checks[i].name)))
            return &checks[i];
    return NULL;
}
