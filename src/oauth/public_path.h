/* public_path: the path of a request as logs and explanations may have it. */
#ifndef OAUTH_PUBLIC_PATH_H
#define OAUTH_PUBLIC_PATH_H

#include "base/arena.h"

/* The path, or a copy in the arena in which what follows the prefix of each handle ("pstf_") is
 * "...": security.md A31. */
str public_path(struct arena *a, str path);

#endif
