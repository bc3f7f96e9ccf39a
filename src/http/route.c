/* route: matching a path against one pattern, byte by byte.
 *
 * No decoding, no case folding, no slashes added or removed: two spellings of one path are two
 * paths, and only one of them exists.
 */
#include "http/route.h"

bool route_match(str pattern, str path, str *id)
{
    size_t open = str_find(pattern, '{', 0);
    if (open == pattern.n)
        return str_eq(pattern, path);
    str before = str_sub(pattern, 0, open);
    str behind = str_sub(pattern, str_find(pattern, '}', open) + 1, pattern.n);
    if (path.n <= before.n + behind.n || !str_starts(path, before) || !str_ends(path, behind))
        return false;
    str segment = str_sub(path, before.n, path.n - behind.n);
    if (str_find(segment, '/', 0) < segment.n)
        return false;
    *id = segment;
    return true;
}
