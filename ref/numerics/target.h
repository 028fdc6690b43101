/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Compiling one text twice: portably, and for x86-64 machines with AVX2 and FMA, chosen at run
 * time. Portable builds call a library function for each fma; the bits are the same either way.
 */
#ifndef QOQ_NUMERICS_TARGET_H
#define QOQ_NUMERICS_TARGET_H

#if defined(__GNUC__) && defined(__x86_64__)
#define QOQ_FMA_TARGET 1
#define QOQ_WITH_FMA __attribute__((target("avx2,fma")))

static inline int qoq_machine_has_fma(void)
{
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}
#else
#define QOQ_FMA_TARGET 0
#endif

/* For the shared text: inlined into each of the two. */
#if defined(__GNUC__)
#define QOQ_INLINE static inline __attribute__((always_inline))
#else
#define QOQ_INLINE static inline
#endif

#endif
