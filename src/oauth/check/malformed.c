/* malformed: values that are too long or have characters that they must not have (RFC 6749 A).
 *
 * scope, state, nonce and code_challenge have rules of their own. What only advises us
 * (acr_values, ui_locales, claims_locales, login_hint, display) never fails: such a value is as
 * good as absent (openid.md 3.2).
 */
#include "oauth/check/check.h"

static bool is_lenient(const char *name)
{
    static const char *const names[] = {"scope",      "state",      "nonce",
                                        "acr_values", "ui_locales", "claims_locales",
                                        "login_hint", "display",    "code_challenge"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

enum err malformed_rule(struct rq *rq, struct authorize_request *ar)
{
    for (size_t i = 0; i < authorize_params_n; i++) {
        const char *name = authorize_params[i].name;
        if (!(ar->unfit & (UINT64_C(1) << i)) || is_lenient(name))
            continue;
        fail_at(rq, ERR_INVALID_REQUEST, "A parameter is too long or has a bad character.",
                str_from(name));
        return fail_rule(rq, STR("a value as its specification has it"), str_from(name));
    }
    return OK;
}
