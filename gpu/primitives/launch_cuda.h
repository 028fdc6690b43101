/* SPDX-License-Identifier: Apache-2.0 */
/* A handle on a GPU, and how kernels start on it. */
#ifndef QOQ_GPU_PRIMITIVES_LAUNCH_CUDA_H
#define QOQ_GPU_PRIMITIVES_LAUNCH_CUDA_H

#include <cuda_runtime_api.h>
#include <stdint.h>
#include <stdio.h>

#include "gpu/qoq_cuda.h"

struct qoq_cuda {
    int device, sms, tile, splits, tile_rows;
    cudaStream_t stream;
    char message[160];
    cudaStream_t outer; /* while a graph is captured, the caller's; `stream` is then ours */
    bool capturing;
};

namespace qoq
{

struct launch_shape {
    uint32_t grid[3], threads, shared_bytes;
};

/* Words for an error, and its status; the runtime forgets it, or the next launch would report it
 * again. */
inline enum qoq_status fail(struct qoq_cuda *handle, const char *what, cudaError_t error)
{
    (void)cudaGetLastError();
    snprintf(handle->message, sizeof handle->message, "%s: %s", what, cudaGetErrorString(error));
    return error == cudaErrorMemoryAllocation ? QOQ_ERR_MEMORY : QOQ_ERR_DEVICE;
}

/* Makes the handle the place where global<T> look their pointers up; nothing to do here. */
inline void enter(struct qoq_cuda *)
{
}

template <class P>
enum qoq_status launch(struct qoq_cuda *handle, const char *name, void (*kernel)(P),
                       const launch_shape &shape, const P &params)
{
    cudaError_t error = cudaSetDevice(handle->device);

    if (error == cudaSuccess && shape.shared_bytes > 48 * 1024) {
        error = cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                                     static_cast<int>(shape.shared_bytes));
    }
    if (error == cudaSuccess) {
        kernel<<<dim3(shape.grid[0], shape.grid[1], shape.grid[2]), shape.threads,
                 shape.shared_bytes, handle->stream>>>(params);
        error = cudaGetLastError();
    }
    return error == cudaSuccess ? QOQ_OK : fail(handle, name, error);
}

} // namespace qoq

#endif
