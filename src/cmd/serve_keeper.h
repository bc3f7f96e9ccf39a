/* serve_keeper: on a shared store, the thread that keeps house and hears what other nodes did. */
#ifndef CMD_SERVE_KEEPER_H
#define CMD_SERVE_KEEPER_H

#include <pthread.h>

#include "cmd/serve_app.h"

struct serve_keeper {
    struct serve_house *house;
    struct id_source ids; /* of the changes it writes */
    pthread_t thread;
    bool running;
    atomic_bool stop;
};

/* Opens the connection that `app->house` works with from now on, and hears once, so that the first
 * request finds what other nodes know. Any error but OK: `why` says what is wrong. */
enum err serve_keeper_open(struct serve_keeper *k, struct serve_app *app, char *why,
                           size_t why_size);
void serve_keeper_start(struct serve_keeper *k);
/* Waits for the thread's end: at most as long as a call to the store may take. */
void serve_keeper_stop(struct serve_keeper *k);
/* Closes the connection; after serve_house_end. */
void serve_keeper_close(struct serve_keeper *k);

#endif
