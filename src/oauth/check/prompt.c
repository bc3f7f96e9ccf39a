/* prompt: which questions the client wants to be asked (OIDC Core 3.1.2.1, 3.1.2.2). */
#include "oauth/check/check.h"

static unsigned bit(str word)
{
    static const char *const words[] = {"none", "login", "consent", "select_account"};

    for (unsigned i = 0; i < sizeof words / sizeof *words; i++)
        if (str_eq(word, str_from(words[i])))
            return 1u << i; /* in the order of enum prompt */
    return 0;
}

enum err prompt_rule(struct rq *rq, struct authorize_request *ar)
{
    str rest = ar->prompt, word;
    bool unknown = false;

    while (str_next(&rest, ' ', &word)) {
        unknown = unknown || bit(word) == 0;
        ar->prompts |= bit(word);
    }
    if (unknown) {
        ar->prompts = 0;
        fail_at(rq, ERR_INVALID_REQUEST, "prompt has a value that is not known.", STR("prompt"));
        return fail_rule(rq, STR("none, login, consent, select_account"), ar->prompt);
    }
    if (!(ar->prompts & PROMPT_NONE) || ar->prompts == PROMPT_NONE)
        return OK;
    ar->prompts = 0;
    fail_at(rq, ERR_INVALID_REQUEST, "prompt=none stands alone.", STR("prompt"));
    return fail_rule(rq, STR("none alone"), ar->prompt);
}
