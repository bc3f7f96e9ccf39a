/* dialect: which dialects are switched on, in the order in which they claim paths. */
#include "dialect/dialect.h"

#include "config/settings.h"

void dialect_select(const struct settings *settings, const struct dialect *out[DIALECTS_MAX])
{
    size_t n = 0;

    if (setting_int(settings, bench_routes))
        out[n++] = &dialect_bench;
    if (setting_int(settings, dialect_twine))
        out[n++] = &dialect_twine;
    if (setting_int(settings, dialect_twilio))
        out[n++] = &dialect_twilio;
    out[n++] = setting_int(settings, dialect_rfc) ? &dialect_rfc : &dialect_bare;
    out[n] = NULL;
}
