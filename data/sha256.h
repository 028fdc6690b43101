/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4): the sum that every stored tensor carries. */
#ifndef QOQ_DATA_SHA256_H
#define QOQ_DATA_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct qoq_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void qoq_sha256_begin(struct qoq_sha256 *sum);
void qoq_sha256_add(struct qoq_sha256 *sum, const void *data, size_t bytes);

/* 64 lower-case hexadecimal digits and a terminator. */
void qoq_sha256_end(char hex[65], struct qoq_sha256 *sum);

/* All three at once. */
void qoq_sha256_hex(char hex[65], const void *data, size_t bytes);

#endif
