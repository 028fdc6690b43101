// SPDX-License-Identifier: Apache-2.0
// Handles and memory on a GPU. The emulator has its own (sim/emu/device.cc).
#include <new>

#include "gpu/handle.cuh"

using namespace qoq;

// Of the last creation that failed.
static thread_local char creation[160] = "";

static enum qoq_status refuse(cudaError_t error)
{
    snprintf(creation, sizeof creation, "%s", cudaGetErrorString(error));
    return QOQ_ERR_NO_DEVICE;
}

extern "C" enum qoq_status qoq_cuda_create(struct qoq_cuda **handle, int device, void *stream)
{
    int count = 0, sms = 0;
    cudaError_t error;

    if (handle == nullptr || device < 0) {
        return QOQ_ERR_ARGUMENT;
    }
    error = cudaGetDeviceCount(&count);
    if (error != cudaSuccess || device >= count) {
        return refuse(error == cudaSuccess ? cudaErrorInvalidDevice : error);
    }
    error = cudaDeviceGetAttribute(&sms, cudaDevAttrMultiProcessorCount, device);
    if (error != cudaSuccess) {
        return refuse(error);
    }
    *handle = new (std::nothrow) qoq_cuda{
        device, sms, -1, 0, 0, -1, -1, static_cast<cudaStream_t>(stream), {'\0'}, nullptr, false};
    return *handle == nullptr ? QOQ_ERR_MEMORY : QOQ_OK;
}

extern "C" void qoq_cuda_destroy(struct qoq_cuda *handle)
{
    delete handle;
}

extern "C" const char *qoq_cuda_message(const struct qoq_cuda *handle)
{
    return handle == nullptr ? creation : handle->message;
}

// Makes the handle's device the current one; `error` of that or of what follows becomes a status.
static enum qoq_status finish(struct qoq_cuda *handle, const char *what, cudaError_t error)
{
    return error == cudaSuccess ? QOQ_OK : fail(handle, what, error);
}

extern "C" enum qoq_status qoq_cuda_sync(struct qoq_cuda *handle)
{
    if (handle == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    return finish(handle, "waiting",
                  error == cudaSuccess ? cudaStreamSynchronize(handle->stream) : error);
}

extern "C" enum qoq_status qoq_cuda_alloc(struct qoq_cuda *handle, void **data, size_t bytes)
{
    if (handle == nullptr || data == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    // The driver gives nothing for nothing; a pointer that may be freed is wanted.
    return finish(handle, "allocation",
                  error == cudaSuccess ? cudaMalloc(data, bytes == 0 ? 1 : bytes) : error);
}

extern "C" void qoq_cuda_free(struct qoq_cuda *handle, void *data)
{
    if (handle != nullptr && cudaSetDevice(handle->device) == cudaSuccess) {
        (void)cudaFree(data);
    }
}

// A copy in the order of the stream, waited for.
static enum qoq_status copy(struct qoq_cuda *handle, void *to, const void *from, size_t bytes,
                            cudaMemcpyKind kind)
{
    if (handle == nullptr || to == nullptr || from == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    if (error == cudaSuccess) {
        error = cudaMemcpyAsync(to, from, bytes, kind, handle->stream);
    }
    return finish(handle, "copy",
                  error == cudaSuccess ? cudaStreamSynchronize(handle->stream) : error);
}

extern "C" enum qoq_status qoq_cuda_upload(struct qoq_cuda *handle, void *to, const void *from,
                                           size_t bytes)
{
    return copy(handle, to, from, bytes, cudaMemcpyHostToDevice);
}

extern "C" enum qoq_status qoq_cuda_download(struct qoq_cuda *handle, void *to, const void *from,
                                             size_t bytes)
{
    return copy(handle, to, from, bytes, cudaMemcpyDeviceToHost);
}

extern "C" enum qoq_status qoq_cuda_zero(struct qoq_cuda *handle, void *data, size_t bytes)
{
    if (handle == nullptr || data == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    if (error == cudaSuccess) {
        error = cudaMemsetAsync(data, 0, bytes, handle->stream);
    }
    return finish(handle, "zeros",
                  error == cudaSuccess ? cudaStreamSynchronize(handle->stream) : error);
}

extern "C" int qoq_cuda_is_emulated(const struct qoq_cuda *)
{
    return 0;
}
