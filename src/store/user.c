/* user: the row of a person, and the names that lead to it.
 *
 * Names are rows of `login` whose primary key is the name, so two users cannot have the same one,
 * whoever asks first; a name that is taken misses, as does an id that a client has (security.md 16:
 * the `sub` of a user and that of a client never meet).
 *
 * What ends a user's tokens does two things: it raises his epoch, which every token carries, and
 * revokes his grants, which stops codes and what other servers learn by the grant's id. Sessions go
 * at once. The user's row is written first, so it locks out whoever would add to it.
 *
 * Left out on purpose: a cache for sign-in. People sign in rarely, and a stale answer to "is he
 * enabled" is worse than a read. For tokens there is one: store/person_cache.h.
 */
#include "store/user.h"

#include "store/key.h"
#include "store/organization.h"
#include "store/replay.h"
#include "store/session.h"
#include "store/statements.h"

enum {
    LOAD,
    FIND,
    LIST,
    LIST_ORGANIZATION,
    PUT,
    UPDATE,
    PUT_NAME,
    DELETE_NAMES,
    HOLD,
    HOLD_PASSWORD,
    SET_PASSWORD,
    REHASH,
    REHASH_PLAIN,
    ENABLE,
    DISABLE,
    REVOKE_ALL,
    DELETE,
    DELETE_CONSENTS,
    COUNT_BY_PEPPER
};

#define COLUMNS                                                                                    \
    "SELECT u.id, u.organization_id, u.username, u.email, u.email_verified, u.claims, u.roles, "   \
    "u.password, u.pepper_id, u.password_s, u.enabled, u.epoch, u.created_s, u.updated_s "

static const struct sql sql[] = {
    [LOAD] = {"user.load", COLUMNS "FROM users u WHERE u.id = $1"},
    [FIND] = {"user.find",
              COLUMNS "FROM login l JOIN users u ON u.id = l.user_id WHERE l.name = $1"},
    [LIST] = {"user.list", COLUMNS "FROM users u WHERE u.id > $1 ORDER BY u.id LIMIT $2"},
    [LIST_ORGANIZATION] = {"user.list_organization",
                           COLUMNS "FROM users u WHERE u.organization_id = $3 AND u.id > $1 "
                                   "ORDER BY u.id LIMIT $2"},
    [PUT] = {"user.put",
             "INSERT INTO users (id, organization_id, username, email, email_verified, claims, "
             "roles, password, pepper_id, password_s, enabled, epoch, created_s, updated_s) "
             "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14 "
             "WHERE NOT EXISTS (SELECT 1 FROM client WHERE client.id = $1) "
             "ON CONFLICT DO NOTHING"},
    [UPDATE] = {"user.update",
                "UPDATE users SET username = $2, email = $3, email_verified = $4, claims = $5, "
                "roles = $6, updated_s = $7 WHERE id = $1"},
    [PUT_NAME] = {"user.put_name", "INSERT INTO login (name, user_id) VALUES ($1, $2) "
                                   "ON CONFLICT DO NOTHING"},
    [DELETE_NAMES] = {"user.delete_names", "DELETE FROM login WHERE user_id = $1"},
    [HOLD] = {"user.hold", "UPDATE users SET epoch = epoch WHERE id = $1"},
    [HOLD_PASSWORD] = {"user.hold_password",
                       "UPDATE users SET epoch = epoch WHERE id = $1 AND password = $2"},
    [SET_PASSWORD] = {"user.set_password",
                      "UPDATE users SET password = $3, pepper_id = $4, password_s = $5 "
                      "WHERE id = $1 AND password = $2"},
    [REHASH] = {"user.rehash",
                "UPDATE users SET password = $3, pepper_id = $4 WHERE id = $1 AND password = $2 "
                "AND EXISTS (SELECT 1 FROM key WHERE key.id = $4 AND key.state = 1)"},
    [REHASH_PLAIN] = {"user.rehash_plain", "UPDATE users SET password = $3, pepper_id = NULL "
                                           "WHERE id = $1 AND password = $2"},
    [ENABLE] = {"user.enable", "UPDATE users SET enabled = 1 WHERE id = $1"},
    [DISABLE] = {"user.disable", "UPDATE users SET enabled = 0, epoch = epoch + 1 WHERE id = $1"},
    [REVOKE_ALL] = {"user.revoke_all", "UPDATE users SET epoch = epoch + 1 WHERE id = $1"},
    [DELETE] = {"user.delete", "DELETE FROM users WHERE id = $1"},
    [DELETE_CONSENTS] = {"user.delete_consents", "DELETE FROM consent WHERE user_id = $1"},
    [COUNT_BY_PEPPER] = {"user.count_by_pepper", "SELECT COUNT(*) FROM users WHERE pepper_id = $1"},
};

const struct sql_set user_statements = {sql, sizeof sql / sizeof *sql};

static void read_row(struct rows *r, struct arena *a, struct user *out)
{
    *out = (struct user){0};
    row_bytes(r, 0, out->id.b, sizeof out->id.b);
    row_bytes(r, 1, out->organization.b, sizeof out->organization.b);
    out->username = row_text(r, 2, a);
    out->email = row_text(r, 3, a);
    out->email_verified = row_int(r, 4) != 0;
    out->claims = row_text(r, 5, a);
    out->roles = row_text(r, 6, a);
    out->password = row_text(r, 7, a);
    out->has_pepper = row_bytes(r, 8, out->pepper.b, sizeof out->pepper.b);
    out->password_s = row_int(r, 9);
    out->enabled = row_int(r, 10) != 0;
    out->epoch = row_int(r, 11);
    out->created_s = row_int(r, 12);
    out->updated_s = row_int(r, 13);
}

static enum err load(struct db *db, struct arena *a, const struct sql *statement,
                     const struct db_arg *key, struct user *out)
{
    struct rows r = db_query(db, statement, key, 1);

    if (rows_next(&r))
        read_row(&r, a, out);
    return rows_end_one(&r);
}

enum err user_load(struct db *db, struct arena *a, const struct uid *id, struct user *out)
{
    struct db_arg arg = db_bytes(id);

    return load(db, a, &sql[LOAD], &arg, out);
}

enum err user_find(struct db *db, struct arena *a, str canonical_login, struct user *out)
{
    struct db_arg arg = db_text(canonical_login);

    return load(db, a, &sql[FIND], &arg, out);
}

enum err user_list(struct db *db, struct arena *a, const struct id *organization,
                   const struct uid *after, int64_t limit, struct user **out, size_t *n)
{
    static const struct uid start;
    struct db_arg args[3] = {db_bytes(after ? after : &start),
                             db_int(limit < 0 ? INT64_MAX : limit)};
    if (organization)
        args[2] = db_bytes(organization);
    struct rows r =
        db_query(db, &sql[organization ? LIST_ORGANIZATION : LIST], args, organization ? 3 : 2);
    size_t room = 0;

    *n = 0;
    *out = NULL;
    while (rows_next(&r)) {
        ARENA_MORE(a, *out, *n, room);
        read_row(&r, a, &(*out)[(*n)++]);
    }
    return rows_end(&r);
}

static bool is_among(const str *names, size_t n, str name)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq(names[i], name))
            return true;
    return false;
}

/* The user name and the address may be the same. */
static void put_names(struct effects *fx, const struct uid *id, const str *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!is_among(names, i, names[i]))
            effects_add(fx, DROP, 1, &sql[PUT_NAME], ARGS(db_text(names[i]), db_bytes(id)));
}

static struct db_arg pepper_arg(const struct uid *pepper)
{
    return pepper ? db_bytes(pepper) : db_null();
}

/* Tokens are judged by a copy of the user where reading the store is dear (store/person_cache.h).
 */
static void changed(struct effects *fx, const struct uid *id)
{
    effects_change(fx, DROP, CHANGE_USER, id->b, sizeof id->b);
}

void user_put(struct effects *fx, const struct user *u, const str *names, size_t n)
{
    const struct uid *pepper = u->has_pepper ? &u->pepper : NULL;

    organization_hold(fx, &u->organization);
    replay_lock_subject(fx, &u->id);
    if (pepper) /* it cannot go while a password comes to need it */
        key_hold(fx, pepper, KEY_ACTIVE);
    effects_add(fx, DROP, 1, &sql[PUT],
                ARGS(db_bytes(&u->id), db_bytes(&u->organization), db_text(u->username),
                     db_text(u->email), db_int(u->email_verified),
                     db_text(u->claims.n ? u->claims : STR("{}")), db_some_text(u->roles),
                     db_some_text(u->password), pepper_arg(pepper), db_int(u->password_s),
                     db_int(u->enabled), db_int(u->epoch), db_int(u->created_s),
                     db_int(u->updated_s)));
    put_names(fx, &u->id, names, n);
}

void user_update(struct effects *fx, const struct user *u, const str *names, size_t n)
{
    effects_add(fx, DROP, 1, &sql[UPDATE],
                ARGS(db_bytes(&u->id), db_text(u->username), db_text(u->email),
                     db_int(u->email_verified), db_text(u->claims.n ? u->claims : STR("{}")),
                     db_some_text(u->roles), db_int(u->updated_s)));
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_NAMES], ARGS(db_bytes(&u->id)));
    put_names(fx, &u->id, names, n);
    changed(fx, &u->id);
}

void user_hold(struct effects *fx, const struct uid *id)
{
    effects_add(fx, DROP, 1, &sql[HOLD], ARGS(db_bytes(id)));
}

void user_hold_password(struct effects *fx, const struct uid *id, str encoded)
{
    effects_add(fx, DROP, 1, &sql[HOLD_PASSWORD], ARGS(db_bytes(id), db_text(encoded)));
}

void user_set_password(struct effects *fx, const struct uid *id, str before, str encoded,
                       const struct uid *pepper, int64_t now_s)
{
    if (pepper)
        key_hold(fx, pepper, KEY_ACTIVE);
    effects_add(fx, DROP, 1, &sql[SET_PASSWORD],
                ARGS(db_bytes(id), db_some_text(before), db_some_text(encoded), pepper_arg(pepper),
                     db_int(now_s)));
}

void user_rehash(struct effects *fx, const struct uid *id, str before, str encoded,
                 const struct uid *pepper)
{
    if (!pepper) {
        effects_add(fx, DROP, EXPECT_ANY, &sql[REHASH_PLAIN],
                    ARGS(db_bytes(id), db_some_text(before), db_some_text(encoded)));
        return;
    }
    key_lock(fx, pepper); /* retired meanwhile: the hash stays as it is, and the sign-in stands */
    effects_add(fx, DROP, EXPECT_ANY, &sql[REHASH],
                ARGS(db_bytes(id), db_some_text(before), db_some_text(encoded), db_bytes(pepper)));
}

static void end_all(struct effects *fx, const struct uid *id, int64_t now_s)
{
    session_end_all(fx, id, NULL, true, now_s);
}

void user_set_enabled(struct effects *fx, const struct uid *id, bool enabled, int64_t now_s)
{
    effects_add(fx, DROP, 1, &sql[enabled ? ENABLE : DISABLE], ARGS(db_bytes(id)));
    changed(fx, id);
    if (!enabled)
        end_all(fx, id, now_s);
}

void user_revoke_all(struct effects *fx, const struct uid *id, int64_t now_s)
{
    effects_add(fx, DROP, 1, &sql[REVOKE_ALL], ARGS(db_bytes(id)));
    changed(fx, id);
    end_all(fx, id, now_s);
}

void user_delete(struct effects *fx, const struct uid *id, int64_t now_s)
{
    effects_add(fx, DROP, 1, &sql[DELETE], ARGS(db_bytes(id)));
    changed(fx, id);
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_NAMES], ARGS(db_bytes(id)));
    end_all(fx, id, now_s);
    /* Behind the sessions: who allows something holds one of them, and has ended by now. */
    effects_add(fx, DROP, EXPECT_ANY, &sql[DELETE_CONSENTS], ARGS(db_bytes(id)));
}

enum err user_count_by_pepper(struct db *db, const struct uid *pepper, int64_t *count)
{
    return db_query_int(db, &sql[COUNT_BY_PEPPER], ARGS(db_bytes(pepper)), count);
}
