/* SPDX-License-Identifier: Apache-2.0 */
/* Hardware that no kernel of the library uses, only the bench's loops; not on the emulator. */
#ifndef QOQ_GPU_PRIMITIVES_PEAK_CUDA_H
#define QOQ_GPU_PRIMITIVES_PEAK_CUDA_H

#include "gpu/primitives/primitives.h"

namespace qoq
{

/* d[16x8] += a[16x16] b[16x8]: binary16, binary32 sums. */
QOQ_DEVICE void mma_f16(float (&d)[4], const uint32_t (&a)[4], uint32_t b0, uint32_t b1)
{
    asm("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, "
        "{%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
        : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
        : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}

} // namespace qoq

#endif
