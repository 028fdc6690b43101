/* SPDX-License-Identifier: Apache-2.0 */
/* A handle on a GPU, and how kernels start on it. */
#ifndef QOQ_GPU_PRIMITIVES_LAUNCH_CUDA_H
#define QOQ_GPU_PRIMITIVES_LAUNCH_CUDA_H

#include <cuda_runtime_api.h>
#include <stdint.h>
#include <stdio.h>

#include "gpu/primitives/primitives.h"
#include "gpu/qoq_cuda.h"

struct qoq_cuda {
    int device, sms, tile, splits, tile_rows, attention;
    int wgmma; /* 0, 1, or -1 before it was looked for */
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

/* Bytes, but for the numbers of rows. */
struct tensor_shape {
    uint64_t width, rows, pitch;
    uint32_t box_width, box_rows, swizzle;
};

typedef CUresult (*tensor_map_encoder)(CUtensorMap *, CUtensorMapDataType, cuuint32_t, void *,
                                       const cuuint64_t *, const cuuint64_t *, const cuuint32_t *,
                                       const cuuint32_t *, CUtensorMapInterleave,
                                       CUtensorMapSwizzle, CUtensorMapL2promotion,
                                       CUtensorMapFloatOOBfill);

/* The driver's encoder, asked for by name: nothing here links the driver. NULL without one. */
inline tensor_map_encoder find_encoder()
{
    cudaDriverEntryPointQueryResult found;
    void *address = nullptr;
#if CUDART_VERSION >= 12050
    const cudaError_t error = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &address,
                                                               12000, cudaEnableDefault, &found);
#else
    const cudaError_t error =
        cudaGetDriverEntryPoint("cuTensorMapEncodeTiled", &address, cudaEnableDefault, &found);
#endif

    return error == cudaSuccess && found == cudaDriverEntryPointSuccess
               ? reinterpret_cast<tensor_map_encoder>(address)
               : nullptr;
}

/* A two-dimensional array for copy_tile; coordinates along a row are in units of 8 bytes where the
 * box is wider than 256. False where bulk copies cannot take it. */
inline bool make_tensor_map(struct qoq_cuda *, tensor_map *map, const void *pointer, const char *,
                            const tensor_shape &shape)
{
    static const tensor_map_encoder encode = find_encoder();
    const uint32_t unit = shape.box_width > 256 ? 8 : 1;
    const cuuint64_t size[2] = {shape.width / unit, shape.rows}, pitch[1] = {shape.pitch};
    const cuuint32_t box[2] = {shape.box_width / unit, shape.box_rows}, step[2] = {1, 1};
    const CUtensorMapSwizzle swizzle = shape.swizzle == 128  ? CU_TENSOR_MAP_SWIZZLE_128B
                                       : shape.swizzle == 64 ? CU_TENSOR_MAP_SWIZZLE_64B
                                       : shape.swizzle == 32 ? CU_TENSOR_MAP_SWIZZLE_32B
                                                             : CU_TENSOR_MAP_SWIZZLE_NONE;

    return encode != nullptr && shape.width % unit == 0 &&
           encode(&map->map,
                  unit == 1 ? CU_TENSOR_MAP_DATA_TYPE_UINT8 : CU_TENSOR_MAP_DATA_TYPE_UINT64, 2,
                  const_cast<void *>(pointer), size, pitch, box, step,
                  CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle, CU_TENSOR_MAP_L2_PROMOTION_L2_256B,
                  CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

/* Whether what the driver has loaded of a QOQ_KERNEL_WGMMA has its body: a kernel without one
 * admits 32 threads. */
template <class P> bool can_run(struct qoq_cuda *handle, void (*kernel)(P), uint32_t threads)
{
    cudaFuncAttributes attributes;

    if (cudaSetDevice(handle->device) != cudaSuccess ||
        cudaFuncGetAttributes(&attributes, kernel) != cudaSuccess) {
        (void)cudaGetLastError();
        return false;
    }
    return attributes.maxThreadsPerBlock >= static_cast<int>(threads);
}

/* Whether such kernels are taken where nothing is asked for. */
inline bool prefers_wgmma(const struct qoq_cuda *handle)
{
    return handle->wgmma > 0;
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
