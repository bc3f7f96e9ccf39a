/* Fuzz target: templates. The input is a template, 0x1e, and a value. What the value is never
 * changes the markup: the page has as many < > " and ' as with a harmless one. */
#include <stdlib.h>

#include "codec/template.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static str find_message(const void *catalogue, str key)
{
    (void)catalogue;
    return key.n % 2 ? STR("{a} <{b}> \"{c}\" {") : (str){0};
}

static str page(const struct template_set *s, struct arena *a, str value, bool *whole)
{
    static const struct template_messages messages = {find_message, NULL};
    struct view *v = view_new(a);
    struct buf b;
    view_text(v, "a", value);
    view_text(view_item(v, "b"), "c", value);
    view_text(view_item(v, "b"), "a", value);
    view_flag(v, "c", true);
    buf_init(&b, a, 4096, 1 << 20);
    template_write(s, a, STR("page"), v, &messages, &b);
    *whole = *whole && !b.overflow;
    return buf_str(&b);
}

static void same_marks(str x, str y)
{
    long n[256] = {0};
    for (size_t i = 0; i < x.n; i++)
        n[(unsigned char)x.p[i]]++;
    for (size_t i = 0; i < y.n; i++)
        n[(unsigned char)y.p[i]]--;
    if (n['<'] || n['>'] || n['"'] || n['\''])
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    str text, value;
    char why[256];
    bool whole = true;
    struct template_set *s = template_set_new();
    arena_init(&a, 64 << 20);
    str_cut(str_make((const char *)data, size), 0x1e, &text, &value);
    if (template_add(s, STR("page"), text, why, sizeof why) == OK &&
        template_check(s, why, sizeof why) == OK && value.n > 0) {
        str harmless = page(s, &a, STR("x"), &whole), other = page(s, &a, value, &whole);
        if (whole)
            same_marks(harmless, other);
    }
    arena_free(&a);
    template_set_free(s);
    return 0;
}
