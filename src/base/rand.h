/* rand: random bytes from the kernel. There is no other source of randomness in the program. */
#ifndef BASE_RAND_H
#define BASE_RAND_H

#include <stddef.h>

/* n random bytes from getrandom(2); a failure of the kernel is fatal. */
void rand_bytes(void *p, size_t n);

#endif
