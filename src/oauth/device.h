/* device: a device without a browser asks, a person at another one allows (RFC 8628).
 *
 *     device    POST /oauth2/device_authorization    device_begin    -> both codes
 *     person    types the user code                  device_lookup
 *               sees who asks for what, says yes     device_open, device_approve or device_deny
 *     device    polls the token endpoint             grant/device_code.c
 *
 * A user code is short enough to be guessed, so look-ups are counted durably per source before they
 * are judged (RFC 8628 5.1). What follows names the device by a sealed text in the form, which is
 * its CSRF token, too: it is bound to the browser and to whoever was shown it.
 */
#ifndef OAUTH_DEVICE_H
#define OAUTH_DEVICE_H

#include "oauth/authorize/request.h"
#include "oauth/browser.h"
#include "store/device_code.h"

#define DEVICE_USER_CODE_CHARS 9 /* "WDJB-MJHT" */

/* What the device is told. */
struct device_begun {
    str device_code, user_code; /* in the arena */
    str verification_uri, verification_uri_complete;
    int64_t expires_in_s, interval_s;
};

/* For a request that has passed the checks of VIA_DEVICE: draws and records both codes. */
enum err device_begin(struct rq *rq, const struct authorize_request *ar, struct device_begun *out);

/* A device that waits, as the person sees it. */
struct device_asking {
    struct device_code row;
    str user_code; /* as the device shows it, to be compared (RFC 8628 3.3.1) */
    const struct cached_client *client;
    struct signed_in *who; /* of the client's organization; NULL: somebody must sign in first */
};

/* By what a person typed: case, spaces and hyphens are forgiven. Counts first, so it is slow
 * (ERR_SLOW). ERR_ABSENT, without a failure set: no such code, or it is over; ask again.
 * ERR_TOO_MANY_REQUESTS with retry_s. */
enum err device_lookup(struct rq *rq, struct browser *b, str typed, struct device_asking *out);
/* The device and who was shown it, as text for a hidden field. */
str device_seal(struct rq *rq, struct browser *b, const struct device_asking *d);
/* ERR_FORBIDDEN: not ours, or of another browser. ERR_ABSENT as device_lookup. *shown: out->who is
 * who was shown the question, so an answer may be taken; else show it again. */
enum err device_open(struct rq *rq, struct browser *b, str sealed, struct device_asking *out,
                     bool *shown);
/* Records the grant of d->who, remembers the consent. */
enum err device_approve(struct rq *rq, const struct device_asking *d);
void device_deny(struct rq *rq, const struct device_asking *d);

#endif
