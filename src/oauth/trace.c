/* trace: traceparent, strictly: version "-" trace-id "-" parent-id "-" flags, lowercase hex.
 *
 * The two ids go to the request's log line, by which the line is found from the trace. A value of
 * a later version is read as far as version 00 goes (Trace Context 4.3).
 *
 * Left out on purpose: tracestate and spans of our own. The server calls nobody, so it has no
 * trace to hand on.
 */
#include "oauth/trace.h"

enum { VERSION = 2, TRACE_ID = 32, PARENT_ID = 16, FLAGS = 2, LENGTH = 55 };

/* Takes n lowercase hex digits off the front; false if they are not. */
static bool take_hex(str *s, size_t n, str *out)
{
    if (s->n < n)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((s->p[i] >= '0' && s->p[i] <= '9') || (s->p[i] >= 'a' && s->p[i] <= 'f')))
            return false;
    *out = str_sub(*s, 0, n);
    *s = str_sub(*s, n, s->n);
    return true;
}

static bool take_dash(str *s)
{
    if (s->n == 0 || s->p[0] != '-')
        return false;
    *s = str_sub(*s, 1, s->n);
    return true;
}

static bool all_zeros(str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != '0')
            return false;
    return true;
}

bool trace_read(const struct http_req *req, struct trace *out)
{
    size_t count;
    str s = http_header_get(req, STR("traceparent"), &count), version, flags;

    if (count != 1 || s.n < LENGTH)
        return false;
    if (!take_hex(&s, VERSION, &version) || str_eq(version, STR("ff")))
        return false; /* Trace Context 3.2.2.1 */
    if (!take_dash(&s) || !take_hex(&s, TRACE_ID, &out->trace_id) || !take_dash(&s) ||
        !take_hex(&s, PARENT_ID, &out->parent_id) || !take_dash(&s) || !take_hex(&s, FLAGS, &flags))
        return false;
    if (s.n > 0 && (str_eq(version, STR("00")) || s.p[0] != '-'))
        return false;
    return !all_zeros(out->trace_id) && !all_zeros(out->parent_id); /* 3.2.2.3 */
}
