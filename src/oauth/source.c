/* source: the sender of a request, as far as throttling tells senders apart (security.md A35).
 *
 * The peer is the client's address as net/origin.c knows it; forwarding fields are not here (A37).
 */
#include "oauth/source.h"

#include <arpa/inet.h>

str source_of(struct rq *rq)
{
    struct in6_addr at;
    struct buf b;
    str peer = rq->req->peer;

    if (peer.n == 0 || str_eq(peer, STR("unix")))
        return (str){0};
    if (str_find(peer, ':', 0) == peer.n ||
        inet_pton(AF_INET6, arena_cstr(rq->arena, peer), &at) != 1)
        return peer;
    buf_init(&b, rq->arena, 32, 32);
    buf_hex(&b, at.s6_addr, 8);
    return buf_str(&b);
}
