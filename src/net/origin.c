/* origin: from a connection, a PROXY preamble and forwarding fields to the address that counts.
 *
 * Only peers that the setting `proxies` lists are believed (security.md 70, A37). With
 * proxies.protocol each of their connections must begin with a preamble; the address in it is the
 * peer from then on, and is believed only if it is listed itself, so fields that a client sends
 * through a proxy of TCP are worth nothing. With proxies.header the walk of http/forwarded.c goes
 * on from there. Everybody else's fields are ignored. All of them are taken out of the request, so
 * nothing behind this file can trust one by mistake. X-Forwarded-Proto and X-Forwarded-Host are
 * believed from nobody: URLs come from the issuer, and Host must be one of ours.
 *
 * Penalties and the number of connections concern the address that counts. Listed proxies, unix
 * sockets, administrators' listeners and the exempt ranges are not counted: a proxy stands for
 * many. What a connection earns by successes goes to the table with the first and then each
 * CREDIT_EVERY-th, for all since, so that the hot path takes no lock; behind a proxy each success
 * is told, because the next may be another client's.
 */
#include "net/origin.h"

#include <errno.h>
#include <netinet/in.h>

#include "http/forwarded.h"
#include "http/preamble.h"
#include "net/conn.h"
#include "net/state.h"

enum { CREDIT_EVERY = 16 };

/* ---- connections ---- */

static bool address_of(const struct sockaddr_storage *from, struct address *out)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)from;
    const struct sockaddr_in *four = (const struct sockaddr_in *)from;
    if (from->ss_family == AF_INET6) {
        memcpy(out->b, &six->sin6_addr, sizeof out->b);
    } else if (from->ss_family == AF_INET) {
        memset(out->b, 0, 10);
        memset(out->b + 10, 0xff, 2);
        memcpy(out->b + 12, &four->sin_addr, 4);
    } else {
        return false;
    }
    return true;
}

static bool is_listed(const struct net_sources *s, bool known, const struct address *a)
{
    return known ? address_in(a, s->proxies, s->proxies_n) : s->proxies_unix;
}

static bool is_exempt(const struct net_sources *s, const struct address *a)
{
    return address_in(a, s->exempt, s->exempt_n);
}

/* What follows from o->known and o->source, and whether the connection may stay. */
static bool settle(struct worker *w, struct origin *o)
{
    const struct net_sources *s = &w->net->options.sources;
    if (o->known)
        address_write(&o->source, o->peer);
    else
        memcpy(o->peer, "unix", sizeof "unix");
    o->listed = is_listed(s, o->known, &o->source);
    o->exempt = !o->known || o->listed || is_exempt(s, &o->source);
    if (o->exempt)
        return true;
    enum penalty_entry e = penalty_enter(w->net->penalties, &o->source, w->now_ms);
    o->counted = e == PENALTY_ENTERED;
    return e == PENALTY_ENTERED || e == PENALTY_UNCOUNTED;
}

bool origin_accept(struct worker *w, const struct sockaddr_storage *from, bool admin,
                   struct origin *o)
{
    memset(o, 0, sizeof *o);
    o->known = address_of(from, &o->source);
    if (!admin)
        return settle(w, o);
    if (o->known)
        address_write(&o->source, o->peer);
    else
        memcpy(o->peer, "unix", sizeof "unix");
    o->exempt = true;
    return true;
}

void origin_leave(struct worker *w, struct origin *o)
{
    if (o->counted)
        penalty_leave(w->net->penalties, &o->source);
    o->counted = false;
}

/* ---- the PROXY protocol ---- */

bool origin_is_greeted(const struct worker *w, const struct origin *o, bool admin)
{
    return w->net->options.sources.protocol && o->listed && !admin;
}

/* The proxy has said who its client is. */
static enum origin_greeting introduce(struct worker *w, const struct preamble *p, struct origin *o)
{
    if (!p->known) { /* its own, or that of a client without address: not believed further */
        o->listed = false;
        return ORIGIN_GREETED;
    }
    o->hop = o->source;
    o->relayed = o->known; /* else the hop is a unix socket */
    o->source = p->source;
    o->known = true;
    return settle(w, o) ? ORIGIN_GREETED : ORIGIN_REFUSED;
}

enum origin_greeting origin_greet(struct worker *w, int fd, struct origin *o)
{
    char bytes[LIMIT_PREAMBLE];
    struct preamble p;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_PEEK | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return ORIGIN_WAIT;
    if (n <= 0)
        return ORIGIN_REFUSED;
    switch (preamble_read(bytes, (size_t)n, &p)) {
    case PREAMBLE_MORE:
        return ORIGIN_WAIT;
    case PREAMBLE_BAD:
        return ORIGIN_REFUSED;
    case PREAMBLE_DONE:
        break;
    }
    if (recv(fd, bytes, p.n, MSG_DONTWAIT) != (ssize_t)p.n)
        return ORIGIN_REFUSED;
    return introduce(w, &p, o);
}

/* ---- requests ---- */

static str spell(struct arena *a, const struct address *at)
{
    char *text = arena_alloc(a, ADDRESS_TEXT);
    return str_make(text, address_write(at, text));
}

/* What the listed peer's fields say. */
static void believe(struct conn *c, struct exchange *x)
{
    const struct net_sources *s = &c->worker->net->options.sources;
    struct forwarded f = {.client = c->origin.source, .known = c->origin.known};
    struct http_req *req = &x->req;
    forwarded_find(req, s->header, s->proxies, s->proxies_n, &f);
    req->forwarding_bad = f.malformed;
    if (f.known && !(c->origin.known && address_eq(&f.client, &c->origin.source))) {
        if (req->hop.n == 0)
            req->hop = req->peer;
        req->peer = spell(&x->arena, &f.client);
        x->source = f.client;
        x->exempt = is_listed(s, true, &f.client) || is_exempt(s, &f.client);
    }
    if (s->client_cert && !forwarded_cert(req, &x->arena))
        req->forwarding_bad = true;
}

void origin_request(struct conn *c, struct exchange *x)
{
    const struct origin *o = &c->origin;
    struct http_req *req = &x->req;
    req->peer = str_from(o->peer);
    req->tls = c->tls != NULL;
    req->admin = c->admin;
    req->hop = req->client_cert = (str){NULL, 0};
    req->client_chain_n = 0;
    req->forwarding_bad = false;
    x->source = o->source;
    x->exempt = o->exempt;
    x->proof = NET_PROOF_NONE;
    if (o->relayed)
        req->hop = spell(&x->arena, &o->hop);
    if (!req->forwarding)
        return;
    if (o->listed && !c->admin)
        believe(c, x);
    forwarded_strip(req);
    req->forwarding = false;
}

int origin_wait_s(struct conn *c, struct exchange *x, bool *closing)
{
    *closing = false;
    if (x->exempt || c->origin.proven)
        return 0;
    return penalty_wait_s(c->worker->net->penalties, &x->source, c->worker->now_ms, closing);
}

void origin_judge(struct conn *c, const struct exchange *x)
{
    struct penalties *p = c->worker->net->penalties;
    int64_t now_ms = c->worker->now_ms;
    struct origin *o = &c->origin;
    if (x->proof == NET_PROOF_NONE || x->exempt)
        return;
    if (x->proof == NET_PROOF_COSTLY) {
        penalty_fail(p, &x->source, 0.125, now_ms);
        return;
    }
    /* Behind a listed proxy one connection carries many clients. */
    o->proven = x->proof == NET_PROOF_GOOD && !o->listed;
    if (x->proof == NET_PROOF_BAD)
        penalty_fail(p, &x->source, 1, now_ms);
    else if (o->listed)
        penalty_credit(p, &x->source, 1, now_ms);
    else if (o->successes++ % CREDIT_EVERY == 0)
        penalty_credit(p, &x->source, o->successes == 1 ? 1 : CREDIT_EVERY, now_ms);
}

void origin_fail(struct conn *c)
{
    if (!c->origin.exempt)
        penalty_fail(c->worker->net->penalties, &c->origin.source, 1, c->worker->now_ms);
}
