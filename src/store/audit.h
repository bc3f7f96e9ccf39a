/* audit: append-only security events: who did what, to whom or what, through which client, with
 * which result, from where. No secrets, no codes, no tokens, no words that somebody typed.
 *
 * Rows are written with the effects of the request that they are about, and linked into a chain
 * afterwards (audit_link.h, audit_chain.h). What a refused request writes is bounded
 * (audit_gate.h). A machine's token is no event: it costs no write, or one that is its own record.
 */
#ifndef STORE_AUDIT_H
#define STORE_AUDIT_H

#include "store/audit_chain.h"
#include "store/effects.h"

/* X(id, name, what it says) */
#define AUDIT_EVENT_LIST(X)                                                                        \
    X(CLIENT_AUTH, "client.auth", "a client did not prove who it is; successes are not recorded")  \
    X(ACCOUNT_AUTH, "account.auth", "an account of an API did not prove who it is")                \
    X(SIGN_IN, "sign_in", "somebody tried to sign in: ok, a wrong password, or too many attempts") \
    X(SIGN_OUT, "sign_out", "somebody signed out in a browser")                                    \
    X(SESSION_ENDED, "session.ended", "a session was ended by its owner elsewhere or an operator") \
    X(CONSENT_GIVEN, "consent.given", "a person allowed an application something")                 \
    X(CONSENT_REVOKED, "consent.revoked", "what a person had allowed was taken back")              \
    X(PASSWORD_CHANGED, "password.changed", "a password was set, by its owner or an operator")     \
    X(CODE_REPLAYED, "code.replayed", "a spent code came again; what it led to was revoked")       \
    X(REFRESH_REPLAYED, "refresh.replayed",                                                        \
      "a spent refresh token came again; its family was revoked")                                  \
    X(TOKEN_REVOKED, "token.revoked", "tokens were revoked: one, a client's or a user's")          \
    X(DEVICE_APPROVED, "device.approved", "a person allowed a device")                             \
    X(DEVICE_DENIED, "device.denied", "a person refused a device")                                 \
    X(KEY_MADE, "key.made", "a signing key or pepper was made")                                    \
    X(KEY_ACTIVATED, "key.activated", "a signing key signs from now on")                           \
    X(KEY_RETIRED, "key.retired", "a key signs nothing any more")                                  \
    X(KEY_DROPPED, "key.dropped", "a retired key was deleted")                                     \
    X(KEY_RESEALED, "key.resealed", "the keys were sealed anew under another master key")          \
    X(CLIENT_CREATED, "client.created", "a client was made")                                       \
    X(CLIENT_CHANGED, "client.changed", "a client was changed, enabled or disabled")               \
    X(CLIENT_DELETED, "client.deleted", "a client was deleted")                                    \
    X(CLIENT_SECRET, "client.secret", "a client got a new secret, or lost one")                    \
    X(USER_CREATED, "user.created", "a user was made")                                             \
    X(USER_CHANGED, "user.changed", "a user was changed, enabled or disabled")                     \
    X(USER_DELETED, "user.deleted", "a user was deleted")                                          \
    X(ORG_CREATED, "org.created", "an organization was made")                                      \
    X(ORG_CHANGED, "org.changed", "an organization was changed")                                   \
    X(ORG_DELETED, "org.deleted", "an organization was deleted")                                   \
    X(GROUP_CREATED, "group.created", "a group was made")                                          \
    X(GROUP_CHANGED, "group.changed", "a group was changed")                                       \
    X(GROUP_DELETED, "group.deleted", "a group was deleted")                                       \
    X(ACCOUNT_CHANGED, "account.changed", "an account of an API was changed")                      \
    X(IMPORTED, "imported", "clients or users were imported")                                      \
    X(STORE_MOVED, "store.moved", "this store was copied from another one (move)")                 \
    X(STORE_BACKED_UP, "store.backed_up", "a backup of the store was made")                        \
    X(STORE_RESTORED, "store.restored", "this store was made from a backup")                       \
    X(SETTINGS_RELOADED, "settings.reloaded", "a server read its settings again")                  \
    X(SERVER_STARTED, "server.started", "a server began to answer")                                \
    X(SERVER_STOPPED, "server.stopped", "a server stopped as it was told to")                      \
    X(PROCESS_RESTARTED, "process.restarted", "a process of a server had died")                    \
    X(PENALTY_BEGUN, "penalty.begun", "a source was shut out for a while")                         \
    X(PRUNED, "audit.pruned", "old rows of this log were taken away")                              \
    X(BROKEN, "audit.broken", "a verification of this log found it changed")

enum audit_event {
#define X(id, name, help) AUDIT_##id,
    AUDIT_EVENT_LIST(X)
#undef X
        AUDIT_EVENTS
};

struct audit_event_info {
    const char *name, *help;
};
extern const struct audit_event_info audit_events[AUDIT_EVENTS];
/* By its name; false: there is none. */
bool audit_event_find(str name, enum audit_event *out);

/* No text is longer in the store; what is longer is cut. */
enum { AUDIT_TEXT_MAX = 160, AUDIT_NODE_MAX = 64 };

/* p == NULL: unknown, or of no interest. */
struct audit_entry {
    enum audit_event event;
    enum err result; /* OK, or why it was refused */
    str actor;       /* "user:<uuid>", "client:<uuid>", "account:AC..", "operator:NAME", "server" */
    str client, subject, organization;
    str source;  /* an address */
    str request; /* the id that the log line of the request carries */
    str detail;  /* a few words of ours */
};

/* The name under which rows of subcommands are chained. */
#define AUDIT_CLI STR("cli")

/* Records the row as an effect. KEEP_SPARE: only if there is room for it (audit_gate.h). */
void audit_put(struct effects *fx, enum effect_life life, const struct id *id, int64_t now_s,
               str node, const struct audit_entry *e);
/* How many rows of these effects are audit rows. */
size_t audit_count(const struct effects *fx);

/* What to show; empty: everything. The newest `limit` rows. */
struct audit_query {
    int64_t since_s, until_s; /* until_s 0: no end */
    str event, client, user, node;
    int64_t limit;
};
/* Newest first, in the arena. */
enum err audit_list(struct db *db, struct arena *a, const struct audit_query *q,
                    struct audit_row **out, size_t *n);
/* The linked rows of that node behind `seq`, at most max, in the order of the chain. */
enum err audit_linked(struct db *db, struct arena *a, str node, int64_t seq, size_t max,
                      struct audit_row *out, size_t *n);
/* The first linked row of the node that is not older; 0: there is none. */
enum err audit_since(struct db *db, str node, int64_t since_s, int64_t *seq);

#endif
