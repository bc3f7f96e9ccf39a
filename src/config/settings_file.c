/* settings_file: a YAML file, read as libyaml's events so that line and column are true.
 *
 * Names nest ("tls:\n  key: x") or are dotted ("tls.key: x"); both may be mixed. A list is a
 * sequence or one text with commas. Of YAML it takes mappings, sequences of scalars, and scalars:
 * anchors, aliases, tags and second documents are refused, since a settings file that needs them
 * says something this reader would get wrong. A name set twice is refused. Booleans are true and
 * false only: YAML's yes/no/on/off is where typos hide.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "config/settings.h"

enum { DEPTH = 4, NAME_CHARS = 128, WHY = 512 };

struct reader {
    yaml_parser_t yaml;
    yaml_event_t event;
    bool has_event;
    struct settings *settings;
    const char *path;
    char *why;
    size_t why_size;
    int documents;
    size_t line_of[SETTING_COUNT]; /* where it was set; 0: not yet */
};

static enum err refuse_at(struct reader *r, yaml_mark_t at, const char *reason)
{
    snprintf(r->why, r->why_size, "%s:%zu:%zu: %s", r->path, at.line + 1, at.column + 1, reason);
    return ERR_INVALID_REQUEST;
}

/* The reader's own complaint about the text, at the place of the problem. */
static enum err refuse_syntax(struct reader *r)
{
    const char *problem = r->yaml.problem ? r->yaml.problem : "this is not YAML";
    char reason[WHY];
    snprintf(reason, sizeof reason, "%s%s%s", problem, r->yaml.context ? ", " : "",
             r->yaml.context ? r->yaml.context : "");
    return refuse_at(r, r->yaml.problem_mark, reason);
}

static bool is_marked(const yaml_event_t *e)
{
    switch ((int)e->type) {
    case YAML_SCALAR_EVENT:
        return e->data.scalar.anchor || e->data.scalar.tag;
    case YAML_SEQUENCE_START_EVENT:
        return e->data.sequence_start.anchor || e->data.sequence_start.tag;
    case YAML_MAPPING_START_EVENT:
        return e->data.mapping_start.anchor || e->data.mapping_start.tag;
    default:
        return false;
    }
}

static enum err next(struct reader *r)
{
    if (r->has_event) {
        yaml_event_delete(&r->event);
        r->has_event = false;
    }
    if (!yaml_parser_parse(&r->yaml, &r->event))
        return refuse_syntax(r);
    r->has_event = true;
    if (r->event.type == YAML_ALIAS_EVENT)
        return refuse_at(r, r->event.start_mark, "aliases (`*name`) are not taken here");
    if (is_marked(&r->event))
        return refuse_at(r, r->event.start_mark, "anchors and tags are not taken here");
    return OK;
}

static str scalar(const struct reader *r)
{
    return str_make((const char *)r->event.data.scalar.value, r->event.data.scalar.length);
}

/* Sets the name, once. Unknown names are reported where the name stands, bad values where the
 * value does. */
static enum err set(struct reader *r, const char *name, yaml_mark_t name_at, str value,
                    yaml_mark_t value_at)
{
    char reason[WHY];
    for (size_t i = 0; i < SETTING_COUNT; i++) {
        if (strcmp(setting_infos[i].name, name) != 0)
            continue;
        if (r->line_of[i]) {
            snprintf(reason, sizeof reason, "`%s` is set twice; first in line %zu", name,
                     r->line_of[i]);
            return refuse_at(r, name_at, reason);
        }
        r->line_of[i] = name_at.line + 1;
    }
    enum err e = settings_set(r->settings, str_from(name), value, "file", reason, sizeof reason);
    return e ? refuse_at(r, e == ERR_ABSENT ? name_at : value_at, reason) : OK;
}

/* The items of a sequence, joined by commas. */
static enum err sequence(struct reader *r, const char *name, yaml_mark_t name_at)
{
    char joined[SETTINGS_VALUE_MAX], reason[WHY];
    size_t n = 0;
    yaml_mark_t at = r->event.start_mark;
    enum err e;
    while ((e = next(r)) == OK && r->event.type == YAML_SCALAR_EVENT) {
        str item = scalar(r);
        if (item.n == 0 || str_find(item, ',', 0) < item.n)
            return refuse_at(r, r->event.start_mark, "an item of a list is a text without commas");
        if (item.n + 1 > sizeof joined - n) {
            snprintf(reason, sizeof reason, "`%s` takes at most %d bytes", name,
                     SETTINGS_VALUE_MAX);
            return refuse_at(r, r->event.start_mark, reason);
        }
        if (n)
            joined[n++] = ',';
        memcpy(joined + n, item.p, item.n);
        n += item.n;
    }
    if (e)
        return e;
    if (r->event.type != YAML_SEQUENCE_END_EVENT)
        return refuse_at(r, r->event.start_mark, "an item of a list is a text without commas");
    return set(r, name, name_at, str_make(joined, n), at);
}

static enum err mapping(struct reader *r, const char *prefix, int depth);

/* One member: its name is the current event. */
static enum err member(struct reader *r, const char *prefix, int depth)
{
    char name[NAME_CHARS];
    yaml_mark_t at = r->event.start_mark;
    if (r->event.type != YAML_SCALAR_EVENT)
        return refuse_at(r, at, "the name of a setting is a plain text");
    str key = scalar(r);
    snprintf(name, sizeof name, "%s%s%.*s", prefix, *prefix ? "." : "", STR_ARG(key));
    enum err e = next(r);
    if (e)
        return e;
    if (r->event.type == YAML_SCALAR_EVENT)
        return set(r, name, at, scalar(r), r->event.start_mark);
    if (r->event.type == YAML_SEQUENCE_START_EVENT)
        return sequence(r, name, at);
    if (depth == DEPTH)
        return refuse_at(r, at, "settings do not nest this deep");
    return mapping(r, name, depth + 1);
}

/* The current event is the start of a mapping. */
static enum err mapping(struct reader *r, const char *prefix, int depth)
{
    enum err e;
    while ((e = next(r)) == OK && r->event.type != YAML_MAPPING_END_EVENT)
        if ((e = member(r, prefix, depth)))
            return e;
    return e;
}

static enum err document(struct reader *r)
{
    enum err e;
    while ((e = next(r)) == OK && r->event.type != YAML_STREAM_END_EVENT) {
        switch ((int)r->event.type) {
        case YAML_STREAM_START_EVENT:
        case YAML_DOCUMENT_END_EVENT:
            break;
        case YAML_DOCUMENT_START_EVENT:
            if (r->documents++ > 0)
                return refuse_at(r, r->event.start_mark, "a settings file is one document");
            break;
        case YAML_MAPPING_START_EVENT:
            if ((e = mapping(r, "", 1)))
                return e;
            break;
        default:
            /* An empty document is one empty scalar. */
            if (r->event.type != YAML_SCALAR_EVENT || scalar(r).n > 0) {
                return refuse_at(r, r->event.start_mark,
                                 "a settings file is a list of `name: value`");
            }
        }
    }
    return e;
}

enum err settings_file(struct settings *s, const char *path, char *why, size_t why_size)
{
    struct reader r = {.settings = s, .path = path, .why = why, .why_size = why_size};
    FILE *file = fopen(path, "re");
    if (!file) {
        snprintf(why, why_size, "%s: cannot read the settings file: %s", path, strerror(errno));
        return errno == ENOENT ? ERR_ABSENT : ERR_FORBIDDEN;
    }
    if (!yaml_parser_initialize(&r.yaml)) {
        fclose(file);
        snprintf(why, why_size, "%s: out of memory", path);
        return ERR_SERVER_ERROR;
    }
    yaml_parser_set_input_file(&r.yaml, file);
    enum err e = document(&r);
    if (r.has_event)
        yaml_event_delete(&r.event);
    yaml_parser_delete(&r.yaml);
    fclose(file);
    return e;
}
