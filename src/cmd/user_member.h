/* user_member: one JSON object of an import -> a user. */
#ifndef CMD_USER_MEMBER_H
#define CMD_USER_MEMBER_H

#include "cmd/cmd.h"
#include "codec/json.h"
#include "store/user.h"

struct user_member_record {
    struct user user;
    bool has_id, has_organization;
};

/* Refuses unknown members, wrong types and values, naming `where` ("FILE:LINE"). Members that are
 * absent or null keep what *out holds. */
int user_member_read(struct cmd *c, const struct json *object, str where,
                     struct user_member_record *out);

#endif
