/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bit patterns of binary32 and binary64 as integers and back, for C99, C++ and CUDA,
 * and QOQ_FN, which marks a function that all three compile.
 */
#ifndef QOQ_NUMERICS_BITS_H
#define QOQ_NUMERICS_BITS_H

#include "numerics/assumptions.h"

#include <string.h>

#if defined(__CUDACC__)
#define QOQ_FN static __host__ __device__ inline
#else
#define QOQ_FN static inline
#endif

/* The one NaN that our own functions give, so that NaN too has the same bits everywhere. */
#define QOQ_NAN_BITS UINT32_C(0x7fc00000)
#define QOQ_INF_BITS UINT32_C(0x7f800000)

QOQ_FN uint32_t qoq_float_bits(float x)
{
    uint32_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

QOQ_FN float qoq_float_of_bits(uint32_t u)
{
    float x;
    memcpy(&x, &u, sizeof x);
    return x;
}

QOQ_FN uint64_t qoq_double_bits(double x)
{
    uint64_t u;
    memcpy(&u, &x, sizeof u);
    return u;
}

QOQ_FN double qoq_double_of_bits(uint64_t u)
{
    double x;
    memcpy(&x, &u, sizeof x);
    return x;
}

QOQ_FN float qoq_nan(void)
{
    return qoq_float_of_bits(QOQ_NAN_BITS);
}

#endif
