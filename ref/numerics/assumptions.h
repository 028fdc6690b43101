/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the arithmetic assumes of the compiler and the machine, checked while compiling.
 * Compiles as C99, C++ and CUDA. What cannot be seen here, that no product and sum are
 * contracted and that subnormals are kept, tests/test_assumptions.c checks at run time.
 */
#ifndef QOQ_NUMERICS_ASSUMPTIONS_H
#define QOQ_NUMERICS_ASSUMPTIONS_H

#include <float.h>
#include <limits.h>
#include <stdint.h>

#if defined(__FAST_MATH__) || defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||     \
    defined(__NO_SIGNED_ZEROS__) || defined(__USE_FAST_MATH__)
#error "qoq promises bits: compile without -ffast-math and its parts"
#endif
#if defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__ > 0
#error "qoq handles infinities and NaN: compile without -ffinite-math-only"
#endif
#if FLT_EVAL_METHOD != 0
#error "qoq needs float and double evaluated in their own precision (on x86: SSE2, not x87)"
#endif

#define QOQ_ASSUME(name, condition) typedef char qoq_assume_##name[(condition) ? 1 : -1]

QOQ_ASSUME(eight_bit_bytes, CHAR_BIT == 8);
QOQ_ASSUME(twos_complement, (-1 & 3) == 3);
QOQ_ASSUME(arithmetic_right_shift, (-5 >> 1) == -3);
QOQ_ASSUME(wide_arithmetic_right_shift, ((int64_t)-5 >> 1) == -3);
QOQ_ASSUME(unsigned_to_signed_wraps, (int32_t)UINT32_C(0xfffffffe) == -2);
QOQ_ASSUME(int_has_32_bits, sizeof(int) == 4 && sizeof(int32_t) == 4 && sizeof(int64_t) == 8);

QOQ_ASSUME(float_is_binary32, FLT_RADIX == 2 && sizeof(float) == 4 && FLT_MANT_DIG == 24 &&
                                  FLT_MIN_EXP == -125 && FLT_MAX_EXP == 128);
QOQ_ASSUME(double_is_binary64, sizeof(double) == 8 && DBL_MANT_DIG == 53 && DBL_MIN_EXP == -1021 &&
                                   DBL_MAX_EXP == 1024);

#endif
