/* head: field lines, Host, framing, Connection and Expect.
 *
 * Fields are read in order; those that decide about framing are noticed as they pass (by length,
 * then name), so nothing is searched for afterwards. All of them are kept as sent, also those
 * that a Connection field lists: removing them is for proxies, and doing so here would let a
 * client switch off its own Authorization (security.md A7).
 */
#include "http/head.h"

#include <arpa/inet.h>

#include "http/forwarded.h"
#include "http/token.h"

/* What was noticed; counts tell repeated fields. */
struct noticed {
    unsigned host_n, length_n, coding_n, expect_n;
    str host, length, coding;
    bool close, keep_alive;
    bool expect_other; /* Expect with anything but 100-continue */
};

/* ---- fields ---- */

static void notice_connection(str value, struct noticed *seen)
{
    str option;
    while (str_next(&value, ',', &option)) {
        option = str_trim(option);
        seen->close = seen->close || str_eq_nocase(option, STR("close"));
        seen->keep_alive = seen->keep_alive || str_eq_nocase(option, STR("keep-alive"));
    }
}

/* A1: the framing fields are stricter than OWS. One space is what everybody sends; other white
 * space, which readers treat differently, stays in the value and makes it wrong. */
static str after_one_space(str sent)
{
    return str_starts(sent, STR(" ")) ? str_sub(sent, 1, sent.n) : sent;
}

/* `sent` is the value with the white space around it. */
static void notice(str name, str value, str sent, struct noticed *seen)
{
    if (name.n == 4 && str_eq_nocase(name, STR("host"))) {
        seen->host_n++;
        seen->host = value;
    } else if (name.n == 6 && str_eq_nocase(name, STR("expect"))) {
        seen->expect_n++;
        seen->expect_other = seen->expect_other || !str_eq_nocase(value, STR("100-continue"));
    } else if (name.n == 10 && str_eq_nocase(name, STR("connection"))) {
        notice_connection(value, seen);
    } else if (name.n == 14 && str_eq_nocase(name, STR("content-length"))) {
        seen->length_n++;
        seen->length = after_one_space(sent);
    } else if (name.n == 17 && str_eq_nocase(name, STR("transfer-encoding"))) {
        seen->coding_n++;
        seen->coding = after_one_space(sent);
    }
}

/* The lengths of the fields that proxies add, so that most others cost one comparison. */
static bool may_be_forwarding(size_t n)
{
    return n == 9 || n == 11 || n > 14;
}

/* A4: some reader in front of us may take these for the framing fields. */
static bool is_twin(str name)
{
    return str_eq_nocase(name, STR("content_length")) ||
           str_eq_nocase(name, STR("transfer_encoding"));
}

static enum err read_field(str line, struct http_req *req, struct noticed *seen,
                           const char **reason)
{
    size_t colon = 0;
    bool underscore = false;
    while (colon < line.n && http_is_token_char(line.p[colon])) {
        underscore = underscore || line.p[colon] == '_';
        colon++;
    }
    str name = str_sub(line, 0, colon);
    str sent = str_sub(line, colon + 1, line.n);
    str value = str_trim(sent);
    *reason = "A header field is malformed.";
    /* RFC 9112 5.1, 5.2: no space before the colon, no folded line */
    if (colon == 0 || colon == line.n || line.p[colon] != ':' || !http_is_text(value))
        return ERR_BAD_REQUEST;
    if (underscore)
        return is_twin(name) ? ERR_BAD_REQUEST : OK; /* A7: dropped */
    req->headers[req->headers_n++] = (struct http_header){name, value};
    if (may_be_forwarding(name.n))
        req->forwarding = req->forwarding || forwarded_is_field(name);
    notice(name, value, sent, seen);
    return OK;
}

static enum err read_fields(str fields, struct http_req *req, struct noticed *seen,
                            const char **reason)
{
    enum err e = OK;
    for (size_t n = 0; fields.n > 0 && e == OK; n++) {
        if (n == LIMIT_HEADER_FIELDS) {
            *reason = "The request has more than 64 header fields.";
            return ERR_HEADERS_TOO_LARGE;
        }
        size_t lf = str_find(fields, '\n', 0);
        e = read_field(str_sub(fields, 0, lf - 1), req, seen, reason);
        fields = str_sub(fields, lf + 1, fields.n);
    }
    return e;
}

/* ---- Host ---- */

static bool good_port(str s)
{
    int64_t port;
    return s.n > 0 && s.n <= 5 && s.p[0] != '-' && str_i64(s, 1, 65535, &port);
}

static bool good_ipv6(str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

static bool good_name(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && c != '-' && c != '.' && c != '_')
            return false;
        if (c == '.' && (i == 0 || s.p[i - 1] == '.'))
            return false; /* an empty label */
    }
    return s.n > 0;
}

/* uri-host [ ":" port ], where a name is made of what DNS names are made of. */
static bool good_host(str s)
{
    size_t end = 0;
    if (str_starts(s, STR("["))) {
        end = str_find(s, ']', 0);
        if (end == s.n || !good_ipv6(str_sub(s, 1, end)))
            return false;
        end++;
    } else {
        end = str_find(s, ':', 0);
        if (!good_name(str_sub(s, 0, end)))
            return false;
    }
    return end == s.n || (s.p[end] == ':' && good_port(str_sub(s, end + 1, s.n)));
}

/* RFC 9112 3.2: exactly one Host in HTTP/1.1, and it is valid. */
static enum err settle_host(const struct noticed *seen, struct http_req *req, const char **reason)
{
    *reason = "The request needs one well-formed Host.";
    str authority = req->host;
    if (seen->host_n > 1 || (seen->host_n == 0 && req->minor == 1))
        return ERR_BAD_REQUEST;
    if (seen->host_n == 1)
        req->host = seen->host;
    if (req->host.p && !good_host(req->host))
        return ERR_BAD_REQUEST;
    /* A5: an absolute target names the same host (RFC 9112 3.2.2 would let it win). */
    if (authority.p && !str_eq_nocase(authority, req->host)) {
        *reason = "Host and the absolute target differ.";
        return ERR_BAD_REQUEST;
    }
    return OK;
}

/* ---- framing ---- */

static bool read_length(str s, size_t *out)
{
    int64_t v;
    if (s.n == 0 || s.p[0] == '-' || !str_i64(s, 0, INT64_MAX, &v))
        return false;
    *out = (size_t)v;
    return true;
}

/* "chunked" alone is spoken. A list that ends in it could be framed, but not decoded: 501. */
static enum err judge_coding(str coding)
{
    str rest = coding, word, last = {NULL, 0};
    if (str_eq_nocase(coding, STR("chunked")))
        return OK;
    if (str_eq_nocase(str_trim(coding), STR("chunked")))
        return ERR_BAD_REQUEST; /* odd white space, see after_one_space */
    while (str_next(&rest, ',', &word)) {
        last = str_trim(word);
        if (!http_is_token(last))
            return ERR_BAD_REQUEST;
    }
    /* RFC 9112 6.3: without chunked at the end the length is unknown */
    return str_eq_nocase(last, STR("chunked")) ? ERR_NOT_IMPLEMENTED : ERR_BAD_REQUEST;
}

/* RFC 9112 6.1-6.3 */
static enum err settle_framing(const struct noticed *seen, struct http_parser *p,
                               const struct http_req *req, const char **reason)
{
    p->chunked = seen->coding_n > 0;
    p->content_length = 0;
    *reason = "Content-Length and Transfer-Encoding exclude each other and may not repeat.";
    if (seen->length_n + seen->coding_n > 1)
        return ERR_BAD_REQUEST;
    *reason = "Content-Length is not a number.";
    if (seen->length_n == 1 && !read_length(seen->length, &p->content_length))
        return ERR_BAD_REQUEST;
    if (p->chunked) {
        *reason = "The only transfer coding is chunked, in HTTP/1.1.";
        enum err e = req->minor == 1 ? judge_coding(seen->coding) : ERR_BAD_REQUEST;
        if (e != OK)
            return e;
    }
    bool bodyless = (req->method & (HTTP_GET | HTTP_HEAD | HTTP_OPTIONS)) != 0;
    if (bodyless && (p->chunked || p->content_length > 0)) {
        *reason = "A request with this method has no body."; /* A6 */
        return ERR_BAD_REQUEST;
    }
    return OK;
}

static enum err settle_expect(const struct noticed *seen, struct http_parser *p,
                              const struct http_req *req, const char **reason)
{
    if (seen->expect_other) {
        *reason = "The only expectation that can be met is 100-continue.";
        return ERR_EXPECTATION_FAILED;
    }
    /* RFC 9110 10.1.1: ignored in HTTP/1.0, and pointless without a body */
    p->expect_continue =
        seen->expect_n > 0 && req->minor == 1 && (p->chunked || p->content_length > 0);
    return OK;
}

enum err head_read(str fields, struct http_parser *p, struct http_req *req, const char **reason)
{
    struct noticed seen = {0};
    enum err e;
    if ((e = read_fields(fields, req, &seen, reason)) != OK ||
        (e = settle_host(&seen, req, reason)) != OK ||
        (e = settle_framing(&seen, p, req, reason)) != OK ||
        (e = settle_expect(&seen, p, req, reason)) != OK)
        return e;
    /* RFC 9112 9.3 */
    req->keep_alive = !seen.close && (req->minor == 1 || seen.keep_alive);
    return OK;
}
