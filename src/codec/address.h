/* address: IPv4 and IPv6 addresses, and ranges of them, as bytes and as text. */
#ifndef CODEC_ADDRESS_H
#define CODEC_ADDRESS_H

#include "base/str.h"

#define ADDRESS_TEXT 46 /* INET6_ADDRSTRLEN */

/* An IPv4 address is its IPv6 form ::ffff:a.b.c.d (RFC 4291 2.5.5.2), so there is one kind. */
struct address {
    uint8_t b[16];
};

struct address_range {
    struct address first; /* the bits behind `bits` are zero */
    uint8_t bits;         /* 0 to 128 */
};

/* "192.0.2.1", "2001:db8::1"; no brackets, port, zone or leading zeros in IPv4. */
bool address_parse(str s, struct address *out);
/* "192.0.2.1", "2001:db8::1"; returns the length. */
size_t address_write(const struct address *a, char out[ADDRESS_TEXT]);
bool address_is_ipv4(const struct address *a);
/* The address with only its first `bits` bits left (of 128). */
struct address address_prefix(const struct address *a, unsigned bits);
bool address_eq(const struct address *a, const struct address *b);

/* An address, or "192.0.2.0/24", "2001:db8::/32". False also when bits are set behind the prefix:
 * 10.0.0.1/8 is a slip of the pen, and one does not guess whom to trust. */
bool address_range_parse(str s, struct address_range *out);
bool address_in(const struct address *a, const struct address_range *ranges, size_t n);

#endif
