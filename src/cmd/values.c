/* values: typed values from text, for options and for imports alike.
 *
 * Names must be UTF-8 without control characters and bidi marks: they are shown in terminals, logs
 * and pages.
 * Secrets from outside must be printable ASCII: RFC 6749 A.2 (VSCHAR) allows no more on the wire.
 */
#include "cmd/values.h"

#include <errno.h>
#include <unistd.h>

#include "codec/url.h"
#include "config/duration.h"
#include "config/suggest.h"
#include "store/account.h"

static str cut(str text)
{
    return text.n > 64 ? str_sub(text, 0, 64) : text;
}

int values_id(str text, const char *option, struct id *out)
{
    if (id_parse(text, out))
        return CMD_DONE;
    return cmd_fail(CMD_USAGE, "%s: `%.*s` is no id; an id is 24 lower-case hex digits", option,
                    STR_ARG(cut(text)));
}

int values_client(str text, const char *option, struct uid *out)
{
    enum spelling spelling;
    if (uid_parse(text, CLIENT_SID, out, &spelling))
        return CMD_DONE;
    return cmd_fail(CMD_USAGE, "%s: `%.*s` is no client id; it is a UUID, or OQ and 32 hex digits",
                    option, STR_ARG(cut(text)));
}

int values_account(str text, const char *option, struct uid *out)
{
    enum spelling spelling;
    if (uid_parse(text, ACCOUNT_SID, out, &spelling))
        return CMD_DONE;
    return cmd_fail(CMD_USAGE, "%s: `%.*s` is no account SID; it is AC and 32 hex digits", option,
                    STR_ARG(cut(text)));
}

static int text_of(str text, const char *option, size_t least, size_t most, const char *allowed,
                   str *out)
{
    if (text.n < least || text.n > most) {
        return cmd_fail(CMD_USAGE, "%s: takes %zu to %zu bytes, these are %zu", option, least, most,
                        text.n);
    }
    if (!url_is_utf8(text))
        return cmd_fail(CMD_USAGE, "%s: the text is not valid UTF-8", option);
    if (str_has_marks(text, allowed))
        return cmd_fail(CMD_USAGE, "%s: the text holds control characters or bidi marks", option);
    *out = text;
    return CMD_DONE;
}

int values_name(str text, const char *option, str *out)
{
    if (text.n > 0 && str_trim(text).n == 0)
        return cmd_fail(CMD_USAGE, "%s: the text is blank", option);
    return text_of(text, option, 1, LIMIT_NAME, "", out);
}

/* Whether mail arrives there is shown by mail that arrives. RFC 5321 4.5.3.1.3: 254 bytes. */
int values_email(str text, const char *option, str *out)
{
    enum { MOST = 254 };
    str local, domain;
    bool split = str_cut(text, '@', &local, &domain);
    bool shape = split && local.n > 0 && domain.n > 2 && text.n <= MOST &&
                 str_find(domain, '@', 0) == domain.n && str_find(text, ' ', 0) == text.n &&
                 str_find(domain, '.', 1) < domain.n - 1;
    if (shape)
        return text_of(text, option, 1, MOST, "", out);
    return cmd_fail(CMD_USAGE, "%s: `%.*s` is no e-mail address", option, STR_ARG(cut(text)));
}

int values_bio(str text, const char *option, str *out)
{
    return text_of(text, option, 0, LIMIT_BIO, "\n\t\r", out);
}

/* RFC 6749 3.3: %x21 / %x23-5B / %x5D-7E, separated by single spaces. */
static bool is_scope(str text)
{
    bool in_word = false;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        bool word = c > 0x20 && c < 0x7f && c != '"' && c != '\\';
        if (!word && (c != ' ' || !in_word))
            return false;
        in_word = word;
    }
    return in_word || text.n == 0;
}

int values_scope(str text, const char *option, str *out)
{
    if (text.n <= LIMIT_SCOPE && is_scope(text)) {
        *out = text;
        return CMD_DONE;
    }
    return cmd_fail(CMD_USAGE,
                    "%s: takes words of printable ASCII without \" and \\, one space between them, "
                    "at most %d characters",
                    option, LIMIT_SCOPE);
}

int values_duration(str text, const char *option, int64_t lo, int64_t hi, int64_t *out)
{
    char range[64];
    struct buf b;
    if (duration_parse(text, out) && *out >= lo && *out <= hi)
        return CMD_DONE;
    buf_fixed(&b, range, sizeof range);
    duration_write(&b, lo);
    BUF_LIT(&b, " to ");
    duration_write(&b, hi);
    return cmd_fail(CMD_USAGE, "%s: takes %.*s (like 90s, 15m, 24h, 30d), not `%.*s`", option,
                    STR_ARG(buf_str(&b)), STR_ARG(cut(text)));
}

int values_choice(str text, const char *option, const char *words, int *out)
{
    str rest = str_from(words), word;
    for (int i = 0; str_next(&rest, '|', &word); i++) {
        if (str_eq(word, text)) {
            *out = i;
            return CMD_DONE;
        }
    }
    return cmd_fail(CMD_USAGE, "%s: takes %s, not `%.*s`", option, words, STR_ARG(cut(text)));
}

static const struct {
    const char *name, *urn; /* as grant_type has it, when that is another word */
    uint32_t bit;
} grants_table[VALUES_GRANTS] = {
    {"client_credentials", NULL, GRANT_CLIENT_CREDENTIALS},
    {"refresh_token", NULL, GRANT_REFRESH_TOKEN},
    {"authorization_code", NULL, GRANT_AUTHORIZATION_CODE},
    {"device_code", "urn:ietf:params:oauth:grant-type:device_code", GRANT_DEVICE_CODE},
};

int values_grant(str text, const char *option, uint32_t *grants)
{
    struct suggest near;
    suggest_init(&near, text);
    for (size_t i = 0; i < VALUES_GRANTS; i++) {
        if (str_eq(text, str_from(grants_table[i].name)) ||
            (grants_table[i].urn && str_eq(text, str_from(grants_table[i].urn)))) {
            *grants |= grants_table[i].bit;
            return CMD_DONE;
        }
        suggest_offer(&near, grants_table[i].name);
    }
    return cmd_fail(CMD_USAGE,
                    "%s: takes client_credentials, authorization_code, device_code or "
                    "refresh_token, not `%.*s`%s%s%s",
                    option, STR_ARG(cut(text)), near.best ? "; did you mean `" : "",
                    near.best ? near.best : "", near.best ? "`?" : "");
}

size_t values_grant_names(uint32_t grants, str out[VALUES_GRANTS])
{
    size_t n = 0;
    for (size_t i = 0; i < VALUES_GRANTS; i++)
        if (grants & grants_table[i].bit)
            out[n++] = str_from(grants_table[i].name);
    return n;
}

int values_secret(str text, const char *option, str *out)
{
    bool printable = text.n >= 1 && text.n <= 255;
    for (size_t i = 0; i < text.n; i++)
        printable = printable && text.p[i] >= 0x20 && text.p[i] < 0x7f;
    if (!printable) {
        return cmd_fail(CMD_USAGE, "%s: a secret is 1 to 255 characters of printable ASCII",
                        option);
    }
    *out = text;
    return CMD_DONE;
}

int values_stdin(struct arena *a, size_t most, str *out)
{
    size_t room = most + 3; /* the line end, and one byte that shows that there is more */
    char *p = arena_alloc(a, room);
    size_t n = 0;
    while (n < room) {
        ssize_t got = read(STDIN_FILENO, p + n, room - n);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cmd_fail(CMD_FAILED, "cannot read stdin: %s", strerror(errno));
        if (got == 0)
            break;
        n += (size_t)got;
    }
    if (n > 0 && p[n - 1] == '\n')
        n -= n > 1 && p[n - 2] == '\r' ? 2 : 1;
    if (n > most)
        return cmd_fail(CMD_USAGE, "stdin holds more than %zu bytes", most);
    *out = str_make(p, n);
    return CMD_DONE;
}
