/* verify: what one ES256 signature check costs, for script/bench.
 *
 *     verify SECONDS        prints microseconds of CPU per check
 *
 * Introspection of a JWT may cost that much more than other introspection. The check is the
 * server's own (crypto/jws with a kept context) over as many bytes as an access token has.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "crypto/jws.h"

#define INPUT_BYTES 530

static double cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

int main(int argc, char **argv)
{
    double limit_us = (argc > 1 ? strtod(argv[1], NULL) : 1) * 1e6;
    struct jws_ctx *ctx = jws_open(JWS_ES256, jwk_generate(JWS_ES256));
    char input[INPUT_BYTES];
    uint8_t signature[64];
    size_t n = sizeof signature;
    double start = cpu_us();
    long checks = 0;

    memset(input, 'x', sizeof input);
    if (jws_sign(ctx, str_make(input, sizeof input), signature, &n) != OK)
        return 1;
    do {
        for (int i = 0; i < 100; i++)
            if (jws_verify(ctx, str_make(input, sizeof input), str_make((char *)signature, n)))
                return 1;
        checks += 100;
    } while (cpu_us() - start < limit_us);
    printf("%.3f\n", (cpu_us() - start) / (double)checks);
    return 0;
}
