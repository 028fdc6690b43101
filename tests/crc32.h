/* SPDX-License-Identifier: Apache-2.0 */
/* CRC-32 of zlib, in which published vectors of packed layouts are given. */
#ifndef QOQ_TESTS_CRC32_H
#define QOQ_TESTS_CRC32_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t crc32(const uint8_t *data, size_t bytes)
{
    uint32_t crc = 0xffffffffu;

    for (size_t i = 0; i < bytes; i++) {
        crc ^= data[i];
        for (int b = 0; b < 8; b++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

#endif
