/* user_import: takes over people with their ids, password hashes, claims and roles.
 *
 * As client_import: everything is read and checked first, recorded as one effect set, and committed
 * once. Names are compared in canonical spelling with those in the store and with those that the
 * file itself has brought, so that a defect is named with its line instead of by a commit that
 * fails as a whole.
 */
#include "cmd/user_import.h"

#include <stdio.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/id_map.h"
#include "cmd/import_file.h"
#include "cmd/json_items.h"
#include "cmd/open.h"
#include "cmd/user_member.h"
#include "cmd/user_options.h"
#include "cmd/user_show.h"
#include "cmd/values.h"
#include "store/client.h"
#include "store/organization.h"

enum { CHUNK = 1024 };

struct imported {
    struct imported *next;
    struct user user;
};

struct import {
    struct cmd *c;
    str name; /* of the file, for messages */
    struct id fallback;
    bool has_fallback;
    struct id_map organizations, users, names;
    struct imported *first, **end;
    size_t made;
};

static int need_organization(struct import *im, struct user_member_record *r, str where)
{
    struct organization o;
    struct cmd *c = im->c;
    if (!r->has_organization && !im->has_fallback) {
        return cmd_fail(CMD_USAGE, "%.*s: the member `organization` is missing, and --org is too",
                        STR_ARG(where));
    }
    if (!r->has_organization)
        r->user.organization = im->fallback;
    const struct id *id = &r->user.organization;
    if (id_map_get(&im->organizations, id->b, sizeof id->b))
        return CMD_DONE;
    enum err e = organization_load(c->db, &c->arena, id, &o);
    if (e == ERR_ABSENT)
        return cmd_fail(CMD_ABSENT, "%.*s: there is no such organization", STR_ARG(where));
    if (e)
        return open_trouble(c);
    id_map_put(&im->organizations, id->b, sizeof id->b, id);
    return CMD_DONE;
}

static int need_id(struct import *im, struct user_member_record *r, str where)
{
    struct cmd *c = im->c;
    struct user found;
    struct id none = {{0}};
    if (!r->has_id)
        return CMD_DONE;
    if (id_map_get(&im->users, r->user.id.b, sizeof r->user.id.b))
        return cmd_fail(CMD_CONFLICT, "%.*s: the id is in the file twice", STR_ARG(where));
    id_map_put(&im->users, r->user.id.b, sizeof r->user.id.b, &none);
    enum err e = user_load(c->db, &c->arena, &r->user.id, &found);
    if (e == OK)
        return cmd_fail(CMD_CONFLICT, "%.*s: a user of that id exists", STR_ARG(where));
    return e == ERR_ABSENT ? CMD_DONE : open_trouble(c);
}

/* Is the name free in the file and in the store? */
static int need_name(struct import *im, str name, str where)
{
    struct cmd *c = im->c;
    struct user found;
    struct digest d;
    struct id none = {{0}};
    hash_sha256(c->hasher, &name, 1, &d);
    if (id_map_get(&im->names, d.b, UID_BYTES)) {
        return cmd_fail(CMD_CONFLICT, "%.*s: the name `%.*s` is in the file twice", STR_ARG(where),
                        STR_ARG(name));
    }
    id_map_put(&im->names, d.b, UID_BYTES, &none);
    enum err e = user_find(c->db, &c->arena, name, &found);
    if (e == OK) {
        return cmd_fail(CMD_CONFLICT, "%.*s: another user signs in as `%.*s`", STR_ARG(where),
                        STR_ARG(name));
    }
    return e == ERR_ABSENT ? CMD_DONE : open_trouble(c);
}

static int take(struct import *im, const struct json *object, str where)
{
    struct cmd *c = im->c;
    str names[2];
    size_t n;
    struct user_member_record r = {.user = {.id = uid_new(),
                                            .claims = STR("{}"),
                                            .roles = STR(""),
                                            .password = STR(""),
                                            .enabled = true,
                                            .epoch = client_first_epoch(),
                                            .created_s = c->now_s,
                                            .updated_s = c->now_s}};
    int code = user_member_read(c, object, where, &r);
    if (code == CMD_DONE && !r.user.username.p)
        code = cmd_fail(CMD_USAGE, "%.*s: the member `username` is missing", STR_ARG(where));
    if (code || (code = need_organization(im, &r, where)) || (code = need_id(im, &r, where)))
        return code;
    r.user.email_verified = r.user.email_verified && r.user.email.p;
    r.user.password_s = r.user.password.n ? c->now_s : 0;
    user_options_names(c, &r.user, names, &n);
    for (size_t i = 0; i < n && code == CMD_DONE; i++)
        code = need_name(im, names[i], where);
    if (code)
        return code;
    user_put(&c->fx, &r.user, names, n);
    struct imported *done = ARENA_NEW(&c->arena, struct imported);
    done->user = r.user;
    *im->end = done;
    im->end = &done->next;
    im->made++;
    return CMD_DONE;
}

static void progress(const struct import *im)
{
    if (im->made % CHUNK == 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu users read", im->made);
}

static int take_all(struct import *im, str text)
{
    struct json_items it;
    struct json *object;
    str item;
    int code = CMD_DONE;
    json_items_init(&it, text);
    while (code == CMD_DONE && json_items_next(&it, &item)) {
        str where = arena_printf(&im->c->arena, "%.*s:%zu", STR_ARG(im->name), it.line);
        if (json_parse(&im->c->arena, item, &object))
            return cmd_fail(CMD_USAGE, "%.*s: this is not valid JSON", STR_ARG(where));
        code = take(im, object, where);
        progress(im);
    }
    if (code == CMD_DONE && it.broken)
        return cmd_fail(CMD_USAGE, "%.*s:%zu: this is not valid JSON", STR_ARG(im->name), it.line);
    return code;
}

static int report(struct import *im)
{
    struct show s;
    show_begin(&s, im->c, SHOW_LIST, "id=36 username");
    for (const struct imported *i = im->first; i; i = i->next)
        user_show_object(&s, &i->user);
    int code = show_end(&s);
    if (isatty(STDERR_FILENO))
        fputc('\r', stderr);
    cmd_note("%zu users imported", im->made);
    return code;
}

int user_import(struct cmd *c)
{
    struct import im = {.c = c};
    str text, org = args_get(c, "org");
    im.end = &im.first;
    im.has_fallback = org.p != NULL;
    id_map_init(&im.organizations, &c->arena);
    id_map_init(&im.users, &c->arena);
    id_map_init(&im.names, &c->arena);
    int code = org.p ? values_id(org, "--org", &im.fallback) : CMD_DONE;
    if (code || (code = import_file_read(c, &im.name, &text)) || (code = open_store(c, OPEN_WRITE)))
        return code;
    c->hasher = hash_open();
    if ((code = take_all(&im, text)) ||
        (code = open_commit(c, "a user or organization was changed in this moment")))
        return code;
    return report(&im);
}
