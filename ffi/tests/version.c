/* Prints both versions, as "0.1.0 1": version.rs compares them with the engine's. */

#include "annulus.h"

#include <inttypes.h>
#include <stdio.h>

int main(void)
{
    printf("%s %" PRIu32 "\n", annulus_version(), annulus_abi_version());
    return 0;
}
