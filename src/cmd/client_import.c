/* client_import: takes over clients with their ids, secrets, organizations and groups.
 *
 * Everything is read and checked first, recorded as one effect set, and committed once: all or
 * nothing, however long the file. What the file itself makes (an organization in line 1, used in
 * line 900) is remembered in maps, since the store does not know it yet. Elements are read one by
 * one, so a defect is named with its line.
 */
#include "cmd/client_import.h"

#include <stdio.h>
#include <unistd.h>

#include "base/limits.h"
#include "cmd/args.h"
#include "cmd/client_options.h"
#include "cmd/client_party.h"
#include "cmd/client_show.h"
#include "cmd/id_map.h"
#include "cmd/import_file.h"
#include "cmd/import_member.h"
#include "cmd/json_items.h"
#include "cmd/open.h"
#include "store/organization.h"

enum { CHUNK = 1024 };

struct imported {
    struct imported *next;
    struct client client;
    str shown; /* a secret that was made here */
};

struct import {
    struct cmd *c;
    str name; /* of the file, for messages */
    struct id_map clients, organizations, groups;
    struct id_map accounts; /* whose they are: organization ids */
    struct id_map counts;   /* groups that an organization will have, in place of an id */
    struct imported *first, **end;
    size_t made, changed;
};

/* If the record names an account, it is the organization's. */
static int check_account(struct import *im, const struct import_record *r, str where)
{
    const struct id *owner = id_map_get(&im->accounts, r->account.b, sizeof r->account.b);
    if (!r->has_account || (owner && id_eq(owner, &r->client.organization)))
        return CMD_DONE;
    return cmd_fail(CMD_CONFLICT, "%.*s: account_sid: the organization has another account",
                    STR_ARG(where));
}

/* The organization exists, was made by this file, or is made now. */
static int need_organization(struct import *im, const struct import_record *r, str where)
{
    struct cmd *c = im->c;
    struct organization o;
    const struct id *id = &r->client.organization;
    if (id_map_get(&im->organizations, id->b, sizeof id->b))
        return check_account(im, r, where);
    enum err e = organization_load(c->db, &c->arena, id, &o);
    if (e == ERR_ABSENT && r->organization_name.p) {
        o = (struct organization){
            .id = *id, .name = r->organization_name, .epoch = c->now_s, .created_s = c->now_s};
        o.account = r->has_account ? r->account : uid_new();
        organization_put(&c->fx, &o);
        e = OK;
    }
    if (e == ERR_ABSENT) {
        return cmd_fail(CMD_ABSENT,
                        "%.*s: there is no such organization; give it as an object with id and "
                        "name and it is made",
                        STR_ARG(where));
    }
    if (e)
        return open_trouble(c);
    id_map_put(&im->organizations, id->b, sizeof id->b, id);
    id_map_put(&im->accounts, o.account.b, sizeof o.account.b, id);
    return check_account(im, r, where);
}

/* A place for one more group, counting those that this file makes. */
static int take_room(struct import *im, const struct id *organization, str where)
{
    const struct id *known = id_map_get(&im->counts, organization->b, sizeof organization->b);
    struct group_query all = {.organization = *organization};
    struct id value = {{0}};
    int64_t n;
    if (known)
        memcpy(&n, known->b, sizeof n);
    else if (group_count(im->c->db, &all, &n))
        return open_trouble(im->c);
    if (n++ >= LIMIT_GROUPS) {
        return cmd_fail(CMD_CONFLICT,
                        "%.*s: the organization would have more than %d groups, the most that one "
                        "can have",
                        STR_ARG(where), LIMIT_GROUPS);
    }
    memcpy(value.b, &n, sizeof n);
    id_map_put(&im->counts, organization->b, sizeof organization->b, &value);
    return CMD_DONE;
}

static int make_group(struct import *im, struct group *g, const struct id *organization, str where)
{
    int code = take_room(im, organization, where);
    if (code == CMD_DONE) {
        g->organization = *organization;
        g->created_s = im->c->now_s;
        group_put(&im->c->fx, g);
    }
    return code;
}

static int need_group(struct import *im, const struct import_record *r, struct group *g, str where)
{
    struct cmd *c = im->c;
    struct group found;
    const struct id *owner = id_map_get(&im->groups, g->id.b, sizeof g->id.b);
    enum err e = OK;
    if (!owner && (e = group_load(c->db, &c->arena, &g->id, &found)) == OK)
        owner = &found.organization;
    if (e == ERR_ABSENT && g->name.p) {
        int code = make_group(im, g, &r->client.organization, where);
        if (code)
            return code;
        owner = &g->organization;
        e = OK;
    }
    if (e == ERR_ABSENT) {
        return cmd_fail(CMD_ABSENT,
                        "%.*s: there is no such group; give it as an object with id and name and "
                        "it is made",
                        STR_ARG(where));
    }
    if (e)
        return open_trouble(c);
    id_map_put(&im->groups, g->id.b, sizeof g->id.b, owner);
    if (!id_eq(owner, &r->client.organization)) {
        return cmd_fail(CMD_CONFLICT, "%.*s: a group belongs to another organization",
                        STR_ARG(where));
    }
    return CMD_DONE;
}

static int need_groups(struct import *im, struct import_record *r, str where)
{
    struct id *ids = ARENA_ARRAY(&im->c->arena, struct id, r->groups_n + 1);
    for (size_t i = 0; i < r->groups_n; i++) {
        int code = need_group(im, r, &r->groups[i], where);
        if (code)
            return code;
        ids[i] = r->groups[i].id;
    }
    if (r->has_groups)
        client_set_groups(&im->c->fx, &r->client, ids, r->groups_n);
    return CMD_DONE;
}

/* True when that secret is one of the client's live ones already. */
static bool has_secret(struct cmd *c, const struct client *k, str secret)
{
    for (size_t i = 0; i < k->secrets_n; i++) {
        const struct client_secret *s = &k->secrets[i];
        const struct key *pepper = keyring_find(c->ring, KEY_PEPPER, &s->pepper);
        struct digest digest;
        if (s->argon2.p || !pepper ||
            client_hash_secret(c->signer, pepper, &k->id, secret, &digest) != OK)
            continue;
        if (ct_digest_eq(&digest, &s->hash))
            return true;
    }
    return false;
}

static int put_secret(struct import *im, struct import_record *r, bool exists, str where,
                      str *shown)
{
    struct cmd *c = im->c;
    struct client_secret row;
    if (exists && (!r->secret.p || has_secret(c, &r->client, r->secret)))
        return CMD_DONE;
    if (!client_party_has_secret(&r->client, &r->rp)) {
        return r->secret.p ? cmd_fail(CMD_USAGE,
                                      "%.*s: client_secret: this client proves itself without one",
                                      STR_ARG(where))
                           : CMD_DONE;
    }
    if (!r->secret.p)
        r->secret = *shown = client_options_new_secret(&c->arena);
    int code = client_options_hash(c, &r->client, r->secret, where, &row);
    if (code == CMD_DONE)
        client_put_secret(&c->fx, &r->client.id, &row, c->now_s);
    return code;
}

/* Starts the record: the defaults, or with --update the client as it is. */
static int begin_record(struct import *im, const struct json *object, str where,
                        struct import_record *r, bool *exists)
{
    struct cmd *c = im->c;
    client_options_defaults(&r->client, c->now_s);
    relying_party_defaults(&r->rp);
    int code = import_member_id(c, object, where, r);
    *exists = false;
    if (code || !r->has_id) {
        r->client.id = uid_new();
        return code;
    }
    struct uid id = r->client.id;
    struct client found;
    if (id_map_get(&im->clients, id.b, sizeof id.b))
        return cmd_fail(CMD_CONFLICT, "%.*s: the client is in the file twice", STR_ARG(where));
    enum err e = client_load(c->db, &c->arena, &id, c->now_s, &found);
    if (e == ERR_ABSENT)
        return CMD_DONE;
    if (e)
        return open_trouble(c);
    if (!args_has(c, "update")) {
        return cmd_fail(CMD_CONFLICT, "%.*s: the client exists; --update changes it",
                        STR_ARG(where));
    }
    *exists = true;
    r->client = found;
    e = relying_party_load(c->db, &c->arena, &id, &r->rp);
    return e == OK || e == ERR_ABSENT ? CMD_DONE : open_trouble(c);
}

/* As `client create` does it: a redirect URI makes a client that people sign in to, a public one
 * has no secret; what is said goes before. */
static int need_party(struct import *im, struct import_record *r, bool exists, str where)
{
    struct client *k = &r->client;
    if (!exists && r->rp.redirect_uris.n && !r->has_grants)
        k->grants = GRANT_AUTHORIZATION_CODE | GRANT_REFRESH_TOKEN;
    if (!exists && client_party_interactive(k) && !r->has_scopes)
        k->scopes = STR("openid profile email");
    if (!exists && r->rp.is_public && k->auth_method == CLIENT_AUTH_ANY)
        k->auth_method = CLIENT_AUTH_NONE;
    r->rp.there = r->rp.there || client_party_interactive(k);
    const char *label = arena_cstr(&im->c->arena, where);
    int code = client_party_check(k, &r->rp, label);
    return code ? code : client_party_check_keys(im->c, &r->rp, label);
}

static int check_complete(const struct import_record *r, const struct id *before, bool exists,
                          str where)
{
    if (!r->client.name.n)
        return cmd_fail(CMD_USAGE, "%.*s: the member `name` is missing", STR_ARG(where));
    if (!exists && !r->has_organization)
        return cmd_fail(CMD_USAGE, "%.*s: the member `organization` is missing", STR_ARG(where));
    if (exists && !id_eq(before, &r->client.organization)) {
        return cmd_fail(CMD_CONFLICT, "%.*s: a client cannot move to another organization",
                        STR_ARG(where));
    }
    return CMD_DONE;
}

static int take(struct import *im, const struct json *object, str where)
{
    struct cmd *c = im->c;
    struct import_record r = {0};
    struct imported *done = ARENA_NEW(&c->arena, struct imported);
    bool exists;
    int code = begin_record(im, object, where, &r, &exists);
    struct id before = r.client.organization, none = {0};
    bool enabled = r.client.enabled;
    if (code || (code = import_member_read(c, object, where, &r)) ||
        (code = check_complete(&r, &before, exists, where)) ||
        (code = need_party(im, &r, exists, where)) || (code = need_organization(im, &r, where)))
        return code;
    (exists ? client_update : client_put)(&c->fx, &r.client);
    if (exists && r.client.enabled != enabled)
        client_set_enabled(&c->fx, &r.client.id, r.client.enabled);
    if (r.rp.there)
        relying_party_put(&c->fx, &r.client.id, &r.rp);
    if ((code = put_secret(im, &r, exists, where, &done->shown)) ||
        (code = need_groups(im, &r, where)))
        return code;
    id_map_put(&im->clients, r.client.id.b, sizeof r.client.id.b, &none);
    done->client = r.client;
    *im->end = done;
    im->end = &done->next;
    im->made += !exists;
    im->changed += exists;
    return CMD_DONE;
}

static void progress(const struct import *im)
{
    size_t n = im->made + im->changed;
    if (n % CHUNK == 0 && isatty(STDERR_FILENO))
        fprintf(stderr, "\r%zu clients read", n);
}

static int take_all(struct import *im, str text)
{
    struct json_items it;
    struct json *object;
    str item;
    int code = CMD_DONE;
    json_items_init(&it, text);
    while (code == CMD_DONE && json_items_next(&it, &item)) {
        size_t line = it.line;
        str where = arena_printf(&im->c->arena, "%.*s:%zu", STR_ARG(im->name), line);
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
    int code = CMD_DONE;
    show_begin(&s, im->c, SHOW_LIST, "client_id=36 client_secret=43 name");
    for (struct imported *i = im->first; i && code == CMD_DONE; i = i->next) {
        struct client fresh = i->client;
        code =
            open_result(im->c, client_load(im->c->db, &s.scratch, &fresh.id, im->c->now_s, &fresh),
                        "client", fresh.name);
        code = code ? code : client_show_object(&s, &fresh, i->shown);
    }
    int shown = show_end(&s);
    if (isatty(STDERR_FILENO))
        fputc('\r', stderr);
    cmd_note("%zu clients imported, %zu changed", im->made, im->changed);
    return code ? code : shown;
}

int client_import(struct cmd *c)
{
    struct import im = {.c = c};
    str text;
    im.end = &im.first;
    id_map_init(&im.clients, &c->arena);
    id_map_init(&im.organizations, &c->arena);
    id_map_init(&im.accounts, &c->arena);
    id_map_init(&im.groups, &c->arena);
    id_map_init(&im.counts, &c->arena);
    int code = import_file_read(c, &im.name, &text);
    if (code || (code = open_store(c, OPEN_CREATE)) || (code = open_keys(c)) ||
        (code = take_all(&im, text)) ||
        (code = open_commit(c, "a client, group, organization or pepper was changed in this "
                               "moment")))
        return code;
    return report(&im);
}
