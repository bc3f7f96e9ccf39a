/* Fuzz target: settings, as a YAML file and as an environment (the first byte says which).
 *
 * What was accepted is written by settings_write and read again, to the same values: a file that
 * `postern config` shows is one that says what it did. A refusal says why. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { VARIABLES = 16 };

/* libyaml reads files only, so the text becomes one in memory. */
static enum err read_file(struct settings *s, str text, char *why, size_t why_size)
{
    char path[64];
    int fd = memfd_create("settings", 0);
    if (fd < 0 || write(fd, text.p, text.n) != (ssize_t)text.n)
        abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum err e = settings_file(s, path, why, why_size);
    close(fd);
    return e;
}

/* Lines are variables. */
static enum err read_environment(struct settings *s, struct arena *a, str text, char *why,
                                 size_t why_size)
{
    char *entries[VARIABLES + 1] = {0};
    str line;
    for (int i = 0; i < VARIABLES && str_next(&text, '\n', &line); i++)
        entries[i] = arena_cstr(a, line);
    return settings_environment(s, entries, why, why_size);
}

static void same(const struct settings *x, const struct settings *y)
{
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        const struct setting_value *v = &x->v[i], *u = &y->v[i];
        if (v->number != u->number || v->list_n != u->list_n)
            abort();
        if (setting_infos[i].type != SETTING_LIST && !str_eq(v->text, u->text))
            abort();
        for (size_t k = 0; k < v->list_n; k++)
            if (!str_eq(v->list[k], u->list[k]))
                abort();
    }
}

static void write_and_read(struct arena *a, const struct settings *s)
{
    struct settings again;
    struct buf b;
    char why[512];
    buf_init(&b, a, 8192, 1 << 20);
    settings_write(s, &b);
    settings_init(&again);
    if (b.overflow || read_file(&again, buf_str(&b), why, sizeof why) != OK)
        abort();
    same(s, &again);
    arena_free(&again.arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct settings s;
    struct arena a;
    char why[512] = "";
    if (size == 0)
        return 0;
    str text = str_make((const char *)data + 1, size - 1);
    arena_init(&a, 64 << 20);
    settings_init(&s);
    enum err e = data[0] == 'e' ? read_environment(&s, &a, text, why, sizeof why)
                                : read_file(&s, text, why, sizeof why);
    if (e != OK && why[0] == 0)
        abort();
    if (e == OK)
        write_and_read(&a, &s);
    if (e == OK && settings_check(&s, why, sizeof why) != OK && why[0] == 0)
        abort();
    arena_free(&a);
    arena_free(&s.arena);
    return 0;
}
