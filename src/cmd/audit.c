/* audit: the log of security events: listed, verified, exported, and shortened without a break.
 *
 * `prune` signs a checkpoint that says "cut here" with the key of the store before it deletes, so
 * that what is left verifies, and nobody without that key can do the same.
 */
#include "store/audit.h"

#include "cmd/args.h"
#include "cmd/audit_verify.h"
#include "cmd/audited.h"
#include "cmd/open.h"
#include "cmd/show.h"
#include "cmd/values.h"
#include "crypto/signer.h"

enum { LIMIT = 100, LIMIT_MAX = 100000, DELETE_ROWS = 2000 };

static void show_row(struct show *s, const struct audit_row *row)
{
    show_object(s);
    show_time(s, "time", row->at_s);
    show_text(s, "event", row->event);
    show_text(s, "result", row->result);
    show_text(s, "actor", row->actor);
    show_text(s, "client", row->client);
    show_text(s, "subject", row->subject);
    show_text(s, "organization", row->organization);
    show_text(s, "source", row->source);
    show_text(s, "request", row->request);
    show_text(s, "detail", row->detail);
    show_text(s, "node", row->node);
    show_int(s, "seq", row->seq);
    show_id(s, "id", &row->id);
    show_object_end(s);
}

/* An id in its other spelling is the same client or user. */
static str spelled(struct cmd *c, const char *option, const char *prefix)
{
    str text = args_get(c, option);
    enum spelling spelling;
    struct uid id;
    struct buf b;
    if (!uid_parse(text, prefix, &id, &spelling))
        return text;
    buf_init(&b, &c->arena, 64, 64);
    uid_write(&b, &id, "", SPELLING_UUID);
    return buf_str(&b);
}

static int read_query(struct cmd *c, struct audit_query *q)
{
    enum audit_event event;
    str limit = args_get(c, "limit");
    *q = (struct audit_query){.limit = LIMIT,
                              .event = args_get(c, "event"),
                              .client = spelled(c, "client", "OQ"),
                              .user = spelled(c, "user", "US"),
                              .node = args_get(c, "node")};
    if (q->event.p && !audit_event_find(q->event, &event))
        return cmd_fail(CMD_USAGE, "--event: there is no `%.*s`; see docs/audit.md",
                        STR_ARG(q->event));
    if (limit.p && !str_i64(limit, 1, LIMIT_MAX, &q->limit))
        return cmd_fail(CMD_USAGE, "--limit takes 1 to %d", LIMIT_MAX);
    int code = audit_verify_time(c, "since", &q->since_s);
    return code ? code : audit_verify_time(c, "until", &q->until_s);
}

static int list(struct cmd *c)
{
    struct audit_query q;
    struct audit_row *rows;
    struct show s;
    size_t n;
    int code = read_query(c, &q);
    if (code || (code = open_store(c, OPEN_READ)))
        return code;
    if (audit_list(c->db, &c->arena, &q, &rows, &n))
        return open_trouble(c);
    show_begin(&s, c, SHOW_LIST, "time=20 event=16 result=22 actor=41 client=36 source=15 detail");
    for (size_t i = 0; i < n; i++)
        show_row(&s, &rows[i]);
    return show_end(&s);
}

/* ---- prune ---- */

/* The checkpoint that says so, signed by the key that signs tokens. */
static int put_cut(struct cmd *c, struct audit_checkpoint *p)
{
    enum jws_alg alg = (enum jws_alg)setting_int(&c->settings, access_token_alg);
    const struct key *key = keyring_active(c->ring, KEY_SIGNING, alg);
    str issuer = setting_text(&c->settings, issuer);
    struct clock clock = {0};
    struct sign_rules rules = {.issuer = issuer.n ? issuer : STR("postern"), .clock = &clock};
    char kid[UID_SID_CHARS];
    struct buf claims, jwk;
    if (!key)
        return cmd_fail(CMD_FAILED, "no key is active that could sign the cut: postern key rotate");
    struct signer *signer = signer_open(c->ring, &rules);
    struct sign_item item = {.kid = key->id, .profile = SIGN_CHECKPOINT, .to = &c->arena};
    buf_init(&claims, &c->arena, 512, 4096);
    audit_chain_claims(&claims, rules.issuer, p);
    item.claims = buf_str(&claims);
    signer_sign(signer, &item, 1);
    signer_close(signer);
    if (item.e)
        return cmd_fail(CMD_FAILED, "the cut could not be signed");
    p->jwt = item.jwt;
    keyring_kid(key, kid);
    buf_init(&jwk, &c->arena, 512, 4096);
    jwk_write_entry(&jwk, key->pkey, key->alg, str_make(kid, sizeof kid));
    audit_link_prove(&c->fx, NULL, p, str_make(kid, sizeof kid), buf_str(&jwk));
    return CMD_DONE;
}

/* Behind that cut, in bites that hold up nobody; *all grows. */
static enum err delete_rows(struct cmd *c, str node, int64_t seq, int64_t *all)
{
    int64_t deleted = DELETE_ROWS;
    enum err e = OK;
    for (; e == OK && deleted == DELETE_ROWS; *all += deleted)
        e = audit_link_delete(c->db, node, seq, DELETE_ROWS, &deleted);
    return e;
}

static int prune_chain(struct cmd *c, struct show *s, str node, int64_t before_s)
{
    struct audit_checkpoint p = {.node = node, .at_s = c->now_s, .cut = true}, last;
    int64_t all = 0;
    enum err e = audit_link_cut(c->db, &c->arena, node, &last);
    if (e == OK) /* a run that was ended behind its cut has left rows */
        e = delete_rows(c, node, last.seq, &all);
    if (e == OK || e == ERR_ABSENT)
        e = audit_link_before(c->db, node, before_s, &p.seq, &p.hash);
    if (e)
        return open_trouble(c);
    if (p.seq == 0)
        return CMD_DONE;
    c->audited = false;
    c->about = arena_printf(&c->arena, "%.*s up to %lld", STR_ARG(node), (long long)p.seq);
    int code = put_cut(c, &p);
    if (code || (code = open_commit(c, "another one pruned this in this moment")))
        return code;
    if (delete_rows(c, node, p.seq, &all))
        return open_trouble(c);
    show_object(s);
    show_text(s, "node", node);
    show_int(s, "up_to", p.seq);
    show_int(s, "deleted", all);
    show_object_end(s);
    return CMD_DONE;
}

static int prune(struct cmd *c)
{
    struct show s;
    int64_t before_s = 0;
    str *nodes, last = {0};
    size_t n = AUDIT_CHAINS;
    int code = audit_verify_time(c, "before", &before_s);
    if (code || (code = open_store(c, OPEN_WRITE)) || (code = open_keys(c)))
        return code;
    show_begin(&s, c, SHOW_LIST, "node=20 up_to=10 deleted");
    while (code == CMD_DONE && n == AUDIT_CHAINS) {
        if (audit_link_nodes(c->db, &c->arena, last, &nodes, &n))
            return open_trouble(c);
        for (size_t i = 0; i < n && code == CMD_DONE; i++)
            code = prune_chain(c, &s, nodes[i], before_s);
        last = n > 0 ? nodes[n - 1] : last;
    }
    int shown = show_end(&s);
    return code ? code : shown;
}

static const struct option list_options[] = {
    {"since", "TIME", false, false, "a time (2026-11-22T10:00:00Z), a day, or how long ago (7d)"},
    {"until", "TIME", false, false, "the same"},
    {"event", "NAME", false, false, "only this event: sign_in, client.auth, ..."},
    {"client", "ID", false, false, "only what concerns this client"},
    {"user", "ID", false, false, "only what this user did, or was done to him"},
    {"node", "NAME", false, false, "only rows of this server; cli: of subcommands"},
    {"limit", "N", false, false, "at most so many, the newest; default: 100"},
};

static const struct option verify_options[] = {
    {"file", "FILE", false, false, "what `audit export` wrote, instead of the store"},
    {"jwks", "FILE", false, false, "public keys that were kept elsewhere, instead of the store's"},
};

static const struct option export_options[] = {
    {"since", "TIME", false, false, "only rows from then on: a time, a day, or how long ago (7d)"},
};

static const struct option prune_options[] = {
    {"before", "TIME", false, true, "a time (2026-11-22T10:00:00Z), a day, or how long ago (400d)"},
};

static const struct command commands[] = {
    {"list", NULL, "List security events, the newest first.",
     "docs/audit.md names the events and says what is recorded.", CMD_OPTIONS(list_options), list},
    {"verify", NULL, "Recompute the hash chains and check the signed checkpoints.",
     "Exits 1 if a chain is broken, and says at which row. Rows behind the newest checkpoint are\n"
     "counted as not covered: whoever can write to the store can still change them.",
     CMD_OPTIONS(verify_options), audit_verify},
    {"export", NULL, "Write rows, checkpoints and public keys as JSON lines.",
     "`postern audit verify --file FILE` checks them without the store.",
     CMD_OPTIONS(export_options), audit_verify_export},
    {"prune", NULL, "Delete old rows; what is left verifies.",
     "A signed checkpoint says where the chain was cut, and a row that it was.",
     CMD_OPTIONS(prune_options), prune},
};

const struct command_set audit_commands = {"audit", "the log of security events",
                                           CMD_OPTIONS(commands)};
