/* client_party: what a client needs so that people can sign in to it (store/relying_party.h), as
 * options of `client create` and `client update`, as members of imports, and as they are shown.
 */
#ifndef CMD_CLIENT_PARTY_H
#define CMD_CLIENT_PARTY_H

#include "cmd/show.h"
#include "codec/json.h"
#include "store/client.h"
#include "store/relying_party.h"

/* Rows of the tables of options of create and update. A text that is empty clears. */
#define CLIENT_PARTY_OPTIONS                                                                       \
    {"redirect-uri", "URI", true, false, "where people come back to; makes it a relying party"},   \
        {"post-logout-redirect-uri", "URI", true, false, "where they may go after signing out"},   \
        {"origin", "ORIGIN", true, false,                                                          \
         "a page of this origin may call the token endpoint (CORS)"},                              \
        {"pkce", "required|optional", false, false, "default: required"},                          \
        {"trusted", NULL, false, false, "of the house: people are not asked for consent"},         \
        {"require-par", NULL, false, false, "take pushed authorization requests only (RFC 9126)"}, \
        {"response-mode", "query|form_post", true, false, "default: both"},                        \
        {"jwks-file", "FILE", false, false,                                                        \
         "its public keys, for private_key_jwt and request objects"},                              \
        {"assertion-audience", "issuer|endpoint", false, false,                                    \
         "what its assertions are for; default: issuer"},                                          \
        {"request-object", "optional|required", false, false, "default: optional"},                \
        {"id-token-alg", "ES256|RS256|PS256|EdDSA", false, false, "default: RS256"},               \
        {"userinfo-alg", "json|ES256|RS256|PS256|EdDSA", false, false,                             \
         "json, or signed as a JWT; default: json"},                                               \
        {"subject-type", "public|pairwise", false, false,                                          \
         "pairwise: no two sectors know a person by one sub; default: public"},                    \
        {"sector", "HOST", false, false, "of pairwise; default: the host of the redirect URIs"},   \
        {"claim-map", "NAME=SOURCE[@TARGET]", true, false,                                         \
         "a claim of its own: role=user.roles@id_token"},                                          \
        {"resource", "URI", true, false, "an API that it may name as audience (RFC 8707)"},        \
        {"default-max-age", "TIME", false, false,                                                  \
         "how old a sign-in may be at most; none: any age"},                                       \
        {"logo-uri", "URL", false, false, "its logo, on the consent page"},                        \
        {"policy-uri", "URL", false, false, "its privacy policy"},                                 \
    {                                                                                              \
        "tos-uri", "URL", false, false, "its terms of service"                                     \
    }

/* Was any of them given, or --public? */
bool client_party_given(const struct cmd *c);
/* Takes what was given into *rp. */
int client_party_take(struct cmd *c, struct relying_party *rp);
/* The member m of an imported object, if it is one of these (*known). */
int client_party_member(struct cmd *c, const struct json *m, const char *where,
                        struct relying_party *rp, bool *known);
/* Name number i of the members, for suggestions; NULL behind the last. */
const char *client_party_name(size_t i);
/* Do client and relying party go together? `where` leads the refusal. */
int client_party_check(const struct client *k, const struct relying_party *rp, const char *where);
/* Is there a key that signs what this client wants signed? Opens the keys if they are not. */
int client_party_check_keys(struct cmd *c, const struct relying_party *rp, const char *where);
/* True for grants that people take part in. */
static inline bool client_party_interactive(const struct client *k)
{
    return (k->grants & (GRANT_AUTHORIZATION_CODE | GRANT_DEVICE_CODE)) != 0;
}
/* True when it proves itself by a secret, so that it needs one. */
static inline bool client_party_has_secret(const struct client *k, const struct relying_party *rp)
{
    return !rp->is_public && k->auth_method != CLIENT_AUTH_PRIVATE_KEY_JWT;
}
/* The members, inside an object. */
void client_party_show(struct show *s, const struct relying_party *rp);

#endif
