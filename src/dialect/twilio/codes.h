/* codes: the numbers of Twilio's error dictionary that this dialect uses. */
#ifndef DIALECT_TWILIO_CODES_H
#define DIALECT_TWILIO_CODES_H

enum code {
    CODE_PARAMETER = 20001,
    CODE_AUTHENTICATE = 20003,
    CODE_METHOD = 20004,
    CODE_TOKEN_INVALID = 20101,
    CODE_TOKEN_EXPIRED = 20104,
    CODE_TOKEN_EARLY = 20105,
    CODE_TOKEN_SIGNATURE = 20107,
    CODE_TOKEN_NONE = 20160, /* not a JWT */
    CODE_FORBIDDEN = 20403,
    CODE_NOT_FOUND = 20404,
    CODE_TOO_MANY = 20429,
    CODE_INTERNAL = 20500,
    CODE_UNAVAILABLE = 20503,
    CODE_PERMISSION = 70051, /* the app lacks it */
    /* the Token API's, /v2 only */
    CODE_NO_CREDENTIALS = 321401,
    CODE_NO_CLIENT = 321402,
    CODE_GRANT_TYPE = 321403,
    CODE_CREDENTIALS = 322402,
    CODE_BAD_REQUEST = 322403,
};

/* Who shall prove to be an account is told so by this WWW-Authenticate value (RFC 9110 15.5.2). */
#define ACCOUNT_CHALLENGE "Basic realm=\"Twilio API\""

#endif
