/* explain_remedy: one sentence for each error that may leave the server, for whoever operates the
 * client or the server. Authorization requests have finer ones, one for each rule of their table.
 */
#include "cmd/explain_remedy.h"

#include "oauth/check/checks.h"

static const char *const remedies[ERR_COUNT] = {
    [ERR_INVALID_REQUEST] = "Compare the request with what the text says of it; mend the client.",
    [ERR_INVALID_CLIENT] =
        "Compare client id, secret and method with `postern client show ID`; a new secret: "
        "`postern client secret ID`.",
    [ERR_INVALID_GRANT] =
        "Codes are good once and for a minute, refresh tokens until they are rotated: the client "
        "keeps the newest, and sends the redirect_uri and code_verifier of the same sign-in.",
    [ERR_UNAUTHORIZED_CLIENT] =
        "Give the client the grant: `postern client update ID --grant ...` (all that it shall "
        "have).",
    [ERR_UNSUPPORTED_GRANT_TYPE] =
        "grant_type is misspelt, or the grant is none of those in the server's metadata.",
    [ERR_INVALID_SCOPE] =
        "Ask for less, or allow the client more: `postern client update ID --scope \"...\"`.",
    [ERR_INVALID_TARGET] =
        "Allow the client the resource: `postern client update ID --resource URI`.",
    [ERR_UNSUPPORTED_RESPONSE_TYPE] = "Send response_type=code; the server gives codes only.",
    [ERR_ACCESS_DENIED] =
        "The person declined, or may not sign in to this client; nothing is broken.",
    [ERR_LOGIN_REQUIRED] =
        "prompt=none asked not to show a page: send the person without it to sign in.",
    [ERR_CONSENT_REQUIRED] =
        "prompt=none asked not to show a page: send the person without it once, to consent; or "
        "make the client one of the house: `postern client update ID --trusted`.",
    [ERR_INTERACTION_REQUIRED] =
        "prompt=none asked not to show a page: send the person without it.",
    [ERR_ACCOUNT_SELECTION_REQUIRED] =
        "prompt=none asked not to show a page: send login_hint or id_token_hint, or no prompt.",
    [ERR_INVALID_REQUEST_OBJECT] =
        "Sign it with a key of the client's JWKS (`postern client show ID`), with iss the client "
        "id, aud the issuer, and exp at most an hour ahead; compare the clocks.",
    [ERR_INVALID_REQUEST_URI] =
        "A pushed request is good once and for a short time, for the client that pushed it: push "
        "again for each sign-in.",
    [ERR_REQUEST_URI_NOT_SUPPORTED] =
        "Push the request (RFC 9126) or send it by value; the server fetches nothing.",
    [ERR_AUTHORIZATION_PENDING] = "Nothing is wrong: poll again after the interval.",
    [ERR_SLOW_DOWN] = "Poll more rarely: the interval has grown by 5 seconds.",
    [ERR_EXPIRED_TOKEN] = "Begin again with a new device code (setting device.ttl).",
    [ERR_UNSUPPORTED_TOKEN_TYPE] = "Revoke an access or a refresh token.",
    [ERR_INVALID_TOKEN] =
        "Get a new access token: this one is unknown, of another server, expired or revoked.",
    [ERR_INSUFFICIENT_SCOPE] =
        "Ask for the scope at sign-in, and allow it to the client: `postern client update ID "
        "--scope \"...\"`.",
    [ERR_CLIENT_DISABLED] = "Let the client in again: `postern client enable ID`.",
    [ERR_INVALID_BODY] = "Send a body of the media type and shape that the path takes.",
    [ERR_INVALID_QUERY] = "Compare the query with the API's document (/docs).",
    [ERR_FORBIDDEN] = "Use a token that reaches the resource: give its client the group.",
    [ERR_SIGN_IN_FIRST] =
        "Nothing is broken: /account and /device are for people who came in through login.url.",
    [ERR_NOT_FOUND] = "Compare the path with `postern list routes`; is its dialect switched off?",
    [ERR_METHOD_NOT_ALLOWED] = "Use a method that Allow names.",
    [ERR_DECIDED] = "Decide a flow once: accept or reject it, and send the browser to redirect_to.",
    [ERR_REQUEST_TIMEOUT] = "The client or what lies between is too slow; send at once.",
    [ERR_BODY_TOO_LARGE] = "Send less; the limits are in docs/limits.md.",
    [ERR_URI_TOO_LONG] = "Push the request (RFC 9126) or send it by POST.",
    [ERR_UNSUPPORTED_MEDIA_TYPE] = "Send application/x-www-form-urlencoded, as OAuth wants it.",
    [ERR_EXPECTATION_FAILED] = "Send no Expect header but 100-continue.",
    [ERR_MISDIRECTED] = "Name the host in the setting `hosts`, or mend the proxy's Host header.",
    [ERR_TOO_MANY_REQUESTS] =
        "Wait as long as Retry-After says; if it was not you, somebody guesses.",
    [ERR_HEADERS_TOO_LARGE] = "Send fewer or shorter headers; old cookies are the usual cause.",
    [ERR_BAD_REQUEST] = "What sent this speaks no clean HTTP/1.1; look at the client or proxy.",
    [ERR_NOT_IMPLEMENTED] = "Send the body with Content-Length or chunked, nothing else.",
    [ERR_VERSION_NOT_SUPPORTED] = "Speak HTTP/1.1.",
    [ERR_SERVER_ERROR] = "Look for the log line with this request_id; it has the cause.",
    [ERR_UNAVAILABLE] =
        "Look for the log line with this request_id, and run `postern check`; a client may try "
        "again after Retry-After.",
};

const char *explain_remedy(str rule, str error)
{
    const struct check *check = rule.n ? checks_find(rule) : NULL;
    if (check && check->remedy)
        return check->remedy;
    for (int e = OK + 1; e < ERR_COUNT; e++)
        if (str_eq(error, str_from(err_info((enum err)e)->id)))
            return remedies[e];
    /* Several share a wire name; the first is the general one. */
    for (int e = OK + 1; e < ERR_COUNT; e++)
        if (error.n && str_eq(error, str_from(err_info((enum err)e)->wire)))
            return remedies[e];
    return NULL;
}
