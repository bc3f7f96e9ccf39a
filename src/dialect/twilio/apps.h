/* apps: what the handlers of /v1/Account/OAuthApps share. */
#ifndef DIALECT_TWILIO_APPS_H
#define DIALECT_TWILIO_APPS_H

#include "codec/json.h"
#include "oauth/rq.h"

/* Who calls: the account itself, or one of its apps. */
struct apps_caller {
    struct id organization;
    bool is_app;
    str sid;    /* AC or OQ */
    str policy; /* of an app */
};

/* Basic with the account's SID and auth token, or Bearer with a token of an app whose policy
 * allows POLICY_APPS and that verb: "create", "read", "list", "update", "delete". */
enum err apps_caller(struct rq *rq, const char *verb, struct apps_caller *out);
/* An app may only touch apps that are allowed no more than it is itself. */
enum err apps_caller_may_hold(struct rq *rq, const struct apps_caller *who, const struct client *c);
/* The client of {id}, if it is of the caller's organization; else 404. */
enum err apps_caller_load(struct rq *rq, const struct apps_caller *who, struct client *out);

/* The audit row of what the caller did to the app. */
void apps_caller_record(struct rq *rq, const struct apps_caller *who, enum audit_event event,
                        const struct client *c);

/* A request's body; members that are absent or null keep what *c holds. */
enum err apps_body_read(struct rq *rq, const struct json **out);
enum err apps_body_members(struct rq *rq, const struct json *body, bool creating, struct client *c);

/* A fresh secret: its text, and its row keyed under the active pepper. ERR_UNAVAILABLE: the keys
 * are away. */
enum err apps_new_secret(struct rq *rq, const struct uid *client, str *secret,
                         struct client_secret *row);
/* The app as JSON; with its secret when that has just been made (else p == NULL). */
void apps_write(struct buf *b, const struct client *c, str secret);

#endif
