/* response: from what a handler filled to bytes.
 *
 * Everything is appended to one buf with plain copies; the length is computed beforehand, so no
 * byte is moved twice. A large body is not copied at all: the sender takes it in pieces. Date,
 * Content-Length and Connection are written here and nowhere else.
 */
#include "http/response.h"

#include "base/limits.h"
#include "base/log.h"

void http_res_init(struct http_res *res, struct arena *a)
{
    *res = (struct http_res){.status = 200};
    buf_init(&res->headers, a, 512, LIMIT_HEADER_BLOCK);
    buf_init(&res->body, a, 1024, LIMIT_RESPONSE);
}

static void empty(struct buf *b)
{
    b->n = 0;
    b->overflow = false;
}

void http_res_reset(struct http_res *res)
{
    res->status = 200;
    empty(&res->headers);
    empty(&res->body);
    res->holes_n = 0;
    res->close = false;
}

/* RFC 9110 5.5: what would end the line, or hide its end, cannot be part of a field. */
static bool safe(str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        if (c == '\r' || c == '\n' || c == '\0')
            return false;
    }
    return true;
}

void http_res_header(struct http_res *res, str name, str value)
{
    if (!safe(name) || !safe(value))
        fatal("a response header %.*s with a line break or NUL in it", STR_ARG(name));
    char *to = buf_room(&res->headers, name.n + value.n + 4);
    if (!to)
        return;
    memcpy(to, name.p, name.n);
    to += name.n;
    *to++ = ':';
    *to++ = ' ';
    if (value.n > 0) {
        memcpy(to, value.p, value.n);
        to += value.n;
    }
    *to++ = '\r';
    *to++ = '\n';
    res->headers.n += name.n + value.n + 4;
}

size_t http_res_length(const struct http_res *res)
{
    size_t n = res->body.n;
    for (size_t i = 0; i < res->holes_n; i++)
        n += res->holes[i].text.n;
    return n;
}

static void write_status_line(struct buf *out, int status)
{
    if (status == 200) {
        BUF_LIT(out, "HTTP/1.1 200 OK\r\nDate: ");
        return;
    }
    BUF_LIT(out, "HTTP/1.1 ");
    buf_i64(out, status);
    buf_char(out, ' ');
    buf_put(out, str_from(http_reason(status)));
    BUF_LIT(out, "\r\nDate: ");
}

/* RFC 9110 8.6: neither 1xx nor 204 has a Content-Length, and 304 has no body. */
static bool has_body(int status)
{
    return status >= 200 && status != 204 && status != 304;
}

size_t http_res_pieces(const struct http_res *res, bool head_only, str out[HTTP_PIECES])
{
    str body = buf_str(&res->body);
    size_t at = 0, n = 0;
    if (head_only || !has_body(res->status))
        return 0;
    for (size_t i = 0; i < res->holes_n; i++) {
        const struct http_hole *hole = &res->holes[i];
        out[n++] = str_sub(body, at, hole->at);
        out[n++] = hole->text;
        at = hole->at;
    }
    out[n++] = str_sub(body, at, body.n);
    return n;
}

void http_res_write_head(struct buf *out, const struct http_res *res, bool keep_alive,
                         const char *date29)
{
    write_status_line(out, res->status);
    buf_put(out, str_make(date29, 29));
    BUF_LIT(out, "\r\n");
    buf_put(out, buf_str(&res->headers));
    if (has_body(res->status)) {
        BUF_LIT(out, "Content-Length: ");
        buf_i64(out, (int64_t)http_res_length(res));
        BUF_LIT(out, "\r\n");
    }
    if (keep_alive && !res->close)
        BUF_LIT(out, "Connection: keep-alive\r\n\r\n");
    else
        BUF_LIT(out, "Connection: close\r\n\r\n");
}

void http_res_write(struct buf *out, const struct http_res *res, bool head_only, bool keep_alive,
                    const char *date29)
{
    str pieces[HTTP_PIECES];
    size_t n = http_res_pieces(res, head_only, pieces);
    http_res_write_head(out, res, keep_alive, date29);
    for (size_t i = 0; i < n; i++)
        buf_put(out, pieces[i]);
}

static const struct {
    int status;
    const char *reason;
} REASONS[] = {
    {100, "Continue"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {411, "Length Required"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

const char *http_reason(int status)
{
    for (size_t i = 0; i < sizeof(REASONS) / sizeof(REASONS[0]); i++)
        if (REASONS[i].status == status)
            return REASONS[i].reason;
    return "Status";
}
