/* prepare: makes a store that does not exist yet, so that the first command of a new user works.
 *
 * Order matters, since the process may end at every step: the schema; then the master key file
 * (only if the store has no keys and no such file is there); then the first keys, which go only
 * into an empty table. Started again, it goes on where it stopped. A store that has keys never
 * gets a new master key file: that would hide the loss of the one that opens them. What later
 * versions need besides (accounts, the pairwise key, the one of id_tokens) is made when they first
 * see the store.
 *
 * Two processes may do this at once, on a shared store with two master key files. The first keys go
 * in whole or not at all; whoever loses holds a file that opens nothing, and is told so.
 */
#include "cmd/prepare.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "cmd/key_master.h"
#include "cmd/open.h"
#include "db/migrate.h"
#include "store/account.h"

enum { WHY = 1024, BATCH = 500, HOLD_MS = 10000, HOLD_REST_MS = 50 };

/* The directory of the store, one level: a typo shall not make a tree. */
static void make_directory(struct cmd *c)
{
    if (open_is_shared(c))
        return;
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
    if (e == ERR_CONFLICT) /* made by another process in this moment */
        e = seal_read_master(path, &c->master, why, sizeof why);
    return e ? cmd_fail(CMD_FAILED, "%s", why) : CMD_DONE;
}

/* The master key that was just read or made opens what is in the store; of two, the one that seals
 * it comes first. */
static enum err opens_all(struct cmd *c, char *why, size_t why_size)
{
    struct keyring *ring = NULL;
    enum err e = key_load_ring(c->db, &c->master, &ring, why, why_size);
    if (e == OK)
        key_choose_master(&c->master, ring);
    if (ring)
        keyring_unref(ring);
    return e;
}

/* Another process has made the first keys in this moment. A file that this one made for it sealed
 * nothing, and would only be in the way of the right one. */
static int lost_race(struct cmd *c, bool created)
{
    char why[WHY];
    str path = setting_text(&c->settings, master_key);
    enum err e = opens_all(c, why, sizeof why);
    if (e == ERR_UNAVAILABLE)
        return open_trouble(c);
    if (e && created)
        unlink(arena_cstr(&c->arena, path));
    if (e) {
        return cmd_fail(CMD_FAILED,
                        "another node has just made the first keys of %.*s, under a master key of "
                        "its own: copy its master key file to %.*s (mode 0600), then start again",
                        STR_ARG(open_db_name(c)), STR_ARG(path));
    }
    return CMD_DONE;
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
    if (e == ERR_CONFLICT)
        return lost_race(c, created);
    if (e && e != ERR_SLOW) /* nobody could have heard of it before */
        return open_trouble(c);
    if (created) {
        cmd_note("postern: made the master key file %.*s; keep a copy of it apart from the store%s",
                 STR_ARG(setting_text(&c->settings, master_key)),
                 open_is_shared(c) ? ", and give the same file to every node" : "");
    }
    return CMD_DONE;
}

/* What opens none of the other keys must not seal a further one.
 * Sealed under the lock that keeps `key rotate --master` from dropping its master key meanwhile. */
static int put_key(struct cmd *c, enum key_use use, enum jws_alg alg)
{
    char why[WHY];
    struct clock clock = {0};
    struct uid id;
    int code = open_master(c);
    if (code)
        return code;
    if (opens_all(c, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    if (key_put_new(&c->fx, &c->arena, &c->master, use, alg, KEY_ACTIVE, c->now_s, &id))
        return cmd_fail(CMD_FAILED, "a key that the store lacks could not be made");
    enum err e = commit_one(c->db, &c->ids, &clock, &c->fx);
    effects_init(&c->fx, c->fx.arena);
    /* A conflict: another process made it in this moment. */
    return e && e != ERR_CONFLICT && e != ERR_SLOW ? open_trouble(c) : CMD_DONE;
}

/* Nodes of one machine that start together want the same keys: the others wait for the first. */
static enum err hold_patiently(struct cmd *c, str path, int *lock)
{
    const struct timespec rest = {.tv_nsec = HOLD_REST_MS * 1000000L};
    enum err e = key_master_hold(&c->arena, path, lock);
    for (int ms = 0; e == ERR_CONFLICT && ms < HOLD_MS; ms += HOLD_REST_MS) {
        nanosleep(&rest, NULL);
        e = key_master_hold(&c->arena, path, lock);
    }
    return e;
}

static int put_locked(struct cmd *c, enum key_use use, enum jws_alg alg)
{
    int lock;
    str path = setting_text(&c->settings, master_key);
    enum err e = hold_patiently(c, path, &lock);
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
        enum err e = n > 0 ? commit_one(c->db, &c->ids, &clock, &c->fx) : OK;
        effects_init(&c->fx, c->fx.arena);
        if (e && e != ERR_CONFLICT && e != ERR_SLOW)
            return open_trouble(c);
        n = e ? BATCH : n; /* another process made some of them in this moment: look again */
    }
    return CMD_DONE;
}

int prepare_migrated(struct cmd *c, int *applied)
{
    char why[WHY];
    make_directory(c);
    if (!c->db && db_open(setting_text(&c->settings, db), false, &c->db, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    int code = open_check_moved(c);
    if (code)
        return code;
    if (migrate_run(c->db, applied, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s", why);
    if ((code = ensure_keys(c)) || (code = ensure_pairwise(c)) || (code = ensure_rs256(c)))
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
