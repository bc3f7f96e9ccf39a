/* catalogue: messages by key, and the choice of a language.
 *
 * A catalogue is a list made once at start, then only read: a page looks up some twenty of its
 * hundred keys. The choice takes the reader's strongest wish that some language fits.
 *
 * Left out on purpose: "*" in Accept-Language, which is what English is for anyway, and plural
 * forms beyond one and many.
 */
#include "ui/catalogue.h"

#include <stdio.h>

struct message {
    str key, text;
    struct message *next;
};

static struct message *find(const struct catalogue *c, str key)
{
    struct message *m = c->first;
    while (m && !str_eq(m->key, key))
        m = m->next;
    return m;
}

static bool is_key(str key)
{
    for (size_t i = 0; i < key.n; i++) {
        char c = key.p[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && str_find(STR("._:/-"), c, 0) == 5)
            return false;
    }
    return key.n > 0;
}

/* Keys that a theme may make up: for scopes of its own, and for templates of its own. */
static bool is_free(str key)
{
    return str_starts(key, STR("scope.")) || str_starts(key, STR("theme."));
}

static const char *add(struct arena *a, struct catalogue *c, str line)
{
    str key, text;
    if (!str_cut(line, '=', &key, &text) || !is_key(key = str_trim(key)))
        return "a line is: key = text";
    text = str_trim(text);
    if (text.n == 0)
        return "the text is missing";
    if (c->fallback && !is_free(key) && catalogue_find(c->fallback, key).p == NULL)
        return "no page uses that key; see messages/en.txt";
    struct message *m = find(c, key);
    if (!m) {
        m = ARENA_NEW(a, struct message);
        *m = (struct message){.key = key, .next = c->first};
        c->first = m;
    }
    m->text = text;
    return NULL;
}

static bool is_text(str s)
{
    uint32_t code;
    for (size_t n; s.n > 0; s = str_sub(s, n, s.n))
        if ((n = str_utf8(s, &code)) == 0)
            return false;
    return true;
}

enum err catalogue_add(struct arena *a, struct catalogue *c, const char *file, str text, char *why,
                       size_t why_size)
{
    str line;
    for (int number = 1; text.n > 0; number++) {
        str_cut(text, '\n', &line, &text);
        if (str_ends(line, STR("\r")))
            line.n--;
        line = str_trim(line);
        if (line.n == 0 || line.p[0] == '#')
            continue;
        const char *wrong = is_text(line) ? add(a, c, line) : "the text is not UTF-8";
        if (wrong) {
            snprintf(why, why_size, "%s:%d: %s", file, number, wrong);
            return ERR_INVALID_REQUEST;
        }
    }
    return OK;
}

str catalogue_own(const struct catalogue *c, str key)
{
    const struct message *m = find(c, key);
    return m ? m->text : (str){0};
}

str catalogue_find(const void *catalogue, str key)
{
    const struct catalogue *c = catalogue;
    str text = catalogue_own(c, key);
    return text.p || !c->fallback ? text : catalogue_own(c->fallback, key);
}

void catalogue_each(const struct catalogue *c, void (*each)(void *ctx, str key, str text),
                    void *ctx)
{
    for (const struct message *m = c->first; m; m = m->next)
        each(ctx, m->key, m->text);
}

/* The first subtag: "de" of "de-AT". */
static str primary(str tag)
{
    return str_sub(tag, 0, str_find(tag, '-', 0));
}

/* The language of exactly that tag, else one that begins alike; NULL when there is none. */
static const struct catalogue *match(const struct catalogue *all, size_t n, str tag)
{
    const struct catalogue *alike = NULL;
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(all[i].tag, tag))
            return &all[i];
        if (!alike && str_eq_nocase(primary(all[i].tag), primary(tag)))
            alike = &all[i];
    }
    return alike;
}

/* "0.8" -> 800; 1000 when there is no weight, 0 when it cannot be read. */
static int weight(str params)
{
    str name, value;
    int q = 0;
    params = str_trim(params);
    if (params.n == 0)
        return 1000;
    if (!str_cut(params, '=', &name, &value) || !str_eq_nocase(name, STR("q")) || value.n == 0 ||
        value.n > 5)
        return 0;
    for (size_t i = 0, scale = 1000; i < value.n; i++) {
        if (value.p[i] == '.' && i == 1)
            continue;
        if (value.p[i] < '0' || value.p[i] > '9')
            return 0;
        q += (value.p[i] - '0') * (int)scale;
        scale /= 10;
    }
    return q > 1000 ? 0 : q;
}

static const struct catalogue *by_header(const struct catalogue *all, size_t n, str header)
{
    const struct catalogue *best = NULL;
    int best_weight = 0;
    str item, tag, params;
    while (str_next(&header, ',', &item)) {
        str_cut(item, ';', &tag, &params);
        const struct catalogue *c = match(all, n, str_trim(tag));
        int w = c ? weight(params) : 0;
        if (w > best_weight) {
            best = c;
            best_weight = w;
        }
    }
    return best;
}

const struct catalogue *catalogue_choose(const struct catalogue *all, size_t n, str ui_locales,
                                         str accept_language)
{
    const struct catalogue *c = NULL;
    str tag;
    while (!c && str_next(&ui_locales, ' ', &tag))
        c = match(all, n, tag);
    if (!c)
        c = by_header(all, n, accept_language);
    return c ? c : &all[0];
}
