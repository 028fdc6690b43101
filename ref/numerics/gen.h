/* SPDX-License-Identifier: Apache-2.0 */
/* The counter-based generator of N 13.1: number i of stream `seed`, without state. */
#ifndef QOQ_NUMERICS_GEN_H
#define QOQ_NUMERICS_GEN_H

#include <stdint.h>

static inline uint64_t qoq_mix(uint64_t x)
{
    x ^= x >> 30;
    x *= UINT64_C(0xBF58476D1CE4E5B9);
    x ^= x >> 27;
    x *= UINT64_C(0x94D049BB133111EB);
    x ^= x >> 31;
    return x;
}

static inline uint64_t qoq_gen(uint64_t seed, uint64_t i)
{
    return qoq_mix(seed + (i + 1) * UINT64_C(0x9E3779B97F4A7C15));
}

/* The numbers of a stream one after another: a state of `seed` gives qoq_gen(seed, 0), (seed, 1),
 * ... */
static inline uint64_t qoq_gen_next(uint64_t *state)
{
    return qoq_mix(*state += UINT64_C(0x9E3779B97F4A7C15));
}

/* The bell of N 13.2 from U = qoq_gen(seed, i): an integer in +-131070, standard deviation 37837.
 */
static inline int32_t qoq_bell(uint64_t u)
{
    int32_t fields = (int32_t)(u & 0xFFFF) + (int32_t)(u >> 16 & 0xFFFF) +
                     (int32_t)(u >> 32 & 0xFFFF) + (int32_t)(u >> 48);

    return fields - 131070;
}

#endif
