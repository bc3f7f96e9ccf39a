/* prepare: makes a store that does not exist yet, so that the first command of a new user works.
 *
 * Order matters, since the process may end at every step: the schema; then the master key file
 * (only if the store has no keys and no such file is there); then the first keys, which go only
 * into an empty table. Started again, it goes on where it stopped. A store that has keys never
 * gets a new master key file: that would hide the loss of the one that opens them. What later
 * versions need besides (accounts, the pairwise key, the one of id_tokens) is made when they first
 * see the store.
 */
#include "cmd/prepare.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/key_master.h"
#include "cmd/open.h"
#include "db/migrate.h"
#include "store/account.h"

enum { WHY = 1024, BATCH = 500 };

/* The directory of the store, one level: a typo shall not make a tree. */
static void make_directory(struct cmd *c)
{
    str path = open_db_path(c);
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/')
        slash--;
    if (slash > 1)
        mkdir(arena_cstr(&c->arena, str_sub(path, 0, slash - 1)), 0700);
}

static int ensure_master(struct cmd *c, bool *created)
{
    char why[WHY];
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    enum err e = seal_read_master(path, &c->master, why, sizeof why);
    if (e == ERR_ABSENT) {
        e = seal_create_master(path, &c->master, why, sizeof why);
        *created = e == OK;
    }
    return e ? cmd_fail(CMD_FAILED, "%s", why) : CMD_DONE;
}

static int ensure_keys(struct cmd *c)
{
    int64_t n;
    bool created = false;
    if (key_count(c->db, &n))
        return open_trouble(c);
    if (n > 0)
        return CMD_DONE;
    int code = ensure_master(c, &created);
    if (code)
        return code;
    if (key_put_first(&c->fx, &c->arena, &c->master, c->now_s))
        return cmd_fail(CMD_FAILED, "the first keys could not be made");
    struct clock clock = {0};
    enum err e = commit_one(c->db, &c->ids, &clock, &c->fx);
    effects_init(&c->fx, c->fx.arena);
    /* A conflict: another process made them in this moment. */
    if (e && e != ERR_CONFLICT)
        return open_trouble(c);
    if (created) {
        cmd_note("postern: made the master key file %.*s; keep a copy of it apart from the store",
                 STR_ARG(setting_text(&c->settings, master_key)));
    }
    return CMD_DONE;
}

/* Sealed under the lock that keeps `key rotate --master` from dropping its master key meanwhile. */
static int put_key(struct cmd *c, enum key_use use, enum jws_alg alg)
{
    char why[WHY];
    struct clock clock = {0};
    struct uid id;
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    if (seal_read_master(path, &c->master, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    if (key_put_new(&c->fx, &c->arena, &c->master, use, alg, KEY_ACTIVE, c->now_s, &id))
        return cmd_fail(CMD_FAILED, "a key that the store lacks could not be made");
    enum err e = commit_one(c->db, &c->ids, &clock, &c->fx);
    effects_init(&c->fx, c->fx.arena);
    /* A conflict: another process made it in this moment. */
    return e && e != ERR_CONFLICT ? open_trouble(c) : CMD_DONE;
}

static int put_locked(struct cmd *c, enum key_use use, enum jws_alg alg)
{
    int lock;
    str path = setting_text(&c->settings, master_key);
    enum err e = key_master_hold(&c->arena, path, &lock);
    if (e == ERR_CONFLICT)
        return cmd_fail(CMD_CONFLICT, "another process is changing the keys; try again");
    if (e) {
        return cmd_fail(CMD_FAILED, "cannot open the directory of the master key file %.*s: %s",
                        STR_ARG(path), strerror(errno));
    }
    int code = put_key(c, use, alg);
    close(lock);
    return code;
}

/* A store of an earlier version has keys, but none for pairwise subjects. */
static int ensure_pairwise(struct cmd *c)
{
    int64_t n;
    if (key_count_use(c->db, KEY_PAIRWISE, &n))
        return open_trouble(c);
    return n > 0 ? CMD_DONE : put_locked(c, KEY_PAIRWISE, 0);
}

/* id_tokens are signed by RS256 unless a client says otherwise (OIDC Core 2, 15.1). Keys of other
 * algorithms are made by who wants them: `postern key rotate --alg`. A key that an administrator
 * has retired is not made again. */
static int ensure_rs256(struct cmd *c)
{
    int64_t n;
    if (key_count_alg(c->db, JWS_RS256, &n))
        return open_trouble(c);
    return n > 0 ? CMD_DONE : put_locked(c, KEY_SIGNING, JWS_RS256);
}

/* Organizations of a store of an earlier version, and those that a node of one has made since, get
 * their accounts. */
static int ensure_accounts(struct cmd *c)
{
    struct clock clock = {0};
    size_t n = BATCH;
    while (n == BATCH) {
        if (account_fill(c->db, &c->fx, BATCH, c->now_s, &n))
            return open_trouble(c);
        if (n > 0 && commit_one(c->db, &c->ids, &clock, &c->fx))
            return open_trouble(c);
        effects_init(&c->fx, c->fx.arena);
    }
    return CMD_DONE;
}

int prepare_migrated(struct cmd *c, int *applied)
{
    char why[WHY];
    make_directory(c);
    if (!c->db && db_open(setting_text(&c->settings, db), false, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    if (migrate_run(c->db, applied, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    int code = ensure_keys(c);
    if (code || (code = ensure_pairwise(c)) || (code = ensure_rs256(c)))
        return code;
    return ensure_accounts(c);
}

int prepare_store(struct cmd *c)
{
    char why[WHY];
    int version, applied;
    make_directory(c);
    if (db_open(setting_text(&c->settings, db), false, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    if (migrate_version(c->db, &version))
        return open_trouble(c);
    int code = version > 0 ? open_check_version(c) : CMD_DONE;
    if (code)
        return code;
    return prepare_migrated(c, &applied);
}
