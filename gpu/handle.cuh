// SPDX-License-Identifier: Apache-2.0
// What launchers need of a handle; the same on a GPU and on the emulator.
#ifndef QOQ_GPU_HANDLE_CUH
#define QOQ_GPU_HANDLE_CUH

#include "gpu/qoq_cuda.h"

#include "gpu/primitives/launch.h"

namespace qoq
{

inline bool is_aligned(const void *p, size_t bytes)
{
    return reinterpret_cast<uintptr_t>(p) % bytes == 0;
}

inline uint32_t ceil_div(size_t a, size_t b)
{
    return static_cast<uint32_t>((a + b - 1) / b);
}

} // namespace qoq

#endif
