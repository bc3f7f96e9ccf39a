/* library: OpenSSL sets itself up lazily, file by file, at whatever is called first.
 *
 * Left out on purpose: its random numbers. It draws them from getrandom(2), and notices a fork by
 * itself.
 */
#include "crypto/library.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "base/log.h"

void library_ready(void)
{
    if (!OPENSSL_init_crypto(OPENSSL_INIT_LOAD_CONFIG | OPENSSL_INIT_LOAD_CRYPTO_STRINGS |
                                 OPENSSL_INIT_ADD_ALL_CIPHERS | OPENSSL_INIT_ADD_ALL_DIGESTS,
                             NULL))
        fatal("OpenSSL cannot read its settings (openssl.cnf)");
    EVP_MD_free(EVP_MD_fetch(NULL, "SHA256", NULL)); /* the providers, too */
}
