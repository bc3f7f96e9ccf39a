/* library: what the cryptographic library reads from files is read early. */
#ifndef CRYPTO_LIBRARY_H
#define CRYPTO_LIBRARY_H

/* Has OpenSSL read its settings file and load what that names. It would do so at the first use,
 * when a process may be in a sandbox that has no files. Its children inherit it. */
void library_ready(void);

#endif
