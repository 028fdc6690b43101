/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of the unit tests, with bands around each block that no function may touch. */
#ifndef QOQ_TESTS_GUARD_H
#define QOQ_TESTS_GUARD_H

#include <stdlib.h>
#include <string.h>

#define GUARD_BAND 64
#define GUARD_BYTE 0xa5

/* The size is kept in front of the first band; the block starts out filled with GUARD_BYTE. */
static inline void *guard_new(size_t bytes)
{
    unsigned char *base = malloc(bytes + 3 * GUARD_BAND);

    if (base == NULL)
        abort();
    memcpy(base, &bytes, sizeof bytes);
    memset(base + GUARD_BAND, GUARD_BYTE, bytes + 2 * GUARD_BAND);
    return base + 2 * GUARD_BAND;
}

static inline int guard_intact(const void *block)
{
    const unsigned char *p = block;
    size_t bytes;
    int intact = 1;

    memcpy(&bytes, p - 2 * GUARD_BAND, sizeof bytes);
    for (size_t i = 0; i < GUARD_BAND; i++)
        intact &= p[bytes + i] == GUARD_BYTE && *(p - 1 - i) == GUARD_BYTE;
    return intact;
}

static inline void guard_free(void *block)
{
    if (block != NULL)
        free((unsigned char *)block - 2 * GUARD_BAND);
}

#endif
