/* endpoints: the handlers of the Twilio dialect, by file. The route table is in twilio.c. */
#ifndef DIALECT_TWILIO_ENDPOINTS_H
#define DIALECT_TWILIO_ENDPOINTS_H

#include "oauth/operation.h"

enum err token_twilio_v1(struct rq *rq);  /* POST /v1/token */
enum err token_twilio_v2(struct rq *rq);  /* POST /v2/token */
enum err certs_twilio(struct rq *rq);     /* GET /v1/certs */
enum err authorize_twilio(struct rq *rq); /* GET /v1/authorize, /v2/authorize */
enum err device_twilio(struct rq *rq);    /* POST /v1/device/code */
enum err userinfo_twilio(struct rq *rq);  /* GET /v1/userinfo */
enum err discovery_twilio(struct rq *rq); /* GET /v1/.well-known/openid-configuration */
enum err cors_twilio(struct rq *rq);      /* OPTIONS of every path */
/* /v1/Account/OAuthApps */
enum err apps_list_create(struct rq *rq);
enum err apps_list_all(struct rq *rq);
/* /v1/Account/OAuthApps/{sid} */
enum err apps_fetch(struct rq *rq);
enum err apps_update(struct rq *rq);
enum err apps_delete(struct rq *rq);
enum err apps_secret(struct rq *rq); /* POST .../secret */
/* Writes rq->failure in the words of Twilio's dictionary. */
void refuse_twilio(struct rq *rq);

/* What each takes and gives. */
extern const struct operation token_twilio_operation_v1, token_twilio_operation_v2,
    certs_twilio_operation, authorize_twilio_operation_v1, authorize_twilio_operation_v2,
    device_twilio_operation, userinfo_twilio_operation, discovery_twilio_operation;

#endif
