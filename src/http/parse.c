/* parse: the strict reader of HTTP/1.1 requests (RFC 9112, security.md A1-A8).
 *
 * The head is taken apart once, when its end has arrived; until then only new bytes are searched
 * for that end, so a head that drips in costs linear time, and a bare LF or CR in what has
 * arrived is refused at once (its sender will never send the CRLF CRLF that we would wait for).
 * Slices point into the caller's buffer. When that has moved, the head is taken apart again.
 *
 * Decided here, where the RFC leaves room: one empty line before the request line is ignored;
 * a field name with "_" is dropped, and refused if it spells a framing field (proxies and CGI
 * fold "_" and "-"); a body on GET, HEAD and OPTIONS is refused; trailers are refused; the target
 * is visible ASCII with well-formed escapes in its path; versions that exist get 505, all else
 * that is not 1.0 or 1.1 gets 400. Upgrade is ignored.
 * The rules of the head that look at several fields together are in http/head.c.
 */
#include "http/parse.h"

#include "codec/url.h"
#include "http/chunk.h"
#include "http/head.h"
#include "http/token.h"

void http_parse_init(struct http_parser *p)
{
    *p = (struct http_parser){.state = HTTP_PARSE_HEAD};
}

static enum http_parse_state fail(struct http_parser *p, enum err e, const char *reason)
{
    p->state = HTTP_PARSE_ERROR;
    p->error = e;
    p->reason = reason;
    return HTTP_PARSE_ERROR;
}

/* Where the request line begins: behind one empty line (RFC 9112 2.2). */
static size_t start_of(const char *bytes, size_t n)
{
    return n >= 2 && bytes[0] == '\r' && bytes[1] == '\n' ? 2 : 0;
}

/* ---- the request line ---- */

static enum http_method method_of(str s)
{
    for (unsigned m = HTTP_GET; m < HTTP_OTHER; m <<= 1)
        if (str_eq(s, str_from(http_method_name((enum http_method)m))))
            return (enum http_method)m;
    return HTTP_OTHER;
}

/* A5: also a lower-case method is refused; the methods that exist are upper case. */
static bool good_method(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] >= 'a' && s.p[i] <= 'z')
            return false;
    return http_is_token(s);
}

/* Visible ASCII without "#"; in the path no bad escape and no escaped NUL. */
static bool good_target(str target, str path)
{
    for (size_t i = 0; i < target.n; i++)
        if (target.p[i] <= 0x20 || target.p[i] >= 0x7f || target.p[i] == '#')
            return false;
    for (size_t i = str_find(path, '%', 0); i < path.n; i = str_find(path, '%', i + 3)) {
        int high = path.n - i > 2 ? url_hex_digit(path.p[i + 1]) : -1;
        int low = high >= 0 ? url_hex_digit(path.p[i + 2]) : -1;
        if (low < 0 || (high == 0 && low == 0))
            return false;
    }
    return target.n > 0;
}

/* Takes the scheme and authority off an absolute-form target; false if it is none. */
static bool cut_authority(str *rest, str *authority)
{
    str scheme = str_sub(*rest, 0, str_find(*rest, ':', 0));
    if (!str_eq_nocase(scheme, STR("http")) && !str_eq_nocase(scheme, STR("https")))
        return false;
    str behind = str_sub(*rest, scheme.n, rest->n);
    if (!str_starts(behind, STR("://")))
        return false;
    behind = str_sub(behind, 3, behind.n);
    size_t slash = str_find(behind, '/', 0);
    size_t question = str_find(behind, '?', 0);
    size_t end = slash < question ? slash : question;
    *authority = str_sub(behind, 0, end);
    *rest = str_sub(behind, end, behind.n);
    return true;
}

/* Splits the target as far as it can be understood; false if it is malformed. */
static bool split_target(struct http_req *req, str target)
{
    str rest = target;
    str authority = {NULL, 0};
    if (req->method == HTTP_OPTIONS && str_eq(target, STR("*"))) {
        req->target = req->path = target; /* RFC 9112 3.2.4 */
        return true;
    }
    bool absolute = cut_authority(&rest, &authority);
    if (!absolute && !str_starts(target, STR("/")))
        return false;
    str path;
    bool has_query = str_cut(rest, '?', &path, &req->query);
    req->has_query = has_query;
    if (!good_target(target, path))
        return false;
    req->target = target;
    req->path = path.n > 0 ? path : STR("/"); /* RFC 9112 3.2.1 */
    req->host = authority;                    /* to be compared with Host */
    return true;
}

static enum err read_version(str s, struct http_req *req)
{
    static const char *const OTHERS[] = {"HTTP/0.9", "HTTP/2", "HTTP/2.0", "HTTP/3", "HTTP/3.0"};
    if (str_eq(s, STR("HTTP/1.1")) || str_eq(s, STR("HTTP/1.0"))) {
        req->minor = s.p[7] - '0';
        return OK;
    }
    for (size_t i = 0; i < sizeof(OTHERS) / sizeof(OTHERS[0]); i++)
        if (str_eq(s, str_from(OTHERS[i])))
            return ERR_VERSION_NOT_SUPPORTED;
    return ERR_BAD_REQUEST;
}

/* Fills req from the line (without CRLF); what is understood before a defect stays. */
static enum err read_request_line(str line, struct http_req *req, const char **reason)
{
    str method, target, rest;
    bool spaces = str_cut(line, ' ', &method, &rest);
    *reason = "The method of the request is malformed.";
    if (!good_method(method))
        return ERR_BAD_REQUEST;
    req->method_text = method;
    req->method = method_of(method);
    *reason = "The request line is not METHOD TARGET VERSION.";
    spaces = str_cut(rest, ' ', &target, &rest) && spaces;
    bool good = split_target(req, target);
    if (!spaces)
        return ERR_BAD_REQUEST;
    enum err e = read_version(rest, req);
    if (e == ERR_VERSION_NOT_SUPPORTED) {
        *reason = "Only HTTP/1.1 and HTTP/1.0 are spoken here.";
        return e;
    }
    if (e == OK && !good)
        *reason = "The request target is malformed.";
    return good ? e : ERR_BAD_REQUEST;
}

static void clear(struct http_req *req)
{
    req->method = HTTP_OTHER;
    req->method_text = req->target = req->path = req->query = req->host = req->body = (str){0};
    req->has_query = false;
    req->minor = 1;
    req->headers_n = 0;
    req->forwarding = false;
    req->keep_alive = false;
}

void http_parse_guess(const char *bytes, size_t n, struct http_req *req)
{
    const char *reason;
    size_t start = start_of(bytes, n);
    str line = str_make(bytes + start, n - start);
    line = str_sub(line, 0, str_find(line, '\n', 0));
    line = str_sub(line, 0, LIMIT_REQUEST_LINE);
    clear(req);
    (void)read_request_line(str_sub(line, 0, str_find(line, '\r', 0)), req, &reason);
}

/* ---- the end of the head ---- */

/* A CR among bytes[from..to) that is not followed by LF; a CR at the very end may still be. */
static bool bare_cr(const char *bytes, size_t from, size_t to, size_t n)
{
    for (size_t i = from; i < to; i++) {
        const char *cr = memchr(bytes + i, '\r', to - i);
        if (!cr)
            return false;
        i = (size_t)(cr - bytes);
        if (i + 1 < n && bytes[i + 1] != '\n')
            return true;
    }
    return false;
}

/* Sets p->head_n when the empty line has arrived. */
static enum http_parse_state find_end(struct http_parser *p, const char *bytes, size_t n)
{
    size_t start = start_of(bytes, n);
    size_t from = p->seen > start ? p->seen : start;
    size_t at = from;
    const char *lf;
    while (at < n && (lf = memchr(bytes + at, '\n', n - at)) != NULL) {
        size_t k = (size_t)(lf - bytes);
        if (k == start || bytes[k - 1] != '\r')
            return fail(p, ERR_BAD_REQUEST, "A line ends in LF without CR.");
        if (k == start + 1 || bytes[k - 2] == '\n') {
            p->head_n = k + 1;
            return HTTP_PARSE_BODY;
        }
        at = k + 1;
    }
    /* The last byte is searched again: what follows its CR decides. */
    if (bare_cr(bytes, from > 0 ? from - 1 : 0, n, n))
        return fail(p, ERR_BAD_REQUEST, "A CR stands alone in the head.");
    p->seen = n;
    return HTTP_PARSE_HEAD;
}

/* Judges the size of a head; n is how much of it is there. */
static enum http_parse_state check_size(struct http_parser *p, const char *bytes, size_t n)
{
    size_t start = start_of(bytes, n);
    size_t most = LIMIT_REQUEST_LINE + 2;
    if (n - start <= most)
        return p->state;
    const char *lf = memchr(bytes + start, '\n', most);
    if (!lf)
        return fail(p, ERR_URI_TOO_LONG, "The request line is longer than 8192 bytes.");
    if (n - (size_t)(lf + 1 - bytes) > LIMIT_HEADER_BLOCK)
        return fail(p, ERR_HEADERS_TOO_LARGE, "The header block is larger than 16384 bytes.");
    return p->state;
}

/* ---- the head ---- */

static enum http_parse_state read_head(struct http_parser *p, const char *bytes,
                                       struct http_req *req)
{
    const char *reason = NULL;
    size_t start = start_of(bytes, p->head_n);
    str head = str_make(bytes + start, p->head_n - start);
    str line = str_sub(head, 0, str_find(head, '\n', 0) - 1);
    clear(req);
    enum err e = read_request_line(line, req, &reason);
    if (e == OK) {
        str fields = str_sub(head, line.n + 2, head.n - 2);
        e = head_read(fields, p, req, &reason);
    }
    return e == OK ? HTTP_PARSE_BODY : fail(p, e, reason);
}

static enum http_parse_state begin_body(struct http_parser *p, struct http_req *req,
                                        size_t (*body_limit)(str path))
{
    p->body_max = body_limit ? body_limit(req->path) : LIMIT_BODY;
    if (p->content_length > p->body_max)
        return fail(p, ERR_BODY_TOO_LARGE, "The body is too large.");
    p->chunk_at = p->head_n;
    p->state = HTTP_PARSE_BODY;
    return p->state;
}

/* ---- the body ---- */

static enum http_parse_state finish(struct http_parser *p, const char *bytes, size_t body_n,
                                    size_t consumed, struct http_req *req)
{
    p->body_n = body_n;
    p->consumed = consumed;
    p->state = HTTP_PARSE_DONE;
    p->expect_continue = false;
    req->body = str_make(bytes + p->head_n, body_n);
    return p->state;
}

static enum http_parse_state read_body(struct http_parser *p, char *bytes, size_t n,
                                       struct http_req *req)
{
    if (!p->chunked) {
        if (n - p->head_n < p->content_length)
            return p->state;
        return finish(p, bytes, p->content_length, p->head_n + p->content_length, req);
    }
    switch (chunk_join(p, bytes, n)) {
    case CHUNK_LAST:
        return finish(p, bytes, p->body_n, p->chunk_at, req);
    case CHUNK_BAD:
        return fail(p, ERR_BAD_REQUEST, "The chunked body is malformed.");
    case CHUNK_TOO_LARGE:
        return fail(p, ERR_BODY_TOO_LARGE, "The body is too large.");
    case CHUNK_MORE:
        break;
    }
    return p->state;
}

/* Sets the slices of the head anew if the buffer has moved since they were made. */
static void follow(struct http_parser *p, const char *bytes, struct http_req *req)
{
    if (req->method_text.p != bytes + start_of(bytes, p->head_n)) {
        struct http_parser again = *p;
        (void)read_head(&again, bytes, req);
        req->body = str_make(bytes + p->head_n, p->state == HTTP_PARSE_DONE ? p->body_n : 0);
    }
}

enum http_parse_state http_parse(struct http_parser *p, char *bytes, size_t n, struct http_req *req,
                                 size_t (*body_limit)(str path))
{
    if (p->state == HTTP_PARSE_HEAD) {
        enum http_parse_state found = find_end(p, bytes, n);
        size_t there = found == HTTP_PARSE_BODY ? p->head_n : n;
        if (found == HTTP_PARSE_ERROR || check_size(p, bytes, there) == HTTP_PARSE_ERROR) {
            http_parse_guess(bytes, n, req);
            return p->state;
        }
        if (found == HTTP_PARSE_HEAD || read_head(p, bytes, req) == HTTP_PARSE_ERROR ||
            begin_body(p, req, body_limit) == HTTP_PARSE_ERROR)
            return p->state;
    } else if (p->state != HTTP_PARSE_ERROR) {
        follow(p, bytes, req);
    }
    return p->state == HTTP_PARSE_BODY ? read_body(p, bytes, n, req) : p->state;
}
