/* theme: built-in files, then those of the theme directory in their place, all read at start.
 *
 *     templates/NAME.html  pages and their parts
 *     messages/TAG.txt     one language each; a new file is a new language
 *     assets/FILE          what the pages refer to: style, script, logo, images, fonts
 *
 * Assets are served under a name that changes with their bytes, so browsers may keep them for
 * good; under their plain name, too, for style sheets that refer to images and fonts.
 *
 * Left out on purpose: reading the directory again while the server runs.
 */
#include "ui/theme.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>

#include "crypto/hash.h"
#include "ui/embedded.h"

enum { ARENA_CAP = 256 << 20, HASH_CHARS = 16 };

struct loader {
    struct theme *t;
    struct hasher *hasher;
    char *why;
    size_t why_size;
};

static enum err wrong(struct loader *l, const char *file, const char *what)
{
    snprintf(l->why, l->why_size, "%s: %s", file, what);
    return ERR_INVALID_REQUEST;
}

static str type_of(str name)
{
    static const struct {
        const char *ending, *type;
    } types[] = {
        {".css", "text/css; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".svg", "image/svg+xml"},
        {".png", "image/png"},
        {".jpg", "image/jpeg"},
        {".webp", "image/webp"},
        {".ico", "image/x-icon"},
        {".woff2", "font/woff2"},
    };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (str_ends(name, str_from(types[i].ending)))
            return str_from(types[i].type);
    return (str){0};
}

/* "style.css" -> "/assets/style-HASH.css" */
static void name_by_bytes(struct loader *l, struct asset *asset)
{
    struct digest d;
    size_t dot = asset->name.n;
    char hex[sizeof d.b * 2];
    struct buf b;
    while (dot > 0 && asset->name.p[dot - 1] != '.')
        dot--;
    hash_sha256(l->hasher, &asset->bytes, 1, &d);
    buf_fixed(&b, hex, sizeof hex);
    buf_hex(&b, d.b, sizeof d.b);
    asset->path =
        arena_printf(&l->t->arena, "/assets/%.*s-%.*s.%.*s", (int)(dot - 1), asset->name.p,
                     HASH_CHARS, hex, (int)(asset->name.n - dot), asset->name.p + dot);
    asset->etag = arena_printf(&l->t->arena, "\"%.*s\"", HASH_CHARS, hex);
}

static enum err add_asset(struct loader *l, const char *file, str name, str text)
{
    struct theme *t = l->t;
    str type = type_of(name);
    size_t i = 0;
    if (type.p == NULL || name.p[0] == '.')
        return wrong(l, file, "assets are css, js, svg, png, jpg, webp, ico and woff2");
    while (i < t->assets_n && !str_eq(t->assets[i].name, name))
        i++;
    if (i == THEME_ASSETS)
        return wrong(l, file, "too many assets");
    if (i == t->assets_n)
        t->assets_n++;
    t->assets[i] = (struct asset){.name = name, .type = type, .bytes = text};
    name_by_bytes(l, &t->assets[i]);
    return OK;
}

static bool is_tag(str tag)
{
    for (size_t i = 0; i < tag.n; i++) {
        char c = tag.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              (c == '-' && i > 0)))
            return false;
    }
    return tag.n >= 2 && tag.n <= 35;
}

static enum err add_messages(struct loader *l, const char *file, str name, str text)
{
    struct theme *t = l->t;
    str tag = str_sub(name, 0, str_find(name, '.', 0));
    size_t i = 0;
    if (!str_ends(name, STR(".txt")) || tag.n + 4 != name.n || !is_tag(tag))
        return wrong(l, file, "messages are called by a language tag: de.txt, pt-BR.txt");
    while (i < t->languages_n && !str_eq_nocase(t->languages[i].tag, tag))
        i++;
    if (i == THEME_LANGUAGES)
        return wrong(l, file, "too many languages");
    if (i == t->languages_n) {
        t->languages[i] = (struct catalogue){.tag = tag, .fallback = i ? t->languages : NULL};
        t->languages_n++;
    }
    return catalogue_add(&t->arena, &t->languages[i], file, text, l->why, l->why_size);
}

static enum err add_file(struct loader *l, const char *file, str folder, str name, str text)
{
    if (str_eq(folder, STR("messages")))
        return add_messages(l, file, name, text);
    if (str_eq(folder, STR("assets")))
        return add_asset(l, file, name, text);
    if (!str_ends(name, STR(".html")))
        return wrong(l, file, "templates end in .html");
    return template_add(l->t->templates, name, text, l->why, l->why_size);
}

/* English is the first language, whatever its place in the alphabet. */
static enum err add_embedded(struct loader *l, bool english)
{
    str folder, name;
    enum err e = OK;
    for (const struct embedded *f = embedded_files; e == OK && f->name; f++) {
        str_cut(str_from(f->name), '/', &folder, &name);
        if (str_eq(name, STR("en.txt")) == english)
            e = add_file(l, f->name, folder, name, str_from(f->text));
    }
    return e;
}

static enum err read_file(struct loader *l, const char *path, str *out)
{
    FILE *f = fopen(path, "rb");
    struct buf b;
    char *room;
    size_t n = 1;
    if (!f)
        return wrong(l, path, strerror(errno));
    buf_init(&b, &l->t->arena, 16384, THEME_FILE_MAX);
    while (n > 0 && (room = buf_room(&b, 8192)) != NULL) {
        n = fread(room, 1, 8192, f);
        b.n += n;
    }
    bool failed = ferror(f);
    fclose(f);
    *out = buf_str(&b);
    if (b.overflow)
        return wrong(l, path, "the file is larger than 1 MiB");
    return failed ? wrong(l, path, "it cannot be read") : OK;
}

static enum err add_entry(struct loader *l, str directory, const char *folder, const char *name)
{
    struct arena *a = &l->t->arena;
    str path = arena_printf(a, "%.*s/%s/%s", STR_ARG(directory), folder, name);
    char *file = arena_cstr(a, path);
    str text;
    enum err e = read_file(l, file, &text);
    return e ? e : add_file(l, file, str_from(folder), arena_dup(a, str_from(name)), text);
}

/* A folder that is not there changes nothing. Files that begin with a dot are editors' business. */
static enum err add_folder(struct loader *l, str directory, const char *folder)
{
    str path = arena_printf(&l->t->arena, "%.*s/%s", STR_ARG(directory), folder);
    DIR *d = opendir(arena_cstr(&l->t->arena, path));
    const struct dirent *entry;
    enum err e = OK;
    while (d && !e && (entry = readdir(d)) != NULL) {
        size_t n = strlen(entry->d_name);
        if (entry->d_name[0] != '.' && entry->d_name[n - 1] != '~')
            e = add_entry(l, directory, folder, entry->d_name);
    }
    if (d)
        closedir(d);
    return e;
}

static enum err add_directory(struct loader *l, str directory)
{
    char *path = arena_cstr(&l->t->arena, directory);
    enum err e;
    DIR *d = opendir(path);
    if (!d)
        return wrong(l, path, strerror(errno));
    closedir(d);
    if ((e = add_folder(l, directory, "messages")) != OK ||
        (e = add_folder(l, directory, "assets")) != OK)
        return e;
    return add_folder(l, directory, "templates");
}

static void look_up(void *ctx, str key)
{
    struct loader *l = ctx;
    if (catalogue_find(&l->t->languages[0], key).p == NULL && l->why[0] == '\0')
        snprintf(l->why, l->why_size, "templates: no catalogue has the message %.*s", STR_ARG(key));
}

static enum err check(struct loader *l)
{
    enum err e = template_check(l->t->templates, l->why, l->why_size);
    if (e)
        return e;
    l->why[0] = '\0';
    template_each_message(l->t->templates, look_up, l);
    return l->why[0] ? ERR_INVALID_REQUEST : OK;
}

enum err theme_read(struct theme *t, str directory, char *why, size_t why_size)
{
    struct loader l = {.t = t, .hasher = hash_open(), .why = why, .why_size = why_size};
    enum err e;
    *t = (struct theme){.templates = template_set_new()};
    arena_init(&t->arena, ARENA_CAP);
    if ((e = add_embedded(&l, true)) == OK && (e = add_embedded(&l, false)) == OK &&
        directory.n > 0)
        e = add_directory(&l, directory);
    if (!e)
        e = check(&l);
    hash_close(l.hasher);
    return e;
}

void theme_free(struct theme *t)
{
    template_set_free(t->templates);
    arena_free(&t->arena);
}

const struct asset *theme_asset(const struct theme *t, str name, bool *hashed)
{
    for (size_t i = 0; i < t->assets_n; i++) {
        const struct asset *a = &t->assets[i];
        *hashed = str_ends(a->path, name) && a->path.n == name.n + sizeof "/assets/" - 1;
        if (*hashed || str_eq(a->name, name))
            return a;
    }
    return NULL;
}
