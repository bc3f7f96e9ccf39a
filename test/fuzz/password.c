/* Fuzz target: encoded password hashes. Judging one reads no byte beyond it, and never computes. */
#include <stdlib.h>

#include "crypto/password.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    str s = str_make((const char *)data, size);
    if (password_is_ours(s) && !password_known(s))
        abort();
    return 0;
}
