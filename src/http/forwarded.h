/* forwarded: what proxies say of the client: X-Forwarded-For, Forwarded (RFC 7239) and the
 * certificate fields of RFC 9440. Pure; whom to believe is for the caller to decide. */
#ifndef HTTP_FORWARDED_H
#define HTTP_FORWARDED_H

#include "codec/address.h"
#include "http/request.h"

enum forwarded_kind { FORWARDED_NONE, FORWARDED_X, FORWARDED_RFC7239 };

struct forwarded {
    struct address client;
    bool known;     /* client is set; false when the hop has no address (a unix socket) */
    bool malformed; /* something that should have been looked at is no address */
};

/* True for every field by which a proxy speaks of its client: Forwarded, X-Forwarded-*, X-Real-IP,
 * Client-Cert, Client-Cert-Chain. */
bool forwarded_is_field(str name);
/* The right-most address that is not one of the proxies (security.md A37). *f holds the address of
 * the listed hop that sent the request, if it has one; it stays when the field says nothing more.
 */
void forwarded_find(const struct http_req *req, enum forwarded_kind kind,
                    const struct address_range *proxies, size_t proxies_n, struct forwarded *f);
/* Sets req->client_cert and req->client_chain (DER, in the arena) from the fields of RFC 9440.
 * False: they are malformed or too large, and nothing is set. Absent fields are fine. */
bool forwarded_cert(struct http_req *req, struct arena *a);
/* Takes all such fields out of req->headers. */
void forwarded_strip(struct http_req *req);

#endif
