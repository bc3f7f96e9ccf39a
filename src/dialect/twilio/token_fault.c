/* token_fault: the Twilio dictionary tells five faults of a token apart, where RFC 6750 has one.
 *
 * Only what the token says itself is told, to whoever holds it: that it is no JWT, not signed by
 * us, over, or not begun. Whether it was revoked, or its app disabled, is the fifth, "invalid".
 */
#include "dialect/twilio/token_fault.h"

#include "dialect/twilio/claims.h"
#include "dialect/twilio/codes.h"

int token_fault(struct rq *rq, str token)
{
    int64_t at_s;
    struct jwt jwt;

    if (jwt_parse(rq->arena, token, &jwt) != OK)
        return CODE_TOKEN_NONE;
    if (jwt_verify(rq->t->signer, &jwt, sign_rules_typ(claims_twilio.profile)) != OK)
        return CODE_TOKEN_SIGNATURE;
    if (jwt_time(&jwt, STR("exp"), &at_s) && at_s <= rq->now_s)
        return CODE_TOKEN_EXPIRED;
    if (jwt_time(&jwt, STR("nbf"), &at_s) && at_s > rq->now_s)
        return CODE_TOKEN_EARLY;
    return CODE_TOKEN_INVALID;
}
