/* key_master: a new master key, without a moment at which the store's keys cannot be opened.
 *
 *     1. the file gets a second line, the new key; both open. New rows are sealed as the others are
 *        (key_choose_master)
 *     2. every row is sealed again under the new key, in one transaction
 *     3. the file loses the old line
 *
 * Ended between any two steps, the file opens everything, and the same command goes on: it finds
 * two lines and starts with step 2. A running server reads the file again when the rows change.
 *
 * The nodes of a shared store have a file each, and only the operator can copy it. There the
 * command ends after step 1 and says so; run again, when every node has the file, it does the rest.
 * A node that keeps both lines for longer goes on. The lock does not reach other nodes: a key that
 * one of them seals in this moment is either found by the look at all rows, or not made
 * (store/key.c).
 */
#include "cmd/key_master.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "cmd/open.h"
#include "cmd/show.h"

enum { WHY = 1024 };

static int add_line(struct cmd *c, const char *path)
{
    char why[WHY];
    c->master.n = 2;
    seal_new_key(&c->master.keys[1]);
    if (seal_write_master(path, &c->master, why, sizeof why))
        return cmd_fail(CMD_FAILED, "%s; nothing was changed", why);
    return CMD_DONE;
}

/* The old key may go only if every row opens without it. */
static int check_all_open(struct cmd *c)
{
    char why[WHY];
    struct master_key alone = {.keys = {c->master.keys[0]}, .n = 1};
    struct keyring *ring = NULL;
    enum err e = key_load_ring(c->db, &alone, &ring, why, sizeof why);
    if (ring)
        keyring_unref(ring);
    seal_wipe(&alone);
    if (e == ERR_UNAVAILABLE)
        return open_trouble(c);
    return e ? cmd_fail(CMD_FAILED, "%s; the old key stays in the file: run the command again", why)
             : CMD_DONE;
}

/* The new key, which was the second, in front. */
static void turn(struct master_key *m)
{
    struct seal_key old = m->keys[0];
    m->keys[0] = m->keys[1];
    m->keys[1] = old;
    ct_secret_wipe(&old.key);
}

static int drop_line(struct cmd *c, const char *path)
{
    char why[WHY];
    ct_secret_wipe(&c->master.keys[1].key);
    c->master.n = 1;
    if (seal_write_master(path, &c->master, why, sizeof why)) {
        return cmd_fail(CMD_FAILED,
                        "%s; the keys are sealed anew already: run the command again to drop the "
                        "old line",
                        why);
    }
    return CMD_DONE;
}

/* fresh: the new key. */
static int print(struct cmd *c, const char *path, const struct seal_key *fresh, bool finished,
                 size_t resealed)
{
    char text[SEAL_FINGERPRINT_BYTES * 2];
    struct buf b;
    struct show s;
    buf_fixed(&b, text, sizeof text);
    buf_hex(&b, fresh->fingerprint, SEAL_FINGERPRINT_BYTES);
    show_begin(&s, c, SHOW_ONE, "");
    show_object(&s);
    show_text(&s, "file", str_from(path));
    show_text(&s, "fingerprint", buf_str(&b));
    show_bool(&s, "finished", finished);
    show_int(&s, "resealed", (int64_t)resealed);
    show_object_end(&s);
    return show_end(&s);
}

enum err key_master_hold(struct arena *a, str path, int *fd)
{
    size_t slash = path.n;
    while (slash > 0 && path.p[slash - 1] != '/')
        slash--;
    const char *directory = slash ? arena_cstr(a, str_sub(path, 0, slash)) : ".";
    *fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd < 0)
        return ERR_UNAVAILABLE;
    if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
        close(*fd);
        return ERR_CONFLICT;
    }
    return OK;
}

int key_master_lock(struct cmd *c)
{
    int fd; /* the lock goes with the process */
    str path = setting_text(&c->settings, master_key);
    enum err e = key_master_hold(&c->arena, path, &fd);
    if (e == ERR_CONFLICT)
        return cmd_fail(CMD_CONFLICT, "another process is changing the keys; try again");
    if (e) {
        return cmd_fail(CMD_FAILED, "cannot open the directory of the master key file %.*s: %s",
                        STR_ARG(path), strerror(errno));
    }
    return CMD_DONE;
}

static int begin_shared(struct cmd *c, const char *path)
{
    int code = add_line(c, path);
    if (code || (code = print(c, path, &c->master.keys[1], false, 0)))
        return code;
    cmd_note("postern: %s has the new key beside the old one, which goes on to seal: copy the file "
             "to every node, then run the same command again",
             path);
    return CMD_DONE;
}

static int finish(struct cmd *c, const char *path)
{
    size_t resealed = 0;
    int code;
    turn(&c->master);
    if (key_reseal(c->db, &c->fx, &c->arena, &c->master, &resealed))
        return open_trouble(c);
    if ((code = open_commit(c, "another command changed the keys; run this again")) ||
        (code = check_all_open(c)) || (code = drop_line(c, path)))
        return code;
    if ((code = print(c, path, &c->master.keys[0], true, resealed)))
        return code;
    if (open_is_shared(c)) {
        cmd_note(
            "postern: the old key opens nothing any more and is gone from %s; copy the file to "
            "the other nodes when convenient: those with both keys go on",
            path);
    }
    return CMD_DONE;
}

int key_master_rotate(struct cmd *c)
{
    const char *path = arena_cstr(&c->arena, setting_text(&c->settings, master_key));
    int code = open_keys(c); /* both lines are known to open everything before it starts */
    if (code)
        return code;
    if (c->master.n == 1 && open_is_shared(c))
        return begin_shared(c, path);
    if (c->master.n == 1 && (code = add_line(c, path)))
        return code;
    return finish(c, path);
}
