/* public_path: handles in paths are not for logs (security.md A31).
 *
 * /admin/flows/{id} takes the handle of a flow, and whoever has that may decide it. Others stand in
 * paths that no route knows: a client that puts a token there by mistake shall not find it in our
 * logs. So any segment that begins like a handle is cut, whatever the route.
 *
 * Left out on purpose: everything else that somebody might write into a path. Ids are public.
 */
#include "oauth/public_path.h"

#include "base/buf.h"

#define PREFIX_CHARS 5 /* "psta_" */

static bool is_handle(str s)
{
    return s.n > PREFIX_CHARS && str_starts(s, STR("pst")) && s.p[3] >= 'a' && s.p[3] <= 'z' &&
           s.p[4] == '_';
}

static bool has_handle(str path)
{
    for (size_t i = 0; i < path.n; i++)
        if (is_handle(str_sub(path, i, path.n)))
            return true;
    return false;
}

static bool is_handle_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' ||
           c == '-';
}

str public_path(struct arena *a, str path)
{
    struct buf out;

    if (!has_handle(path))
        return path;
    buf_init(&out, a, path.n + 64, 4 * path.n + 64);
    for (size_t i = 0; i < path.n;) {
        if (!is_handle(str_sub(path, i, path.n))) {
            buf_char(&out, path.p[i++]);
            continue;
        }
        buf_put(&out, str_sub(path, i, i + PREFIX_CHARS));
        BUF_LIT(&out, "...");
        for (i += PREFIX_CHARS; i < path.n && is_handle_char(path.p[i]); i++)
            ;
    }
    return buf_str(&out);
}
