/* Fuzz target: the rules of signing, held against the reader of codec/json, which is jansson.
 *
 * The first byte chooses the profile and whether the object is open; the rest is claims. Whatever
 * the rules let pass, closed if it was open, must be an object for jansson too, with our iss, an
 * iat about now, and an exp that the profile allows. jansson may refuse it for what is no matter of
 * the rules: a name that repeats (other than iss, iat, exp and nbf: with one more of these in front
 * the rules must refuse), a number that does not fit, nesting beyond its own bound.
 */
#include <jansson.h>
#include <stdlib.h>

#include "crypto/sign_rules.h"

#define NOW 1700000000
#define ISS "https://id.example"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct sign_rules rules = {.issuer = STR_INIT(ISS)};

static const int64_t life_s[SIGN_PROFILES] = {
#define X(name, typ, life) [name] = life,
    SIGN_PROFILE_LIST(X)
#undef X
};

static void must(int ok)
{
    if (!ok)
        abort();
}

static bool about_now(const json_t *v)
{
    return json_is_integer(v) && json_integer_value(v) >= NOW - SIGN_BACK_S &&
           json_integer_value(v) <= NOW + SIGN_AHEAD_S;
}

static void judge(enum sign_profile p, const json_t *claims, bool open)
{
    const json_t *iss = json_object_get(claims, "iss"), *exp = json_object_get(claims, "exp");
    const json_t *iat = json_object_get(claims, "iat"), *nbf = json_object_get(claims, "nbf");

    must(json_is_object(claims) && json_is_string(iss));
    must(json_string_length(iss) == strlen(ISS) && strcmp(json_string_value(iss), ISS) == 0);
    must(about_now(iat) && (nbf == NULL || about_now(nbf)));
    must((exp != NULL) == (life_s[p] > 0));
    must(exp == NULL ||
         (json_is_integer(exp) && json_integer_value(exp) <= json_integer_value(iat) + life_s[p]));
    must(!open || strcmp(json_string_value(json_object_get(claims, "at_hash")), "ours") == 0);
}

/* Not a matter of the rules. */
static bool is_fault_of_others(const json_error_t *e)
{
    enum json_error_code code = json_error_code(e);
    return code == json_error_duplicate_key || code == json_error_numeric_overflow ||
           code == json_error_stack_overflow;
}

/* One more of these in front, of a value that would be refused alone or is a second one. An exp
 * stands there already, or the profile has none. */
static void repeats(enum sign_profile p, str text, bool open)
{
    static const char *const names[] = {"\"iss\":1,", "\"iat\":1,", "\"exp\":1,", "\"nbf\":1,"};
    for (size_t i = 0; i < 4; i++) {
        size_t at = str_find(text, '{', 0) + 1, n = strlen(names[i]);
        char *copy = malloc(text.n + n);
        memcpy(copy, text.p, at);
        memcpy(copy + at, names[i], n);
        memcpy(copy + at + n, text.p + at, text.n - at);
        enum err e = sign_rules_check(&rules, p, str_make(copy, text.n + n), open, NOW);
        free(copy);
        must(e == ERR_FORBIDDEN);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char tail[] = ",\"at_hash\":\"ours\"}";
    json_error_t error;
    if (size == 0)
        return 0;
    enum sign_profile p = (enum sign_profile)(data[0] % SIGN_PROFILES);
    bool open = data[0] & 0x80;
    str text = str_make((const char *)data + 1, size - 1);
    if (sign_rules_check(&rules, p, text, open, NOW) != OK)
        return 0;
    repeats(p, text, open);
    size_t n = text.n + (open ? sizeof tail - 1 : 0);
    char *whole = malloc(n);
    memcpy(whole, text.p, text.n);
    if (open)
        memcpy(whole + text.n, tail, sizeof tail - 1);
    json_t *claims = json_loadb(whole, n, JSON_REJECT_DUPLICATES, &error);
    if (claims == NULL && json_error_code(&error) == json_error_duplicate_key)
        claims = json_loadb(whole, n, 0, &error);
    must(claims != NULL || is_fault_of_others(&error));
    if (claims != NULL)
        judge(p, claims, open);
    json_decref(claims);
    free(whole);
    return 0;
}
