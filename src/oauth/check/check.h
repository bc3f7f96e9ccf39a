/* check: one rule per file. A check returns OK or sets the failure.
 *
 * NAME_rule judges an authorization request and is a row of the table in checks.c; check_NAME is
 * the part of it that token requests share.
 */
#ifndef OAUTH_CHECK_CHECK_H
#define OAUTH_CHECK_CHECK_H

#include "oauth/authorize/request.h"

/* RFC 6749 3.3: the scope asked for, if well-formed and within `allowed`; all of `allowed` when
 * nothing was asked. */
enum err check_scope(struct rq *rq, str asked, str allowed, str *granted);
/* What the authenticated client may still have of a scope that was granted earlier.
 * ERR_INVALID_GRANT when that is nothing, as no request of the client's could get anything from
 * such a grant. */
enum err check_scope_left(struct rq *rq, str *granted);
/* True if `word` is one of the space-separated words of scope. */
bool scope_has(str scope, str word);
/* The words of `scope`, and those of `more` that are not among them. */
str scope_join(struct arena *a, str scope, str more);
/* The words of `scope` that are not among those of `less`. */
str scope_without(struct arena *a, str scope, str less);
/* RFC 8707: each of the space-separated resources is the issuer or one that the authenticated
 * client may name (relying_party.resources). None asked: the issuer. ERR_INVALID_TARGET. */
enum err check_resource(struct rq *rq, str resource);
/* Is that one resource the issuer, or one that the client may name? */
bool check_resource_known(const struct rq *rq, const struct cached_client *client, str one);
/* RFC 8707 2.2: a token request for a grant that has `granted` (empty: the issuer) may ask for some
 * of them. *out: those, or all of `granted` when none was asked. ERR_INVALID_TARGET. */
enum err check_resource_within(struct rq *rq, str asked, str granted, str *out);

/* Is the request's redirect_uri the client's? Sets redirect_to if it is. For rules that must answer
 * the client before their turn; sets no failure. */
bool redirect_uri_prove(struct rq *rq, struct authorize_request *ar);
/* Is this the user whom id_token_hint names? To be asked if ar->has_hinted. */
bool id_token_hint_names(struct rq *rq, const struct authorize_request *ar, const struct uid *user);
/* What the person sees whom an unknown client sent, or a known one with a wrong address: the same
 * for both, so that nobody can find out which clients there are (security.md 4). */
#define CHECK_UNKNOWN_SENDER                                                                       \
    "The application that sent you here is unknown, or its return address is not registered."

/* The rows, in the order of the table. */
enum err client_rule(struct rq *rq, struct authorize_request *ar);
enum err request_uri_rule(struct rq *rq, struct authorize_request *ar);
enum err request_object_rule(struct rq *rq, struct authorize_request *ar);
enum err redirect_uri_rule(struct rq *rq, struct authorize_request *ar);
enum err response_mode_rule(struct rq *rq, struct authorize_request *ar);
enum err repeated_rule(struct rq *rq, struct authorize_request *ar);
enum err malformed_rule(struct rq *rq, struct authorize_request *ar);
enum err par_required_rule(struct rq *rq, struct authorize_request *ar);
enum err response_type_rule(struct rq *rq, struct authorize_request *ar);
enum err grant_rule(struct rq *rq, struct authorize_request *ar);
enum err scope_rule(struct rq *rq, struct authorize_request *ar);
enum err state_rule(struct rq *rq, struct authorize_request *ar);
enum err pkce_rule(struct rq *rq, struct authorize_request *ar);
enum err nonce_rule(struct rq *rq, struct authorize_request *ar);
enum err prompt_rule(struct rq *rq, struct authorize_request *ar);
enum err max_age_rule(struct rq *rq, struct authorize_request *ar);
enum err claims_rule(struct rq *rq, struct authorize_request *ar);
enum err id_token_hint_rule(struct rq *rq, struct authorize_request *ar);
enum err resource_rule(struct rq *rq, struct authorize_request *ar);

#endif
