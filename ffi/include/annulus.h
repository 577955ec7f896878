/* Annulus: rings in shared memory, between processes, on 64-bit Linux.
 *
 * For C99 and later, and C++. Link with -lannulus. All names begin with annulus_ or ANNULUS_.
 *
 * Two versions:
 *   the library's   major.minor.patch, as text: which calls there are;
 *   the ABI         one number: the layout of shared memory. Processes can share a ring when their
 *                   libraries have the same, whatever their library versions are.
 */

#ifndef ANNULUS_H
#define ANNULUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of the library, as "0.1.0": static text, never NULL, not to be freed.
 * Never blocks or fails; may be called from any thread at any time. */
const char *annulus_version(void);

/* The version of the layout of shared memory, from 1 on.
 * Never blocks or fails; may be called from any thread at any time. */
uint32_t annulus_abi_version(void);

#ifdef __cplusplus
}
#endif

#endif /* ANNULUS_H */
