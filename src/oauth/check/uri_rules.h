/* uri_rules: which addresses a client may register, and which of them a request names.
 *
 * A request's redirect URI is compared byte by byte with the registered ones (RFC 9700 4.1.3), so
 * everything that has two readings is refused when it is registered (security.md 3, A24). `why` is
 * a sentence that names the fault and the remedy, without the address itself.
 */
#ifndef OAUTH_CHECK_URI_RULES_H
#define OAUTH_CHECK_URI_RULES_H

#include "base/str.h"

#define URI_RULES_MAX 2048 /* bytes of one address */

/* A redirect URI: https, loopback http (RFC 8252 7.3) or a private scheme with a dot in its name
 * (7.1); no fragment, user info or wildcard. schemeless_ok: also "www.example.com/cb", which the
 * Twilio dialect takes for https. */
bool uri_rules_redirect(str uri, bool schemeless_ok, const char **why);
/* Where to go after signing out: as a redirect URI, never without scheme. */
bool uri_rules_post_logout(str uri, const char **why);
/* An origin for CORS as browsers send it: scheme://host[:port], in lower case, https or loopback.
 */
bool uri_rules_origin(str origin, const char **why);
/* An https (or loopback http) page or picture: logo, policy, terms of service. */
bool uri_rules_page(str uri, const char **why);
/* A resource (RFC 8707 2): an absolute URI without fragment. */
bool uri_rules_resource(str uri, const char **why);

/* Is `sent` the registered one: the same bytes, or, when that is http://127.0.0.1 or http://[::1]
 * without port, with a port 1 to 65535 added (RFC 8252 7.3)? */
bool uri_rules_match(str registered, str sent);
/* The one of the list (separated by line feeds) that matches. */
bool uri_rules_find(str list, str sent);
/* It has no scheme, so only the Twilio dialect takes it. */
bool uri_rules_schemeless(str uri);

#endif
