/* forwarded: X-Forwarded-For, Forwarded (RFC 7239) and Client-Cert (RFC 9440).
 *
 * Each proxy adds to the right of the list whom it got the request from, so only the right end is
 * proxies' own word; what stands further left the client may have written. The walk goes from the
 * right, over the addresses of listed proxies, and ends at the first that is not one: that is the
 * client (security.md A37). It ends before anything that is no address, too: nothing left of that
 * is looked at, and the last good address counts.
 *
 * Elements are cut at every comma, also inside quotes: no address holds one, and a quote that the
 * client has left open must not swallow what the proxy wrote behind it (RFC 7239 8.1).
 *
 * Certificates are byte sequences of structured fields (RFC 8941 3.3.5) that hold one DER SEQUENCE
 * each; parameters are refused, as none is defined. What the certificate says is not read here.
 */
#include "http/forwarded.h"

#include "codec/b64url.h"
#include "http/token.h"

bool forwarded_is_field(str name)
{
    static const str x = STR_INIT("x-forwarded-");
    return str_eq_nocase(str_sub(name, 0, x.n), x) || str_eq_nocase(name, STR("forwarded")) ||
           str_eq_nocase(name, STR("x-real-ip")) || str_eq_nocase(name, STR("client-cert")) ||
           str_eq_nocase(name, STR("client-cert-chain"));
}

/* ---- addresses ---- */

static bool is_port(str s)
{
    int64_t port;
    return s.n > 0 && s.n <= 5 && s.p[0] != '-' && str_i64(s, 0, 65535, &port);
}

/* "192.0.2.1", "192.0.2.1:80", "[2001:db8::1]", "[2001:db8::1]:80", and bare "2001:db8::1". */
static bool read_node(str s, struct address *out)
{
    size_t end;
    if (s.n > 0 && s.p[0] == '[') {
        end = str_find(s, ']', 0);
        str rest = str_sub(s, end + 1, s.n);
        str inner = str_sub(s, 1, end);
        return end < s.n && str_find(inner, ':', 0) < inner.n && address_parse(inner, out) &&
               (rest.n == 0 || (rest.p[0] == ':' && is_port(str_sub(rest, 1, rest.n))));
    }
    end = str_find(s, ':', 0);
    if (end < s.n && str_find(s, ':', end + 1) == s.n)
        return is_port(str_sub(s, end + 1, s.n)) && address_parse(str_sub(s, 0, end), out);
    return address_parse(s, out);
}

/* token or quoted-string without escapes, which no address needs. */
static bool read_value(str s, str *out)
{
    *out = s;
    if (http_is_token(s))
        return true;
    if (s.n < 2 || s.p[0] != '"' || s.p[s.n - 1] != '"')
        return false;
    *out = str_sub(s, 1, s.n - 1);
    return str_find(*out, '"', 0) == out->n && str_find(*out, '\\', 0) == out->n;
}

/* RFC 7239 4: the value of `for` in one element; false when the element is malformed or has none.
 */
static bool read_element(str element, str *node)
{
    bool found = false, more = true;
    while (more) {
        str pair, name, value;
        more = str_cut(element, ';', &pair, &element);
        if (!str_cut(str_trim(pair), '=', &name, &value) || !http_is_token(name) ||
            !read_value(value, &value))
            return false;
        if (str_eq_nocase(name, STR("for"))) {
            if (found)
                return false;
            *node = value;
            found = true;
        }
    }
    return found;
}

/* RFC 7239 6.2, 6.3: a proxy that keeps the address to itself. */
static bool is_hidden(str node)
{
    return str_eq_nocase(node, STR("unknown")) || (node.n > 1 && node.p[0] == '_');
}

/* One element of the list. False: the walk ends. */
static bool step(str element, enum forwarded_kind kind, const struct address_range *proxies,
                 size_t proxies_n, struct forwarded *f)
{
    struct address at;
    str node = str_trim(element);
    if (kind == FORWARDED_RFC7239 && !read_element(node, &node)) {
        f->malformed = true;
        return false;
    }
    if (is_hidden(node))
        return false;
    if (!read_node(node, &at)) {
        f->malformed = true;
        return false;
    }
    f->client = at;
    f->known = true;
    return address_in(&at, proxies, proxies_n);
}

static str last_element(str *list)
{
    size_t at = list->n;
    while (at > 0 && list->p[at - 1] != ',')
        at--;
    str element = str_sub(*list, at, list->n);
    *list = str_sub(*list, 0, at > 0 ? at - 1 : 0);
    return element;
}

void forwarded_find(const struct http_req *req, enum forwarded_kind kind,
                    const struct address_range *proxies, size_t proxies_n, struct forwarded *f)
{
    str name = kind == FORWARDED_X ? STR("x-forwarded-for") : STR("forwarded");
    if (kind == FORWARDED_NONE)
        return;
    /* Fields of one name are one list (RFC 9110 5.3), so the last line is its right end. */
    for (size_t i = req->headers_n; i-- > 0;) {
        if (!str_eq_nocase(req->headers[i].name, name))
            continue;
        str list = req->headers[i].value;
        for (bool more = true; more;) {
            more = str_find(list, ',', 0) < list.n;
            if (!step(last_element(&list), kind, proxies, proxies_n, f))
                return;
        }
    }
}

/* ---- certificates ---- */

/* One SEQUENCE in DER that fills the bytes: at least nothing else is kept as a certificate. */
static bool is_sequence(str der)
{
    const uint8_t *b = (const uint8_t *)der.p;
    size_t n = 0, digits;
    if (der.n < 2 || b[0] != 0x30)
        return false;
    if (b[1] < 0x80)
        return der.n == 2u + b[1];
    digits = b[1] & 0x7fu;
    if (digits == 0 || digits > 3 || der.n < 2 + digits || b[2] == 0)
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n << 8 | b[2 + i];
    return n >= 0x80 && der.n == 2 + digits + n;
}

/* RFC 8941 3.3.5: ":" base64 ":" */
static bool read_bytes(str s, struct arena *a, str *der)
{
    if (s.n < 2 || s.p[0] != ':' || s.p[s.n - 1] != ':' || s.n > LIMIT_CLIENT_CERT * 4 / 3 + 6)
        return false;
    return b64url_decode_plain(a, str_sub(s, 1, s.n - 1), der) && der->n <= LIMIT_CLIENT_CERT &&
           is_sequence(*der);
}

/* RFC 9440 2.3: a list of byte sequences, over one line or several. */
static bool read_chain(struct http_req *req, struct arena *a)
{
    for (size_t i = 0; i < req->headers_n; i++) {
        str list = req->headers[i].value;
        if (!str_eq_nocase(req->headers[i].name, STR("client-cert-chain")))
            continue;
        for (bool more = true; more;) {
            str item;
            more = str_cut(list, ',', &item, &list);
            if (req->client_chain_n == LIMIT_CLIENT_CHAIN ||
                !read_bytes(str_trim(item), a, &req->client_chain[req->client_chain_n]))
                return false;
            req->client_chain_n++;
        }
    }
    return true;
}

bool forwarded_cert(struct http_req *req, struct arena *a)
{
    size_t count;
    str value = http_header_get(req, STR("client-cert"), &count), der = {NULL, 0};
    req->client_chain_n = 0;
    req->client_cert = (str){NULL, 0};
    /* RFC 9440 2.2: a singleton; 2.3: no chain without it */
    if (count > 1 || (count == 1 && !read_bytes(value, a, &der)))
        return false;
    if (count == 0)
        return http_header_get(req, STR("client-cert-chain"), NULL).p == NULL;
    if (!read_chain(req, a)) {
        req->client_chain_n = 0;
        return false;
    }
    req->client_cert = der;
    return true;
}

void forwarded_strip(struct http_req *req)
{
    size_t n = 0;
    for (size_t i = 0; i < req->headers_n; i++)
        if (!forwarded_is_field(req->headers[i].name))
            req->headers[n++] = req->headers[i];
    req->headers_n = n;
}
