// SPDX-License-Identifier: Apache-2.0
// The GPU as the bench needs it: a stream and a handle on it, events, graphs.
#include <cstring>
#include <new>

#include "gpu/bench/device.h"
#include "gpu/bench/nvml.h"
#include "gpu/handle.cuh"

struct qoq_bench_device {
    struct qoq_cuda *handle;
    cudaStream_t stream;
    struct qoq_bench_info info;
    struct qoq_bench_nvml *nvml;
};

namespace
{

enum qoq_status finish(struct qoq_bench_device *it, const char *what, cudaError_t error)
{
    return error == cudaSuccess ? QOQ_OK : qoq::fail(it->handle, what, error);
}

int attribute(enum cudaDeviceAttr which, int index)
{
    int value = 0;

    // What a driver does not know stays 0.
    if (cudaDeviceGetAttribute(&value, which, index) != cudaSuccess) {
        (void)cudaGetLastError();
        value = 0;
    }
    return value;
}

void describe(struct qoq_bench_device *it, int index)
{
    struct qoq_bench_info &info = it->info;
    cudaDeviceProp properties;
    size_t left = 0;

    if (cudaGetDeviceProperties(&properties, index) == cudaSuccess) {
        snprintf(info.name, sizeof info.name, "%s", properties.name);
    }
    (void)cudaDeviceGetPCIBusId(info.pci, sizeof info.pci, index);
    info.major = attribute(cudaDevAttrComputeCapabilityMajor, index);
    info.minor = attribute(cudaDevAttrComputeCapabilityMinor, index);
    info.sms = attribute(cudaDevAttrMultiProcessorCount, index);
    info.max_mhz = attribute(cudaDevAttrClockRate, index) / 1000;
    info.max_memory_mhz = attribute(cudaDevAttrMemoryClockRate, index) / 1000;
    info.bus_bits = attribute(cudaDevAttrGlobalMemoryBusWidth, index);
    info.l2 = static_cast<size_t>(attribute(cudaDevAttrL2CacheSize, index));
    (void)cudaMemGetInfo(&left, &info.memory);
    (void)cudaDriverGetVersion(&info.driver_cuda);
    (void)cudaRuntimeGetVersion(&info.runtime_cuda);
    (void)cudaGetLastError();
    it->nvml = qoq_bench_nvml_open(info.pci);
    qoq_bench_nvml_driver(it->nvml, info.driver, sizeof info.driver);
}

enum qoq_status call_all(size_t calls, qoq_bench_call *call, void *work)
{
    enum qoq_status status = QOQ_OK;

    for (size_t i = 0; i < calls && status == QOQ_OK; i++) {
        status = call(work, i);
    }
    return status;
}

// The calls as a graph; NULL where they cannot be captured.
cudaGraphExec_t capture(struct qoq_bench_device *it, size_t calls, qoq_bench_call *call, void *work)
{
    cudaGraph_t graph = nullptr;
    cudaGraphExec_t ready = nullptr;

    if (cudaStreamBeginCapture(it->stream, cudaStreamCaptureModeRelaxed) != cudaSuccess) {
        (void)cudaGetLastError();
        return nullptr;
    }
    const enum qoq_status status = call_all(calls, call, work);
    if (cudaStreamEndCapture(it->stream, &graph) != cudaSuccess || status != QOQ_OK ||
        cudaGraphInstantiate(&ready, graph, 0) != cudaSuccess) {
        ready = nullptr;
        (void)cudaGetLastError();
    }
    if (graph != nullptr) {
        (void)cudaGraphDestroy(graph);
    }
    return ready;
}

enum qoq_status once(struct qoq_bench_device *it, cudaGraphExec_t graph, size_t calls,
                     qoq_bench_call *call, void *work)
{
    return graph == nullptr ? call_all(calls, call, work)
                            : finish(it, "replaying a graph", cudaGraphLaunch(graph, it->stream));
}

// An event before the first sample and one after each.
class events
{
  public:
    explicit events(size_t count) : list(new (std::nothrow) cudaEvent_t[count]), made(0)
    {
        while (list != nullptr && made < count && cudaEventCreate(&list[made]) == cudaSuccess) {
            made++;
        }
        complete = list != nullptr && made == count;
    }
    ~events()
    {
        for (size_t i = 0; i < made; i++) {
            (void)cudaEventDestroy(list[i]);
        }
        delete[] list;
    }
    cudaEvent_t *list;
    size_t made;
    bool complete;
};

enum qoq_status replay(struct qoq_bench_device *it, double *seconds, size_t samples,
                       cudaGraphExec_t graph, size_t calls, qoq_bench_call *call, void *work,
                       struct qoq_bench_timing *timing)
{
    events marks(samples + 1);

    if (!marks.complete) {
        return finish(it, "events", cudaErrorMemoryAllocation);
    }
    enum qoq_status status = once(it, graph, calls, call, work);
    if (status == QOQ_OK) {
        status = finish(it, "an event", cudaEventRecord(marks.list[0], it->stream));
    }
    for (size_t s = 0; s < samples && status == QOQ_OK; s++) {
        status = once(it, graph, calls, call, work);
        if (status == QOQ_OK) {
            status = finish(it, "an event", cudaEventRecord(marks.list[s + 1], it->stream));
        }
    }
    if (status != QOQ_OK) {
        return status;
    }
    // The last samples are still running.
    timing->clocks = qoq_bench_nvml_clocks(it->nvml);
    status = finish(it, "a measured call", cudaStreamSynchronize(it->stream));
    for (size_t s = 0; s < samples && status == QOQ_OK; s++) {
        float milliseconds = 0;

        status = finish(it, "an event",
                        cudaEventElapsedTime(&milliseconds, marks.list[s], marks.list[s + 1]));
        seconds[s] = 1e-3 * static_cast<double>(milliseconds);
    }
    return status;
}

} // namespace

extern "C" enum qoq_status qoq_bench_open(struct qoq_bench_device **device, int index)
{
    struct qoq_bench_device *it = new (std::nothrow) qoq_bench_device();

    if (it == nullptr) {
        return QOQ_ERR_MEMORY;
    }
    // Creation of the handle looks for the GPU and says what is wrong with it.
    enum qoq_status status = qoq_cuda_create(&it->handle, index, nullptr);
    if (status != QOQ_OK) {
        delete it;
        return status;
    }
    cudaError_t error = cudaSetDevice(index);
    if (error == cudaSuccess) {
        error = cudaStreamCreateWithFlags(&it->stream, cudaStreamNonBlocking);
    }
    if (error != cudaSuccess) {
        status = finish(it, "a stream", error);
        qoq_bench_close(it);
        return status;
    }
    qoq_cuda_destroy(it->handle);
    it->handle = nullptr;
    status = qoq_cuda_create(&it->handle, index, it->stream);
    if (status != QOQ_OK) {
        qoq_bench_close(it);
        return status;
    }
    describe(it, index);
    *device = it;
    return QOQ_OK;
}

extern "C" void qoq_bench_close(struct qoq_bench_device *it)
{
    qoq_bench_nvml_close(it->nvml);
    qoq_cuda_destroy(it->handle);
    if (it->stream != nullptr) {
        (void)cudaStreamDestroy(it->stream);
    }
    delete it;
}

extern "C" struct qoq_cuda *qoq_bench_handle(struct qoq_bench_device *it)
{
    return it->handle;
}

extern "C" void *qoq_bench_stream(struct qoq_bench_device *it)
{
    return it->stream;
}

extern "C" const struct qoq_bench_info *qoq_bench_info(const struct qoq_bench_device *it)
{
    return &it->info;
}

extern "C" struct qoq_bench_clocks qoq_bench_clocks(struct qoq_bench_device *it)
{
    return qoq_bench_nvml_clocks(it->nvml);
}

extern "C" size_t qoq_bench_free_bytes(struct qoq_bench_device *)
{
    size_t left = 0, all = 0;

    return cudaMemGetInfo(&left, &all) == cudaSuccess ? left : 0;
}

extern "C" enum qoq_status qoq_bench_repeat(struct qoq_bench_device *it, void *data, size_t period,
                                            size_t bytes)
{
    char *begin = static_cast<char *>(data);
    cudaError_t error = cudaSuccess;

    // Twice as much each time; what is copied never overlaps.
    for (size_t have = period; have < bytes && error == cudaSuccess; have *= 2) {
        const size_t more = bytes - have < have ? bytes - have : have;

        error = cudaMemcpyAsync(begin + have, begin, more, cudaMemcpyDeviceToDevice, it->stream);
    }
    return finish(it, "copy", error);
}

extern "C" enum qoq_status qoq_bench_time(struct qoq_bench_device *it, double *seconds,
                                          size_t samples, size_t calls, qoq_bench_call *call,
                                          void *work, struct qoq_bench_timing *timing)
{
    // Attributes are set and code is loaded by the first calls, outside of the capture.
    enum qoq_status status = call_all(calls < 2 ? calls : 2, call, work);

    if (status == QOQ_OK) {
        status = finish(it, "the first call", cudaStreamSynchronize(it->stream));
    }
    if (status != QOQ_OK) {
        return status;
    }
    cudaGraphExec_t graph = capture(it, calls, call, work);
    timing->graph = graph != nullptr;
    status = replay(it, seconds, samples, graph, calls, call, work, timing);
    if (graph != nullptr) {
        (void)cudaGraphExecDestroy(graph);
    }
    return status;
}
