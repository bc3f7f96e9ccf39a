/* err: the table behind err.h, built from the one list.
 *
 * The same list makes the enum, so the row of an error is its number.
 */
#include "base/err.h"

#include <stddef.h>

#include "base/log.h"

static const struct err_info TABLE[ERR_COUNT] = {
#define X(id, wire, status, redirectable, spec, meaning)                                           \
    [ERR_##id] = {#id, wire, status, redirectable, spec, meaning},
    ERR_LIST(X)
#undef X
};

const struct err_info *err_info(enum err e)
{
    if ((unsigned)e == OK || (unsigned)e >= ERR_COUNT)
        fatal("there is no error number %d", (int)e);
    return &TABLE[e];
}
