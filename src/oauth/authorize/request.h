/* request: an authorization request on its way through the table of checks.
 *
 * The same struct serves the authorization endpoint, PAR (RFC 9126) and device authorization
 * (RFC 8628): `via` says which, and each row of the table (oauth/check/checks.h) says for which it
 * stands. What was sent stands in the strs; what the checks found out stands below them.
 */
#ifndef OAUTH_AUTHORIZE_REQUEST_H
#define OAUTH_AUTHORIZE_REQUEST_H

#include "oauth/params.h"
#include "store/pushed_request.h"
#include "store/relying_party.h"

enum via { VIA_AUTHORIZE = 1, VIA_PAR = 2, VIA_DEVICE = 4 };

/* Bits of authorize_request.prompts. */
enum prompt { PROMPT_NONE = 1, PROMPT_LOGIN = 2, PROMPT_CONSENT = 4, PROMPT_SELECT_ACCOUNT = 8 };

struct authorize_request {
    /* As sent; p == NULL: absent or empty. */
    str client_id, redirect_uri, response_type, response_mode, scope, state;
    str code_challenge, code_challenge_method, nonce, prompt, max_age, login_hint, id_token_hint;
    str acr_values, claims, ui_locales, claims_locales, display, request, request_uri;
    str resource;      /* may repeat: values separated by single spaces */
    uint64_t repeated; /* bit i: row i of the parameter table came twice */
    uint64_t unfit;    /* bit i: its value is too long or has a bad character */
    str text;          /* all of the above, form-encoded: what is pushed and sealed */
    bool reopened;     /* out of our own seal: its request object and its PAR were judged before */

    enum via via;
    int dialect; /* enum dialect_id: by whose rules, and whose token endpoint takes the code */

    /* Found by the checks, in their order. */
    const struct cached_client *client; /* known and enabled */
    enum spelling spelling;
    struct pushed_request pushed; /* where it came from by request_uri */
    bool has_pushed;
    str redirect_to; /* proven to be the client's; p == NULL: nothing may be sent anywhere */
    enum response_mode mode;
    str granted;  /* scope */
    str to_allow; /* by the person: granted, and the scopes whose claims `claims` asks for */
    bool offline, openid;
    unsigned prompts;
    int64_t max_age_s; /* -1: not asked */
    struct uid hinted; /* the subject of id_token_hint; all zeros: nobody, or */
    str hinted_sub;    /* a pairwise one (id_token_hint_names) */
    bool has_hinted;
    str resources; /* allowed ones, separated by spaces; empty: the issuer */
};

/* Parameters from the query of a GET or the form of a POST; the Twilio dialect has its own
 * spellings, too. Nothing but broken encoding, media type and parameters in the URL of a POST fails
 * here (ERR_INVALID_REQUEST, ...): what is wrong with a value, the checks say in their order. A
 * value that is repeated or unfit is absent in *out, so that nothing of it is echoed. */
enum err authorize_request_bind(struct rq *rq, enum via via, int dialect,
                                struct authorize_request *out);
/* The same from form-encoded text that was sealed (authorize_request.text). Sets reopened. */
enum err authorize_request_read(struct rq *rq, str text, enum via via, int dialect,
                                struct authorize_request *out);
/* Reads what a request object or PAR says instead of what stood outside: client_id and request_uri
 * stay, all else is as in `text` or absent. ar->text follows. */
enum err authorize_request_replace(struct rq *rq, str text, struct authorize_request *ar);
/* The bit of that parameter in repeated and unfit; fatal if the table has none of that name. */
uint64_t authorize_request_bit(const char *name);

/* For documents and the binder. */
#define AUTHORIZE_PARAMS_N 21
extern const struct param authorize_params[AUTHORIZE_PARAMS_N];
extern const size_t authorize_params_n;
/* What a request_uri of ours is: this and a handle (RFC 9126 2.2). */
#define AUTHORIZE_PUSHED_URN "urn:ietf:params:oauth:request_uri:"
/* The longest state and nonce (security.md 9). */
#define AUTHORIZE_STATE_MAX 4096
#define AUTHORIZE_NONCE_MAX 512

#endif
