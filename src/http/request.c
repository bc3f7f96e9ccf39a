/* request: looking things up in a parsed request.
 *
 * At most LIMIT_HEADER_FIELDS fields are there, so a walk is faster than any index.
 */
#include "http/request.h"

str http_header_get(const struct http_req *req, str name, size_t *count)
{
    str value = {NULL, 0};
    size_t found = 0;
    for (size_t i = 0; i < req->headers_n; i++) {
        const struct http_header *h = &req->headers[i];
        if (h->name.n == name.n && str_eq_nocase(h->name, name)) {
            value = found == 0 ? h->value : value;
            found++;
        }
    }
    if (count)
        *count = found;
    return value;
}

const char *http_method_name(enum http_method m)
{
    switch (m) {
    case HTTP_GET:
        return "GET";
    case HTTP_HEAD:
        return "HEAD";
    case HTTP_POST:
        return "POST";
    case HTTP_PUT:
        return "PUT";
    case HTTP_DELETE:
        return "DELETE";
    case HTTP_OPTIONS:
        return "OPTIONS";
    case HTTP_PATCH:
        return "PATCH";
    case HTTP_OTHER:
        break;
    }
    return "";
}
