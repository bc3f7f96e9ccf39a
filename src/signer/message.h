/* message: what goes through a channel: numbers and texts, one behind the other.
 *
 * Both sides are the same program on the same machine, so numbers have its byte order. The reader
 * never looks beyond what it was given: what is missing reads as zero and sets `bad`, which is
 * looked at once, behind the last value.
 */
#ifndef SIGNER_MESSAGE_H
#define SIGNER_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct message {
    uint8_t *p;
    size_t n;    /* reading: how much there is; writing: how much was written */
    size_t size; /* writing: room */
    size_t at;   /* reading: how far */
    bool bad;    /* reading: cut short or of a wrong length; writing: no room */
};

/* To be written, into storage of the caller's. */
struct message message_new(void *p, size_t size);
/* To be read. */
struct message message_of(const void *p, size_t n);

void message_put_u8(struct message *m, uint8_t v);
void message_put_u32(struct message *m, uint32_t v);
void message_put_i64(struct message *m, int64_t v);
/* n bytes, whose number the reader knows. */
void message_put_raw(struct message *m, const void *p, size_t n);
/* With its length in front. */
void message_put_str(struct message *m, str s);

/* The next value; zero when there is none. */
uint8_t message_u8(struct message *m);
/* The next value; zero when there is none. */
uint32_t message_u32(struct message *m);
/* The next value; zero when there is none. */
int64_t message_i64(struct message *m);
/* Copies n bytes; zeros when there are not so many. */
void message_raw(struct message *m, void *out, size_t n);
/* Borrowed from the message; at most `most` bytes, else bad and empty. */
str message_str(struct message *m, size_t most);
/* Everything was there and nothing is left. */
bool message_done(const struct message *m);

#endif
