/* json: reading (RFC 8259, as narrow as security.md A18) and writing.
 *
 * jansson reads; it refuses duplicate names, bad UTF-8, lone surrogates, \u0000, numbers out of
 * range and everything that is not JSON. scan() runs before it and refuses what jansson lets
 * through, without recursion and without understanding more of the grammar than it must.
 *
 * jansson's memory comes from the request's arena, so a parse is a few bumps of a pointer, the
 * strings need no second copy, and secrets in them are wiped with the request. For that its
 * global allocator is set, once, to one that knows the arena of the running parse; nobody else
 * in the program uses jansson.
 */
#include "codec/json.h"

#include <jansson.h>
#include <pthread.h>

#include "base/limits.h"
#include "base/log.h"

/* Integers beyond this do not survive readers that hold numbers as doubles. */
static const uint64_t INT_MAX_EXACT = UINT64_C(1) << 53;

static _Thread_local struct arena *parsing;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void *allocate(size_t n)
{
    return arena_alloc(parsing, n);
}

static void release(void *p)
{
    (void)p; /* the arena's owner releases it */
}

static void use_arena(void)
{
    json_set_alloc_funcs(allocate, release);
}

/* The state of the first pass. */
struct scan {
    str text;
    size_t at;
    unsigned depth;
    unsigned arrays;  /* bit n: the container at depth n is an array */
    unsigned members; /* and elements, of all containers together */
};

/* Moves behind the string that begins at s->at. */
static void skip_string(struct scan *s)
{
    for (s->at++; s->at < s->text.n && s->text.p[s->at] != '"'; s->at++)
        if (s->text.p[s->at] == '\\')
            s->at++;
    s->at++;
}

static bool in_number(char c)
{
    return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E';
}

/* Moves behind the number that begins at s->at; false for -0 (of any form) and for integers that
 * are not exact as doubles. */
static bool check_number(struct scan *s)
{
    bool negative = s->text.p[s->at] == '-';
    bool integer = true, exponent = false, zero = true, huge = false;
    uint64_t v = 0;
    for (; s->at < s->text.n && in_number(s->text.p[s->at]); s->at++) {
        char c = s->text.p[s->at];
        if (c >= '1' && c <= '9')
            zero = zero && exponent;
        exponent = exponent || c == 'e' || c == 'E';
        if (c >= '0' && c <= '9') {
            v = v * 10 + (uint64_t)(c - '0');
            huge = huge || v > INT_MAX_EXACT;
            v = huge ? 0 : v;
        } else if (c != '-') {
            integer = false;
        }
    }
    return !(negative && zero) && !(integer && huge);
}

static bool count(struct scan *s)
{
    return ++s->members <= LIMIT_JSON_MEMBERS;
}

static bool open_container(struct scan *s, bool array)
{
    if (++s->depth > LIMIT_JSON_DEPTH)
        return false;
    s->arrays = (s->arrays & ~(1U << s->depth)) | (unsigned)array << s->depth;
    return !array || count(s);
}

static bool close_container(struct scan *s)
{
    if (s->depth == 0)
        return false;
    s->depth--;
    return true;
}

/* One token or one space. */
static bool step(struct scan *s)
{
    char c = s->text.p[s->at];
    if (c == '"') {
        skip_string(s);
        return true;
    }
    if (c == '-' || (c >= '0' && c <= '9'))
        return check_number(s);
    s->at++;
    switch (c) {
    case '{':
    case '[':
        return open_container(s, c == '[');
    case '}':
    case ']':
        return close_container(s);
    case ':':
        return count(s);
    case ',':
        return !(s->arrays >> s->depth & 1) || count(s);
    default:
        /* NUL and a byte order mark among others; jansson judges the letters. */
        return c == ' ' || c == '\t' || c == '\r' || c == '\n' || (c >= 'a' && c <= 'z');
    }
}

/* A container without members counts as having one if it is an array: one may come. */
static bool scan(str text)
{
    struct scan s = {.text = text};
    if (text.n > LIMIT_BODY)
        return false;
    while (s.at < text.n)
        if (!step(&s))
            return false;
    return true;
}

static struct json *copy(struct arena *a, str name, json_t *from);

static void copy_children(struct arena *a, struct json *to, json_t *from)
{
    struct json **end = &to->first;
    if (json_is_object(from)) {
        const char *key;
        json_t *value;
        json_object_foreach(from, key, value)
        {
            *end = copy(a, str_from(key), value);
            end = &(*end)->next;
            to->n++;
        }
        return;
    }
    size_t i;
    json_t *value;
    json_array_foreach(from, i, value)
    {
        *end = copy(a, str_make(NULL, 0), value);
        end = &(*end)->next;
        to->n++;
    }
}

/* Recursion is bounded by LIMIT_JSON_DEPTH. */
static struct json *copy(struct arena *a, str name, json_t *from)
{
    struct json *to = ARENA_NEW(a, struct json);
    to->name = name;
    switch (json_typeof(from)) {
    case JSON_OBJECT:
        to->type = JSON_OBJECT_T;
        copy_children(a, to, from);
        break;
    case JSON_ARRAY:
        to->type = JSON_ARRAY_T;
        copy_children(a, to, from);
        break;
    case JSON_STRING:
        to->type = JSON_STR_T;
        to->s = str_make(json_string_value(from), json_string_length(from));
        break;
    case JSON_INTEGER:
        to->type = JSON_INT_T;
        to->i = json_integer_value(from);
        break;
    case JSON_REAL:
        to->type = JSON_REAL_T;
        to->real = json_real_value(from);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        to->type = JSON_BOOL_T;
        to->i = json_is_true(from);
        break;
    case JSON_NULL:
        to->type = JSON_NULL_T;
        break;
    }
    return to;
}

enum err json_parse(struct arena *a, str text, struct json **out)
{
    if (text.n == 0 || !scan(text))
        return ERR_INVALID_BODY;
    pthread_once(&once, use_arena);
    parsing = a;
    json_t *tree = json_loadb(text.p, text.n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    parsing = NULL;
    if (!tree)
        return ERR_INVALID_BODY;
    /* The tree is left as it is: its strings are now ours. */
    *out = copy(a, str_make(NULL, 0), tree);
    return OK;
}

const struct json *json_get(const struct json *object, str name)
{
    if (!json_is(object, JSON_OBJECT_T))
        return NULL;
    const struct json *v = object->first;
    while (v && !str_eq(v->name, name))
        v = v->next;
    return v;
}

str json_get_str(const struct json *object, str name)
{
    const struct json *v = json_get(object, name);
    return json_is(v, JSON_STR_T) ? v->s : str_make(NULL, 0);
}

bool json_is(const struct json *v, enum json_type type)
{
    return v && v->type == type;
}

static bool follows_opening(const struct buf *b)
{
    char last = b->n > 0 ? b->p[b->n - 1] : '{';
    return last == '{' || last == '[';
}

void json_open(struct buf *b, char bracket)
{
    buf_char(b, bracket);
}

void json_close(struct buf *b, char bracket)
{
    buf_char(b, bracket);
}

void json_key(struct buf *b, str name)
{
    char *to = buf_room(b, name.n + 4);
    if (!to)
        return;
    size_t n = 0;
    if (!follows_opening(b))
        to[n++] = ',';
    to[n++] = '"';
    memcpy(to + n, name.p, name.n);
    n += name.n;
    to[n++] = '"';
    to[n++] = ':';
    b->n += n;
}

void json_item(struct buf *b)
{
    if (!follows_opening(b))
        buf_char(b, ',');
}

/* One character that cannot be copied as it is: control, quote, backslash or no UTF-8. */
static void put_escaped(struct buf *b, unsigned char c)
{
    static const char SHORT[] = "\b\t\n\f\r\"\\";
    static const char LETTER[] = "btnfr\"\\";
    const char *at = c ? strchr(SHORT, c) : NULL;
    if (at) {
        char pair[2] = {'\\', LETTER[at - SHORT]};
        buf_put(b, str_make(pair, 2));
    } else if (c < 0x20) {
        BUF_LIT(b, "\\u00");
        buf_hex(b, &c, 1);
    } else {
        BUF_LIT(b, "\xef\xbf\xbd"); /* U+FFFD */
    }
}

/* True if all eight bytes are ASCII that needs no escape. */
static bool plain_word(const char *p)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t w;
    memcpy(&w, p, sizeof(w));
    uint64_t quote = w ^ (ones * '"');
    uint64_t slash = w ^ (ones * '\\');
    uint64_t special = (w - ones * 0x20) | (quote - ones) | (slash - ones) | w;
    return (special & (ones << 7)) == 0;
}

static bool plain_char(char c)
{
    return (unsigned char)c >= 0x20 && (unsigned char)c < 0x80 && c != '"' && c != '\\';
}

/* How much of s can be copied as it is: plain ASCII and well-formed UTF-8. */
static size_t clean_run(str s)
{
    size_t run = 0;
    uint32_t code;
    while (run < s.n) {
        size_t n = 0;
        if (s.n - run >= 8 && plain_word(s.p + run))
            n = 8;
        else if (plain_char(s.p[run]))
            n = 1;
        else if ((unsigned char)s.p[run] >= 0x80)
            n = str_utf8(str_sub(s, run, s.n), &code);
        if (n == 0)
            break;
        run += n;
    }
    return run;
}

static void put_string_with_escapes(struct buf *b, str value, size_t run)
{
    buf_char(b, '"');
    while (value.n > 0) {
        buf_put(b, str_sub(value, 0, run));
        value = str_sub(value, run, value.n);
        if (value.n > 0) {
            put_escaped(b, (unsigned char)value.p[0]);
            value = str_sub(value, 1, value.n);
        }
        run = clean_run(value);
    }
    buf_char(b, '"');
}

void json_str(struct buf *b, str value)
{
    size_t run = clean_run(value);
    if (run < value.n) {
        put_string_with_escapes(b, value, run);
        return;
    }
    char *to = buf_room(b, value.n + 2);
    if (to) {
        to[0] = '"';
        if (value.n > 0)
            memcpy(to + 1, value.p, value.n);
        to[value.n + 1] = '"';
        b->n += value.n + 2;
    }
}

void json_i64(struct buf *b, int64_t value)
{
    buf_i64(b, value);
}

void json_bool(struct buf *b, bool value)
{
    buf_put(b, value ? STR("true") : STR("false"));
}

void json_nil(struct buf *b)
{
    BUF_LIT(b, "null");
}

void json_key_str(struct buf *b, str name, str value)
{
    json_key(b, name);
    json_str(b, value);
}

void json_key_i64(struct buf *b, str name, int64_t value)
{
    json_key(b, name);
    json_i64(b, value);
}

void json_key_bool(struct buf *b, str name, bool value)
{
    json_key(b, name);
    json_bool(b, value);
}

static void put_members(struct buf *b, const struct json *v)
{
    bool object = v->type == JSON_OBJECT_T;
    json_open(b, object ? '{' : '[');
    for (const struct json *m = v->first; m; m = m->next) {
        json_item(b);
        if (object) {
            json_str(b, m->name);
            buf_char(b, ':');
        }
        json_value(b, m); /* no deeper than what was read, LIMIT_JSON_DEPTH */
    }
    json_close(b, object ? '}' : ']');
}

/* With a point or an exponent, or 1e16 would be read again as an integer, and one too large. */
static void put_real(struct buf *b, double real)
{
    char digits[32];
    struct buf text;
    bool is_real = false;

    buf_fixed(&text, digits, sizeof digits);
    buf_printf(&text, "%.17g", real);
    for (size_t i = 0; i < text.n; i++)
        is_real = is_real || digits[i] == '.' || digits[i] == 'e';
    buf_put(b, buf_str(&text));
    if (!is_real)
        BUF_LIT(b, ".0");
}

void json_value(struct buf *b, const struct json *v)
{
    switch (v->type) {
    case JSON_NULL_T:
        json_nil(b);
        break;
    case JSON_BOOL_T:
        json_bool(b, v->i != 0);
        break;
    case JSON_INT_T:
        json_i64(b, v->i);
        break;
    case JSON_REAL_T:
        put_real(b, v->real);
        break;
    case JSON_STR_T:
        json_str(b, v->s);
        break;
    case JSON_ARRAY_T:
    case JSON_OBJECT_T:
        put_members(b, v);
        break;
    }
}
