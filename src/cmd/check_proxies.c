/* check_proxies: whoever can send from a listed address can claim any other one.
 *
 * A list of all addresses, or of far more than a network of one's own, makes X-Forwarded-For and
 * Client-Cert what clients write; a list without a way to name clients does nothing. Both are what
 * people write by mistake, so they are warned of and not refused.
 */
#include "cmd/check_proxies.h"

#include <stdio.h>

#include "codec/address.h"

enum { WIDE_IPV4 = 96 + 8, WIDE_IPV6 = 16 };

/* Private and loopback ranges may be large. */
static bool is_private(const struct address_range *r)
{
    static const char *const ranges[] = {"10.0.0.0/8", "127.0.0.0/8", "fc00::/7"};
    struct address_range p;
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (address_range_parse(str_from(ranges[i]), &p) && r->bits >= p.bits &&
            address_in(&r->first, &p, 1))
            return true;
    return false;
}

static bool is_wide(str text)
{
    struct address_range r;
    if (!address_range_parse(text, &r) || is_private(&r))
        return false;
    return r.bits <= (address_is_ipv4(&r.first) && r.bits >= 96 ? WIDE_IPV4 : WIDE_IPV6);
}

static bool look_at_list(struct check *k, enum setting_id id, const char *meaning)
{
    const struct setting_value *v = &k->c->settings.v[id];
    for (size_t i = 0; i < v->list_n; i++) {
        if (is_wide(v->list[i])) {
            check_say(k, WARN, setting_infos[id].name, "`%s` lists %.*s: %s",
                      setting_infos[id].name, STR_ARG(v->list[i]), meaning);
            return true;
        }
    }
    return false;
}

static void look_at_use(struct check *k)
{
    const struct settings *s = &k->c->settings;
    bool names = setting_int(s, proxies_header) || setting_int(s, proxies_protocol);
    bool any = names || setting_int(s, proxies_client_cert);
    bool listed = s->v[SETTING_proxies].list_n > 0;
    if (!listed && any)
        check_say(k, WARN, "proxies",
                  "`proxies.*` is set, but `proxies` lists nobody, so nobody is believed");
    else if (listed && !names)
        check_say(k, WARN, "proxies",
                  "nothing says how they name clients: all of theirs count as one. Set "
                  "`proxies.header` or `proxies.protocol`");
    else if (listed)
        check_say(k, PASS, "proxies", "%zu listed", s->v[SETTING_proxies].list_n);
}

void check_proxies_look(struct check *k)
{
    const struct settings *s = &k->c->settings;
    if (!look_at_list(k, SETTING_proxies,
                      "whoever sends from there can claim any address and any certificate; list "
                      "the proxies alone"))
        look_at_use(k);
    if (!setting_int(s, penalties))
        check_say(k, WARN, "penalties", "they are off: nobody is kept from guessing without end");
    else
        look_at_list(k, SETTING_penalties_exempt, "whoever sends from there may guess without end");
}
