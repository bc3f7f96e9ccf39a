/* backup_secret: read from a file or stdin, never from the command line, which others can see.
 *
 * A key file is text that one command makes, so there is no program of ours to trust for it, and it
 * is long enough by its form alone: nobody types 64 hex digits. It is deliberately not of the form
 * of the master key file: who takes that one for backups has one secret for both.
 */
#include "cmd/backup_secret.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/values.h"

enum { SECRET_FILE_MOST = 4096, PASSPHRASE_LEAST = 12 };

static int read_all(int fd, struct cmd *c, const char *path, str *text)
{
    char *p = arena_alloc(&c->arena, SECRET_FILE_MOST + 1);
    size_t n = 0;
    ssize_t got;
    while (n <= SECRET_FILE_MOST && (got = read(fd, p + n, SECRET_FILE_MOST + 1 - n)) != 0) {
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return cmd_fail(CMD_FAILED, "cannot read %s: %s", path, strerror(errno));
        n += (size_t)got;
    }
    if (n > SECRET_FILE_MOST)
        return cmd_fail(CMD_USAGE, "%s is longer than %d bytes", path, SECRET_FILE_MOST);
    *text = str_make(p, n);
    return CMD_DONE;
}

/* A pipe (a shell's <(...), a secret store's) is nobody else's; of a file the mode tells. Group
 * read is what the mask of a systemd credential looks like. */
static int read_file(struct cmd *c, str name, str *text)
{
    struct stat st;
    const char *path = arena_cstr(&c->arena, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        return cmd_fail(CMD_FAILED, "cannot read %s: %s", path, strerror(errno));
    int code = CMD_DONE;
    if (S_ISREG(st.st_mode) && (st.st_mode & 037) != 0) {
        code = cmd_fail(CMD_FAILED,
                        "%s holds a secret that others may read (mode %04o); run: "
                        "chmod 600 %s",
                        path, st.st_mode & 07777u, path);
    }
    if (code == CMD_DONE)
        code = read_all(fd, c, path, text);
    close(fd);
    return code;
}

static int to_key(struct cmd *c, str name, str text, str *key)
{
    str hex = str_trim(text.n && text.p[text.n - 1] == '\n' ? str_sub(text, 0, text.n - 1) : text);
    uint8_t *bytes = arena_alloc(&c->arena, STREAM_KEY_BYTES);
    if (!str_hex(hex, bytes, STREAM_KEY_BYTES)) {
        return cmd_fail(CMD_USAGE,
                        "%.*s is no key file: it holds 64 hex digits; make one with: "
                        "(umask 077; openssl rand -hex 32 >%.*s)",
                        STR_ARG(name), STR_ARG(name));
    }
    *key = str_make((const char *)bytes, STREAM_KEY_BYTES);
    return CMD_DONE;
}

static int read_passphrase(struct cmd *c, str file, bool fresh, str *out)
{
    str text, rest;
    int code =
        file.p ? read_file(c, file, &text) : values_stdin(&c->arena, SECRET_FILE_MOST, &text);
    if (code)
        return code;
    str_cut(text, '\n', out, &rest);
    if (out->n && out->p[out->n - 1] == '\r')
        *out = str_sub(*out, 0, out->n - 1);
    if (out->n == 0)
        return cmd_fail(CMD_USAGE, "the passphrase is empty");
    if (fresh && out->n < PASSPHRASE_LEAST) {
        return cmd_fail(CMD_USAGE,
                        "the passphrase is shorter than %d characters; take several "
                        "words, or a --key-file",
                        PASSPHRASE_LEAST);
    }
    return CMD_DONE;
}

int backup_secret(struct cmd *c, bool fresh, enum stream_secret *kind, str *secret)
{
    str phrase = args_get(c, "passphrase-file"), key = args_get(c, "key-file"), text;
    bool by_stdin = args_has(c, "passphrase-stdin");
    if ((phrase.p != NULL) + (key.p != NULL) + by_stdin != 1) {
        return cmd_fail(CMD_USAGE, "give one of --passphrase-file, --passphrase-stdin and "
                                   "--key-file");
    }
    *kind = key.p ? STREAM_KEY : STREAM_PASSPHRASE;
    if (*kind == STREAM_PASSPHRASE)
        return read_passphrase(c, phrase, fresh, secret);
    int code = read_file(c, key, &text);
    return code ? code : to_key(c, key, text, secret);
}
