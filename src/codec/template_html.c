/* template_html: an HTML tokenizer that only needs to know where it is (HTML standard 13.2.5).
 *
 * It reads what template authors write, not what attackers do, so it need not guess like a browser:
 * where browsers repair, it refuses, and what it accepts every browser reads alike. Values may
 * stand in text, in <title> and <textarea>, and in quoted attributes of the list below; every other
 * attribute (on..., style, srcdoc, http-equiv, content, ...) takes none, known or not.
 */
#include "codec/template_html.h"

#include "codec/url.h"

/* Attributes whose values are mere text to the browser; so are data-... and aria-... */
static const char *const plain[] = {
    "abbr",  "alt",          "class",   "cols",        "colspan", "datetime",  "dir",
    "for",   "form",         "height",  "hreflang",    "id",      "inputmode", "label",
    "lang",  "list",         "max",     "maxlength",   "min",     "minlength", "name",
    "nonce", "autocomplete", "pattern", "placeholder", "role",    "rows",      "size",
    "step",  "tabindex",     "title",   "width",
};
static const char *const urls[] = {"action", "cite", "formaction", "href", "poster", "src"};
/* Elements whose URLs run or shape the page: only ours. */
static const char *const active[] = {"base", "embed", "iframe", "link", "object", "script", "use"};
static const char *const raw[] = {"script",  "style",    "iframe",   "xmp",
                                  "noembed", "noframes", "plaintext"};
static const char *const rcdata[] = {"title", "textarea"};

#define IS_ONE_OF(s, list) is_one_of((s), (list), sizeof(list) / sizeof *(list))

static bool is_one_of(str s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (str_eq_nocase(s, str_from(list[i])))
            return true;
    return false;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Of tags and attributes as people write them. */
static bool is_name(char c)
{
    return is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == ':';
}

static bool begins_nocase(str s, str with)
{
    return s.n >= with.n && str_eq_nocase(str_sub(s, 0, with.n), with);
}

static enum html_attribute kind_of(str name)
{
    if (str_eq_nocase(name, STR("value")))
        return ATTRIBUTE_EXACT;
    if (IS_ONE_OF(name, urls) || str_eq_nocase(name, STR("xlink:href")))
        return ATTRIBUTE_URL;
    if (begins_nocase(name, STR("data-")) || begins_nocase(name, STR("aria-")) ||
        IS_ONE_OF(name, plain))
        return ATTRIBUTE_PLAIN;
    return ATTRIBUTE_OTHER;
}

/* ">" : what the tag opens. */
static void end_tag(struct html *h)
{
    h->place = HTML_TEXT;
    if (!h->closing && IS_ONE_OF(h->tag, raw))
        h->place = HTML_RAW;
    else if (!h->closing && IS_ONE_OF(h->tag, rcdata))
        h->place = HTML_RCDATA;
}

/* "<" in text, at s.p[at]. Moves *at behind what it has read. */
static const char *open_markup(struct html *h, str s, size_t *at)
{
    str rest = str_sub(s, *at, s.n);
    if (str_starts(rest, STR("<!--"))) {
        rest = str_sub(rest, 4, rest.n);
        if (str_starts(rest, STR(">")) || str_starts(rest, STR("->")))
            return "a comment that browsers end at once";
        h->place = HTML_COMMENT;
        *at += 4;
        return NULL;
    }
    if (rest.n > 2 && rest.p[1] == '!' && is_letter(rest.p[2])) {
        h->place = HTML_DECLARATION;
        *at += 2;
        return NULL;
    }
    h->closing = rest.n > 1 && rest.p[1] == '/';
    *at += h->closing ? 2 : 1;
    if (*at == s.n) {
        h->place = HTML_OPEN;
        return NULL;
    }
    if (!is_letter(s.p[*at]))
        return "a \"<\" that begins no tag; write &lt;";
    h->place = HTML_TAG_NAME;
    h->tag = str_sub(s, *at, *at);
    return NULL;
}

/* In RCDATA and RAW: to the end tag of the element, if it is in this text. One that is cut by a tag
 * of ours would be an end to the browser and none to us. */
static const char *to_end_tag(struct html *h, str s, size_t *at)
{
    for (; (*at = str_find(s, '<', *at)) < s.n; (*at)++) {
        str rest = str_sub(s, *at + 1, s.n);
        str name = str_sub(rest, 1, 1 + h->tag.n);
        if (rest.n == 0 ||
            (rest.p[0] == '/' && rest.n < 2 + h->tag.n && begins_nocase(h->tag, name)))
            return "an end tag that is not in one piece";
        if (rest.p[0] != '/' || !str_eq_nocase(name, h->tag) || is_name(rest.p[1 + h->tag.n]))
            continue;
        h->closing = true;
        h->place = HTML_GAP;
        *at += 2 + h->tag.n;
        break;
    }
    return NULL;
}

static const char *in_comment(struct html *h, str s, size_t *at)
{
    for (; (*at = str_find(s, '-', *at)) < s.n; (*at)++) {
        str rest = str_sub(s, *at, s.n);
        if (str_starts(rest, STR("--!>")))
            return "a comment that ends with \"--!>\"";
        if (str_starts(rest, STR("-->"))) {
            h->place = HTML_TEXT;
            *at += 3;
            break;
        }
    }
    return NULL;
}

static const char *in_quoted(struct html *h, str s, size_t *at)
{
    size_t end = str_find(s, h->quote, *at);
    str part = str_sub(s, *at, end);
    if (h->url == URL_EMPTY && part.n > 0)
        h->url = strchr("/?#", part.p[0]) || begins_nocase(part, STR("http://")) ||
                         begins_nocase(part, STR("https://"))
                     ? URL_FIXED
                     : URL_UNKNOWN;
    if (end < s.n)
        h->place = HTML_GAP;
    *at = end < s.n ? end + 1 : end;
    return NULL;
}

/* Between attributes, and where a gap must be. */
static const char *in_tag(struct html *h, char c)
{
    if (c == '>')
        end_tag(h);
    else if (is_space(c) || c == '/')
        h->place = HTML_IN_TAG;
    else if (h->place == HTML_GAP)
        return "a character that must be white space, \"/\" or \">\"";
    else if (is_name(c))
        h->place = HTML_ATTRIBUTE;
    else
        return "a character that begins no attribute";
    return NULL;
}

static const char *in_attribute(struct html *h, char c)
{
    if (c == '=')
        h->place = HTML_EQUALS;
    else if (is_space(c) || c == '/' || c == '>')
        return in_tag(h, c);
    else if (!is_name(c))
        return "a character in the name of an attribute";
    return NULL;
}

static const char *behind_equals(struct html *h, char c)
{
    h->attribute = kind_of(h->name);
    h->url = URL_EMPTY;
    if (c == '"' || c == '\'') {
        h->quote = c;
        h->place = HTML_QUOTED;
    } else if (is_name(c)) {
        h->place = HTML_UNQUOTED;
    } else {
        return "an attribute whose value is not in quotes right behind the \"=\"";
    }
    return NULL;
}

static const char *in_unquoted(struct html *h, char c)
{
    if (is_space(c) || c == '>')
        return in_tag(h, c);
    return is_name(c) || c == '.' || c == '%' || c == '#'
               ? NULL
               : "a character in a value without quotes; put it in quotes";
}

/* One character, where characters are what counts. */
static const char *step(struct html *h, str s, size_t *at)
{
    char c = s.p[(*at)++];
    bool was_name = h->place == HTML_ATTRIBUTE;
    const char *wrong = NULL;
    if (h->place == HTML_TAG_NAME && is_name(c)) {
        h->tag.n++;
        return NULL;
    }
    if (h->place == HTML_ATTRIBUTE)
        wrong = in_attribute(h, c);
    else if (h->place == HTML_EQUALS)
        wrong = behind_equals(h, c);
    else if (h->place == HTML_UNQUOTED)
        wrong = in_unquoted(h, c);
    else {
        if (h->place == HTML_TAG_NAME)
            h->place = HTML_GAP;
        wrong = in_tag(h, c);
    }
    if (h->place == HTML_ATTRIBUTE)
        h->name = was_name ? str_make(h->name.p, h->name.n + 1) : str_make(s.p + *at - 1, 1);
    return wrong;
}

const char *template_html_walk(struct html *h, str text, size_t *at)
{
    const char *wrong = NULL;
    for (*at = 0; *at < text.n && !wrong;) {
        switch (h->place) {
        case HTML_TEXT:
            *at = str_find(text, '<', *at);
            wrong = *at < text.n ? open_markup(h, text, at) : NULL;
            break;
        case HTML_RCDATA:
        case HTML_RAW:
            wrong = to_end_tag(h, text, at);
            break;
        case HTML_COMMENT:
            wrong = in_comment(h, text, at);
            break;
        case HTML_DECLARATION:
            *at = str_find(text, '>', *at);
            h->place = *at < text.n ? HTML_TEXT : HTML_DECLARATION;
            break;
        case HTML_QUOTED:
            wrong = in_quoted(h, text, at);
            break;
        case HTML_OPEN:
            wrong = "a tag whose name is not in one piece";
            break;
        case HTML_TAG_NAME:
        case HTML_GAP:
        case HTML_IN_TAG:
        case HTML_ATTRIBUTE:
        case HTML_EQUALS:
        case HTML_UNQUOTED:
        default:
            wrong = step(h, text, at);
        }
    }
    return wrong;
}

static const char *in_url(struct html *h, enum template_context *context)
{
    if (h->url == URL_UNKNOWN)
        return "a value in a URL whose beginning does not say where it leads; begin it with the "
               "value, \"/\", \"https://\", \"?\" or \"#\"";
    bool own = IS_ONE_OF(h->tag, active);
    *context = h->url == URL_FIXED ? CONTEXT_COMPONENT : own ? CONTEXT_OWN : CONTEXT_URL;
    h->url = URL_FIXED;
    return NULL;
}

const char *template_html_value(struct html *h, enum template_context *context)
{
    *context = CONTEXT_TEXT;
    switch (h->place) {
    case HTML_TEXT:
    case HTML_RCDATA:
        return NULL;
    case HTML_QUOTED:
        if (h->attribute == ATTRIBUTE_URL)
            return in_url(h, context);
        *context = h->attribute == ATTRIBUTE_EXACT ? CONTEXT_EXACT : CONTEXT_TEXT;
        return h->attribute == ATTRIBUTE_OTHER ? "a value in an attribute that takes none" : NULL;
    case HTML_RAW:
        return "a value in a script or style; put it in an attribute data-...";
    case HTML_COMMENT:
    case HTML_DECLARATION:
        return "a value in a comment or declaration";
    case HTML_EQUALS:
    case HTML_UNQUOTED:
        return "a value without quotes around it";
    case HTML_OPEN:
    case HTML_TAG_NAME:
    case HTML_GAP:
    case HTML_IN_TAG:
    case HTML_ATTRIBUTE:
    default:
        return "a value in a tag, outside of quotes";
    }
}

void template_html_pause(struct html *h)
{
    if (h->place == HTML_TAG_NAME || h->place == HTML_ATTRIBUTE || h->place == HTML_UNQUOTED)
        h->place = HTML_GAP;
}

static bool is_between(const struct html *h)
{
    return h->place == HTML_GAP || h->place == HTML_IN_TAG;
}

bool template_html_join(struct html *h, const struct html *other)
{
    bool in_element = h->place != HTML_TEXT && h->place != HTML_COMMENT;
    if (in_element && (!str_eq(h->tag, other->tag) || h->closing != other->closing))
        return false;
    if (is_between(h) && is_between(other)) {
        h->place = h->place == other->place ? h->place : HTML_GAP;
        return true;
    }
    if (h->place != other->place || h->place == HTML_OPEN || h->place == HTML_EQUALS)
        return false;
    if (h->place != HTML_QUOTED)
        return true;
    if (h->name.p != other->name.p)
        return false;
    /* Perhaps nothing stands there yet: what follows is judged as a beginning, which does no harm
     * behind another one. */
    if (h->url != other->url)
        h->url = h->url == URL_UNKNOWN || other->url == URL_UNKNOWN ? URL_UNKNOWN : URL_EMPTY;
    return true;
}
