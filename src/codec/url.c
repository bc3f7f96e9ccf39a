/* url: UTF-8, percent-encoding and the parts of an http(s) URL.
 *
 * url_parse reads RFC 3986 as written and repairs nothing: it exists to judge URLs that somebody
 * registers (redirect URIs, issuers), where a lenient reader and a browser would disagree. Left
 * out on purpose: other schemes, relative references, IPvFuture, zone ids, ports beyond 65535.
 */
#include "codec/url.h"

#include <arpa/inet.h>

bool url_is_utf8(str s)
{
    while (s.n > 0) {
        uint32_t code;
        size_t n = (unsigned char)s.p[0] < 0x80 ? 1 : str_utf8(s, &code);
        if (n == 0)
            return false;
        s = str_sub(s, n, s.n);
    }
    return true;
}

int url_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    char l = (char)(c | 0x20);
    return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

static bool unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

void url_encode(struct buf *out, str s)
{
    static const char DIGITS[] = "0123456789ABCDEF";
    while (s.n > 0) {
        size_t run = 0;
        while (run < s.n && unreserved(s.p[run]))
            run++;
        buf_put(out, str_sub(s, 0, run));
        s = str_sub(s, run, s.n);
        if (s.n > 0) {
            unsigned char c = (unsigned char)s.p[0];
            char escape[3] = {'%', DIGITS[c >> 4], DIGITS[c & 15]};
            buf_put(out, str_make(escape, 3));
            s = str_sub(s, 1, s.n);
        }
    }
}

/* Only unreserved characters, sub-delims, escapes and the characters of `extra`. */
static bool made_of(str s, const char *extra)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '%') {
            if (s.n - i < 3 || url_hex_digit(s.p[i + 1]) < 0 || url_hex_digit(s.p[i + 2]) < 0)
                return false;
        } else if (c == '\0' ||
                   (!unreserved(c) && !strchr("!$&'()*+,;=", c) && !strchr(extra, c))) {
            return false;
        }
    }
    return true;
}

static bool is_ipv6(str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* host [":" port] */
static bool split_host(str s, struct url *out)
{
    if (s.n > 0 && s.p[0] == '[') {
        size_t end = str_find(s, ']', 0);
        if (end == s.n || !is_ipv6(str_sub(s, 1, end)))
            return false;
        out->host = str_sub(s, 0, end + 1);
    } else {
        out->host = str_sub(s, 0, str_find(s, ':', 0));
        if (out->host.n == 0 || !made_of(out->host, ""))
            return false; /* RFC 9110 4.2.1: an http URL with an empty host is invalid */
    }
    str rest = str_sub(s, out->host.n, s.n);
    if (rest.n == 0)
        return true;
    int64_t port;
    out->has_port = true;
    out->port = str_sub(rest, 1, rest.n);
    return rest.p[0] == ':' && (out->port.n == 0 || str_i64(out->port, 0, 65535, &port)) &&
           !str_starts(out->port, STR("-"));
}

static bool split_authority(str s, struct url *out)
{
    size_t at = str_find(s, '@', 0);
    if (at < s.n) {
        out->has_userinfo = true;
        out->userinfo = str_sub(s, 0, at);
        s = str_sub(s, at + 1, s.n);
    }
    return made_of(out->userinfo, ":") && split_host(s, out);
}

enum err url_parse(str s, struct url *out)
{
    struct url u = {0};
    size_t colon = str_find(s, ':', 0);
    u.scheme = str_sub(s, 0, colon);
    str rest = str_sub(s, colon, s.n);
    if ((!str_eq_nocase(u.scheme, STR("http")) && !str_eq_nocase(u.scheme, STR("https"))) ||
        !str_starts(rest, STR("://")))
        return ERR_INVALID_REQUEST;
    rest = str_sub(rest, 3, rest.n);
    u.has_fragment = str_cut(rest, '#', &rest, &u.fragment);
    u.has_query = str_cut(rest, '?', &rest, &u.query);
    size_t slash = str_find(rest, '/', 0);
    u.path = str_sub(rest, slash, rest.n);
    if (!split_authority(str_sub(rest, 0, slash), &u) || !made_of(u.path, ":@/") ||
        !made_of(u.query, ":@/?") || !made_of(u.fragment, ":@/?"))
        return ERR_INVALID_REQUEST;
    *out = u;
    return OK;
}

bool url_is_loopback(const struct url *u)
{
    return str_eq_nocase(u->scheme, STR("http")) &&
           (str_eq(u->host, STR("127.0.0.1")) || str_eq(u->host, STR("[::1]")) ||
            str_eq_nocase(u->host, STR("localhost")));
}
