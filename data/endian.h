/* SPDX-License-Identifier: Apache-2.0 */
/* Files hold little-endian elements; tensors in memory are in the byte order of the machine. */
#ifndef QOQ_DATA_ENDIAN_H
#define QOQ_DATA_ENDIAN_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline int qoq_host_is_little_endian(void)
{
    const uint16_t one = 1;
    unsigned char first;

    memcpy(&first, &one, 1);
    return first == 1;
}

/* Turns elements of `size` bytes from the order of files to that of the machine, or back. */
static inline void qoq_little_endian(void *data, size_t elements, size_t size)
{
    unsigned char *at = data;

    if (qoq_host_is_little_endian())
        return;
    for (size_t i = 0; i < elements; i++, at += size) {
        for (size_t j = 0; j < size / 2; j++) {
            unsigned char kept = at[j];
            at[j] = at[size - 1 - j];
            at[size - 1 - j] = kept;
        }
    }
}

#endif
