/* service: the signer's side of the channels.
 *
 * Whoever asks is not believed: a request is copied, bounded, taken apart, and answered within the
 * rules of crypto/signer_local.c (profiles, issuer, lives, key kinds, days). What it gives away are
 * public keys, the secret of the shape key, signatures, hashes and sealing keys of these days.
 */
#ifndef SIGNER_SERVICE_H
#define SIGNER_SERVICE_H

#include "crypto/vault.h"
#include "signer/channel.h"

struct service;

/* Serves every channel of the region, a thread for each, by that vault, which opens the keys;
 * region and vault are the caller's. Ends the process without memory for it. */
struct service *service_start(struct channel_region *r, struct vault *vault);
/* Ends the threads; for tests. */
void service_stop(struct service *s);

/* One thread's state, for tests that feed it requests directly. */
struct service_thread;
struct service_thread *service_thread_new(struct service *s);
void service_thread_free(struct service_thread *t);
/* A service without threads. */
struct service *service_new(struct vault *vault);
void service_free(struct service *s);
/* The answer to those n bytes, whatever they are; *out belongs to the thread and is valid until the
 * next call. Its length. */
size_t service_answer(struct service_thread *t, const uint8_t *request, size_t n,
                      const uint8_t **out);

#endif
