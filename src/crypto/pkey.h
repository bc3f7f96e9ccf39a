/* pkey: what a struct pkey holds. For the files of crypto/ only: nobody above sees OpenSSL.
 */
#ifndef CRYPTO_PKEY_H
#define CRYPTO_PKEY_H

#include <openssl/evp.h>

#include "crypto/jwk.h"

struct pkey {
    EVP_PKEY *evp;
    enum jws_alg alg; /* what it was made or read for; RS256 and PS256 keys are alike */
};

#endif
