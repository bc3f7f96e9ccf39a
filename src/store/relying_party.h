/* relying_party: what a client needs beside store/client.h so that people can sign in to it.
 *
 * A client of machines has no row. It is loaded with the client into the cache (there == false when
 * there is none). Lists are separated by line feeds, in the order given.
 */
#ifndef STORE_RELYING_PARTY_H
#define STORE_RELYING_PARTY_H

#include "base/id.h"
#include "crypto/jwk.h"
#include "store/effects.h"

enum pkce_rule { PKCE_REQUIRED, PKCE_OPTIONAL };
enum assertion_audience { ASSERTION_ISSUER, ASSERTION_ENDPOINT }; /* ENDPOINT: issuer or endpoint */
enum request_object_rule { REQUEST_OBJECT_OPTIONAL, REQUEST_OBJECT_REQUIRED };
/* Bits of response_modes. */
enum response_mode { MODE_QUERY = 1, MODE_FORM_POST = 2 };
/* userinfo_alg: an enum jws_alg, or JSON. */
#define USERINFO_JSON (-1)

struct relying_party {
    bool there;
    bool is_public; /* has no secret; PKCE is always required */
    enum pkce_rule pkce;
    bool trusted; /* of the house: consent is not asked */
    bool require_par;
    str redirect_uris, post_logout_redirect_uris, origins, resources;
    unsigned response_modes; /* mask of enum response_mode */
    str jwks;                /* JSON: public keys of private_key_jwt and request objects */
    enum assertion_audience assertion_audience;
    enum request_object_rule request_object;
    enum jws_alg id_token_alg; /* RS256 unless the client says otherwise */
    int userinfo_alg;
    bool pairwise;
    str sector; /* host; empty: the host of the redirect URIs */
    str claims; /* mapping of custom claims (oauth/token/claim_map.h): one per line */
    int64_t default_max_age_s; /* -1: none */
    str logo_uri, policy_uri, tos_uri;
};

/* What `client create` begins with. */
void relying_party_defaults(struct relying_party *out);
/* ERR_ABSENT when the client is one of machines; *out then has the defaults and there == false. */
enum err relying_party_load(struct db *db, struct arena *a, const struct uid *client,
                            struct relying_party *out);
/* Makes or replaces it, and the client's origins. Tells caches (CHANGE_CLIENT). */
void relying_party_put(struct effects *fx, const struct uid *client, const struct relying_party *r);
void relying_party_delete(struct effects *fx, const struct uid *client);
/* Is that origin registered for any client? For CORS preflights. */
enum err relying_party_origin_known(struct db *db, str origin, bool *known);

#endif
