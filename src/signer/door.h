/* door: the network process's side of the channels, as a vault and its signers.
 *
 * The vault keeps the sealed rows that it was given last. When another signer has come (the
 * generation changed), it is given them before it is asked anything, by whoever asks first.
 */
#ifndef SIGNER_DOOR_H
#define SIGNER_DOOR_H

#include "crypto/vault.h"
#include "signer/channel.h"

/* The region is the caller's and must outlive the vault. Its first channel is the vault's own, the
 * others are those of threads with a signer. */
struct vault *door_open(struct channel_region *r);

#endif
