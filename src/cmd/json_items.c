/* json_items: finds where the elements of an array begin and end; json_parse reads them.
 *
 * Brackets are only counted and strings skipped: what is inside an element is the strict reader's
 * to judge. What this must not do is lose text, so anything unexpected between elements makes the
 * whole text broken.
 */
#include "cmd/json_items.h"

static void skip_space(struct json_items *it)
{
    while (it->at < it->text.n && strchr(" \t\r\n", it->text.p[it->at]) && it->text.p[it->at])
        it->line += it->text.p[it->at++] == '\n';
}

static char peek(const struct json_items *it)
{
    return it->at < it->text.n ? it->text.p[it->at] : 0;
}

void json_items_init(struct json_items *it, str text)
{
    *it = (struct json_items){.text = text, .line = 1};
    skip_space(it);
    it->array = peek(it) == '[';
    it->at += it->array;
}

/* Position behind the element that begins at it->at. */
static size_t end_of(struct json_items *it)
{
    size_t i = it->at, depth = 0;
    bool string = false;
    for (; i < it->text.n; i++) {
        char c = it->text.p[i];
        it->inside += c == '\n';
        if (string) {
            i += c == '\\';
            string = c != '"';
        } else if (c == '"') {
            string = true;
        } else if (c == '[' || c == '{') {
            depth++;
        } else if ((c == ']' || c == '}') && depth > 0) {
            if (--depth == 0 && !it->array)
                return i + 1;
        } else if (c == ',' || c == ']' || c == '}') {
            if (depth == 0)
                break;
        }
    }
    return i < it->text.n ? i : it->text.n;
}

static bool finish(struct json_items *it)
{
    it->at += it->array;
    skip_space(it);
    it->broken = it->at != it->text.n;
    it->done = true;
    return false;
}

/* An object or array as far as it goes; of anything else, all that is left, for the strict reader
 * to refuse. */
static bool next_value(struct json_items *it, str *item)
{
    char first = peek(it);
    it->done = it->started && it->at == it->text.n;
    if (it->done)
        return false;
    it->started = true;
    size_t end = first == '{' ? end_of(it) : it->text.n, rest = end;
    while (rest < it->text.n && strchr(" \t\r", it->text.p[rest]) && it->text.p[rest])
        rest++;
    if (rest < it->text.n && it->text.p[rest] != '\n')
        end = it->text.n; /* something else on its line */
    *item = str_sub(it->text, it->at, end);
    it->at = end;
    return true;
}

bool json_items_next(struct json_items *it, str *item)
{
    if (it->done)
        return false;
    it->line += it->inside;
    it->inside = 0;
    skip_space(it);
    if (!it->array)
        return next_value(it, item);
    if (it->started && peek(it) == ',') {
        it->at++;
        skip_space(it);
    } else if (peek(it) == ']') {
        return finish(it);
    } else if (it->started) {
        it->done = it->broken = true;
        return false;
    }
    it->started = true;
    size_t end = end_of(it);
    *item = str_sub(it->text, it->at, end);
    it->broken = it->done = item->n == 0;
    it->at = end;
    return !it->broken;
}
