/* heap: memory that is there when the system has none left, so that a request can end in order.
 *
 * Who handles a request has no error path for each allocation (base/arena.h). Instead the process
 * sets a reserve aside at its start. When the system refuses memory, the piece comes from there and
 * the thread's count of shortages goes up; the engine looks at the count where a request begins and
 * ends and refuses it with 503, with nothing done (oauth/oauth.c). So running out of memory costs
 * requests and never the process, and the next request finds the reserve whole again.
 *
 * heap_get() is for memory of a request's life. What stays longer (caches) uses malloc, does
 * without when there is none, and says so with heap_lack(): the reserve must come back. Commands
 * and tests have no reserve; there the first refusal is the end, as it is when the reserve is used
 * up.
 */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Sets the reserve aside. Once, before threads and forks (each process then has one of its own). No
 * memory is touched before it is needed. False: the system has not even that. */
bool heap_reserve(size_t bytes);
/* n bytes, zeroed, aligned for every type, for heap_free. Ends the process when even the reserve
 * has no room. */
void *heap_get(size_t n);
/* The same, not zeroed, and NULL instead of an end: for libraries (see heap_resize). */
void *heap_try(size_t n);
/* As realloc(3), of what heap_try or heap_get gave; NULL: p is as it was. */
void *heap_resize(void *p, size_t n);
/* Any of the above, and what malloc gave. NULL is allowed. */
void heap_free(void *p);
/* Is p from the reserve? */
bool heap_is_spare(const void *p);
/* Bytes of the reserve that are in use. */
size_t heap_spare_used(void);
/* This thread went without memory that it had asked the system for. */
void heap_lack(void);
/* How often that happened to this thread, and how often the reserve helped it. */
uint64_t heap_shortages(void);
/* Is half of the reserve in use? Then nothing new is begun. */
bool heap_is_low(void);

#endif
