/* about: what a shared store says of itself, for `postern check`. */
#ifndef DB_ABOUT_H
#define DB_ABOUT_H

#include "db/db.h"

/* What the engine did not tell is -1, or empty. */
struct about {
    str version;          /* "15.14 (Debian ...)" */
    int64_t version_num;  /* 150014 */
    str synchronous;      /* synchronous_commit of this session */
    str fsync;            /* "on", "off" */
    int64_t local;        /* 1: by unix socket or loopback */
    int64_t encrypted;    /* 1: by TLS or GSSAPI */
    int64_t skew_ms;      /* by how much its clock is ahead of ours */
    int64_t skew_unknown; /* 1: it did not say what time it is */
    int64_t trip_us;      /* the shortest of a few round trips */
    int64_t connections;  /* that anybody may open, without those kept for superusers */
    int64_t connected;    /* that are open now */
    bool standby;         /* it takes no writes */
};

/* Texts live in the arena. ERR_UNAVAILABLE only when the engine does not answer at all. */
enum err about_read(struct db *db, struct arena *a, struct about *out);

#endif
