/* token_param: what introspection and revocation read. The hint is accepted and not used: a token
 * of ours says itself what it is.
 */
#include "oauth/endpoint/token_param.h"

struct token_param_form {
    str token, token_type_hint;
    struct client_auth_form client;
};

#define PARAM(member, must, limit, where)                                                          \
    {                                                                                              \
        .name = #member, .required = (must), .max = (limit), .charset = CHARS_VSCHAR,              \
        .offset = offsetof(struct token_param_form, member), .spec = (where)                       \
    }

const struct param token_param_table[TOKEN_PARAM_N] = {
    PARAM(token, true, LIMIT_PARAM_VALUE, "RFC 7662 2.1"),
    PARAM(token_type_hint, false, 128, "RFC 7662 2.1"),
    CLIENT_AUTH_ROWS(struct token_param_form, client),
};

enum err token_param_read(struct rq *rq, enum client_auth_need need, str *token)
{
    struct token_param_form form = {0};
    enum err e;

    if ((e = params_bind(rq, token_param_table, TOKEN_PARAM_N, &form)) != OK)
        return e;
    *token = form.token;
    return client_auth_require(rq, &form.client, need);
}
