/* uri_rules: addresses at registration, and the one comparison of redirect URIs.
 *
 * Registered addresses are written as they will be compared: printable ASCII, lower-case scheme, no
 * fragment, no user info, no wildcard. Nothing is normalised, here or later; what a browser would
 * rewrite is the owner's to write as the browser does.
 * The comparison knows one exception, the port of a loopback address (RFC 8252 7.3): the registered
 * bytes are split behind the literal, and only a decimal port may stand between the two halves.
 * Left out on purpose: patterns, ports that vary on "localhost", which need not be this machine.
 */
#include "oauth/check/uri_rules.h"

#include "codec/url.h"

static bool no(const char **why, const char *what)
{
    *why = what;
    return false;
}

/* RFC 3986 2: what may stand in a URI at all. */
static bool is_text(str uri, const char **why)
{
    if (uri.n == 0)
        return no(why, "The address is empty.");
    if (uri.n > URI_RULES_MAX)
        return no(why, "The address is longer than 2048 bytes.");
    for (size_t i = 0; i < uri.n; i++) {
        char c = uri.p[i];
        if (c <= 0x20 || c >= 0x7f || strchr("\"<>\\^`{|}", c) != NULL)
            return no(why, "The address has a character that no URI may have; percent-encode it.");
        if (c == '*')
            return no(why, "The address has a wildcard; register each address on its own.");
        if (c == '#')
            return no(why, "The address has a fragment (#); leave it out.");
        if (c == '%' &&
            (i + 2 >= uri.n || url_hex_digit(uri.p[i + 1]) < 0 || url_hex_digit(uri.p[i + 2]) < 0))
            return no(why, "The address has a % that is not followed by two hex digits.");
    }
    return true;
}

static bool is_scheme(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool letter = c >= 'a' && c <= 'z';
        bool other = (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.';
        if (!letter && !(other && i > 0))
            return false;
    }
    return s.n > 0;
}

/* What stands before the first ":", if that comes before any "/" or "?". */
static bool split_scheme(str uri, str *scheme)
{
    size_t colon = str_find(uri, ':', 0);

    *scheme = str_sub(uri, 0, colon);
    return colon < uri.n && str_find(*scheme, '/', 0) == scheme->n &&
           str_find(*scheme, '?', 0) == scheme->n;
}

static bool is_web(str uri, const char **why)
{
    struct url u;
    bool http = str_starts(uri, STR("http:"));

    if (url_parse(uri, &u) != OK)
        return no(why, "The address is not a well-formed URL.");
    if (u.has_userinfo)
        return no(why, "The address has user information in front of its host; leave it out.");
    if (u.has_port && (u.port.n == 0 || u.port.p[0] == '0'))
        return no(why, "The port must be a number from 1 to 65535 without leading zeros.");
    if (http && !url_is_loopback(&u))
        return no(why, "The address must be https; http is for 127.0.0.1, [::1] and localhost.");
    return true;
}

/* RFC 8252 7.1: the reversed name of a domain that its owner has, one slash behind it. */
static bool is_private(str uri, str scheme, const char **why)
{
    str rest = str_sub(uri, scheme.n + 1, uri.n);

    if (str_find(scheme, '.', 0) == scheme.n)
        return no(why, "A private scheme needs a dot, as in com.example.app:/callback.");
    if (!str_starts(rest, STR("/")))
        return no(why, "Behind a private scheme comes a slash, as in com.example.app:/callback.");
    return true;
}

bool uri_rules_schemeless(str uri)
{
    str scheme;

    return !split_scheme(uri, &scheme);
}

/* "www.example.com/cb": what follows "https://" when the browser is sent there. */
static bool is_schemeless(str uri, const char **why)
{
    char text[URI_RULES_MAX + 16];
    struct buf b;

    buf_fixed(&b, text, sizeof text);
    BUF_LIT(&b, "https://");
    buf_put(&b, uri);
    return is_web(buf_str(&b), why);
}

bool uri_rules_redirect(str uri, bool schemeless_ok, const char **why)
{
    str scheme;

    if (!is_text(uri, why))
        return false;
    if (!split_scheme(uri, &scheme)) {
        if (schemeless_ok && uri.p[0] != '/')
            return is_schemeless(uri, why);
        return no(why, "The address is relative; it must be absolute, as https://app.example/cb.");
    }
    if (!is_scheme(scheme))
        return no(why, "The scheme must be in lower case, as in https://app.example/cb.");
    if (str_eq(scheme, STR("https")) || str_eq(scheme, STR("http")))
        return is_web(uri, why);
    return is_private(uri, scheme, why);
}

bool uri_rules_post_logout(str uri, const char **why)
{
    return uri_rules_redirect(uri, false, why);
}

bool uri_rules_page(str uri, const char **why)
{
    if (!is_text(uri, why))
        return false;
    if (!str_starts(uri, STR("https://")) && !str_starts(uri, STR("http://")))
        return no(why, "The address must begin with https://.");
    return is_web(uri, why);
}

bool uri_rules_resource(str uri, const char **why)
{
    str scheme;

    if (!is_text(uri, why)) /* RFC 8707 2: no fragment */
        return false;
    if (!split_scheme(uri, &scheme) || !is_scheme(scheme) || scheme.n + 1 == uri.n)
        return no(why, "A resource is an absolute URI, as https://api.example.com.");
    return true;
}

bool uri_rules_origin(str origin, const char **why)
{
    struct url u;

    if (!uri_rules_page(origin, why))
        return false;
    if (url_parse(origin, &u) != OK || u.path.n > 0 || u.has_query)
        return no(why, "An origin has no path: https://app.example.com, without a slash behind.");
    for (size_t i = 0; i < origin.n; i++)
        if (origin.p[i] >= 'A' && origin.p[i] <= 'Z')
            return no(why, "An origin is in lower case, as browsers send it.");
    if (u.has_port && str_eq(u.port, str_eq(u.scheme, STR("https")) ? STR("443") : STR("80")))
        return no(why, "Leave the default port out, as browsers do.");
    return true;
}

/* Length of the literal in front of a registered loopback address that has no port, else 0. */
static size_t loopback_prefix(str registered)
{
    static const str literals[] = {STR_INIT("http://127.0.0.1"), STR_INIT("http://[::1]")};

    for (size_t i = 0; i < sizeof literals / sizeof *literals; i++)
        if (str_starts(registered, literals[i]) &&
            (registered.n == literals[i].n || registered.p[literals[i].n] == '/'))
            return literals[i].n;
    return 0;
}

bool uri_rules_match(str registered, str sent)
{
    size_t head = loopback_prefix(registered);
    str rest, tail;
    int64_t port;

    if (str_eq(registered, sent))
        return true;
    if (head == 0 || !str_starts(sent, str_sub(registered, 0, head)))
        return false;
    rest = str_sub(sent, head, sent.n);
    tail = str_sub(registered, head, registered.n);
    if (!str_starts(rest, STR(":")) || !str_ends(rest, tail) || rest.n < tail.n + 2)
        return false;
    rest = str_sub(rest, 1, rest.n - tail.n);
    return rest.p[0] != '0' && str_i64(rest, 1, 65535, &port);
}

bool uri_rules_find(str list, str sent)
{
    str one;

    while (str_next(&list, '\n', &one))
        if (uri_rules_match(one, sent))
            return true;
    return false;
}
