/* import_file: reads a file of up to FILE_MOST bytes, or stdin, whole. */
#include "cmd/import_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd/args.h"
#include "cmd/values.h"

enum { FILE_MOST = 512 << 20, STDIN_MOST = 64 << 20 };

int import_file_text(struct cmd *c, str name, size_t most, str *text)
{
    struct stat st;
    const char *path = arena_cstr(&c->arena, name);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        int code = cmd_fail(CMD_FAILED, "cannot read %s: %s", path,
                            fd < 0 ? strerror(errno) : "it is no regular file");
        if (fd >= 0)
            close(fd);
        return code;
    }
    if ((size_t)st.st_size > most) {
        close(fd);
        return cmd_fail(CMD_USAGE, "%s is larger than %zu kB", path, most >> 10);
    }
    char *p = arena_alloc(&c->arena, (size_t)st.st_size + 1);
    size_t n = 0;
    ssize_t got;
    while (n < (size_t)st.st_size && (got = read(fd, p + n, (size_t)st.st_size - n)) > 0)
        n += (size_t)got;
    close(fd);
    *text = str_make(p, n);
    return CMD_DONE;
}

int import_file_read(struct cmd *c, str *name, str *text)
{
    *name = args_operand(c);
    if (!str_eq(*name, STR("-")))
        return import_file_text(c, *name, FILE_MOST, text);
    *name = STR("stdin");
    return values_stdin(&c->arena, STDIN_MOST, text);
}
