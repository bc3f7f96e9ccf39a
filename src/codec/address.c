/* address: one kind of address for both families, so that lists and tables compare 16 bytes.
 *
 * Text is read by inet_pton, which is strict: IPv4 needs four decimal numbers without leading
 * zeros. An IPv4-mapped IPv6 text is the IPv4 address: a socket that takes both families reports
 * clients in that form, and a list that names 192.0.2.0/24 means them. A range is an address and
 * the number of its leading bits that count; those of IPv4 are counted behind the 96 of the form.
 *
 * Left out on purpose: host names, zones (fe80::1%eth0), ranges from-to.
 */
#include "codec/address.h"

#include <arpa/inet.h>
#include <string.h>

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool address_parse(str s, struct address *out)
{
    char text[ADDRESS_TEXT];
    if (s.n == 0 || s.n >= sizeof text || memchr(s.p, '\0', s.n))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    if (memchr(text, ':', s.n))
        return inet_pton(AF_INET6, text, out->b) == 1;
    memcpy(out->b, mapped, sizeof mapped);
    return inet_pton(AF_INET, text, out->b + sizeof mapped) == 1;
}

bool address_is_ipv4(const struct address *a)
{
    return memcmp(a->b, mapped, sizeof mapped) == 0;
}

size_t address_write(const struct address *a, char out[ADDRESS_TEXT])
{
    if (address_is_ipv4(a))
        inet_ntop(AF_INET, a->b + sizeof mapped, out, ADDRESS_TEXT);
    else
        inet_ntop(AF_INET6, a->b, out, ADDRESS_TEXT);
    return strlen(out);
}

struct address address_prefix(const struct address *a, unsigned bits)
{
    struct address p = *a;
    for (unsigned i = 0; i < sizeof p.b; i++) {
        unsigned left = bits > 8 * i ? bits - 8 * i : 0;
        if (left < 8)
            p.b[i] &= (uint8_t)(0xff00u >> left);
    }
    return p;
}

bool address_eq(const struct address *a, const struct address *b)
{
    return memcmp(a->b, b->b, sizeof a->b) == 0;
}

bool address_range_parse(str s, struct address_range *out)
{
    size_t slash = str_find(s, '/', 0);
    str number = str_sub(s, slash + 1, s.n);
    int64_t bits;
    if (!address_parse(str_sub(s, 0, slash), &out->first))
        return false;
    bool four = memchr(s.p, ':', slash) == NULL;
    bits = four ? 32 : 128;
    if (slash < s.n && (number.n == 0 || (number.n > 1 && number.p[0] == '0') ||
                        number.p[0] == '-' || !str_i64(number, 0, bits, &bits)))
        return false;
    out->bits = (uint8_t)(four ? bits + 96 : bits);
    struct address first = address_prefix(&out->first, out->bits);
    return address_eq(&first, &out->first);
}

bool address_in(const struct address *a, const struct address_range *ranges, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        struct address p = address_prefix(a, ranges[i].bits);
        if (address_eq(&p, &ranges[i].first))
            return true;
    }
    return false;
}
