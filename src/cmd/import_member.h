/* import_member: one JSON object of an import -> a client, its secret, organization and groups. */
#ifndef CMD_IMPORT_MEMBER_H
#define CMD_IMPORT_MEMBER_H

#include "cmd/cmd.h"
#include "codec/json.h"
#include "store/client.h"
#include "store/group.h"
#include "store/relying_party.h"

struct import_record {
    struct client client;
    struct relying_party rp; /* there: it has one, or a member of the object says so */
    bool has_id;
    bool has_grants, has_scopes;
    str secret; /* p == NULL: not given */
    bool has_organization;
    str organization_name; /* p == NULL: not given */
    bool has_account;
    struct uid account;   /* of the organization */
    struct group *groups; /* name.p == NULL: must exist */
    size_t groups_n;
    bool has_groups;
};

/* Refuses unknown members, wrong types and values, naming `where` ("FILE:LINE"). Members that are
 * absent or null keep what *out holds. The record's id is read first by import_member_id. */
int import_member_read(struct cmd *c, const struct json *object, str where,
                       struct import_record *out);
/* The id of the client, if the object has one. */
int import_member_id(struct cmd *c, const struct json *object, str where,
                     struct import_record *out);

#endif
