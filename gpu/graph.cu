// SPDX-License-Identifier: Apache-2.0
// Graphs and copies that do not wait, on a GPU. The emulator has its own (sim/emu/graph.cc).
#include <new>

#include "gpu/handle.cuh"

using namespace qoq;

struct qoq_cuda_graph {
    cudaGraphExec_t exec;
};

static enum qoq_status finish(struct qoq_cuda *handle, const char *what, cudaError_t error)
{
    return error == cudaSuccess ? QOQ_OK : fail(handle, what, error);
}

extern "C" enum qoq_status qoq_cuda_host_alloc(struct qoq_cuda *handle, void **data, size_t bytes)
{
    if (handle == nullptr || data == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    return finish(handle, "allocation of the host",
                  error == cudaSuccess ? cudaMallocHost(data, bytes == 0 ? 1 : bytes) : error);
}

extern "C" void qoq_cuda_host_free(struct qoq_cuda *handle, void *data)
{
    if (handle != nullptr && cudaSetDevice(handle->device) == cudaSuccess) {
        (void)cudaFreeHost(data);
    }
}

static enum qoq_status copy(struct qoq_cuda *handle, void *to, const void *from, size_t bytes,
                            cudaMemcpyKind kind)
{
    if (handle == nullptr || to == nullptr || from == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    return finish(handle, "copy",
                  error == cudaSuccess ? cudaMemcpyAsync(to, from, bytes, kind, handle->stream)
                                       : error);
}

extern "C" enum qoq_status qoq_cuda_send(struct qoq_cuda *handle, void *to, const void *from,
                                         size_t bytes)
{
    return copy(handle, to, from, bytes, cudaMemcpyHostToDevice);
}

extern "C" enum qoq_status qoq_cuda_fetch(struct qoq_cuda *handle, void *to, const void *from,
                                          size_t bytes)
{
    return copy(handle, to, from, bytes, cudaMemcpyDeviceToHost);
}

// A default stream cannot be captured, so capturing has a stream of its own; what was captured runs
// on the caller's.
extern "C" enum qoq_status qoq_cuda_capture_begin(struct qoq_cuda *handle)
{
    cudaStream_t own = nullptr;

    if (handle == nullptr || handle->capturing) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    if (error == cudaSuccess) {
        error = cudaStreamCreateWithFlags(&own, cudaStreamNonBlocking);
    }
    if (error != cudaSuccess) {
        return fail(handle, "graph", error);
    }
    error = cudaStreamBeginCapture(own, cudaStreamCaptureModeThreadLocal);
    if (error != cudaSuccess) {
        (void)cudaStreamDestroy(own);
        return fail(handle, "graph", error);
    }
    handle->outer = handle->stream;
    handle->stream = own;
    handle->capturing = true;
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_capture_end(struct qoq_cuda *handle,
                                                struct qoq_cuda_graph **graph)
{
    cudaGraph_t captured = nullptr;
    cudaGraphExec_t exec = nullptr;

    if (handle == nullptr || graph == nullptr || !handle->capturing) {
        return QOQ_ERR_ARGUMENT;
    }
    *graph = nullptr;
    cudaError_t error = cudaStreamEndCapture(handle->stream, &captured);
    (void)cudaStreamDestroy(handle->stream);
    handle->stream = handle->outer;
    handle->capturing = false;
    if (error == cudaSuccess) {
        error = cudaGraphInstantiate(&exec, captured, 0);
    }
    if (captured != nullptr) {
        (void)cudaGraphDestroy(captured);
    }
    if (error != cudaSuccess) {
        return fail(handle, "graph", error);
    }
    *graph = new (std::nothrow) qoq_cuda_graph{exec};
    if (*graph == nullptr) {
        (void)cudaGraphExecDestroy(exec);
        return QOQ_ERR_MEMORY;
    }
    return QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_graph_launch(struct qoq_cuda *handle,
                                                 struct qoq_cuda_graph *graph)
{
    if (handle == nullptr || graph == nullptr || handle->capturing) {
        return QOQ_ERR_ARGUMENT;
    }
    cudaError_t error = cudaSetDevice(handle->device);
    return finish(handle, "graph",
                  error == cudaSuccess ? cudaGraphLaunch(graph->exec, handle->stream) : error);
}

extern "C" void qoq_cuda_graph_free(struct qoq_cuda *handle, struct qoq_cuda_graph *graph)
{
    if (handle != nullptr && graph != nullptr && cudaSetDevice(handle->device) == cudaSuccess) {
        (void)cudaGraphExecDestroy(graph->exec);
        delete graph;
    }
}
