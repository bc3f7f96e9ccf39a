/* sign_rules: a scanner that reads claims once, strictly, without memory, and judges as it goes.
 *
 * It is not the reader of codec/json on purpose: it runs where the keys are, on what may come from
 * a process that an attacker owns, so it is as small as it can be, allocates nothing and calls no
 * library. test/fuzz/sign_rules.c holds it against jansson. The grammar is that of RFC 8259;
 * names inside nested objects may repeat, since no reader of ours or of clients looks for iss or
 * exp there. Members of the object itself may repeat too, unless a rule is about them.
 *
 * Left out on purpose: whose token it is (sub, aud, scope). Only the store could tell.
 */
#include "crypto/sign_rules.h"

#define DEPTH_MAX 32
#define TIME_MAX  ((int64_t)1 << 53)

static const struct {
    str typ;
    int64_t life_s;
} profiles[SIGN_PROFILES] = {
#define X(name, typ, life_s) [name] = {STR_INIT(typ), life_s},
    SIGN_PROFILE_LIST(X)
#undef X
};

/* The members that rules are about; bits of scan.seen. */
enum { ISS = 1, EXP = 2, IAT = 4, NBF = 8, AT_HASH = 16 };

struct scan {
    const char *p, *end;
    unsigned depth;
    uint32_t arrays; /* bit n: the container at depth n + 1 is an array */
    unsigned seen;
    str iss; /* as it is written, without its quotes; p == NULL: no plain string */
    int64_t exp_s, iat_s, nbf_s;
};

str sign_rules_typ(enum sign_profile p)
{
    return p < SIGN_PROFILES ? profiles[p].typ : str_make(NULL, 0);
}

/* ---- grammar ---- */

static void skip_space(struct scan *s)
{
    while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
        s->p++;
}

static bool take(struct scan *s, char c)
{
    if (s->p == s->end || *s->p != c)
        return false;
    s->p++;
    return true;
}

static bool take_word(struct scan *s, str word)
{
    if (!str_starts(str_make(s->p, (size_t)(s->end - s->p)), word))
        return false;
    s->p += word.n;
    return true;
}

static bool take_unit(struct scan *s, unsigned *unit)
{
    uint8_t b[2];
    if (s->end - s->p < 4 || !str_hex(str_make(s->p, 4), b, sizeof b))
        return false;
    s->p += 4;
    *unit = (unsigned)b[0] << 8 | b[1];
    return true;
}

/* Behind the backslash. No \u0000, and surrogates in pairs alone, as codec/json has it. */
static bool take_escape(struct scan *s)
{
    unsigned unit, low;
    if (s->p == s->end)
        return false;
    char c = *s->p++;
    if (c != 'u')
        return c != '\0' && strchr("\"\\/bfnrt", c) != NULL;
    if (!take_unit(s, &unit) || unit == 0)
        return false;
    if (unit < 0xd800 || unit > 0xdfff)
        return true;
    return unit < 0xdc00 && take(s, '\\') && take(s, 'u') && take_unit(s, &low) && low >= 0xdc00 &&
           low <= 0xdfff;
}

static bool take_utf8(struct scan *s)
{
    uint32_t code;
    size_t n = str_utf8(str_make(s->p, (size_t)(s->end - s->p)), &code);
    s->p += n;
    return n > 0;
}

/* *out: what stands between the quotes; p == NULL when it is written with an escape. */
static bool take_string(struct scan *s, str *out)
{
    bool plain = true;
    if (!take(s, '"'))
        return false;
    const char *start = s->p;
    while (s->p < s->end && *s->p != '"') {
        unsigned char c = (unsigned char)*s->p;
        if (c == '\\') {
            plain = false;
            s->p++;
            if (!take_escape(s))
                return false;
        } else if (c >= 0x80) {
            if (!take_utf8(s))
                return false;
        } else if (c < 0x20) {
            return false;
        } else {
            s->p++;
        }
    }
    *out = plain ? str_make(start, (size_t)(s->p - start)) : str_make(NULL, 0);
    return take(s, '"');
}

static size_t take_digits(struct scan *s)
{
    const char *start = s->p;
    while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
        s->p++;
    return (size_t)(s->p - start);
}

static bool take_number(struct scan *s)
{
    take(s, '-');
    const char *first = s->p;
    size_t n = take_digits(s);
    if (n == 0 || (n > 1 && *first == '0'))
        return false;
    if (take(s, '.') && take_digits(s) == 0)
        return false;
    if (!take(s, 'e') && !take(s, 'E'))
        return true;
    if (!take(s, '+'))
        take(s, '-');
    return take_digits(s) > 0;
}

static bool in_array(const struct scan *s)
{
    return s->arrays >> (s->depth - 1) & 1;
}

static bool open_container(struct scan *s, bool array)
{
    if (s->depth == DEPTH_MAX)
        return false;
    uint32_t bit = (uint32_t)1 << s->depth++;
    s->arrays = array ? s->arrays | bit : s->arrays & ~bit;
    return true;
}

static bool take_scalar(struct scan *s)
{
    str ignored;
    switch (*s->p) {
    case '"':
        return take_string(s, &ignored);
    case 't':
        return take_word(s, STR("true"));
    case 'f':
        return take_word(s, STR("false"));
    case 'n':
        return take_word(s, STR("null"));
    default:
        return take_number(s);
    }
}

/* The name of a member inside a nested object, with its colon; nothing in an array. */
static bool take_name(struct scan *s)
{
    str ignored;
    if (in_array(s))
        return true;
    skip_space(s);
    if (!take_string(s, &ignored))
        return false;
    skip_space(s);
    return take(s, ':');
}

/* A value up to where it begins to be finished: a scalar whole, of a container the bracket. *opened
 * says that the container goes on. */
static bool begin_value(struct scan *s, bool *opened)
{
    skip_space(s);
    if (s->p == s->end)
        return false;
    *opened = *s->p == '{' || *s->p == '[';
    if (!*opened)
        return take_scalar(s);
    bool array = *s->p++ == '[';
    if (!open_container(s, array))
        return false;
    skip_space(s);
    if (take(s, array ? ']' : '}')) {
        s->depth--;
        *opened = false;
    }
    return true;
}

/* A whole value, however deep, without recursion. */
static bool take_value(struct scan *s)
{
    unsigned base = s->depth;
    bool opened;
    if (!begin_value(s, &opened))
        return false;
    while (s->depth > base) {
        if (!opened) { /* behind a value in a container: the next one, or its end */
            skip_space(s);
            if (take(s, in_array(s) ? ']' : '}')) {
                s->depth--;
                continue;
            }
            if (!take(s, ','))
                return false;
        }
        if (!take_name(s) || !begin_value(s, &opened))
            return false;
    }
    return true;
}

/* ---- members ---- */

static bool take_time(struct scan *s, int64_t *out)
{
    const char *start = s->p;
    return take_number(s) && str_i64(str_make(start, (size_t)(s->p - start)), 0, TIME_MAX, out);
}

static unsigned rule_of(str name)
{
    if (name.n == 3) {
        if (memcmp(name.p, "iss", 3) == 0)
            return ISS;
        if (memcmp(name.p, "exp", 3) == 0)
            return EXP;
        if (memcmp(name.p, "iat", 3) == 0)
            return IAT;
        if (memcmp(name.p, "nbf", 3) == 0)
            return NBF;
    }
    return str_eq(name, STR("at_hash")) ? AT_HASH : 0;
}

static bool take_member(struct scan *s)
{
    str name;
    if (!take_string(s, &name) || name.p == NULL)
        return false;
    skip_space(s);
    if (!take(s, ':'))
        return false;
    unsigned rule = rule_of(name);
    if (s->seen & rule)
        return false;
    s->seen |= rule;
    skip_space(s);
    switch (rule) {
    case ISS:
        return take_string(s, &s->iss);
    case EXP:
        return take_time(s, &s->exp_s);
    case IAT:
        return take_time(s, &s->iat_s);
    case NBF:
        return take_time(s, &s->nbf_s);
    default:
        return take_value(s);
    }
}

/* The object: `open` ends behind a member, without the brace. */
static bool take_object(struct scan *s, bool open)
{
    if (!take(s, '{'))
        return false;
    s->depth = 1;
    for (;;) {
        skip_space(s);
        if (!take_member(s)) /* so an empty object is refused, too: it has no iss */
            return false;
        skip_space(s);
        if (open && s->p == s->end)
            return true;
        if (!take(s, ','))
            break;
    }
    return !open && take(s, '}') && s->p == s->end;
}

/* ---- judgement ---- */

static bool about_now(int64_t at_s, int64_t now_s)
{
    return at_s >= now_s - SIGN_BACK_S && at_s <= now_s + SIGN_AHEAD_S;
}

static bool life_is_right(const struct scan *s, int64_t life_s)
{
    if (life_s == 0)
        return !(s->seen & EXP);
    return (s->seen & EXP) && s->exp_s <= s->iat_s + life_s;
}

enum err sign_rules_check(const struct sign_rules *rules, enum sign_profile p, str claims,
                          bool open, int64_t now_s)
{
    struct scan s = {.p = claims.p, .end = claims.p + claims.n};
    if (p >= SIGN_PROFILES || claims.n == 0 || !take_object(&s, open))
        return ERR_FORBIDDEN;
    if (!(s.seen & ISS) || s.iss.p == NULL || s.iss.n == 0 || !str_eq(s.iss, rules->issuer))
        return ERR_FORBIDDEN;
    if (!(s.seen & IAT) || !about_now(s.iat_s, now_s) || !life_is_right(&s, profiles[p].life_s))
        return ERR_FORBIDDEN;
    if ((s.seen & NBF) && !about_now(s.nbf_s, now_s))
        return ERR_FORBIDDEN;
    return open && (s.seen & AT_HASH) ? ERR_FORBIDDEN : OK; /* it would be there twice */
}
