/* audited: which subcommand is which event, and who ran it.
 *
 * One row for a run, with its first commit: an import of 100,000 clients is one event.
 */
#include "cmd/audited.h"

#include <pwd.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/open.h"
#include "store/audit_link.h"

enum { WHY = 512, PATIENCE_MS = 5000 };

static const struct {
    const char *set, *name;
    enum audit_event event;
} rows[] = {
    {"org", "create", AUDIT_ORG_CREATED},
    {"org", "update", AUDIT_ORG_CHANGED},
    {"org", "delete", AUDIT_ORG_DELETED},
    {"account", "token", AUDIT_ACCOUNT_CHANGED},
    {"account", "owner", AUDIT_ACCOUNT_CHANGED},
    {"group", "create", AUDIT_GROUP_CREATED},
    {"group", "update", AUDIT_GROUP_CHANGED},
    {"group", "delete", AUDIT_GROUP_DELETED},
    {"client", "create", AUDIT_CLIENT_CREATED},
    {"client", "update", AUDIT_CLIENT_CHANGED},
    {"client", "delete", AUDIT_CLIENT_DELETED},
    {"client", "import", AUDIT_IMPORTED},
    {"client", "disable", AUDIT_CLIENT_CHANGED},
    {"client", "enable", AUDIT_CLIENT_CHANGED},
    {"client", "secret", AUDIT_CLIENT_SECRET},
    {"user", "create", AUDIT_USER_CREATED},
    {"user", "update", AUDIT_USER_CHANGED},
    {"user", "delete", AUDIT_USER_DELETED},
    {"user", "password", AUDIT_PASSWORD_CHANGED},
    {"user", "disable", AUDIT_USER_CHANGED},
    {"user", "enable", AUDIT_USER_CHANGED},
    {"user", "revoke", AUDIT_TOKEN_REVOKED},
    {"user", "import", AUDIT_IMPORTED},
    {"session", "revoke", AUDIT_SESSION_ENDED},
    {"consent", "revoke", AUDIT_CONSENT_REVOKED},
    {"token", "revoke", AUDIT_TOKEN_REVOKED},
    {"key", "rotate", AUDIT_KEY_MADE},
    {"key", "retire", AUDIT_KEY_RETIRED},
    {"key", "drop", AUDIT_KEY_DROPPED},
    {"audit", "prune", AUDIT_PRUNED},
};

static str about(struct cmd *c, const char *prefix, const void *id, size_t n)
{
    struct buf b;
    buf_init(&b, &c->arena, 64, 64);
    if (n == ID_BYTES)
        id_write(&b, id);
    else
        uid_write(&b, id, prefix, SPELLING_UUID);
    return buf_str(&b);
}

void audited_about_id(struct cmd *c, const struct id *id)
{
    c->about = about(c, "", id, ID_BYTES);
}

void audited_about_uid(struct cmd *c, const struct uid *id)
{
    c->about = about(c, "", id, UID_BYTES);
}

static str operator_of(struct cmd *c)
{
    const struct passwd *p = getpwuid(getuid());
    if (p)
        return arena_printf(&c->arena, "operator:%s", p->pw_name);
    return arena_printf(&c->arena, "operator:%u", (unsigned)getuid());
}

static bool find(const struct cmd *c, enum audit_event *event)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (!str_eq(str_from(c->set->name), str_from(rows[i].set)) ||
            !str_eq(str_from(c->command->name), str_from(rows[i].name)))
            continue;
        *event = rows[i].event;
        if (*event == AUDIT_KEY_MADE && args_has(c, "master"))
            *event = AUDIT_KEY_RESEALED;
        return true;
    }
    return false;
}

/* An id in either spelling, else nothing: an operand may be the name of a file or an address. */
static str id_operand(struct cmd *c, str text)
{
    enum spelling spelling;
    struct uid uid;
    struct id id;
    if (!text.p)
        return (str){0};
    if (id_parse(text, &id) || text.n == UID_UUID_CHARS || uid_parse(text, "AC", &uid, &spelling) ||
        uid_parse(text, "IC", &uid, &spelling))
        return text;
    return uid_parse(text, "OQ", &uid, &spelling) ? about(c, "", &uid, UID_BYTES) : (str){0};
}

static void put(struct cmd *c, struct effects *fx, const struct audit_entry *e)
{
    struct id id = id_next(&c->ids, c->now_s);
    audit_put(fx, KEEP, &id, c->now_s, AUDIT_CLI, e);
}

void audited_put(struct cmd *c)
{
    enum audit_event event;
    if (c->audited || effects_empty(&c->fx) || !find(c, &event))
        return;
    bool is_client = str_eq(str_from(c->set->name), STR("client"));
    str subject = c->about.p ? c->about : id_operand(c, args_operand(c));
    const str none = {0};
    str client = is_client ? subject : none;
    if (str_eq(str_from(c->set->name), STR("consent")) ||
        (str_eq(str_from(c->set->name), STR("token"))))
        client = id_operand(c, args_get(c, "client"));
    put(c, &c->fx,
        &(struct audit_entry){
            .event = event,
            .actor = operator_of(c),
            .client = client,
            .subject = is_client ? none : subject,
            .detail = arena_printf(&c->arena, "postern %s %s", c->set->name, c->command->name)});
    c->audited = true;
}

static void link_in(struct cmd *c, struct db *db)
{
    struct clock clock = {0};
    struct hasher *hasher = hash_open();
    size_t n = AUDIT_LINK_ROWS;
    for (enum err e = OK; e == OK && n == AUDIT_LINK_ROWS;) {
        struct arena arena;
        struct effects fx;
        arena_init(&arena, 1 << 24);
        effects_init(&fx, &arena);
        e = audit_link_run(db, &arena, hasher, AUDIT_CLI, UINT32_MAX, &fx, &n);
        if (e == OK && n > 0)
            e = commit_one(db, &c->ids, &clock, &fx);
        arena_free(&arena);
    }
    hash_close(hasher);
}

void audited_link(struct cmd *c)
{
    if (c->audited)
        link_in(c, c->db);
}

void audited_elsewhere(struct cmd *c, str url, enum audit_event event, str subject, str detail)
{
    struct clock clock = {0};
    struct effects fx;
    struct db *db;
    char why[WHY] = "";
    enum err e = db_open(url, false, &db, why, sizeof why);
    if (e == OK) {
        db_set_patience(db, PATIENCE_MS);
        effects_init(&fx, &c->arena);
        put(c, &fx,
            &(struct audit_entry){
                .event = event, .actor = operator_of(c), .subject = subject, .detail = detail});
        if ((e = commit_one(db, &c->ids, &clock, &fx)) == OK)
            link_in(c, db);
        db_close(db);
    }
    if (e)
        cmd_note("postern: the audit log could not be told of this: %s",
                 *why ? why : "the store refused");
}
