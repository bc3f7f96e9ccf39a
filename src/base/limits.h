/* limits: every bound on what comes from outside, in one place (security.md A8, A9, A18).
 *
 * They are published in docs/limits.md; a test compares the two.
 */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

/* X(name, value, unit, what happens beyond it) */
#define LIMIT_LIST(X)                                                                              \
    X(REQUEST_LINE, 8192, "bytes", "414")                                                          \
    X(HEADER_BLOCK, 16384, "bytes", "431")                                                         \
    X(HEADER_FIELDS, 64, "fields", "431")                                                          \
    X(BODY, 65536, "bytes", "413")                                                                 \
    X(TOKEN_BODY, 32768, "bytes", "413")                                                           \
    X(CHUNK_EXTENSION, 256, "bytes", "400")                                                        \
    X(CHUNK_FRAMING, 65536, "bytes", "413")                                                        \
    X(PREAMBLE, 4096, "bytes", "close")                                                            \
    X(CLIENT_HELLO, 16384, "bytes", "close")                                                       \
    X(CLIENT_CERT, 8192, "bytes", "the field is ignored")                                          \
    X(CLIENT_CHAIN, 4, "certificates", "the field is ignored")                                     \
    X(PARAMS, 64, "parameters", "400")                                                             \
    X(PARAM_NAME, 64, "bytes", "400")                                                              \
    X(PARAM_VALUE, 16384, "bytes", "400")                                                          \
    X(BASIC_CREDENTIALS, 4096, "bytes", "401")                                                     \
    X(JSON_DEPTH, 16, "levels", "400")                                                             \
    X(JSON_MEMBERS, 256, "members", "400")                                                         \
    X(HEAD_MS, 10000, "ms", "408 and close")                                                       \
    X(BODY_MS, 20000, "ms", "408 and close")                                                       \
    X(WRITE_MS, 20000, "ms", "close")                                                              \
    X(HANDSHAKE_MS, 10000, "ms", "close")                                                          \
    X(IDLE_MS, 30000, "ms", "close")                                                               \
    X(REQUESTS_PER_CONNECTION, 1000, "requests", "close after the answer")                         \
    X(RESPONSE, 4194304, "bytes", "500")                                                           \
    X(UNSENT, 67108864, "bytes", "close")                                                          \
    X(REQUEST_ARENA, 33554432, "bytes", "the process ends: a broken invariant")                    \
    X(RERUNS, 3, "runs", "503")                                                                    \
    X(JWT, 16384, "bytes", "the token is invalid")                                                 \
    X(KID, 256, "bytes", "the token is invalid")                                                   \
    X(NAME, 200, "bytes", "refused")                                                               \
    X(BIO, 1500, "bytes", "refused")                                                               \
    X(CLAIMS, 8192, "bytes", "refused")                                                            \
    X(GROUPS, 1000, "groups", "403, or refused")                                                   \
    X(PENDING, 5000, "rows", "the oldest is forgotten")                                            \
    X(SOURCES, 16384, "sources", "the smallest debt is forgotten")                                 \
    X(SCOPE, 2048, "bytes", "invalid_scope")                                                       \
    X(SECRET, 1024, "bytes", "the credentials are wrong")

enum {
#define X(name, value, unit, beyond) LIMIT_##name = value,
    LIMIT_LIST(X)
#undef X
};

#endif
