/* lossy_server: makes the server keep its SQLite file on the disk of lossy_disk.h.
 *
 * Linked in front of the real main() (Makefile: postern_lossy). LOSSY_DISK names the directory of
 * the images and of the file `switches`; without it the server is as any other. LOSSY_SEED lets
 * some writes reach the disk before they are synced.
 */
#include <stdlib.h>

#include "lossy_disk.h"

__attribute__((constructor)) static void install(void)
{
    const char *seed = getenv("LOSSY_SEED");
    struct lossy_options o = {.image_dir = getenv("LOSSY_DISK"), .with_switches = true};

    if (!o.image_dir)
        return;
    o.seed = seed ? strtoull(seed, NULL, 10) : 0;
    lossy_disk_install(&o);
}
