/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Code for x86-64 machines with AVX2 and FMA beside portable code, chosen at run time; the bits are
 * the same either way. Either one text is compiled twice (portable builds call a library function
 * for each fma), or a file *_avx2.c holds a second text next to the plain one that it must equal.
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
