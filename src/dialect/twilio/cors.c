/* cors: OPTIONS of any path of the Twilio dialect: 204 and the headers of answer.c. */
#include "dialect/twilio/answer.h"
#include "dialect/twilio/endpoints.h"

enum err cors_twilio(struct rq *rq)
{
    rq->res->status = 204;
    rq_request_id(rq);
    answer_twilio_headers(rq);
    return OK;
}
