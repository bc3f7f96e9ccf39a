/* serve_slice: a server waits for a core as shortly as the system lets it. */
#ifndef CMD_SERVE_SLICE_H
#define CMD_SERVE_SLICE_H

/* This thread and all that it starts, processes too, ask for short turns on a core, which puts them
 * first in line when they wake. No privilege is needed; Linux before 6.12 does not heed it. */
void serve_slice_short(void);

#endif
