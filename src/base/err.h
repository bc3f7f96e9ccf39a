/* err: the one list of errors.
 *
 * From it come the enum, the wire names of RFC 6749 and its family, the HTTP statuses, the
 * output of `postern list errors` and docs/errors.md. A dialect with another dictionary (Twine,
 * Twilio) maps these ids to its own codes in one table of its own.
 *
 * X(id, wire name, HTTP status, may be sent to a redirect URI, where it is specified, meaning)
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include <stdbool.h>

#define ERR_LIST(X)                                                                                \
    X(INVALID_REQUEST, "invalid_request", 400, true, "RFC 6749 5.2",                               \
      "A parameter is missing, repeated, malformed or not allowed here.")                          \
    X(INVALID_CLIENT, "invalid_client", 401, false, "RFC 6749 5.2",                                \
      "The client is unknown or could not prove itself.")                                          \
    X(INVALID_GRANT, "invalid_grant", 400, false, "RFC 6749 5.2",                                  \
      "The code or refresh token is wrong, used, expired, revoked or another client's.")           \
    X(UNAUTHORIZED_CLIENT, "unauthorized_client", 400, true, "RFC 6749 5.2",                       \
      "This client may not use this grant.")                                                       \
    X(UNSUPPORTED_GRANT_TYPE, "unsupported_grant_type", 400, false, "RFC 6749 5.2",                \
      "The server does not know this grant type.")                                                 \
    X(INVALID_SCOPE, "invalid_scope", 400, true, "RFC 6749 5.2",                                   \
      "The scope is malformed or more than the client may have.")                                  \
    X(INVALID_TARGET, "invalid_target", 400, true, "RFC 8707 2",                                   \
      "The resource is unknown or not allowed to this client.")                                    \
    X(UNSUPPORTED_RESPONSE_TYPE, "unsupported_response_type", 400, true, "RFC 6749 4.1.2.1",       \
      "The server gives codes only: response_type=code.")                                          \
    X(ACCESS_DENIED, "access_denied", 400, true, "RFC 6749 4.1.2.1",                               \
      "The person or the server said no.")                                                         \
    X(LOGIN_REQUIRED, "login_required", 400, true, "OIDC Core 3.1.2.6",                            \
      "prompt=none, but nobody suitable is signed in.")                                            \
    X(CONSENT_REQUIRED, "consent_required", 400, true, "OIDC Core 3.1.2.6",                        \
      "prompt=none, but the person has not allowed this yet.")                                     \
    X(INTERACTION_REQUIRED, "interaction_required", 400, true, "OIDC Core 3.1.2.6",                \
      "prompt=none, but the person must be asked something.")                                      \
    X(ACCOUNT_SELECTION_REQUIRED, "account_selection_required", 400, true, "OIDC Core 3.1.2.6",    \
      "prompt=none, but several people are signed in.")                                            \
    X(INVALID_REQUEST_OBJECT, "invalid_request_object", 400, true, "RFC 9101 7",                   \
      "The request object is not well signed, not for this server or not in its time.")            \
    X(INVALID_REQUEST_URI, "invalid_request_uri", 400, true, "RFC 9101 7",                         \
      "The request_uri is unknown, used, expired or another client's.")                            \
    X(REQUEST_URI_NOT_SUPPORTED, "request_uri_not_supported", 400, true, "OIDC Core 3.1.2.6",      \
      "The server fetches no request objects; push the request (RFC 9126).")                       \
    X(AUTHORIZATION_PENDING, "authorization_pending", 400, false, "RFC 8628 3.5",                  \
      "The person has not decided yet; poll again after the interval.")                            \
    X(SLOW_DOWN, "slow_down", 400, false, "RFC 8628 3.5",                                          \
      "Polled too early; the interval is 5 seconds longer from now on.")                           \
    X(EXPIRED_TOKEN, "expired_token", 400, false, "RFC 8628 3.5",                                  \
      "The device code has expired; begin again.")                                                 \
    X(UNSUPPORTED_TOKEN_TYPE, "unsupported_token_type", 400, false, "RFC 7009 2.2.1",              \
      "Tokens of this kind cannot be revoked.")                                                    \
    X(INVALID_TOKEN, "invalid_token", 401, false, "RFC 6750 3.1",                                  \
      "The access token is missing, unknown, expired or revoked.")                                 \
    X(INSUFFICIENT_SCOPE, "insufficient_scope", 403, false, "RFC 6750 3.1",                        \
      "The access token does not reach this resource.")                                            \
    X(CLIENT_DISABLED, "unauthorized_client", 400, false, "RFC 6749 5.2",                          \
      "The client proved itself, but an administrator has disabled it.")                           \
    X(INVALID_BODY, "invalid_request", 400, false, "RFC 6749 5.2",                                 \
      "The body is missing, malformed or of the wrong shape.")                                     \
    X(INVALID_QUERY, "invalid_request", 400, false, "RFC 6749 5.2",                                \
      "A query parameter is missing or malformed.")                                                \
    X(FORBIDDEN, "access_denied", 403, false, "RFC 9110 15.5.4",                                   \
      "The resource is outside what the token may see.")                                           \
    X(SIGN_IN_FIRST, "sign_in_first", 403, false, "docs/headless.md",                              \
      "Nobody is signed in, and the setting login.url leaves signing in to another page.")         \
    X(NOT_FOUND, "not_found", 404, false, "RFC 9110 15.5.5", "There is nothing at this path.")     \
    X(METHOD_NOT_ALLOWED, "invalid_request", 405, false, "RFC 9110 15.5.6",                        \
      "The path exists, the method does not; Allow names those that do.")                          \
    X(DECIDED, "invalid_request", 409, false, "RFC 9110 15.5.10",                                  \
      "It has been decided already: a flow is accepted or rejected once.")                         \
    X(REQUEST_TIMEOUT, "invalid_request", 408, false, "RFC 9110 15.5.9",                           \
      "The request did not arrive in time.")                                                       \
    X(BODY_TOO_LARGE, "invalid_request", 413, false, "RFC 9110 15.5.14",                           \
      "The body is larger than this path takes.")                                                  \
    X(URI_TOO_LONG, "invalid_request", 414, false, "RFC 9110 15.5.15",                             \
      "The request line is longer than 8 KiB.")                                                    \
    X(UNSUPPORTED_MEDIA_TYPE, "invalid_request", 415, false, "RFC 9110 15.5.16",                   \
      "The Content-Type is not one that this path takes.")                                         \
    X(EXPECTATION_FAILED, "invalid_request", 417, false, "RFC 9110 15.5.18",                       \
      "Expect names something other than 100-continue.")                                           \
    X(MISDIRECTED, "invalid_request", 421, false, "RFC 9110 15.5.20",                              \
      "The Host is not one that this server answers for (setting `hosts`).")                       \
    X(TOO_MANY_REQUESTS, "temporarily_unavailable", 429, false, "RFC 6585 4",                      \
      "Too many attempts; Retry-After says when to come back.")                                    \
    X(HEADERS_TOO_LARGE, "invalid_request", 431, false, "RFC 6585 5",                              \
      "The header block is larger than 16 KiB or 64 fields.")                                      \
    X(BAD_REQUEST, "invalid_request", 400, false, "RFC 9112",                                      \
      "The bytes are not a well-formed HTTP/1.1 request; the connection closes.")                  \
    X(NOT_IMPLEMENTED, "invalid_request", 501, false, "RFC 9112 6.1",                              \
      "The transfer coding is not one that the server knows.")                                     \
    X(VERSION_NOT_SUPPORTED, "invalid_request", 505, false, "RFC 9110 15.6.6",                     \
      "The HTTP version is not 1.0 or 1.1.")                                                       \
    X(SERVER_ERROR, "server_error", 500, true, "RFC 6749 4.1.2.1",                                 \
      "Something broke inside; the log line of the request id says what.")                         \
    X(UNAVAILABLE, "temporarily_unavailable", 503, true, "RFC 6749 4.1.2.1",                       \
      "The store or a queue could not take the request now; the outcome is unknown.")              \
    /* never leave the process */                                                                  \
    X(ABSENT, "", 500, false, "", "There is no such row.")                                         \
    X(CONFLICT, "", 500, false, "", "The row is there already, or another change won.")            \
    X(WRONG_PASSWORD, "", 500, false, "", "The user is unknown or the password wrong.")            \
    X(SLOW, "", 500, false, "", "The handler goes on in a pool of its own.")

enum err {
    OK = 0,
#define X(id, wire, status, redirectable, spec, meaning) ERR_##id,
    ERR_LIST(X)
#undef X
        ERR_COUNT
};

struct err_info {
    const char *id;   /* "INVALID_GRANT" */
    const char *wire; /* "invalid_grant"; "" for those that never leave the process */
    int status;
    bool redirectable;
    const char *spec;
    const char *meaning;
};

/* The row of e in the list; e must not be OK. */
const struct err_info *err_info(enum err e);

#endif
