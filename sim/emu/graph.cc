// SPDX-License-Identifier: Apache-2.0
// Graphs and copies that do not wait, of gpu/qoq_cuda.h on the emulator: calls kept and replayed.
#include <cstdlib>
#include <cstring>
#include <new>

#include "sim/emu/launch.hh"

struct qoq_cuda_graph {
    qoq::recording calls;
};

extern "C" enum qoq_status qoq_cuda_host_alloc(struct qoq_cuda *handle, void **data, size_t bytes)
{
    if (handle == nullptr || data == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    *data = malloc(bytes == 0 ? 1 : bytes);
    return *data == nullptr ? QOQ_ERR_MEMORY : QOQ_OK;
}

extern "C" void qoq_cuda_host_free(struct qoq_cuda *, void *data)
{
    free(data);
}

extern "C" enum qoq_status qoq_cuda_send(struct qoq_cuda *handle, void *to, const void *from,
                                         size_t bytes)
{
    return handle == nullptr ? QOQ_ERR_ARGUMENT
                             : qoq::run_or_keep(handle, [=](struct qoq_cuda *it) {
                                   return qoq_cuda_upload(it, to, from, bytes);
                               });
}

extern "C" enum qoq_status qoq_cuda_fetch(struct qoq_cuda *handle, void *to, const void *from,
                                          size_t bytes)
{
    return handle == nullptr ? QOQ_ERR_ARGUMENT
                             : qoq::run_or_keep(handle, [=](struct qoq_cuda *it) {
                                   return qoq_cuda_download(it, to, from, bytes);
                               });
}

extern "C" enum qoq_status qoq_cuda_capture_begin(struct qoq_cuda *handle)
{
    if (handle == nullptr || handle->kept != nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    handle->kept.reset(new (std::nothrow) qoq::recording);
    handle->capture_failed = false;
    return handle->kept == nullptr ? QOQ_ERR_MEMORY : QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_capture_end(struct qoq_cuda *handle,
                                                struct qoq_cuda_graph **graph)
{
    if (handle == nullptr || graph == nullptr || handle->kept == nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    *graph = handle->capture_failed ? nullptr : new (std::nothrow) qoq_cuda_graph;
    if (*graph != nullptr) {
        (*graph)->calls.swap(*handle->kept);
    }
    handle->kept.reset();
    return handle->capture_failed ? QOQ_ERR_DEVICE : *graph == nullptr ? QOQ_ERR_MEMORY : QOQ_OK;
}

extern "C" enum qoq_status qoq_cuda_graph_launch(struct qoq_cuda *handle,
                                                 struct qoq_cuda_graph *graph)
{
    if (handle == nullptr || graph == nullptr || handle->kept != nullptr) {
        return QOQ_ERR_ARGUMENT;
    }
    for (const auto &call : graph->calls) {
        const enum qoq_status status = call(handle);

        if (status != QOQ_OK) {
            return status;
        }
    }
    return QOQ_OK;
}

extern "C" void qoq_cuda_graph_free(struct qoq_cuda *, struct qoq_cuda_graph *graph)
{
    delete graph;
}
